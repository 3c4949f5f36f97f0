"""A pull on a fake engine: verified, resumed, cut off, repeated; what runs is never touched."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from boxship.bundle.library import Library
from boxship.bundle.pull import pull_release
from boxship.bundle.read import deployed, read_release
from boxship.bundle.room import Look
from boxship.bundle.source import ReleaseSource
from boxship.engine.port import EngineInfo, Heard, PullProgress, unheard
from boxship.errors import (
    CancelledError,
    EngineError,
    EngineUnreachableError,
    HostError,
    NotFoundError,
    PreconditionError,
    RegistryError,
)
from boxship.host.disk import file_system_of
from boxship.loader.holding import names_of
from boxship.registry.layout import Layout
from boxship.registry.oci import REF_NAME, Index
from boxship.registry.port import Blob
from boxship.spec.load import load
from boxship.spec.loaded import LoadOptions
from boxship.spec.release import Release, encode_release
from boxship.state.operation import Progress
from tests.eventually import DEADLINE_S
from tests.fakes.clock import FakeClock
from tests.fakes.engine import FakeEngine
from tests.unit.bundle.places import FILES, make_release, vendor_engine, write


class Flaky(Layout):
    """A source that counts what it gives, and may break off after some bytes of a blob."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.given: dict[str, int] = {}
        self.breaks_after: int | None = None
        self.hangs = asyncio.Event()
        self.hangs.set()
        self.reached = asyncio.Event()

    async def blob(self, blob: Blob, *, start: int = 0) -> AsyncGenerator[bytes, None]:
        async with aclosing(super().blob(blob, start=start)) as chunks:
            async for chunk in chunks:
                for begin in range(0, len(chunk), 100):
                    self.reached.set()
                    await self.hangs.wait()
                    if self.breaks_after is not None and self.total >= self.breaks_after:
                        raise RegistryError("the line is dead", is_transient=True)
                    part = chunk[begin : begin + 100]
                    self.given[blob.digest] = self.given.get(blob.digest, 0) + len(part)
                    yield part

    @property
    def total(self) -> int:
        return sum(self.given.values())


class Bench:
    """A vendor's folder of releases, and a box."""

    def __init__(self, tmp_path: Path) -> None:
        self.files = write(tmp_path / "vendor", FILES)
        (tmp_path / "usb").mkdir()
        self.layout = Flaky(tmp_path / "usb")
        self.library = Library(tmp_path / "state")
        self.engine = FakeEngine()
        self.cancel = asyncio.Event()
        self.told: list[Progress] = []
        self.look: Look = file_system_of

    async def make(self, version: str = "1.0.0", platform: str = "") -> Release:
        engine = await vendor_engine(version)
        if platform:
            engine.add_image(platform)
        return await make_release(self.files, self.layout, version, engine, platform)

    async def pull(self, version: str = "1.0.0") -> Release:
        self.told = []
        source = ReleaseSource(self.layout)
        hear, clock = self.told.append, FakeClock()
        return await pull_release(
            source, version, self.library, self.engine, hear, clock, cancel=self.cancel, look=self.look
        )

    async def diff_ids(self, reference: str) -> tuple[str, ...]:
        return (await self.engine.image_history(reference)).diff_ids


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


async def test_a_pulled_release_is_here_with_its_files_and_images_under_its_version(bench: Bench) -> None:
    made = await bench.make()
    assert await bench.pull() == made
    kept = bench.library.read(made.id)
    assert (kept.folder / "pages/index.html").read_text() == "<p>one</p>"
    for name, image in made.services.items():
        assert image.reference == f"share/{name}:1.0.0"
        assert (await bench.engine.image_history(image.reference)).id == image.id
    last = bench.told[-1]
    assert 0 < last.item_done_bytes == last.item_total_bytes < made_bytes(bench)
    assert replace(last, item_done_bytes=0, item_total_bytes=0, images=()) == Progress(
        made_bytes(bench), made_bytes(bench), 3, 3, "web"
    )


