import asyncio
import os
import stat
import tempfile
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from boxship.clock import SystemClock
from boxship.errors import CancelledError, HostError
from boxship.execute.generations import (
    PreCopy,
    Room,
    VolumePair,
    discard,
    fingerprint,
    finish,
    needed_bytes,
    needed_room,
    precopy,
)
from boxship.host.volumes.room import can_share_blocks
from boxship.host.volumes.writers import Writers
from boxship.state.operation import Progress
from boxship.state.verify import Verify
from tests.unit.execute.volumes import Disturber, copy, fill, lines_of, unheard


@pytest.fixture
def source(tmp_path: Path) -> Path:
    fill(tmp_path / "source")
    return tmp_path / "source"


def content_of(path: str | Path) -> bytes:
    return Path(path).read_bytes()


def wait_until_a_while_old(file: Path) -> None:
    """One that has just been written is compared by every pass."""
    while time.time_ns() - file.stat().st_ctime_ns < 200_000_000:
        time.sleep(0.01)


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


@pytest.fixture
def destination(tmp_path: Path) -> Path:
    return tmp_path / "copy"


async def test_one_of_everything_goes_over_exactly(source: Path, destination: Path) -> None:
    before = lines_of(source)

    await copy(source, destination, verify=Verify.FULL)

    assert lines_of(destination) == before == lines_of(source)
    assert fingerprint(destination) == fingerprint(source)


async def test_holes_stay_holes(source: Path, destination: Path) -> None:
    await copy(source, destination)

    assert (destination / "sparse").stat().st_blocks <= (source / "sparse").stat().st_blocks + 8
    assert (destination / "sparse").stat().st_blocks < 1000


async def test_a_hole_that_was_made_later_is_made_in_the_copy(source: Path, destination: Path) -> None:
    (source / "sparse").write_bytes(b"x" * 4_000_000)

    def punch() -> None:
        os.truncate(source / "sparse", 0)
        os.truncate(source / "sparse", 4_000_000)

    await copy(source, destination, meanwhile=punch)

    assert lines_of(destination) == lines_of(source)
    assert (destination / "sparse").stat().st_blocks < 100


async def test_what_changed_between_the_passes_is_in_the_copy(source: Path, destination: Path) -> None:
    def change() -> None:
        (source / "plain").write_bytes(b"other text\n")
        (source / "empty").rmdir()
        (source / "empty").write_bytes(b"a file by now")
        (source / ".hidden").unlink()
        (source / ".hidden").mkdir()
        (source / ".hidden/in it").symlink_to("..")
        (source / "link").unlink()
        (source / "deep").rename(source / "deeper")
        (source / "setuid").chmod(0o700)
        os.removexattr(source / "plain", "user.note")

    report = await copy(source, destination, meanwhile=change)

    assert lines_of(destination) == lines_of(source)
    assert report.volumes[0].by_content + report.volumes[0].by_sharing == report.volumes[0].final_files


async def test_same_size_and_times_do_not_hide_a_change(source: Path, destination: Path) -> None:
    def change() -> None:
        status = (source / "plain").stat()
        with (source / "plain").open("r+b") as file:
            file.write(b"S")
        os.utime(source / "plain", ns=(status.st_atime_ns, status.st_mtime_ns))

    await copy(source, destination, meanwhile=change)

    assert (destination / "plain").read_bytes().startswith(b"Some")


async def test_a_copy_that_a_disk_spoiled_is_found_by_a_full_comparison_alone(source: Path, tmp_path: Path) -> None:
    def spoil(copy: Path) -> None:
        status = (copy / "plain").stat()
        with (copy / "plain").open("r+b") as file:
            file.write(b"S")
        os.utime(copy / "plain", ns=(status.st_atime_ns, status.st_mtime_ns))

    def look() -> Writers:
        return Writers(frozenset(), frozenset(), is_complete=True)

    wait_until_a_while_old(source / "plain")
    for verify in Verify:
        destination = tmp_path / verify
        copying = await precopy([VolumePair("data", source, destination)], unheard, SystemClock(), look=look)
        spoil(destination)
        if verify is Verify.TOUCHED:
            await finish(copying, unheard, SystemClock(), verify=verify)
            assert lines_of(destination) != lines_of(source)
            continue
        with pytest.raises(HostError, match=r"the copy of the volume data is not like its source: .* differs"):
            await finish(copying, unheard, SystemClock(), verify=verify)


async def test_only_blocks_that_differ_are_written(source: Path, destination: Path) -> None:
    big = source / "big"
    big.write_bytes(os.urandom(8_000_000))

    def change() -> None:
        with big.open("r+b") as file:
            file.seek(4_000_000)
            file.write(b"new")

    report = await copy(source, destination, meanwhile=change)

    assert (destination / "big").read_bytes() == big.read_bytes()
    assert report.volumes[0].final_bytes in {4096, 8192} or report.volumes[0].by_sharing


