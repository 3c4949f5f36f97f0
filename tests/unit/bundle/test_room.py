"""How much room a pull asks for, and how it is refused where there is less."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

import pytest

from boxship.bundle.blobs import BlobShelf
from boxship.bundle.engine_side import find_present, known_chains
from boxship.bundle.room import Needs, needs_of, rooms_of
from boxship.bundle.source import ImageContent, Offer, ReleaseSource
from boxship.errors import PreconditionError, RegistryError
from boxship.host.disk import FileSystem
from boxship.registry.port import Blob
from boxship.spec.release import Release, ReleaseFile, ReleaseImage
from tests.unit.bundle.test_pull import Bench, Flaky

MIB = 1024 * 1024


def disk(device: int, free_bytes: int, used_bytes: int = 7) -> FileSystem:
    return FileSystem("/", device, used_bytes, free_bytes, 5, 5)


def blob(name: str, size_bytes: int) -> Blob:
    return Blob("", f"sha256:{name}", size_bytes)


def image(name: str, size_bytes: int, *layers: str) -> ReleaseImage:
    return ReleaseImage(f"share/{name}:1", f"sha256:id-{name}", tuple(f"sha256:{each}" for each in layers), size_bytes)


def offer() -> Offer:
    """Two images of which one layer is the same: 100 travel as 20, and 40 as 10."""
    release = Release(
        "share",
        "1.0.0",
        {"db": image("db", 100 * MIB, "base", "db"), "web": image("web", 140 * MIB, "base", "web")},
        {"compose.yaml": ReleaseFile("sha256:file", 3 * MIB)},
    )
    base, config = blob("base-gz", 10 * MIB), blob("config", 0)
    images = {
        "db": ImageContent(config, (base, blob("db-gz", 10 * MIB))),
        "web": ImageContent(config, (base, blob("web-gz", 25 * MIB))),
    }
    return Offer(release, blob("files-gz", MIB), images)


def nothing_here(_: Blob) -> int:
    return 0


def test_files_stay_layers_come_image_by_image_and_a_shared_one_once() -> None:
    needs = needs_of(offer(), (), (), nothing_here, has_files=False)

    unpacked_db, unpacked_web = 100 * MIB * 115 // 100, 100 * MIB * 115 // 100  # 140 MiB times 25 / 35
    assert needs.state_bytes == (3 + 25) * MIB
    assert needs.engine_bytes == unpacked_db + unpacked_web + 25 * MIB
    assert needs.together_bytes == needs.state_bytes + needs.engine_bytes


def test_what_is_here_needs_no_room() -> None:
    assert needs_of(offer(), (), ("db", "web"), nothing_here, has_files=True) == Needs(0, 0, 0)
    fetched = needs_of(offer(), (), ("db",), lambda each: each.size_bytes, has_files=True)
    assert (fetched.state_bytes, fetched.engine_bytes > 100 * MIB) == (0, True)
    known = needs_of(offer(), ("sha256:base",), ("db",), nothing_here, has_files=True)
    assert known.state_bytes == 25 * MIB


def test_a_record_without_sizes_is_taken_for_what_travels() -> None:
    asked = offer()
    images = {
        name: image(name, 0, *(each[7:] for each in made.diff_ids)) for name, made in asked.release.services.items()
    }
    bare = Offer(Release("share", "1.0.0", images, {}), asked.files, asked.images)

    assert needs_of(bare, (), ("web",), nothing_here, has_files=True).engine_bytes == 20 * MIB * 115 // 100 + 20 * MIB


def test_two_places_of_one_file_system_count_together_also_where_one_is_seen_through_an_overlay(tmp_path: Path) -> None:
    needs = Needs(10, 20, 30)
    apart = {str(tmp_path): disk(1, 100), "/engine": disk(2, 200)}
    same = {str(tmp_path): disk(1, 100), "/engine": disk(1, 99)}
    overlay = {str(tmp_path): disk(1, 100), "/engine": disk(2, 100)}

    assert [(each.folder, each.needed_bytes) for each in rooms_of(needs, tmp_path, "/engine", apart.get)] == [
        (str(tmp_path), 10),
        ("/engine", 20),
    ]
    for disks in (same, overlay):
        assert [each.needed_bytes for each in rooms_of(needs, tmp_path, "/engine", disks.get)] == [30]


def test_an_engine_out_of_sight_is_not_judged(tmp_path: Path) -> None:
    def look(folder: str) -> FileSystem | None:
        if folder == "/engine":
            raise FileNotFoundError(folder)
        return disk(1, 100)

    for data_root in ("/engine", ""):
        (room,) = rooms_of(Needs(10, 20, 30), tmp_path / "not/there/yet", data_root, look)
        assert (room.needed_bytes, room.free_bytes) == (10, 100)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


async def test_a_pull_without_room_is_refused_with_numbers_before_anything_is_fetched(bench: Bench) -> None:
    await bench.make()
    bench.look = lambda folder: disk(1, 100_000) if folder == "/var/lib/docker" else disk(2, 10)
    with pytest.raises(PreconditionError, match=r"no room for share 1\.0\.0: \d+ B are needed and 10 B free at ") as no:
        await bench.pull()

    assert str(bench.library.blobs.parent) in no.value.message
    assert "/var/lib/docker" not in no.value.message
    assert "boxship box gc" in no.value.hint
    offer = await ReleaseSource(bench.layout).offer("1.0.0")
    blobs = [offer.files, *(each for content in offer.images.values() for each in content.blobs)]
    assert bench.layout.given.keys().isdisjoint(each.digest for each in blobs)
    assert not bench.library.ids()
    assert not [call for call in bench.engine.calls if call.startswith(("load", "tag", "remove"))]
    bench.look = lambda folder: disk(1, 10) if folder == "/var/lib/docker" else disk(2, 100_000)
    with pytest.raises(PreconditionError, match="10 B free at /var/lib/docker"):
        await bench.pull()


async def test_a_pull_of_what_is_here_asks_for_no_room(bench: Bench) -> None:
    await bench.make()
    await bench.pull()
    bench.look = lambda _: disk(1, 0)
    await bench.pull()


def weigh(state: Path) -> int:
    """What lies in a box's folder, but for records, which are small and whose size nobody tells."""
    files = [each for each in state.rglob("*") if each.is_file() and not each.is_symlink()]
    return sum(each.stat().st_size for each in files if each.name != "release.json" and each.parent.name != "records")


