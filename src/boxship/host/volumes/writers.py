"""Who could be writing which files right now: a look at all processes of this machine.

A file is known here by its inode's number alone: btrfs shows another device in ``maps`` than in ``stat``. Two files
with the same number in two file systems are taken for each other, which costs a comparison and hides nothing.
"""

import contextlib
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_PROC = "/proc"
_FIRST_PID_NAMESPACE = 0xEFFFFFFC
"""The inode of /proc/PID/ns/pid of the machine's own processes (Linux, PROC_PID_INIT_INO): from there all are seen."""
_SHARED_WRITABLE = re.compile(rb"^[0-9a-f]+-[0-9a-f]+ .w.s [0-9a-f]+ [0-9a-f]+:[0-9a-f]+ ([1-9][0-9]*) ", re.MULTILINE)
_INODE = re.compile(rb"^ino:\s*([0-9]+)", re.MULTILINE)
_IS_WRITABLE = 0o200
"""Of the mode that /proc shows for a descriptor's link."""
_NO_FILES = ("/dev/", "/proc/", "/sys/", "/memfd:")
_ROUNDS, _PAUSE_S = 10, 0.01
"""One that changes who it is, or begins a life in a sandbox, can't be looked at for a moment."""
_INIT = "1"
"""Hardened machines show it to nobody. It starts programs and writes no volume."""


class Writers(NamedTuple):
    """Inodes of files that are mapped shared and writable, and of those that are open for writing.

    ``is_complete``: everybody who could write was in sight.
    """

    mapped: frozenset[int]
    opened: frozenset[int]
    is_complete: bool


def look_for_writers(proc: str = _PROC, *, has_all: bool | None = None) -> Writers:
    """Who maps or holds a file from before this call until after it is found, also when it is handed to a child.

    Processes that begin meanwhile are looked at as well, for some rounds: to hide, a file would have to be handed on in
    each of them just before its holder is looked at. What io_uring holds without a descriptor, and descriptors on
    their way through a socket, can't be seen.

    ``has_all``: whether all who could write have their processes here; None: only if this is the machine's own process
    namespace. Who sees the processes of all containers, knows from the engine that these are all, and is sure that
    nobody outside writes, may say so.
    """
    mapped, opened, seen, hidden = set[int](), set[int](), {_INIT}, set[str]()
    for number in range(_ROUNDS):
        if number and hidden:
            time.sleep(_PAUSE_S)
        present = {name for name in os.listdir(proc) if name.isdecimal()}  # noqa: PTH208  # hundreds of Paths
        hidden = {name for name in hidden & present if not _look_at(f"{proc}/{name}", mapped, opened)}
        fresh = present - seen
        hidden |= {name for name in fresh if not _look_at(f"{proc}/{name}", mapped, opened)}
        seen |= present
        if not fresh and not hidden:
            break
    _look_at(f"{proc}/{_INIT}", mapped, opened)
    is_complete = not hidden and (_sees_all(proc) if has_all is None else has_all)
    return Writers(frozenset(mapped), frozenset(opened), is_complete)


def _sees_all(proc: str) -> bool:
    try:
        return os.stat(f"{proc}/self/ns/pid").st_ino == _FIRST_PID_NAMESPACE  # noqa: PTH116  # a magic link
    except OSError:
        return False


def _look_at(process: str, mapped: set[int], opened: set[int]) -> bool:
    """Whether it could be looked at; one that has ended meanwhile writes nothing any more."""
    try:
        # Descriptors first: a file that is mapped and closed in between is found as mapped.
        opened.update(_opened_by(process))
        mapped.update(map(int, _SHARED_WRITABLE.findall(Path(process, "maps").read_bytes())))
    except PermissionError:
        return False
    except (FileNotFoundError, ProcessLookupError):
        pass
    return True


def _opened_by(process: str) -> Iterator[int]:
    for number in os.listdir(f"{process}/fd"):  # noqa: PTH208  # thousands of Paths
        link = f"{process}/fd/{number}"
        with contextlib.suppress(FileNotFoundError):
            if not os.lstat(link).st_mode & _IS_WRITABLE:
                continue
            target = os.readlink(link)  # noqa: PTH115  # thousands of Paths
            if target.startswith("/") and not target.startswith(_NO_FILES):
                yield _inode(process, number)


def _inode(process: str, number: str) -> int:
    # Linux 5.14 and later say it without asking the file system, which may hang.
    found = _INODE.search(Path(process, "fdinfo", number).read_bytes())
    return int(found[1]) if found else os.stat(f"{process}/fd/{number}").st_ino  # noqa: PTH116  # a magic link