def made_bytes(bench: Bench) -> int:
    return bench.told[0].total_bytes


async def test_all_images_are_announced_with_their_sizes_before_the_first_byte(bench: Bench) -> None:
    made = await bench.make()
    await bench.pull()
    first, last = bench.told[0], bench.told[-1]
    assert {each.name for each in first.images} == set(made.images())
    assert all(each.total_bytes > 0 and not each.is_here for each in first.images)
    assert [(each.name, each.total_bytes) for each in last.images] == [
        (each.name, each.total_bytes) for each in first.images
    ]
    assert all(each.is_here and each.done_bytes == each.total_bytes for each in last.images)
    here = [sum(image.is_here for image in each.images) for each in bench.told]
    assert here == sorted(here)
    assert set(here) == set(range(len(made.images()) + 1))


async def test_an_image_that_the_engine_has_is_here_before_its_turn_comes(bench: Bench) -> None:
    await bench.make()
    await bench.pull()
    await bench.pull()
    assert all(each.is_here for each in bench.told[0].images)


async def test_progress_is_in_bytes_and_never_goes_back(bench: Bench) -> None:
    await bench.make()
    await bench.pull()
    done = [each.done_bytes for each in bench.told]
    assert done == sorted(done)
    assert done[0] == 0
    assert {each.total_bytes for each in bench.told} == {done[-1]}


async def test_the_platform_s_image_comes_first(bench: Bench) -> None:
    await bench.make(platform="boxship/platform:1")
    await bench.pull()
    items = list(dict.fromkeys(each.item for each in bench.told if each.item))
    assert items == ["files", "platform", "db", "web"]


async def test_a_layer_that_images_share_is_fetched_once(bench: Bench) -> None:
    made = await bench.make()
    await bench.pull()
    offer = await ReleaseSource(bench.layout).offer("1.0.0")
    shared = offer.images["db"].layers[0]
    assert shared == offer.images["web"].layers[0]._replace(repository="db")
    assert bench.layout.given[shared.digest] == shared.size_bytes
    assert (await bench.diff_ids("share/db:1.0.0"))[0] == made.services["web"].diff_ids[0]


async def test_pulling_again_fetches_and_loads_nothing(bench: Bench) -> None:
    await bench.make()
    await bench.pull()
    bench.layout.given.clear()
    loads = [call for call in bench.engine.calls if call.startswith("load")]
    again = await bench.pull()
    assert [call for call in bench.engine.calls if call.startswith("load")] == loads
    assert sum(bench.layout.given.values()) < 5000, "only the record"
    assert bench.told[-1].done_bytes == bench.told[-1].total_bytes
    assert bench.library.read(again.id)


async def test_an_upgrade_fetches_only_what_is_new(bench: Bench) -> None:
    await bench.make("1.0.0")
    await bench.make("1.1.0")
    await bench.pull("1.0.0")
    bench.layout.given.clear()
    await bench.pull("1.1.0")
    offer = await ReleaseSource(bench.layout).offer("1.1.0")
    assert {blob.digest for blob in offer.images["web"].layers} & bench.layout.given.keys() == {
        offer.images["web"].layers[1].digest
    }
    assert (await bench.engine.image_history("share/db:1.1.0")).id == offer.release.services["db"].id
    assert bench.told[0].done_bytes > 0


async def test_a_pull_that_broke_off_goes_on_where_it_was_also_with_another_loader(bench: Bench) -> None:
    made = await bench.make()
    offer = await ReleaseSource(bench.layout).offer("1.0.0")
    whole = sum({blob.digest: blob.size_bytes for each in offer.images.values() for blob in each.blobs}.values())
    bench.layout.given.clear()
    bench.layout.breaks_after = offer.files.size_bytes + len(encode_release(made)) + whole // 2
    with pytest.raises(RegistryError, match="the line is dead"):
        await bench.pull()
    had = bench.told[-1].done_bytes
    assert had > 0
    bench.layout.breaks_after = None
    await bench.pull()
    assert bench.told[0].done_bytes >= had - 100
    for digest, given in bench.layout.given.items():
        sizes = {blob.digest: blob.size_bytes for each in offer.images.values() for blob in each.blobs}
        if digest in sizes:
            assert given == sizes[digest], "nothing came twice"