async def test_a_half_copy_is_gone_on_with_and_nothing_in_it_rises_from_the_dead(
    source: Path, destination: Path
) -> None:
    fill(destination)
    (destination / "deleted long ago").write_bytes(b"zombie")
    (destination / "empty/zombies").mkdir()
    (destination / "plain").write_bytes(b"half")
    (destination / "link").unlink()
    (destination / "link").mkdir()
    (destination / "setuid").unlink()
    (destination / "setuid").symlink_to("/etc/passwd")
    # Two names of one file here, two files there.
    (destination / "sparse").unlink()
    (destination / "sparse").hardlink_to(destination / ".hidden")
    passwd = content_of("/etc/passwd")

    await copy(source, destination)

    assert lines_of(destination) == lines_of(source)
    assert content_of("/etc/passwd") == passwd


async def test_what_others_put_into_the_copy_between_the_passes_goes(source: Path, destination: Path) -> None:
    await copy(source, destination, meanwhile=lambda: (destination / "empty/from an image").write_bytes(b""))

    assert lines_of(destination) == lines_of(source)


async def test_trees_deeper_than_a_path_may_be_long_go_over(tmp_path: Path) -> None:
    source, destination = tmp_path / "source", tmp_path / "copy"
    source.mkdir()
    fd = os.open(source, os.O_RDONLY)
    for number in range(120):
        os.mkdir("d" * 200, dir_fd=fd)
        inner = os.open("d" * 200, os.O_RDONLY, dir_fd=fd)
        os.close(os.open(f"file {number}", os.O_CREAT | os.O_WRONLY, dir_fd=inner))
        os.link(f"file {number}", "twin", src_dir_fd=inner, dst_dir_fd=inner)
        if number == 60:
            os.utime(inner, ns=(7, 7))
        os.close(fd)
        fd = inner
    os.close(fd)

    await copy(source, destination)

    assert lines_of(destination) == lines_of(source)
    assert len(lines_of(source)) == 1 + 3 * 120
    discard(source)
    discard(destination)
    assert names_in(source) == []


