"""Pulls that the end of their Loader cut off."""

import asyncio

import pytest

from boxship.loader.resuming import MOST_IN_A_ROW
from boxship.loader.supervisor import Supervisor
from boxship.state.operation import Operation, OperationStatus
from tests.unit.loader.bench import Bench


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def begin_pull(bench: Bench, box: Supervisor, version: str) -> Operation:
    """It never ends."""
    bench.world.vendor.holds = asyncio.Event()
    await box.set_source("registry", by="test")
    operation = await box.pull(version, by="test")
    await bench.world.clock.sleep(0.5)
    return operation


def pulls(box: Supervisor) -> list[Operation]:
    return [each for each in box.operations() if each.kind == "pull"]


async def test_a_pull_that_was_cut_off_goes_on_with_the_next_loader_once_the_box_is_up(bench: Bench) -> None:
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        cut_off = await begin_pull(bench, box, "1.1")
    bench.world.vendor.holds = None
    async with bench.loader() as box:
        await bench.booted(box)
        await bench.world.clock.sleep(10.0)
        again, before = pulls(box)[:2]
        assert (before.id, before.status) == (cut_off.id, OperationStatus.INTERRUPTED)
        assert (again.asked_by, again.parameters["version"], again.status) == ("loader", "1.1", OperationStatus.DONE)
        assert "1.1" in box.state().pulled
        assert box.boot().version == "1.0"
    async with bench.loader() as box:
        await bench.world.clock.sleep(60.0)
        assert pulls(box)[0].id == again.id, "once is enough"


async def test_one_that_takes_its_loader_down_each_time_is_left(bench: Bench) -> None:
    async with bench.loader() as box:
        await begin_pull(bench, box, "1.0")
    for _ in range(2 * MOST_IN_A_ROW):
        async with bench.loader() as box:
            await bench.world.clock.sleep(60.0)
    async with bench.loader() as box:
        assert len(pulls(box)) == MOST_IN_A_ROW
        bench.world.vendor.holds = None
        assert (await bench.pull(box, "1.0")).status is OperationStatus.DONE


async def test_whoever_pulls_something_else_meanwhile_knows_better(bench: Bench) -> None:
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        await begin_pull(bench, box, "1.1")
    bench.world.vendor.holds = None
    await bench.world.engine.stop_container("app.web.g1")
    bench.world.engine.break_start("web", "no such device")
    async with bench.loader() as box:
        while not box.state().boots.failures:
            await bench.world.clock.sleep(0.1)
        await bench.over(box, await box.pull("1.2", by="test"))
        await bench.world.clock.sleep(60.0)
        assert [each.parameters["version"] for each in pulls(box)] == ["1.2", "1.1", "1.0"]
