import errno
import mmap
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boxship.errors import HostError
from boxship.host.volumes.content import is_same_content, update_content
from boxship.host.volumes.doubts import Doubts
from boxship.host.volumes.faults import StoppedError, cannot
from boxship.host.volumes.kernel import Cloner
from boxship.host.volumes.memory import Memory
from boxship.host.volumes.mirror import Mirror, Watch
from boxship.host.volumes.mounts import file_system_type
from boxship.host.volumes.passes import Manner
from boxship.host.volumes.writers import Writers, look_for_writers

_SECOND_NS = 1_000_000_000


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(bytes(8192))
    return path


@pytest.fixture
def mapping(file: Path) -> Iterator[mmap.mmap]:
    with file.open("r+b") as opened, mmap.mmap(opened.fileno(), 0) as mapped:
        yield mapped


def unheard(count_bytes: int, count: int) -> None:
    """Nobody looks at it."""


def mirror(source: Path, destination: Path, *, is_quiet: bool = False, watch: Watch = unheard) -> Mirror:
    doubts = Doubts()
    return Mirror(
        source,
        destination,
        Memory(),
        doubts,
        Manner(doubts.begin_pass(), is_quiet=is_quiet),
        Cloner(),
        watch,
    )


def test_a_file_that_is_mapped_writable_is_found_after_it_was_closed(file: Path, mapping: mmap.mmap) -> None:
    found = look_for_writers()

    assert file.stat().st_ino in found.mapped


def test_a_file_that_is_open_for_writing_is_found_and_one_that_is_read_is_not(file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"")
    with file.open("ab"), other.open("rb"):
        found = look_for_writers()

    assert file.stat().st_ino in found.opened
    assert other.stat().st_ino not in found.opened
    assert file.stat().st_ino not in look_for_writers().opened


def test_a_process_that_cannot_be_looked_at_makes_the_look_incomplete(tmp_path: Path) -> None:
    (tmp_path / "77/fd").mkdir(parents=True)
    (tmp_path / "77/maps").write_bytes(
        b"7f00-7f01 rw-s 00000000 fd:01 4711 /data/x\n7f01-7f02 r--s 00000000 fd:01 4712 y\n"
    )
    assert look_for_writers(str(tmp_path), has_all=True) == Writers(frozenset({4711}), frozenset(), is_complete=True)
    assert not look_for_writers(str(tmp_path)).is_complete

    (tmp_path / "78").mkdir()
    (tmp_path / "78/fd").symlink_to("/proc/1/fd" if os.geteuid() else "/proc/self/no")

    assert look_for_writers(str(tmp_path), has_all=True).is_complete == (os.geteuid() == 0)


def test_what_is_younger_than_the_pass_is_doubtful(file: Path) -> None:
    doubts = Doubts()
    doubts.begin_pass()
    file.write_bytes(b"now")

    assert doubts.is_doubtful(file.stat(), 0)
    assert file.stat().st_ctime_ns >= doubts.quiet_before_ns


def aged(file: Path, age_ns: int) -> os.stat_result:
    """As if it had last changed so long ago."""
    values = file.stat()
    fields = {name: getattr(values, name) for name in dir(values) if name.startswith("st_")}
    fields["st_ctime_ns"] = values.st_ctime_ns - age_ns
    return os.stat_result(tuple(values), fields)


@pytest.mark.parametrize(
    ("age_s", "mapped", "opened", "is_doubtful"),
    [
        (5, False, False, False),
        (5, False, True, True),
        (5000, False, True, False),
        (5000, True, False, True),
    ],
)
def test_mapped_files_are_doubtful_and_open_ones_for_ten_minutes(
    file: Path, age_s: int, mapped: bool, opened: bool, is_doubtful: bool
) -> None:
    inode = frozenset({file.stat().st_ino})
    doubts = Doubts()
    doubts.begin_pass()

    doubts.settle(Writers(inode if mapped else frozenset(), inode if opened else frozenset(), is_complete=True))

    assert doubts.is_doubtful(aged(file, age_s * _SECOND_NS + 1), 0) is is_doubtful


def test_what_a_pass_read_without_seeing_all_is_doubtful_and_heals_with_the_next(file: Path) -> None:
    doubts = Doubts()
    old = aged(file, 5000 * _SECOND_NS)
    doubts.begin_pass()
    doubts.settle(Writers(frozenset(), frozenset(), is_complete=False))
    doubts.begin_pass()
    doubts.settle(Writers(frozenset(), frozenset(), is_complete=True))

    assert doubts.quiet_before_ns == 0
    assert doubts.is_doubtful(old, 0)
    assert not doubts.is_doubtful(old, 1)


def test_a_writer_who_was_not_stopped_is_an_error_where_it_shows(tmp_path: Path) -> None:
    source, destination = tmp_path / "source", tmp_path / "copy"
    source.mkdir()
    destination.mkdir()
    (source / "only").write_bytes(b"")

    def remove(count_bytes: int, count: int) -> None:
        (source / "only").unlink(missing_ok=True)

    with pytest.raises(HostError, match="changed while it was copied"):
        mirror(source, destination, is_quiet=True, watch=remove).run()
    (source / "only").write_bytes(b"")
    assert mirror(source, destination, watch=remove).run().gone == 1