async def is_whole(bench: Bench, release: Release) -> bool:
    ids = [(await bench.engine.image_history(each.reference)).id for each in release.services.values()]
    left = list(bench.library.blobs.iterdir())
    return ids == [each.id for each in release.services.values()] and bool(bench.library.read(release.id)) and not left


async def test_cut_after_any_byte_the_next_pull_completes_it_and_fetches_nothing_twice(
    bench: Bench, tmp_path: Path
) -> None:
    made = await bench.make()
    await bench.pull()
    whole = bench.layout.total
    for part in range(12):
        bench.library, bench.engine = Library(tmp_path / f"state-{part}"), FakeEngine()
        bench.layout.given.clear()
        bench.layout.breaks_after = whole * part // 12
        with pytest.raises(RegistryError):
            await bench.pull()
        bench.layout.breaks_after = None
        await bench.pull()
        assert await is_whole(bench, made)
        record = len(encode_release(made))
        assert bench.layout.total <= whole + record


async def test_cut_at_any_call_of_the_engine_the_next_pull_completes_it(bench: Bench, tmp_path: Path) -> None:
    made = await bench.make(platform="boxship/platform:1")
    calls = 0
    while True:
        bench.library, bench.engine = Library(tmp_path / f"state-{calls}"), FakeEngine()
        bench.engine.faults.die_after(calls, takes_effect=calls % 2 == 1)
        try:
            await bench.pull()
        except EngineUnreachableError:
            bench.engine.faults.revive()
            await bench.pull()
        else:
            break
        assert await is_whole(bench, made)
        calls += 1
    assert calls > 10


async def test_a_cancelled_pull_ends_at_once_and_leaves_what_ran(bench: Bench) -> None:
    await bench.make()
    bench.engine.add_image("share/web:0.9.0")
    bench.layout.hangs.clear()
    pulling = asyncio.ensure_future(bench.pull())
    await bench.layout.reached.wait()
    bench.cancel.set()
    async with asyncio.timeout(DEADLINE_S):
        with pytest.raises(CancelledError, match="cancelled"):
            await pulling
    assert bench.library.ids() == ()
    assert [tag for each in (await bench.engine.observe()).images for tag in each.tags] == ["share/web:0.9.0"]


async def test_a_layer_that_is_not_what_its_digest_says_never_reaches_the_engine(bench: Bench) -> None:
    await bench.make()
    offer = await ReleaseSource(bench.layout).offer("1.0.0")
    wrong = offer.images["web"].layers[1]
    bench.layout.blob_path(wrong.digest).write_bytes(b"x" * wrong.size_bytes)
    with pytest.raises(RegistryError, match="is not what its digest says"):
        await bench.pull()
    assert (await bench.engine.observe(["share/web:1.0.0"])).images == ()


async def test_a_wrong_beginning_of_an_earlier_try_is_thrown_away_once(bench: Bench) -> None:
    await bench.make()
    offer = await ReleaseSource(bench.layout).offer("1.0.0")
    layer = offer.images["web"].layers[1]
    bench.library.blobs.mkdir(parents=True)
    (bench.library.blobs / f"{layer.digest[7:]}.partial").write_bytes(b"half of another")
    await bench.pull()
    assert bench.engine.calls.count("load_archive share/web:1.0.0") == 1


