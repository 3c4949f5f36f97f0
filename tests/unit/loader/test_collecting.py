"""gc on a whole box, with things in its way: images that can't go, tags that moved, records that are damaged."""

import pytest
from msgspec.structs import replace

from boxship.errors import EngineConflictError, StateError
from boxship.loader.box import GcView
from boxship.loader.supervisor import Supervisor
from boxship.spec.release import ReleaseImage
from boxship.state.operation import Operation, OperationStatus
from tests.unit.loader.bench import VERSIONS, Bench, version


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def collect(bench: Bench, box: Supervisor) -> Operation:
    operation = await box.gc(by="test")
    assert isinstance(operation, Operation)
    return await bench.over(box, operation)


async def foresee(box: Supervisor) -> GcView:
    view = await box.gc(dry_run=True, by="test")
    assert isinstance(view, GcView)
    return view


def tags(bench: Bench) -> set[str]:
    return {tag for image in bench.world.engine.world.images.values() for tag in image.tags}


async def test_an_image_that_could_not_be_removed_is_removed_by_the_next_gc(bench: Bench) -> None:
    busy = EngineConflictError("conflict: image is being used by running container 0123")
    bench.world.engine.faults.fail("remove_image", busy, name="app/*:1.0", times=2)
    async with bench.loader() as box:
        for number in ("1.0", "1.1", "1.2"):
            await bench.to(box, number)
        first = await collect(bench, box)
        assert first.failure is not None
        assert first.failure.code == "gc.partial"
        assert {"app/db:1.0", "app/web:1.0"} <= tags(bench)
    # Also by another Loader: what is owed is kept on the disk.
    async with bench.loader() as box:
        await bench.booted(box)
        assert set((await foresee(box)).images) == {"app/db:1.0", "app/web:1.0"}
        assert (await collect(bench, box)).status is OperationStatus.DONE
        assert not {"app/db:1.0", "app/web:1.0"} & tags(bench)
        assert await foresee(box) == GcView(kept=(await foresee(box)).kept)


def publish_again(bench: Bench, number: str, content: str = "again") -> list[str]:
    """The ids of the images that had its tags before."""
    before, _ = bench.world.vendor.published[number]
    images = {"db": f"app/db:{number}", "web": f"app/web:{number}", "page": f"app/web:{number}"}
    bench.world.publish(version(number), content, **images)
    return sorted({image.id for image in before.images().values()})


def here(bench: Bench, ids: list[str]) -> list[str]:
    return [each for each in ids if each in bench.world.engine.world.images]


async def test_images_without_a_tag_go_when_their_version_was_published_again(bench: Bench) -> None:
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        before = publish_again(bench, "1.0")
        for number in ("1.0", "1.1", "1.2"):
            await bench.pull(box, number)
        await bench.over(box, await box.switch("1.1", by="test"))
        await collect(bench, box)
        assert here(bench, before) == before, "previous needs them"
        await bench.over(box, await box.switch("1.2", by="test"))
        assert set((await foresee(box)).images) == set(before), "the tags went with what had them"
        assert (await collect(bench, box)).status is OperationStatus.DONE
        assert here(bench, before) == []
        assert tags(bench) == {"app/db:1.1", "app/web:1.1", "app/db:1.2", "app/web:1.2"}


async def test_an_image_that_the_operator_tagged_stays_under_his_tag(bench: Bench) -> None:
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        await bench.world.engine.tag_image("app/web:1.0", "mine/web:1.0")
        publish_again(bench, "1.0")
        await bench.world.engine.tag_image("app/db:1.0", "mine/db:again")
        for number in ("1.0", "1.1", "1.2"):
            await bench.to(box, number)
        assert (await collect(bench, box)).status is OperationStatus.DONE
        assert {each for each in tags(bench) if each.endswith(("1.0", "again"))} == {"mine/web:1.0", "mine/db:again"}
        assert (await foresee(box)).images == ()


async def test_an_image_that_releases_share_loses_the_tags_of_those_that_go_and_then_goes_as_well(
    bench: Bench,
) -> None:
    """db is the same in 1.0 and 1.1."""
    engine = bench.world.engine
    await engine.tag_image("app/db:1.0", "app/db:1.1")
    shared = engine.world.find_image("app/db:1.1")
    assert shared is not None
    release, written = bench.world.vendor.published["1.1"]
    db = ReleaseImage("app/db:1.1", shared.id)
    bench.world.vendor.published["1.1"] = (replace(release, services={**release.services, "db": db}), written)
    bench.world.publish(version("1.3"), db="app/db:1.3", web="app/web:1.3", page="app/web:1.3")
    async with bench.loader() as box:
        for number in ("1.0", "1.1", "1.2"):
            await bench.to(box, number)
        assert (await collect(bench, box)).failure is None
        assert shared.tags == {"app/db:1.1"}
        await bench.to(box, "1.3")
        assert (await collect(bench, box)).failure is None
        assert here(bench, [shared.id]) == []


