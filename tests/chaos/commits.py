"""Commits of a SQLite database, counted from outside by who has nothing to do with it: in its log, frame by frame.

A frame of a write-ahead log says whether it ends a transaction, and carries the salt of the log's round. The kernel
tells of each write to the file (inotify), so nothing is asked of the program that writes, and no lock is taken.
Source: https://www.sqlite.org/fileformat2.html#the_write_ahead_log
"""

import ctypes
import os
import select
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.points import Counts, Way

_HEADER, _FRAME_HEADER = 32, 24
_IN_MODIFY, _IN_CREATE = 0x2, 0x100
_EVENTS_BYTES = 65536
_LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Log:
    """What a log holds. ``rest``: whether something follows the last commit."""

    salt: bytes = b""
    commits: int = 0
    rest: bool = False


def read_log(path: Path) -> Log:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return Log()
    if len(data) < _HEADER:
        return Log(rest=bool(data))
    (page_bytes,) = struct.unpack(">I", data[8:12])
    salt = data[16:24]
    commits, end, at = 0, _HEADER, _HEADER
    while at + _FRAME_HEADER <= len(data) and data[at + 8 : at + 16] == salt:
        (pages_after,) = struct.unpack(">I", data[at + 4 : at + 8])
        at += _FRAME_HEADER + page_bytes
        if at > len(data):
            break
        if pages_after:
            commits, end = commits + 1, at
    return Log(salt, commits, rest=at > end)


class Watch:
    """Counts the commits of the log at ``path``, in a thread of its own. Made by ``watch_commits``."""

    def __init__(self, path: Path, counts: Counts) -> None:
        self._path = path
        self._counts = counts
        self._fd = _LIBC.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        added = _LIBC.inotify_add_watch(self._fd, os.fsencode(path.parent), _IN_MODIFY | _IN_CREATE)
        assert self._fd >= 0, os.strerror(ctypes.get_errno())
        assert added >= 0, os.strerror(ctypes.get_errno())
        # What is in the log already was counted for somebody else.
        self._last = read_log(path)
        self._ending, self._end = os.pipe()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def close(self) -> None:
        os.write(self._end, b"x")
        self._thread.join()
        for fd in (self._fd, self._ending, self._end):
            os.close(fd)

    def _run(self) -> None:
        while True:
            ready, _, _ = select.select([self._fd, self._ending], [], [])
            if self._ending in ready:
                return
            os.read(self._fd, _EVENTS_BYTES)
            self._look()

    def _look(self) -> None:
        log = read_log(self._path)
        before = self._last.commits if log.salt == self._last.salt else 0
        self._last = log
        for _ in range(log.commits - before):
            number = self._counts.commit()
            # One that was seen only when it was whole was begun as well.
            self._counts.meet(number, Way.IN_COMMIT, Way.AFTER_COMMIT)
        if log.rest:
            self._counts.meet(self._counts.commits + 1, Way.IN_COMMIT)


@contextmanager
def watch_commits(database: Path, counts: Counts) -> Iterator[None]:
    """While it lasts, every commit of ``database`` is counted. Its folder must be there."""
    watch = Watch(database.with_name(database.name + "-wal"), counts)
    try:
        yield
    finally:
        watch.close()