def test_a_folder_that_becomes_a_link_meanwhile_leads_nowhere(tmp_path: Path) -> None:
    source, destination, secret = tmp_path / "source", tmp_path / "copy", tmp_path / "secret"
    (source / "folder/inner").mkdir(parents=True)
    (source / "file").write_bytes(b"mine")
    for folder in (destination, secret, secret / "inner"):
        folder.mkdir()
    (secret / "key").write_bytes(b"theirs")

    def swap(count_bytes: int, count: int) -> None:
        if not (source / "folder").is_symlink():
            (source / "folder").rename(tmp_path / "aside")
            (source / "folder").symlink_to(secret)
            (source / "file").unlink()
            (source / "file").symlink_to(secret / "key")

    assert mirror(source, destination, watch=swap).run().gone == 2
    assert list(destination.iterdir()) == []


def test_a_pipe_whose_place_a_file_takes_meanwhile_is_left_to_the_next_pass(tmp_path: Path) -> None:
    source, destination = tmp_path / "source", tmp_path / "copy"
    source.mkdir()
    destination.mkdir()
    os.mkfifo(source / "pipe")
    os.mkfifo(destination / "pipe")

    def swap(count_bytes: int, count: int) -> None:
        (source / "pipe").unlink(missing_ok=True)
        (source / "pipe").write_bytes(b"")
        os.setxattr(source / "pipe", "user.note", b"no pipe can have it")

    assert mirror(source, destination, watch=swap).run().gone == 1


@pytest.mark.parametrize("after", range(11))
def test_cut_off_anywhere_the_next_copy_is_whole(tmp_path: Path, after: int) -> None:
    source, destination = tmp_path / "source", tmp_path / "copy"
    (source / "a/b").mkdir(parents=True)
    destination.mkdir()
    for number in range(4):
        (source / f"{number}").write_bytes(b"x" * number)
        (source / f"a/b/{number}").write_bytes(b"x" * number)
    left = iter(range(after))

    def cut(count_bytes: int, count: int) -> None:
        if count and next(left, None) is None:
            raise StoppedError

    with pytest.raises(StoppedError):
        mirror(source, destination, watch=cut).run()
    (source / "0").unlink()
    mirror(source, destination).run()

    assert sorted(path.relative_to(destination) for path in destination.rglob("*")) == sorted(
        path.relative_to(source) for path in source.rglob("*")
    )
    assert (destination / "a/b/3").read_bytes() == b"xxx"


_PIECES = st.lists(st.tuples(st.integers(0, 40), st.binary(min_size=1, max_size=3)), max_size=6)


@given(_PIECES, _PIECES, st.integers(0, 200_000), st.integers(0, 200_000))
def test_any_content_becomes_any_other(
    tmp_path_factory: pytest.TempPathFactory,
    wanted: list[tuple[int, bytes]],
    found: list[tuple[int, bytes]],
    wanted_size: int,
    found_size: int,
) -> None:
    folder = tmp_path_factory.mktemp("content")
    _write_pieces(folder / "source", wanted, wanted_size)
    _write_pieces(folder / "copy", found, found_size)

    with (folder / "source").open("rb") as source, (folder / "copy").open("r+b") as copy:
        ends = source.fileno(), copy.fileno()
        update_content(*ends, os.fstat(ends[0]), Cloner(), lambda _: None)
        assert is_same_content(*ends, os.fstat(ends[0]), lambda _: None)

    assert (folder / "copy").read_bytes() == (folder / "source").read_bytes()
    assert (folder / "copy").stat().st_blocks <= max(
        (folder / "source").stat().st_blocks, (folder / "source").stat().st_size // 512 + 8
    )


def _write_pieces(path: Path, pieces: list[tuple[int, bytes]], size: int) -> None:
    with path.open("wb") as file:
        for block, data in pieces:
            file.seek(block * 4096 + 100)
            file.write(data)
        file.truncate(size)


def test_a_full_disk_says_what_is_free_and_what_is_needed(tmp_path: Path) -> None:
    error = cannot("write", str(tmp_path / "file"), OSError(errno.ENOSPC, "No space left on device"), 5 * 1024**2)

    assert error.message.startswith(f"no room for {tmp_path}/file (No space left on device); ")
    assert "are free there, and 5 MiB are still to be copied" in error.message
    assert error.hint


def test_a_name_that_is_not_utf_8_can_be_told() -> None:
    assert cannot("read", os.fsdecode(b"/x/\xff"), OSError(errno.EIO, "Input/output error")).message.startswith(
        "cannot read /x/\\xff: "
    )


def test_the_file_system_of_a_folder_is_that_of_the_last_mount_above_it(tmp_path: Path) -> None:
    table = tmp_path / "mountinfo"
    table.write_text(
        "1 0 8:1 / / rw - ext4 /dev/a rw\n"
        f"2 1 8:2 / {tmp_path.parent} rw shared:1 - xfs /dev/b rw\n"
        f"3 2 8:3 / {tmp_path}/with\\040space rw - tmpfs none rw\n"
        f"4 2 8:4 / {tmp_path}/with rw - btrfs none rw\n"
    )

    assert file_system_type(tmp_path / "x", table) == "xfs"
    assert file_system_type(tmp_path / "with space/x", table) == "tmpfs"
    assert file_system_type(Path("/"), table) == "ext4"
    assert file_system_type(Path("/"), tmp_path / "absent") == ""
