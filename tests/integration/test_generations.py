"""Copying volumes on real file systems, from under real writers."""

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from boxship.clock import SystemClock
from boxship.errors import HostError
from boxship.execute.generations import How, VolumePair, discard, finish, free_bytes, needed_room, precopy
from boxship.host.volumes.room import can_share_blocks
from boxship.host.volumes.writers import Writers
from boxship.units import format_size
from tests.eventually import eventually
from tests.integration.loop_mounts import BTRFS, EXT4, KINDS, XFS, Kind, make_read_only, mounted
from tests.unit.execute.volumes import Disturber, copy, fill, lines_of, unheard

_WRITER = Path(__file__).with_name("mapping_writer.py")
_DEADLINE_S = 30


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    with mounted(request.param, tmp_path) as place:
        yield place


@contextmanager
def writing(mode: str, *paths: Path) -> Iterator[None]:
    """Has written when this begins, and has ended when it ends."""
    writer = subprocess.Popen(
        [sys.executable, "-I", "-S", _WRITER, mode, *paths], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"writes\n"
        yield
        assert writer.poll() is None
    finally:
        writer.communicate(timeout=_DEADLINE_S)


def leave_free(disk: Path, size_bytes: int) -> None:
    with (disk / "filler").open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, free_bytes(disk) - size_bytes)
        os.fsync(file.fileno())


def fill_up(disk: Path) -> None:
    with (disk / "filler").open("wb", buffering=0) as file:
        for size_bytes in (1_000_000, 4096):
            with contextlib.suppress(OSError):
                while file.write(bytes(size_bytes)):
                    os.fsync(file.fileno())


def wait_until_times_rest(files: list[Path]) -> None:
    """Every page is dirty by now: who writes it again leaves no trace."""
    eventually(
        lambda: all(file.stat().st_ctime < time.time() - 0.5 for file in files), "the times of what it writes rest"
    )


def sees_nothing() -> Writers:
    return Writers(frozenset(), frozenset(), is_complete=True)


async def test_one_of_everything_goes_over_exactly(disk: Path) -> None:
    fill(disk / "source")
    disturber = Disturber(disk / "source", 5)
    disturber.disturb(40)

    report = await copy(disk / "source", disk / "copy", meanwhile=lambda: disturber.disturb(30))

    assert lines_of(disk / "copy") == lines_of(disk / "source")
    assert report.volumes[0].how is (How.REFLINK if disk.name in {"xfs", "btrfs"} else How.COPY)
    assert (disk / "copy/sparse").stat().st_blocks < 1000


@pytest.mark.parametrize("mode", ["keep", "flip"])
async def test_what_is_written_through_mappings_is_in_the_copy(disk: Path, mode: str) -> None:
    source = disk / "source"
    source.mkdir()
    files = [source / f"mapped {number}" for number in range(4)]
    for file in files:
        file.write_bytes(bytes(1_000_000))
    for number in range(3):
        with writing(mode, *files):
            copying = await precopy([VolumePair("db", source, disk / f"copy {number}")], unheard, SystemClock())

        report = await finish(copying, unheard, SystemClock())

        assert lines_of(disk / f"copy {number}") == lines_of(source)
        assert mode == "flip" or report.volumes[0].final_files == len(files)


async def test_writes_through_mappings_that_leave_no_time_are_in_the_copy(tmp_path: Path) -> None:
    # On one file system the end of a pass makes mapped pages clean, and the next write leaves a time again. On two it
    # doesn't: with sees_nothing in the place of the look at /proc, every file of this copy differs.
    source = tmp_path / "source"
    source.mkdir()
    files = [source / f"mapped {number}" for number in range(4)]
    for file in files:
        file.write_bytes(bytes(1_000_000))
    with mounted(XFS, tmp_path) as disk:
        with writing("keep", *files):
            wait_until_times_rest(files)
            copying = await precopy([VolumePair("db", source, disk / "copy")], unheard, SystemClock())

        await finish(copying, unheard, SystemClock())

        assert lines_of(disk / "copy") == lines_of(source)


async def test_short_lived_mappings_are_found_by_time_alone(disk: Path) -> None:
    source = disk / "source"
    source.mkdir()
    files = [source / f"mapped {number}" for number in range(4)]
    for file in files:
        file.write_bytes(bytes(1_000_000))
    with writing("flip", *files):
        copying = await precopy([VolumePair("db", source, disk / "copy")], unheard, SystemClock(), look=sees_nothing)

    await finish(copying, unheard, SystemClock())

    assert lines_of(disk / "copy") == lines_of(source)


async def test_what_comes_goes_and_moves_meanwhile_is_as_it_ends(disk: Path) -> None:
    source = disk / "source"
    fill(source)
    disturber, is_over = Disturber(source, 11), threading.Event()

    def churn() -> None:
        while not is_over.is_set():
            disturber.disturb(1)

    for number in range(2):
        is_over.clear()
        writer = threading.Thread(target=churn)
        writer.start()
        try:
            copying = await precopy([VolumePair("data", source, disk / "copy")], unheard, SystemClock())
        finally:
            is_over.set()
            writer.join()

        await finish(copying, unheard, SystemClock())

        assert lines_of(disk / "copy") == lines_of(source), number


