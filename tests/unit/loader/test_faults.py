"""What isn't the deployment's fault: a gate that can't be moved, a disk that is full, an engine that refuses."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator

import pytest
from msgspec.structs import replace

from boxship.errors import BoxshipError, EngineError, HostError
from boxship.loader.box import Sequenced
from boxship.loader.happened import Interrupted, OperationChanged
from boxship.loader.metrics import metrics_text
from boxship.loader.supervisor import Supervisor
from boxship.spec.model import Healthcheck
from boxship.state.operation import Operation, OperationKind, OperationStatus
from tests.fakes.store import MemoryStore
from tests.unit.loader.bench import Bench, version

FULL = HostError("state.db can't be written: no space left on the disk", hint="make room on that disk")


@pytest.fixture
def bench() -> Bench:
    return Bench()


def store_of(bench: Bench) -> MemoryStore:
    assert isinstance(bench.world.store, MemoryStore)
    return bench.world.store


async def reach(events: AsyncGenerator[Sequenced, None], stage: str) -> Operation:
    """The operation as soon as it is at this stage, or over."""
    async with contextlib.aclosing(events):
        async for each in events:
            if isinstance(each.event, OperationChanged):
                operation = each.event.operation
                if operation.stage == stage or operation.status.is_over:
                    return operation
    raise AssertionError(stage)


def boots(box: Supervisor) -> list[Operation]:
    return [each for each in box.operations(1000) if each.kind is OperationKind.BOOT]


async def test_ports_that_can_not_be_opened_are_tried_again_with_pauses_and_without_a_fallback(bench: Bench) -> None:
    async with bench.loader() as box:
        await bench.to(box, "1.0")
    bench.world.gate.breaks = "iptables: no such table"
    async with bench.loader() as box:
        await bench.world.clock.sleep(300.0)
        assert 2 < len(boots(box)) < 10
        assert "iptables: no such table" in box.why()
        assert not box.boot().is_ready
        assert box.boot().target == "default"
        bench.world.gate.breaks = ""
        await bench.booted(box)
        assert (box.progress().phase, bench.world.gate.closed) == ("ready", frozenset())


async def test_ports_that_can_not_be_opened_after_a_switch_are_opened_later_and_the_downtime_is_told(
    bench: Bench,
) -> None:
    async with bench.loader() as box:
        told: list[Interrupted] = []
        assert bench.world.parts is not None
        bench.world.parts.feed.tap(lambda event: told.append(event) if isinstance(event, Interrupted) else None)
        await bench.to(box, "1.0")
        await bench.pull(box, "1.1")
        bench.world.copier.holds = asyncio.Event()
        operation = await box.switch("1.1", by="test")
        while box.operation(operation.id).stage != "checking":
            bench.world.copier.holds.set()
            await bench.world.clock.sleep(0.001)
        bench.world.gate.breaks = "iptables: no such table"
        over = await bench.over(box, operation)
        assert over.failure is not None
        assert over.failure.message == "iptables: no such table"
        assert over.result["not_served"] == "iptables: no such table"
        (interrupted,) = told
        assert f"{interrupted.downtime_s:.3f}" == over.result["downtime_s"]
        assert "boxship_box_downtime_seconds{" in await metrics_text(box)
        assert box.boot().version == "1.1"
        assert not box.boot().is_ready
        bench.world.gate.breaks = ""
        await bench.booted(box)
        assert (box.boot().version, bench.world.gate.closed) == ("1.1", frozenset())


async def test_ports_that_can_not_be_opened_when_going_back_are_opened_later(bench: Bench) -> None:
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        await bench.pull(box, "1.1")
        bench.break_image("app/web:1.1")
        operation = await box.switch("1.1", by="test")
        while box.operation(operation.id).stage != "rolling-back":
            await bench.world.clock.sleep(0.001)
        bench.world.gate.breaks = "iptables: no such table"
        over = await bench.over(box, operation)
        assert float(over.result["downtime_s"]) > 0
        assert not box.boot().is_ready
        bench.world.gate.breaks = ""
        await bench.booted(box)
        assert (box.boot().version, bench.world.gate.closed) == ("1.0", frozenset())


async def test_an_engine_that_refuses_each_start_is_not_asked_without_a_pause(bench: Bench) -> None:
    async with bench.loader() as box:
        await bench.to(box, "1.0")
    bench.world.engine.faults.fail("stop_container", EngineError("device busy"), times=10_000)
    bench.world.engine.faults.fail("set_restart", EngineError("device busy"), times=10_000)
    async with bench.loader() as box:
        await bench.world.clock.sleep(300.0)
        assert len(boots(box)) < 10
        assert "device busy" in box.why()


@pytest.mark.parametrize("stage", ["copying", "stopping", "last-copy", "checking", "committing"])
@pytest.mark.parametrize("version", ["1.1", "1.2"])
async def test_a_disk_that_fills_up_in_a_switch_leaves_the_deployment_before_running(
    bench: Bench, stage: str, version: str
) -> None:
    bench.break_image("app/web:1.2")
    store = store_of(bench)
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        bench.world.copier.data["app.data.g1"] = "dear"
        await bench.pull(box, version)
        events = box.events()
        operation = await box.switch(version, by="test")
        now = await reach(events, stage)
        store.breaks = FULL
        await bench.world.clock.sleep(120.0)
        if not now.status.is_over:
            assert bench.running == ["app.db.g1", "app.web.g1"]
            assert "no space left" in box.why()
        store.breaks = None
        over = await bench.over(box, operation)
        assert over.status is OperationStatus.FAILED
        await bench.booted(box)
        assert bench.running == ["app.db.g1", "app.web.g1"]
        assert bench.world.copier.data["app.data.g1"] == "dear"
        assert box.state().trial is None


async def test_a_full_disk_is_said_by_who_would_like_to_boot(bench: Bench) -> None:
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        await bench.world.engine.stop_container("app.web.g1")
        store_of(bench).breaks = FULL
        await bench.world.clock.sleep(90.0)
        assert "no space left" in box.why()
        with pytest.raises(BoxshipError, match="no space left"):
            await box.gc(by="test")
        store_of(bench).breaks = None
        await bench.world.clock.sleep(90.0)
        assert bench.running == ["app.db.g1", "app.web.g1"]


async def test_a_switch_that_is_cancelled_on_a_box_that_is_not_well_does_not_make_it_ready(bench: Bench) -> None:
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        await bench.pull(box, "1.1")
    await bench.world.engine.stop_container("app.web.g1")
    bench.world.engine.break_start("web", "no such device")
    async with bench.loader() as box:
        while not box.state().boots.failures:
            await bench.world.clock.sleep(0.1)
        bench.world.copier.holds = asyncio.Event()
        operation = await box.switch("1.1", by="test")
        while box.operation(operation.id).stage != "copying":
            await bench.world.clock.sleep(0.1)
        assert not box.boot().is_ready
        await box.cancel(operation.id, by="test")
        await bench.over(box, operation)
        assert not box.boot().is_ready


async def test_what_was_seen_before_an_operation_ended_decides_nothing_after_it(bench: Bench) -> None:
    """On a slow engine a look lasts, and what it saw of a boot under way is no reason for another boot."""
    bench.world.engine.faults.delay_s["observe"] = 0.7
    async with bench.loader() as box:
        for number in ("1.0", "1.1"):
            await bench.to(box, number)
            await bench.world.clock.sleep(40.0)
        assert boots(box) == []


async def test_a_first_release_that_can_not_take_over_says_why(bench: Bench) -> None:
    async with bench.loader() as box:
        await bench.pull(box, "1.0")
        await bench.world.engine.remove_image("app/web:1.0")
        refused = await bench.over(box, await box.switch("1.0", by="test"))
        assert refused.failure is not None
        assert refused.failure.code == "precondition.failed"
        # Once, although two services have it, and a plan without it fails, too.
        assert refused.failure.message.endswith("take over: image app/web:1.0 is not here: pull the release again")
        assert box.state().current is None


async def test_a_service_that_the_engine_has_not_asked_yet_is_not_booted_again(bench: Bench) -> None:
    """We ask at once, the engine after its first interval: until then it says "starting" of what is ready."""
    written = version("1.0")
    asked = replace(written.services["db"], healthcheck=Healthcheck(("CMD", "true"), interval_s=60.0))
    bench.world.publish(
        replace(written, services={**written.services, "db": asked}),
        db="app/db:1.0", web="app/web:1.0", page="app/web:1.0",
    )  # fmt: skip
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        await bench.world.clock.sleep(300.0)
        assert boots(box) == []
