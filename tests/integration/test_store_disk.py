"""A box's memory on a disk that is full or can't be written to; a small file system in memory stands in for it."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from boxship.errors import HostError
from boxship.state.state import State
from boxship.store.opening import open_store
from boxship.store.sqlite import SqliteStore
from tests.fakes.clock import FakeClock

DISK_KIB = 512


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    argv = ["mount", "-t", "tmpfs", "-o", f"size={DISK_KIB}k,mode=700", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(argv, capture_output=True, check=False, timeout=10).returncode:
        pytest.skip("only root may mount a small disk")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True, timeout=10)


def fill(disk: Path) -> None:
    page = b"\0" * 4096
    with (disk / "ballast").open("wb", buffering=0) as stream, contextlib.suppress(OSError):
        while stream.write(page) == len(page):
            pass
    assert os.statvfs(disk).f_bavail == 0


def open_on(disk: Path) -> SqliteStore:
    return open_store(disk / "loader/state.db", FakeClock())


def save_until_refused(store: SqliteStore) -> tuple[State, HostError]:
    state = store.load().state
    for number in range(1000):
        try:
            state = store.save(State(state.revision, source=f"source {number}" * 100))
        except HostError as err:
            return state, err
    raise AssertionError("the disk never filled")


def test_on_a_disk_that_fills_what_was_acknowledged_stays_and_room_is_all_that_is_needed(disk: Path) -> None:
    store = open_on(disk)
    store.save(State(source="first"))
    fill(disk)
    state, err = save_until_refused(store)
    assert "no space left on the disk" in err.message
    assert "make room" in err.hint
    assert store.load().state == state
    store.close()

    # A Loader starts on the full disk all the same, and knows what it knew.
    store = open_on(disk)
    assert store.load() == (state, "")
    (disk / "ballast").unlink()
    assert store.save(state).revision == state.revision + 1
    assert store.trouble() == ""
    store.close()


def test_a_new_box_on_a_full_disk_is_told_so_and_begins_when_there_is_room(disk: Path) -> None:
    (disk / "loader").mkdir()
    fill(disk)
    with pytest.raises(HostError, match=r"[Nn]o space left"):
        open_on(disk)
    (disk / "ballast").unlink()
    store = open_on(disk)
    assert store.load() == (State(), "")
    store.close()


def test_a_damaged_file_on_a_full_disk_waits_for_room(disk: Path) -> None:
    store = open_on(disk)
    state = store.save(State(source="first"))
    store.close()
    path = disk / "loader/state.db"
    path.write_bytes(b"garbage" * 1000)
    fill(disk)
    with pytest.raises(HostError, match=r"[Nn]o space left"):
        open_on(disk)
    assert path.read_bytes() == b"garbage" * 1000
    (disk / "ballast").unlink()
    store = open_on(disk)
    assert store.load().state == state
    assert "its copy was taken" in store.load().warning
    store.close()


def test_a_read_only_disk_is_told(disk: Path) -> None:
    open_on(disk).close()
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True, timeout=10)
    with pytest.raises(HostError, match="Read-only file system") as refused:
        open_on(disk)
    assert "mounted read-only" in refused.value.hint