@pytest.mark.parametrize("kind", [EXT4, XFS, BTRFS], ids=lambda kind: kind.name)
async def test_a_full_disk_is_told_before_and_while_it_happens(kind: Kind, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for number in range(8):
        (source / f"file {number}").write_bytes(b"x" * 5_000_000)
    with mounted(kind, tmp_path) as disk:
        leave_free(disk, 20_000_000)
        pair = VolumePair("data", source, disk / "copy")

        room = (await needed_room([pair]))[0]
        with pytest.raises(HostError) as caught:
            await precopy([pair], unheard, SystemClock())

        assert not room.is_enough
        assert caught.value.message.startswith(f"no room for {disk}/copy/file ")
        assert " are free there, and " in caught.value.message
        assert caught.value.message.endswith(" are still to be copied")
        assert caught.value.hint
        discard(disk / "copy")
        assert [path.name for path in disk.glob("copy/*")] == []


@pytest.mark.parametrize("kind", [XFS, BTRFS], ids=lambda kind: kind.name)
async def test_shared_blocks_need_no_room(kind: Kind, tmp_path: Path) -> None:
    with mounted(kind, tmp_path) as disk:
        (disk / "source").mkdir()
        with (disk / "source/big").open("wb") as file:
            file.write(b"x" * 50_000_000)
            file.flush()
            os.fsync(file.fileno())
        free = free_bytes(disk)

        assert can_share_blocks(disk / "source", disk)
        # As before a switch: neither the copy's folder is there, nor the one around it.
        assert (await needed_room([VolumePair("data", disk / "source", disk / "b/_data")]))[0].needed_bytes < 10_000
        report = await copy(disk / "source", disk / "copy")

        assert free - free_bytes(disk) < 25_000_000
        assert report.volumes[0].how is How.REFLINK
        assert lines_of(disk / "copy") == lines_of(disk / "source")


async def test_on_a_disk_without_any_room_a_copy_is_refused_with_numbers_whether_blocks_could_be_shared_or_not(
    tmp_path: Path,
) -> None:
    with mounted(XFS, tmp_path) as disk:
        (disk / "source").mkdir()
        (disk / "source/big").write_bytes(b"x" * 5_000_000)
        fill_up(disk)

        (room,) = await needed_room([VolumePair("data", disk / "source", disk / "b/_data")])

        assert room.shortage == f"4.8 MiB are needed and {format_size(room.free_bytes)} free at {disk}"


async def test_volumes_on_several_disks_are_counted_apart(tmp_path: Path) -> None:
    fill(tmp_path / "source")
    with mounted(EXT4, tmp_path) as disk:
        pairs = [VolumePair("a", tmp_path / "source", disk / "a"), VolumePair("b", tmp_path / "source", tmp_path / "b")]

        rooms = await needed_room(pairs)
        copying = await precopy(pairs, unheard, SystemClock())
        report = await finish(copying, unheard, SystemClock())

        assert len(rooms) == 2
        assert [volume.key for volume in report.volumes] == ["a", "b"]
        assert lines_of(disk / "a") == lines_of(tmp_path / "b") == lines_of(tmp_path / "source")


async def test_access_lists_go_from_disk_to_disk_without_their_other_names(tmp_path: Path) -> None:
    with mounted(XFS, tmp_path) as xfs, mounted(EXT4, tmp_path) as ext4:
        fill(ext4 / "source")

        await copy(ext4 / "source", xfs / "copy")
        await copy(xfs / "copy", ext4 / "copy")

        assert lines_of(ext4 / "source") == lines_of(xfs / "copy") == lines_of(ext4 / "copy")
        assert not [name for name in os.listxattr(ext4 / "copy/deep") if "SGI" in name]


async def test_a_disk_that_is_read_only_is_told(tmp_path: Path) -> None:
    fill(tmp_path / "source")
    with mounted(EXT4, tmp_path) as disk:
        (disk / "copy").mkdir()
        make_read_only(disk)

        with pytest.raises(HostError, match="Read-only file system") as caught:
            await precopy([VolumePair("data", tmp_path / "source", disk / "copy")], unheard, SystemClock())

        assert "read-only" in caught.value.hint


async def test_a_file_system_that_tells_no_time_of_mapped_writes_is_compared_in_full(tmp_path: Path) -> None:
    tmpfs = Path("/dev/shm")
    source = tmpfs / f"bxtest-{tmp_path.name}"
    source.mkdir()
    try:
        (source / "mapped").write_bytes(bytes(1_000_000))
        with writing("keep", source / "mapped"):
            copying = await precopy(
                [VolumePair("db", source, tmp_path / "copy")], unheard, SystemClock(), look=sees_nothing
            )

        report = await finish(copying, unheard, SystemClock())

        assert lines_of(tmp_path / "copy") == lines_of(source)
        assert "compared" in report.volumes[0].note
    finally:
        discard(source)
        source.rmdir()
