"""A trial until its commit: it may be given up, those who work get time, and nobody from outside gets in."""

import pytest
from msgspec.structs import replace

from boxship.engine.port import ExecResult
from boxship.errors import ConflictError
from boxship.events import Notice
from boxship.loader.gatekeeper import LOOK_S
from boxship.loader.supervisor import Supervisor
from boxship.spec.model import ExecProbe, StatusCheck
from boxship.spec.model_boot import Boot
from boxship.state.operation import Operation, OperationStatus
from tests.unit.loader.bench import Bench, version

ASK = ("is-whole",)


@pytest.fixture
def bench() -> Bench:
    """1.1 has a check that no boot waits for: the health gate alone asks it."""
    made = Bench()
    deep = StatusCheck("deep", "db", ExecProbe(ASK))
    boot = Boot(attempts=1, timeout_s=30.0, heartbeat_limit_s=200.0, fallback="maintenance")
    made.world.publish(
        replace(version("1.1"), status_checks={"deep": deep}, boot=boot),
        db="app/db:1.1", web="app/web:1.1", page="app/web:1.1",
    )  # fmt: skip
    made.world.engine.exec_results[ASK] = ExecResult(1, "not yet")
    return made


def notices(bench: Bench) -> list[str]:
    return [each.text for each in bench.heard if isinstance(each, Notice)]


async def begin_trial(bench: Bench, box: Supervisor) -> Operation:
    """Up to where the health gate asks."""
    await bench.to(box, "1.0")
    await bench.pull(box, "1.1")
    operation = await box.switch("1.1", by="test")
    while box.operation(operation.id).stage != "checking":
        await bench.world.clock.sleep(0.05)
    await bench.world.clock.sleep(5.0)
    assert bench.running == ["app.db.g2", "app.web.g2"]
    return operation


async def test_a_cancel_while_the_health_gate_asks_goes_back(bench: Bench) -> None:
    async with bench.loader() as box:
        operation = await begin_trial(bench, box)
        began_s = bench.world.clock.monotonic_s()
        await box.cancel(operation.id, by="test")
        over = await bench.over(box, operation)
        assert over.status is OperationStatus.CANCELLED
        assert bench.world.clock.monotonic_s() - began_s < 5.0
        assert (box.boot().version, bench.running) == ("1.0", ["app.db.g1", "app.web.g1"])
        assert box.state().trial is None


async def test_whoever_may_cancel_at_any_moment_of_a_trial_does_and_else_is_told_so(bench: Bench) -> None:
    """At each step of the whole switch once: a cancel that was taken is never followed by a commit."""
    bench.world.engine.exec_results[ASK] = ExecResult(0, "")
    bench.world.aside_s = 0.02
    is_committed = False
    wait_s = 0.0
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        await bench.pull(box, "1.1")
        while not is_committed:
            operation = await box.switch("1.1", by="test")
            await bench.world.clock.sleep(wait_s)
            try:
                await box.cancel(operation.id, by="test")
            except ConflictError:
                is_taken = False
            else:
                is_taken = True
            over = await bench.over(box, operation)
            is_committed = over.status is OperationStatus.DONE
            assert is_committed is not is_taken, f"after {wait_s} s: {over}"
            wait_s += 0.01
        assert box.boot().version == "1.1"


async def test_heartbeats_put_the_end_of_the_health_gate_off_too(bench: Bench) -> None:
    async with bench.loader() as box:
        operation = await begin_trial(bench, box)
        for _ in range(5):
            await box.heartbeat("db", 25.0, "rebuilds its index", by="db")
            await bench.world.clock.sleep(20.0)
        assert not box.operation(operation.id).status.is_over
        bench.world.engine.exec_results[ASK] = ExecResult(0, "")
        assert (await bench.over(box, operation)).status is OperationStatus.DONE


async def test_without_heartbeats_the_health_gate_takes_no_longer_than_the_boot_timeout(bench: Bench) -> None:
    async with bench.loader() as box:
        operation = await begin_trial(bench, box)
        over = await bench.over(box, operation)
        assert over.failure is not None
        assert over.failure.message == "db: check deep: is-whole exited 1: not yet"
        assert box.boot().version == "1.0"


async def test_a_gate_that_somebody_opens_in_a_trial_is_closed_again_and_that_is_said(bench: Bench) -> None:
    async with bench.loader() as box:
        operation = await begin_trial(bench, box)
        assert "mend" not in bench.world.gate.history
        bench.world.gate.flushed = ("the rule for port 80 is gone", "another")
        await bench.world.clock.sleep(2 * LOOK_S)
        assert bench.world.gate.history.count("mend") == 1
        said = notices(bench)
        assert "the gate is closed again, as somebody changed it: the rule for port 80 is gone (and 1 more)" in said
        await box.cancel(operation.id, by="test")
        await bench.over(box, operation)


async def test_a_gate_that_can_not_be_closed_again_is_told_once_and_tried_on(bench: Bench) -> None:
    async with bench.loader() as box:
        operation = await begin_trial(bench, box)
        bench.world.gate.breaks = "iptables: locked"
        bench.world.gate.flushed = ("it is gone",)
        await bench.world.clock.sleep(5 * LOOK_S)
        said = notices(bench)
        assert said.count("trials may be reached from outside: iptables: locked") == 1
        assert bench.world.gate.history.count("mend") >= 4
        bench.world.gate.breaks = ""
        await box.cancel(operation.id, by="test")
        await bench.over(box, operation)
