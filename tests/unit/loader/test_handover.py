"""Which Loader looks after a box, and how one makes way for another."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from boxship.errors import ConflictError
from boxship.host.places import Places, box_places, read_line, record_loader, write_line
from boxship.loader.handover import Handover, MakeWay, Stay, choose_loader
from boxship.loader.supervisor import Supervisor
from boxship.state.deployment import Deployment
from boxship.state.operation import Operation, OperationStatus
from tests.fakes.loader import FakeBoxWorld
from tests.unit.loader.bench import Bench, version

OLD, NEW = "platform:1", "platform:2"
CURRENT = Deployment("sha256:r", "2.0.0", "default", 2)


def test_a_loader_stays_where_nothing_says_otherwise() -> None:
    for current, platform, own in (
        (None, "sha256:b", "sha256:a"),
        (CURRENT, "", "sha256:a"),
        (CURRENT, "sha256:a", "sha256:a"),
        (CURRENT, "sha256:b", ""),
    ):
        assert choose_loader(current, platform, own, "", is_here=True) == Stay()


def test_the_loader_of_the_current_release_is_made_way_for() -> None:
    choice = choose_loader(CURRENT, "sha256:b", "sha256:a", "sha256:c", is_here=True)
    assert choice == MakeWay("sha256:b", "the Loader of 2.0.0 (b)")


def test_a_loader_that_was_given_up_or_is_not_here_is_not_made_way_for() -> None:
    failed = choose_loader(CURRENT, "sha256:b", "sha256:a", "sha256:b", is_here=True)
    absent = choose_loader(CURRENT, "sha256:b", "sha256:a", "", is_here=False)
    assert [each.but for each in (failed, absent) if isinstance(each, Stay)] == [
        "the Loader of 2.0.0 (b) was started again and again and never got well, so a goes on",
        "the Loader of 2.0.0 (b) isn't on the engine, so a goes on",
    ]


class Handing(Bench):
    """A box whose releases bring Loaders of their own: 1.0 and 1.1 the same, 1.2 another."""

    def __init__(self, folder: Path) -> None:
        self.world = FakeBoxWorld()
        self.places: Places = box_places("app", folder, folder)
        self.old, self.new = (self.world.engine.add_image(each) for each in (OLD, NEW))
        self.world.platforms = {"1.0": OLD, "1.1": OLD, "1.2": NEW}
        for number in self.world.platforms:
            web = f"app/web:{number}"
            self.world.publish(version(number), db=f"app/db:{number}", web=web, page=web)
        record_loader(self.places, self.old)
        self.has_left = asyncio.Event()
        self.objections: dict[str, str] = {}
        self.asked: list[str] = []

    @asynccontextmanager
    async def started(self, own_image: str = "") -> AsyncIterator[Supervisor]:
        """A whole Loader, as ``boxship loader`` puts it together."""
        own_image = own_image or self.old
        self.places.loader_reported.unlink(missing_ok=True)
        self.has_left = asyncio.Event()
        box = self.world.start_loader(own_image)
        parts = self.world.parts
        assert parts is not None
        handover = Handover(parts, self.places, box, self, self.has_left.set)
        parts.feed.tap(handover.hear)
        running = [asyncio.ensure_future(each) for each in (box.run(self.has_left), handover.run())]
        try:
            await self.world.clock.sleep(0.01)
            yield box
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def objection(self, image_id: str) -> str:
        """Implements ``Successor``."""
        self.asked.append(image_id)
        return self.objections.get(image_id, "")

    async def left(self) -> None:
        for _ in range(2000):
            if self.has_left.is_set():
                return
            await self.world.clock.sleep(0.1)
        raise AssertionError("it doesn't leave")

    @property
    def recorded(self) -> str:
        return read_line(self.places.loader)

    @property
    def reported(self) -> str:
        return read_line(self.places.loader_reported)


@pytest.fixture
def bench(tmp_path: Path) -> Handing:
    return Handing(tmp_path)


async def test_a_loader_reports_once_it_is_well(bench: Handing) -> None:
    async with bench.started():
        assert bench.reported == f"boot-1 {bench.old}"


async def test_a_loader_that_was_given_up_and_is_well_after_all_is_no_longer_held_for_bad(bench: Handing) -> None:
    write_line(bench.places.loader_failed, bench.old)
    async with bench.started():
        assert read_line(bench.places.loader_failed) == ""


async def test_a_release_with_the_same_loader_changes_nothing(bench: Handing) -> None:
    async with bench.started() as box:
        await bench.to(box, "1.0")
        await bench.to(box, "1.1")
        await bench.world.clock.sleep(100)
        assert (bench.recorded, bench.has_left.is_set()) == (bench.old, False)


async def test_after_a_switch_the_new_loader_is_recorded_and_nothing_begins_any_more(bench: Handing) -> None:
    async with bench.started() as box:
        await bench.to(box, "1.0")
        switched = await bench.to(box, "1.2")
        assert switched.status is OperationStatus.DONE, "it came to its end"
        await bench.left()
        assert (bench.recorded, read_line(bench.places.loader_previous)) == (bench.new, bench.old)
        with pytest.raises(
            ConflictError, match=r"a handover is under way: the Loader of 1\.2 .* takes over"
        ) as refused:
            await box.restart_service("web", by="test")
        assert str(refused.value.fields["handover"]).startswith("the Loader of 1.2 ")
        assert "operation_id" not in refused.value.fields
        assert bench.world.engine.running, "the appliance runs on"


async def test_a_loader_leaves_only_when_the_other_has_said_that_it_would_be_well(bench: Handing) -> None:
    bench.objections[bench.new] = "it can't read the state"
    async with bench.started() as box:
        await bench.to(box, "1.0")
        assert bench.asked == []
        await bench.to(box, "1.2")
        await bench.world.clock.sleep(100)
        assert (bench.recorded, bench.has_left.is_set()) == (bench.old, False)
        (issue,) = [each for each in (await box.status()).issues if each.code == "loader.other"]
        assert issue.text.startswith("the Loader of 1.2 (")
        assert issue.text.endswith(f"so {bench.old[7:19]} goes on: it can't read the state")
        assert (await bench.over(box, await box.restart_service("web", by="test"))).status is OperationStatus.DONE
        assert bench.asked == [bench.new], "once"
    bench.objections.clear()
    async with bench.started():
        await bench.left()
        assert (bench.recorded, bench.asked) == (bench.new, [bench.new, bench.new])


async def test_a_failed_switch_leaves_the_loader(bench: Handing) -> None:
    async with bench.started() as box:
        await bench.to(box, "1.0")
        bench.break_image("app/web:1.2")
        failed: Operation = await bench.to(box, "1.2")
        assert failed.status is OperationStatus.FAILED
        await bench.world.clock.sleep(100)
        assert (bench.recorded, bench.has_left.is_set()) == (bench.old, False)


async def test_a_loader_that_ended_between_commit_and_record_is_followed_by_one_that_makes_way(bench: Handing) -> None:
    async with bench.started() as box:
        await bench.to(box, "1.0")
        await bench.to(box, "1.2")
        # It is cut off before it gets to anything else.
    record_loader(bench.places, bench.old)
    bench.places.loader_previous.unlink(missing_ok=True)
    async with bench.started():
        await bench.left()
        assert bench.reported.startswith("boot-2"), "sail must not count that start"
        assert (bench.recorded, read_line(bench.places.loader_previous)) == (bench.new, bench.old)
    async with bench.started(bench.new) as box:
        await bench.world.clock.sleep(100)
        assert (bench.has_left.is_set(), box.boot().id) == (False, "boot-3"), "the new one stays"


async def test_a_loader_that_sail_gave_up_is_not_tried_again_and_the_status_says_so(bench: Handing) -> None:
    async with bench.started() as box:
        await bench.to(box, "1.0")
        await bench.to(box, "1.2")
        await bench.left()
    # As sail does.
    bench.places.loader_previous.replace(bench.places.loader)
    write_line(bench.places.loader_failed, bench.new)
    async with bench.started() as box:
        await bench.booted(box)
        await bench.world.clock.sleep(100)
        assert (bench.recorded, bench.has_left.is_set()) == (bench.old, False)
        (issue,) = [each for each in (await box.status()).issues if each.code == "loader.other"]
        assert "never got well" in issue.text
        assert issue.suggestion == "see why: sudo journalctl -u boxship-app"


async def test_going_back_to_a_release_with_the_loader_before_makes_way_for_that(bench: Handing) -> None:
    async with bench.started() as box:
        await bench.to(box, "1.0")
        await bench.to(box, "1.2")
        await bench.left()
    async with bench.started(bench.new) as box:
        await bench.booted(box)
        await bench.over(box, await box.rollback(by="test"))
        await bench.left()
        assert (bench.recorded, read_line(bench.places.loader_previous)) == (bench.old, bench.new)


async def test_gc_keeps_the_image_of_a_loader_that_runs_though_no_release_needs_it(bench: Handing) -> None:
    async with bench.started() as box:
        await bench.to(box, "1.0")
        await bench.to(box, "1.2")
        await bench.left()
    write_line(bench.places.loader_failed, bench.new)
    bench.world.platforms = {"1.3": NEW}
    bench.world.publish(version("1.3"), db="app/db:1.3", web="app/web:1.3", page="app/web:1.3")
    async with bench.started() as box:
        await bench.booted(box)
        await bench.to(box, "1.3")
        garbage = await box.gc(dry_run=True, by="test")
        assert OLD not in getattr(garbage, "images", ())
