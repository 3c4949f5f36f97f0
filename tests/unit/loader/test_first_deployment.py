"""A box whose first release is refused asks again by itself, with growing pauses, and says so."""

import pytest

from boxship.host.ports import Listener
from boxship.state.operation import OperationStatus
from boxship.state.transitions import BACKOFF_FIRST_S, BACKOFF_MOST_S
from tests.unit.loader.bench import Bench, version

SOMEBODY = Listener("tcp", "0.0.0.0", 80, 4711, "nginx")


@pytest.fixture
def bench() -> Bench:
    """One that came with release 1.0, on a host where somebody else has its port."""
    made = Bench()
    bring(made, "1.0")
    made.world.machine.listening = (SOMEBODY,)
    return made


def bring(bench: Bench, number: str) -> None:
    bench.world.releases.add(*bench.world.vendor.published[number])


async def test_a_first_release_that_is_refused_is_asked_again_with_growing_pauses(bench: Bench) -> None:
    async with bench.loader() as box:
        tried = len(bench.world.engine.calls)
        await bench.world.clock.sleep(4 * BACKOFF_MOST_S)
        boots = box.state().boots
        assert boots.failures == 8, "after 0, 10, 30, 70, 150, 310, 610 and 910 s"
        assert "80" in box.why()
        assert box.why().startswith("1.0 can't be deployed, 8 times so far (1.0 (default) can't take over: ")
        assert box.why().endswith("next try at 00:20:10 UTC")
        assert len(bench.world.engine.calls) - tried < 500, "it doesn't spin"


async def test_what_is_refused_again_uses_up_no_generation_and_leaves_one_operation(bench: Bench) -> None:
    async with bench.loader() as box:
        await bench.world.clock.sleep(20 * BACKOFF_MOST_S)
        assert box.state().next_generation == 1
        (refused,) = box.operations(500)
        assert (refused.status, refused.asked_by) == (OperationStatus.FAILED, "loader")
        assert refused.failure is not None
        assert refused.failure.code == "precondition.failed"


async def test_a_page_shows_that_the_first_release_was_refused_and_when_it_is_tried_again(bench: Bench) -> None:
    async with bench.loader() as box:
        await bench.world.clock.sleep(1.0)
        shown = box.progress()
        assert shown.phase == "failed"
        assert shown.failure is not None
        assert "80" in shown.failure.message
        assert shown.next_try_at_s == bench.world.clock.now().timestamp() + BACKOFF_FIRST_S - 1.01


async def test_a_person_who_asks_does_not_wait_for_the_pause(bench: Bench) -> None:
    async with bench.loader() as box:
        await bench.world.clock.sleep(2 * BACKOFF_MOST_S)
        bench.world.machine.listening = ()
        assert (await bench.over(box, await box.switch("1.0", by="test"))).status is OperationStatus.DONE
        assert box.state().boots.failures == 0
        await bench.booted(box)


async def test_what_no_longer_speaks_against_it_is_found_at_the_next_try(bench: Bench) -> None:
    async with bench.loader() as box:
        await bench.world.clock.sleep(1.0)
        bench.world.machine.listening = ()
        await bench.world.clock.sleep(BACKOFF_FIRST_S)
        await bench.booted(box)
        assert (box.boot().version, box.state().next_generation) == ("1.0", 2)


async def test_another_release_that_came_is_tried_at_once(bench: Bench) -> None:
    async with bench.loader() as box:
        await bench.world.clock.sleep(2 * BACKOFF_MOST_S)
        bench.world.publish(version("1.3"), db="app/db:1.1", web="app/web:1.1", page="app/web:1.1")
        bring(bench, "1.3")
        bench.world.machine.listening = ()
        await bench.world.clock.sleep(35.0)
        assert box.boot().version == "1.3"


async def test_a_next_loader_keeps_to_the_pause_unless_the_host_booted_meanwhile(bench: Bench) -> None:
    async with bench.loader() as box:
        await bench.world.clock.sleep(2 * BACKOFF_MOST_S)
        failures = box.state().boots.failures
    bench.world.machine.listening = ()
    async with bench.loader() as box:
        await bench.world.clock.sleep(5.0)
        assert (box.boot().version, box.state().boots.failures) == ("", failures)
    bench.world.machine.since_boot_s = 3.0
    async with bench.loader() as box:
        await bench.world.clock.sleep(5.0)
        assert box.boot().version == "1.0"


async def test_a_bug_in_the_first_deployment_is_met_with_the_same_pauses(bench: Bench) -> None:
    bench.world.machine.memory_now = RuntimeError("odd")
    async with bench.loader() as box:
        await bench.world.clock.sleep(4 * BACKOFF_MOST_S)
        assert "RuntimeError: odd" in box.why()
        assert (box.state().boots.failures, len(box.operations(500))) == (8, 1)


async def test_what_a_person_pulled_twice_is_not_deployed_by_itself(bench: Bench) -> None:
    """Published again, a version has another id; the first one's is still here."""
    bench.world.releases.kept.clear()
    bench.world.machine.listening = ()
    async with bench.loader() as box:
        await bench.pull(box, "1.0")
        web = "app/web:1.0-again"
        bench.world.publish(version("1.0"), db="app/db:1.0", web=web, page=web)
        await bench.pull(box, "1.0")
        assert len(bench.world.releases.ids()) == 2
        await bench.world.clock.sleep(2 * BACKOFF_MOST_S)
        assert box.state().current is None
        assert box.boot().version == ""
