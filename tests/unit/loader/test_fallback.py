"""A box whose target doesn't boot runs its fallback, says so everywhere, and doesn't forget what it stands in for."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from msgspec.structs import replace

from boxship.loader.supervisor import Supervisor
from boxship.state.operation import OperationStatus
from tests.fakes.behaviour import Behaviour
from tests.unit.loader.bench import Bench


@pytest.fixture
def bench() -> Bench:
    return Bench()


@asynccontextmanager
async def in_fallback(bench: Bench) -> AsyncIterator[Supervisor]:
    """Release 1.0, whose ``default`` doesn't boot as long as its web front can't start."""
    async with bench.loader() as box:
        await bench.to(box, "1.0")
    await bench.world.engine.stop_container("app.web.g1")
    bench.world.engine.break_start("web", "no such device")
    async with bench.loader() as box:
        await bench.booted(box)
        assert box.boot().target == "maintenance"
        yield box


def mend(bench: Bench) -> None:
    bench.world.engine.script("web", Behaviour())


async def test_a_switch_out_of_a_fallback_goes_to_the_target_that_it_stands_in_for(bench: Bench) -> None:
    async with in_fallback(bench) as box:
        mend(bench)
        assert (await bench.to(box, "1.1")).status is OperationStatus.DONE
        assert (box.boot().version, box.boot().target) == ("1.1", "default")
        assert bench.running == ["app.db.g2", "app.web.g2"]
        assert box.state().boots.fallen_back_from == ""


async def test_a_switch_out_of_a_fallback_goes_to_the_target_that_is_asked_for(bench: Bench) -> None:
    async with in_fallback(bench) as box:
        await bench.pull(box, "1.1")
        operation = await box.switch("1.1", target="maintenance", by="test")
        assert (await bench.over(box, operation)).status is OperationStatus.DONE
        assert (box.boot().version, box.boot().target) == ("1.1", "maintenance")


async def test_a_switch_to_the_release_that_runs_leaves_its_fallback_as_well(bench: Bench) -> None:
    async with in_fallback(bench) as box:
        mend(bench)
        assert (await bench.over(box, await box.switch("1.0", by="test"))).status is OperationStatus.DONE
        assert (box.boot().target, bench.running) == ("default", ["app.db.g1", "app.web.g1"])


async def test_a_switch_out_of_a_fallback_that_fails_leads_back_to_the_fallback(bench: Bench) -> None:
    async with in_fallback(bench) as box:
        assert (await bench.to(box, "1.1")).status is OperationStatus.FAILED
        assert (box.boot().version, box.boot().target) == ("1.0", "maintenance")
        assert box.state().boots.fallen_back_from == "default"
        assert bench.running == ["app.page.g1"]


async def test_booting_what_is_current_again_keeps_what_a_fallback_stands_in_for(bench: Bench) -> None:
    async with in_fallback(bench) as box:
        before = box.state().boots
        for word in ("current", ""):
            assert (await bench.over(box, await box.boot_target(word, by="test"))).status is OperationStatus.DONE
            assert (box.state().boots, box.boot().target) == (replace(before, next_try_at_s=0.0), "maintenance")
            assert box.progress().phase == "fallback"


async def test_a_person_who_names_the_fallback_wants_it(bench: Bench) -> None:
    async with in_fallback(bench) as box:
        await bench.over(box, await box.boot_target("maintenance", by="test"))
        assert (box.state().boots.fallen_back_from, box.progress().phase) == ("", "maintenance")