async def test_an_image_that_is_another_than_the_record_says_is_refused_first_of_all(
    bench: Bench,
) -> None:
    await bench.make("1.0.0")
    await bench.make("1.1.0")
    index = bench.layout._folder / "index.json"
    listed = msgspec.json.decode(index.read_bytes(), type=Index)
    old = next(each.digest for each in listed.manifests if each.annotations[REF_NAME] == "web:1.0.0")
    new = next(each.digest for each in listed.manifests if each.annotations[REF_NAME] == "web:1.1.0")
    bench.layout.blob_path(new).write_bytes(bench.layout.blob_path(old).read_bytes())
    with pytest.raises(RegistryError):
        await bench.pull("1.1.0")
    assert bench.engine.calls == []


class Careless(FakeEngine):
    """Makes another image of what it is given."""

    async def load_archive(self, archive: AsyncIterator[bytes], what: str, tell: Heard = unheard) -> None:
        await super().load_archive(archive, what, tell)
        self.add_image(what, content="another")


async def test_an_image_that_the_engine_made_another_of_is_removed_again(bench: Bench) -> None:
    await bench.make()
    bench.engine = Careless()
    with pytest.raises(RegistryError, match="the engine made another image of db"):
        await bench.pull()
    assert (await bench.engine.observe(["share/db:1.0.0"])).images == ()


async def test_an_engine_that_wants_whole_archives_gets_them(bench: Bench) -> None:
    made = await bench.make()
    bench.engine.world.wants_whole_archives = True
    await bench.pull()
    assert (await bench.engine.image_history("share/web:1.0.0")).id == made.services["web"].id
    done = [each.done_bytes for each in bench.told]
    assert done == sorted(done)


class Slow(FakeEngine):
    """Takes its time over each thing that it says; ``is_silent``: it says nothing."""

    is_silent = False

    async def load_archive(self, archive: AsyncIterator[bytes], what: str, tell: Heard = unheard) -> None:
        said: list[PullProgress] = []
        await super().load_archive(archive, what, said.append)
        for line in said:
            await self.clock.sleep(2)
            if not self.is_silent:
                tell(line)
        await self.clock.sleep(2)


async def unpacked_by(bench: Bench, *, is_silent: bool) -> list[Progress]:
    await bench.make()
    clock = FakeClock()
    bench.engine = slow = Slow(clock)
    slow.is_silent = is_silent
    source = ReleaseSource(bench.layout)
    await pull_release(source, "1.0.0", bench.library, slow, bench.told.append, clock, cancel=bench.cancel)
    return [each for each in bench.told if each.unpacking is not None and each.item == "db"]


async def test_what_the_engine_unpacks_is_told_layer_by_layer_and_nothing_goes_back(bench: Bench) -> None:
    told = await unpacked_by(bench, is_silent=False)
    seen = [each.unpacking for each in told if each.unpacking is not None]
    assert [each.done_layers for each in seen] == sorted(each.done_layers for each in seen)
    assert (seen[0].done_layers, seen[-1].done_layers, seen[-1].total_layers) == (0, 2, 2)
    assert (seen[0].done_bytes, seen[-1].done_bytes) == (0, seen[-1].total_bytes)
    assert seen[-1].took_s >= 8
    done = [each.done_bytes for each in bench.told]
    assert done == sorted(done)
    assert bench.told[-1].unpacking is None


async def test_an_engine_that_says_nothing_is_still_seen_to_be_at_work(bench: Bench) -> None:
    seen = [each.unpacking for each in await unpacked_by(bench, is_silent=True)]
    assert {each.done_layers for each in seen if each is not None} == {0}
    assert [each.took_s for each in seen if each is not None][-1] >= 8


async def test_what_the_engine_refuses_is_told_and_the_layers_are_kept(bench: Bench) -> None:
    await bench.make()
    bench.engine.faults.fail("load_archive", EngineError("no space left on device"), name="share/db:1.0.0")
    with pytest.raises(EngineError, match="no space left"):
        await bench.pull()
    offer = await ReleaseSource(bench.layout).offer("1.0.0")
    bench.layout.given.clear()
    await bench.pull()
    assert bench.layout.given.keys().isdisjoint(blob.digest for blob in offer.images["db"].layers)