async def test_a_volume_is_left_by_no_link(source: Path, destination: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret/key").write_bytes(b"not theirs")
    (source / "way out").symlink_to(tmp_path / "secret")

    await copy(source, destination, meanwhile=lambda: (destination / "deep").rename(tmp_path / "aside"))
    discard(destination)

    assert content_of(tmp_path / "secret/key") == b"not theirs"


async def test_the_source_keeps_its_times_of_access(source: Path, destination: Path) -> None:
    os.utime(source / "plain", ns=(1, 2))
    os.utime(source / "deep", ns=(3, 4))

    await copy(source, destination, verify=Verify.FULL)

    assert (source / "plain").stat().st_atime_ns == 1
    assert (source / "deep").stat().st_atime_ns == 3


async def test_progress_never_goes_back_and_ends_with_all(source: Path, destination: Path) -> None:
    (source / "big").write_bytes(os.urandom(50_000_000))
    told: list[Progress] = []

    await precopy([VolumePair("data", source, destination)], told.append, SystemClock())

    done = [progress.done_bytes for progress in told]
    assert done == sorted(done)
    assert all(progress.done_bytes <= progress.total_bytes for progress in told)
    assert told[-1].total_bytes > 50_000_000
    assert told[-1].item == "data"


async def test_a_cancelled_copy_ends_between_two_files(source: Path, destination: Path) -> None:
    cancel = threading.Event()

    def stop(progress: Progress) -> None:
        cancel.set()

    with pytest.raises(CancelledError, match="was cancelled"):
        await precopy([VolumePair("data", source, destination)], stop, SystemClock(), cancel=cancel)

    discard(destination)
    assert names_in(destination) == []


async def test_a_task_that_is_cancelled_leaves_no_thread_at_work(source: Path, destination: Path) -> None:
    began = asyncio.Event()
    task = asyncio.ensure_future(
        precopy([VolumePair("data", source, destination)], lambda _: began.set(), SystemClock())
    )
    await began.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task

    discard(destination)
    assert names_in(destination) == []


async def test_a_copy_of_nothing_known_is_whole_too(source: Path) -> None:
    await finish(PreCopy([VolumePair("data", source / "deep", source / "empty")]), unheard, SystemClock())

    assert lines_of(source / "empty") == lines_of(source / "deep")


@pytest.mark.parametrize("place", ["source", "source/deep/copy", "."])
async def test_a_copy_into_its_source_is_refused(source: Path, tmp_path: Path, place: str) -> None:
    with pytest.raises(HostError, match="not apart from"):
        await precopy([VolumePair("data", source, tmp_path / place)], unheard, SystemClock())


async def test_what_cannot_be_made_is_told_with_its_path(source: Path) -> None:
    with pytest.raises(HostError, match="cannot make /proc/no/copy"):
        await precopy([VolumePair("data", source, Path("/proc/no/copy"))], unheard, SystemClock())


async def test_needed_room_counts_blocks_once_and_no_holes(source: Path, destination: Path, tmp_path: Path) -> None:
    pair = VolumePair("data", source, destination)
    room = (await needed_room([pair, VolumePair("other", source, tmp_path / "other")]))[0]

    needed = await needed_bytes([pair])

    assert needed < 1_000_000
    assert room.needed_bytes == 2 * needed
    assert room.free_bytes > 0
    await copy(source, destination)
    assert await needed_bytes([pair]) < 20_000


def written(folder: Path, sizes: list[int]) -> Path:
    """A volume with one file of each size."""
    folder.mkdir(parents=True)
    for number, size_bytes in enumerate(sizes):
        (folder / str(number)).write_bytes(b"x" * size_bytes)
    return folder


SIZES = st.lists(st.integers(0, 200_000), max_size=4)


@settings(max_examples=25)
@given(carried=st.lists(SIZES, min_size=1, max_size=3), others=st.lists(SIZES, max_size=2))
async def test_copies_beside_their_sources_need_what_all_sources_take_whatever_else_is_there(
    carried: list[list[int]], others: list[list[int]]
) -> None:
    with tempfile.TemporaryDirectory() as root:
        volumes = Path(root) / "volumes"
        for number, sizes in enumerate(others):
            written(volumes / f"other{number}/_data", sizes)
        sources = [written(volumes / f"v{number}.g1/_data", sizes) for number, sizes in enumerate(carried)]
        # As before a switch: the engine makes both folders of these only later.
        pairs = [VolumePair(str(each), each, volumes / f"v{n}.g2/_data") for n, each in enumerate(sources)]

        (room,) = await needed_room(pairs)

        there = [each for source in sources for each in (source, *source.iterdir())]
        assert room.folder == str(volumes)
        assert room.needed_inodes == len(there)
        if not can_share_blocks(volumes, volumes):
            assert room.needed_bytes == sum(each.stat().st_blocks * 512 for each in there)


@settings(max_examples=100)
@given(st.integers(0, 100), st.integers(0, 100), st.integers(0, 100), st.none() | st.integers(0, 100))
def test_a_room_names_what_is_lacking_and_only_that(
    needed_bytes: int, free_bytes: int, needed_inodes: int, free_inodes: int | None
) -> None:
    room = Room("/data", needed_bytes, free_bytes, needed_inodes, free_inodes)

    assert bool(room.shortage) is not room.is_enough
    assert ("B are needed" in room.shortage) is (needed_bytes > free_bytes)
    assert ("inodes are needed" in room.shortage) is (free_inodes is not None and needed_inodes > free_inodes)


async def test_room_where_nothing_is_yet_is_that_of_the_nearest_folder_above(source: Path) -> None:
    (room,) = await needed_room([VolumePair("data", source, source / "no/such/copy/_data")])

    assert room.folder == str(source)
    assert room.needed_bytes > 0


def test_discard_is_careful(source: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(source)

    discard(tmp_path / "absent")
    for wrong in (Path("/"), tmp_path / "link", source / "plain"):
        with pytest.raises(HostError, match="no folder that could be emptied"):
            discard(wrong)

    assert stat.S_ISFIFO((source / "pipe").lstat().st_mode)


def test_a_fingerprint_sees_what_others_overlook(source: Path) -> None:
    first = fingerprint(source)
    plain = source / "plain"
    status = plain.stat()

    os.utime(plain, ns=(0, status.st_mtime_ns + 1))
    assert fingerprint(source) != first
    os.utime(plain, ns=(0, status.st_mtime_ns))
    assert fingerprint(source) == first

    content = (source / "twin").read_bytes()
    (source / "twin").unlink()
    (source / "twin").write_bytes(content)
    assert fingerprint(source) != first


@settings(max_examples=12)
@given(st.integers(0, 2**32), st.integers(0, 60), st.integers(0, 40))
async def test_any_changes_between_the_passes_are_in_the_copy(
    tmp_path_factory: pytest.TempPathFactory, seed: int, before: int, between: int
) -> None:
    folder = tmp_path_factory.mktemp("volume")
    source = folder / "source"
    source.mkdir()
    disturber = Disturber(source, seed)
    disturber.disturb(before)

    await copy(source, folder / "copy", meanwhile=lambda: disturber.disturb(between))

    assert lines_of(folder / "copy") == lines_of(source)
    # Into what is there by now, with nothing remembered.
    disturber.disturb(between)
    await copy(source, folder / "copy", meanwhile=lambda: disturber.disturb(between))
    assert lines_of(folder / "copy") == lines_of(source)