async def test_a_loader_s_image_goes_once_no_loader_needs_it_though_its_release_went_before(bench: Bench) -> None:
    bench.world.platforms = {"1.0": "app/platform:1.0"}
    bench.world.publish(version("1.0"), db="app/db:1.0", web="app/web:1.0", page="app/web:1.0")
    (platform,) = [each.id for each in bench.world.engine.world.images.values() if "app/platform:1.0" in each.tags]
    async with bench.loader(platform) as box:
        for number in ("1.0", "1.1", "1.2"):
            await bench.to(box, number)
        assert (await collect(bench, box)).failure is None
        assert here(bench, [platform]) == [platform]
    async with bench.loader() as box:
        await bench.booted(box)
        assert (await collect(bench, box)).failure is None
        assert here(bench, [platform]) == []


def damage(bench: Bench, number: str, *, record: bool = False) -> str:
    """The release's id."""
    release_id = bench.world.vendor.published[number][0].id
    if record:
        bench.world.releases.records.pop(release_id)
    bench.world.releases.damaged.add(release_id)
    return release_id


@pytest.mark.parametrize("record", [False, True])
async def test_a_damaged_release_that_nothing_needs_goes_and_stops_no_switch(bench: Bench, *, record: bool) -> None:
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        await bench.to(box, "1.1")
        await bench.pull(box, "1.2")
        await bench.over(box, await box.switch("1.2", by="test"))
        damaged = damage(bench, "1.0", record=record)
        assert (await bench.over(box, await box.switch("1.1", allow_downgrade=True, by="test"))).failure is None
        foreseen = await foresee(box)
        assert foreseen.releases == (damaged,)
        assert ("its images aren't known" in foreseen.damaged[damaged]) is record
        done = await collect(bench, box)
        assert done.failure is None
        assert done.result["damaged"] == foreseen.damaged[damaged]
        assert damaged not in bench.world.releases.ids()
        assert ("app/web:1.0" in tags(bench)) is record
        assert (await foresee(box)).damaged == {}


async def test_a_release_that_was_damaged_is_refused_by_its_own_switch_alone_and_can_be_pulled_again(
    bench: Bench,
) -> None:
    async with bench.loader() as box:
        for number in VERSIONS:
            await bench.pull(box, number)
        await bench.over(box, await box.switch("1.0", by="test"))
        damage(bench, "1.1", record=True)
        with pytest.raises(StateError, match=r"1\.1 was changed") as refused:
            await box.switch("1.1", by="test")
        assert refused.value.hint == "pull the release again"
        await bench.to(box, "1.1")
        assert box.boot().version == "1.1"


async def test_what_can_be_gone_back_to_is_verified_before_a_rollback(bench: Bench) -> None:
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        await bench.to(box, "1.1")
        damage(bench, "1.0")
        with pytest.raises(StateError, match=r"1\.0 was changed"):
            await box.rollback(by="test")
        await bench.pull(box, "1.0")
        assert (await bench.over(box, await box.rollback(by="test"))).failure is None


async def test_without_the_record_of_a_deployment_gc_takes_all_but_images_and_says_so(bench: Bench) -> None:
    async with bench.loader() as box:
        for number in VERSIONS:
            await bench.to(box, number)
        previous = damage(bench, "1.1", record=True)
        before = tags(bench)
        partial = await collect(bench, box)
        assert partial.failure is not None
        assert "which images 1.1 needs" in partial.failure.message
        assert tags(bench) == before
        assert set(bench.world.engine.world.volumes) == {"app.data.g2", "app.data.g3"}
        assert previous in bench.world.releases.ids()
        await bench.pull(box, "1.1")
        assert (await collect(bench, box)).failure is None
        assert before - tags(bench) == {"app/db:1.0", "app/web:1.0"}


async def test_a_damaged_release_that_can_be_gone_back_to_stays_and_keeps_no_other_s_images(bench: Bench) -> None:
    async with bench.loader() as box:
        for number in VERSIONS:
            await bench.to(box, number)
        damaged = damage(bench, "1.1")
        foreseen = await foresee(box)
        assert damaged in foreseen.kept
        assert foreseen.damaged == {damaged: "compose.yaml of 1.1 was changed: pull the release again"}
        assert (await collect(bench, box)).failure is None
        assert "app/web:1.1" in tags(bench)
        assert "app/web:1.0" not in tags(bench)