class Weighing(Flaky):
    """Weighs the box's folder each time something came."""

    def __init__(self, folder: Path, weighed: Path) -> None:
        super().__init__(folder)
        self._weighed = weighed
        self.most_bytes = 0

    async def blob(self, blob: Blob, *, start: int = 0) -> AsyncGenerator[bytes, None]:
        async with aclosing(super().blob(blob, start=start)) as chunks:
            async for chunk in chunks:
                yield chunk
                self.most_bytes = max(self.most_bytes, weigh(self._weighed))


@pytest.mark.parametrize("already", ["nothing", "a half", "an earlier release"])
async def test_what_lies_in_the_folder_of_state_is_never_more_than_was_asked_for(
    bench: Bench, tmp_path: Path, already: str
) -> None:
    await bench.make("0.9.0")
    made = await bench.make()
    if already == "an earlier release":
        await bench.pull("0.9.0")
    if already == "a half":
        bench.layout.breaks_after = 1500
        with pytest.raises(RegistryError, match="the line is dead"):
            await bench.pull()
    state = bench.library.blobs.parent
    had_bytes = weigh(state)
    bench.layout = Weighing(tmp_path / "usb", state)
    needs = needs_of(
        await ReleaseSource(bench.layout).offer("1.0.0"),
        await known_chains(bench.engine, "share"),
        await find_present(bench.engine, made),
        BlobShelf(bench.library.blobs).here_bytes,
        has_files=made.id in bench.library.ids(),
    )

    await bench.pull()

    assert bench.layout.most_bytes > 0
    assert bench.layout.most_bytes - had_bytes <= needs.state_bytes
