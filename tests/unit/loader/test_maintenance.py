"""Leaving maintenance: what speaks against it is found while it still serves."""

from collections.abc import Mapping

import pytest
from msgspec.structs import replace

from boxship.errors import ConflictError
from boxship.host.proc import Finished
from boxship.loader.supervisor import Supervisor
from boxship.spec.model import PreflightCheck
from boxship.spec.model_checks import ProgramProbe
from boxship.state.operation import Operation, OperationStatus
from tests.fakes.machine import FakeMachine
from tests.unit.loader.bench import Bench, version

LICENSE = ("license-check",)


def bench_with(checks: Mapping[str, PreflightCheck]) -> Bench:
    bench = Bench()
    bench.world.publish(
        replace(version("1.0"), preflight=checks), db="app/db:1.0", web="app/web:1.0", page="app/web:1.0"
    )
    return bench


def with_license(*, is_soft: bool = False) -> Bench:
    return bench_with({"license": PreflightCheck("license", ProgramProbe(LICENSE), is_soft=is_soft)})


def machine_of(bench: Bench) -> FakeMachine:
    assert bench.world.parts is not None
    machine = bench.world.parts.machine
    assert isinstance(machine, FakeMachine)
    return machine


def answers(bench: Bench, status: int, line: str) -> None:
    machine_of(bench).programs[LICENSE] = Finished(LICENSE, status, line, "")


async def in_maintenance(bench: Bench, box: Supervisor) -> None:
    answers(bench, 0, "licensed")
    await bench.to(box, "1.0")
    await bench.over(box, await box.boot_target("maintenance", by="test"))
    assert bench.running == ["app.page.g1"]


async def leave(bench: Bench, box: Supervisor) -> Operation:
    return await bench.over(box, await box.leave_maintenance(by="test"))


async def test_a_failed_check_keeps_maintenance_on_and_nothing_stops_for_it() -> None:
    bench = with_license()
    async with bench.loader() as box:
        await in_maintenance(bench, box)
        before, gate = box.state(), list(bench.world.gate.history)
        answers(bench, 2, "it ended yesterday")
        left = await leave(bench, box)
        assert left.status is OperationStatus.FAILED
        assert left.failure is not None
        assert (left.failure.code, left.failure.check) == ("precondition.failed", "license")
        assert left.failure.message == "maintenance stays on: host: check license: it ended yesterday"
        assert "boxship box boot default doesn't ask" in left.failure.hint
        assert (box.boot().target, box.boot().is_ready, bench.running) == ("maintenance", True, ["app.page.g1"])
        assert (box.state().current, box.state().boots) == (before.current, before.boots)
        assert bench.world.gate.history == gate


async def test_it_is_left_once_nothing_speaks_against_it() -> None:
    bench = with_license()
    async with bench.loader() as box:
        await in_maintenance(bench, box)
        answers(bench, 2, "it ended yesterday")
        await leave(bench, box)
        answers(bench, 0, "licensed")
        assert (await leave(bench, box)).status is OperationStatus.DONE
        assert (box.boot().target, bench.running) == ("default", ["app.db.g1", "app.web.g1"])


async def test_a_soft_check_keeps_nobody() -> None:
    bench = with_license(is_soft=True)
    async with bench.loader() as box:
        await in_maintenance(bench, box)
        answers(bench, 2, "it ended yesterday")
        assert (await leave(bench, box)).status is OperationStatus.DONE


async def test_everything_that_speaks_against_it_is_told() -> None:
    bench = with_license()
    async with bench.loader() as box:
        await in_maintenance(bench, box)
        answers(bench, 2, "it ended yesterday")
        await bench.world.engine.remove_image("app/db:1.0")
        left = await leave(bench, box)
        assert left.failure is not None
        assert left.failure.message.startswith("maintenance stays on: image app/db:1.0 is not here")
        assert left.failure.message.endswith("(and 1 more)")
        assert "it ended yesterday" in left.result["against.2"]


async def test_a_person_who_boots_the_target_by_name_is_not_asked() -> None:
    bench = with_license()
    async with bench.loader() as box:
        await in_maintenance(bench, box)
        answers(bench, 2, "it ended yesterday")
        booted = await bench.over(box, await box.boot_target("default", by="test"))
        assert (booted.status, box.boot().target) == (OperationStatus.DONE, "default")


async def test_outside_of_maintenance_there_is_nothing_to_ask() -> None:
    bench = with_license()
    async with bench.loader() as box:
        answers(bench, 0, "licensed")
        await bench.to(box, "1.0")
        answers(bench, 2, "it ended yesterday")
        assert (await leave(bench, box)).status is OperationStatus.DONE


async def test_while_only_checks_run_it_can_be_cancelled_and_the_check_ends_with_it() -> None:
    bench = with_license()
    async with bench.loader() as box:
        await in_maintenance(bench, box)
        before, gate = box.state(), list(bench.world.gate.history)
        machine = machine_of(bench)
        machine.may_end.clear()
        begun = await box.leave_maintenance(by="test")
        await bench.until(lambda: machine.running == [LICENSE])
        assert box.operation(begun.id).can_cancel
        await box.cancel(begun.id, by="test")
        ended = await bench.over(box, begun)
        assert (ended.status, ended.can_cancel, machine.running) == (OperationStatus.CANCELLED, False, [])
        assert ended.failure is not None
        assert ended.failure.hint == "maintenance stays on, and nothing changed"
        assert (box.boot().target, box.boot().is_ready, bench.running) == ("maintenance", True, ["app.page.g1"])
        assert (box.state().current, box.state().boots) == (before.current, before.boots)
        assert bench.world.gate.history == gate
        machine.may_end.set()
        assert (await leave(bench, box)).status is OperationStatus.DONE


async def test_once_the_targets_are_switched_it_can_no_more_be_cancelled_than_any_boot() -> None:
    bench = with_license()
    async with bench.loader() as box:
        await in_maintenance(bench, box)
        begun = await box.leave_maintenance(by="test")
        await bench.until(lambda: box.operation(begun.id).stage == "starting")
        with pytest.raises(ConflictError, match="can't be cancelled now"):
            await box.cancel(begun.id, by="test")
        assert (await bench.over(box, begun)).status is OperationStatus.DONE
        assert box.boot().target == "default"