async def test_nothing_of_the_pull_is_left_behind_but_the_release(bench: Bench) -> None:
    await bench.make()
    await bench.pull()
    assert list(bench.library.blobs.iterdir()) == []


async def test_latest_is_the_newest_that_is_finished(bench: Bench) -> None:
    for version in ("1.0.0", "1.10.0", "1.9.0", "2.0.0-rc.1"):
        await bench.make(version)
    assert await ReleaseSource(bench.layout).versions() == ("1.0.0", "1.9.0", "1.10.0", "2.0.0-rc.1")
    assert (await bench.pull("latest")).version == "1.10.0"


class Foreign(FakeEngine):
    """On a machine of another kind."""

    async def info(self) -> EngineInfo:
        return replace(await super().info(), arch="riscv64")


async def test_images_of_a_version_that_is_published_again_keep_a_name(bench: Bench) -> None:
    """What runs may need them, and a prune takes what has none."""
    first = (await bench.make()).services["web"]
    await bench.pull()
    anew = await vendor_engine("1.0.0, once more")
    again = (await make_release(bench.files, bench.layout, "1.0.0", anew)).services["web"]
    assert again.id != first.id
    await bench.pull()
    tags = {each.id: set(each.tags) for each in (await bench.engine.observe()).images}
    assert tags[first.id] == {f"share/web:replaced-{first.id[7:19]}"}
    assert tags[again.id] == {"share/web:1.0.0"}
    assert set(names_of(first)) == {*tags[first.id], "share/web:1.0.0"}


async def test_a_release_for_other_machines_is_refused_before_anything_is_fetched(bench: Bench) -> None:
    await bench.make()
    bench.engine = Foreign()
    with pytest.raises(PreconditionError, match=r"share 1\.0\.0 is made for amd64, and this machine is riscv64"):
        await bench.pull()
    assert bench.told == []
    platforms = FILES["compose.yaml"].replace("{image", "{platform: linux/amd64, image")
    write(bench.files, {"compose.yaml": platforms})
    await bench.make("1.1.0")
    await bench.pull("1.1.0")


async def test_a_version_that_is_not_there_is_told(bench: Bench) -> None:
    await bench.make()
    with pytest.raises(NotFoundError, match=r"3\.0\.0"):
        await bench.pull("3.0.0")


async def test_a_disk_that_is_full_is_told_with_what_did_not_fit(bench: Bench) -> None:
    await bench.make()
    bench.library.blobs.parent.mkdir(parents=True)
    bench.library.blobs.symlink_to("/dev/full")
    with pytest.raises(HostError, match="cannot write"):
        await bench.pull()


async def test_a_disk_that_fills_up_meanwhile_is_told_with_what_to_do(bench: Bench) -> None:
    await bench.make()
    offer = await ReleaseSource(bench.layout).offer("1.0.0")
    bench.library.blobs.mkdir(parents=True)
    (bench.library.blobs / f"{offer.images['web'].layers[1].digest[7:]}.partial").symlink_to("/dev/full")
    with pytest.raises(HostError, match="no space left on device") as caught:
        await bench.pull()
    assert caught.value.hint == "make room, then run it again: what is whole is kept"
    assert (await bench.engine.image_history("share/db:1.0.0")).id == offer.release.services["db"].id


async def test_a_box_runs_the_release_s_images_and_never_writes_to_its_files(bench: Bench) -> None:
    made = await bench.make()
    await bench.pull()
    kept = bench.library.read(made.id)
    appliance = deployed(read_release(kept.folder, made), made, kept.folder)
    vendor = load(LoadOptions(directory=bench.files, appliance_name="share")).appliance
    assert appliance.services.keys() == vendor.services.keys()
    web = appliance.services["web"]
    assert (web.image, web.build, web.pull_policy) == (made.services["web"].id, None, "never")
    assert web.environment == {"GREETING": "hello"}
    assert [mount.read_only for mount in web.mounts] == [True]
    assert appliance.version == "1.0.0"
