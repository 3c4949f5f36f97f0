"""Going through a tree by descriptors of its folders: no path is too long, and no link leads out of it.

Every folder is opened by its name in the one above, never through a link, so somebody who swaps a folder for a link
meanwhile gains nothing. Only so many descriptors are open at once; one that was closed is opened again through ``..``,
and must be the folder that it was.
"""

import contextlib
import os
from pathlib import Path

from boxship.host.volumes.faults import GONE, GoneError

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_OPEN_AT_ONCE = 48
_PART_BYTES = 3000
"""Of a path that is opened in one go; the kernel takes 4,095."""


def open_quietly(name: str, flags: int, *, dir_fd: int | None = None) -> int:
    """Open for reading without leaving a time of access, where that is permitted (own files, or CAP_FOWNER)."""
    try:
        return os.open(name, flags | os.O_NOATIME, dir_fd=dir_fd)
    except PermissionError:
        return os.open(name, flags, dir_fd=dir_fd)


def open_root(path: Path) -> int:
    """A volume's own folder; links on the way to it are the host's and are followed. Raises: OSError."""
    return open_quietly(str(path), FOLDER & ~os.O_NOFOLLOW)


def open_below(root: int, path: str) -> int:
    """A folder below, whatever the length of its path. Only for trees that nobody else writes. Raises: OSError."""
    found, rest = os.dup(root), path
    while rest:
        part, rest = _split(rest)
        inner = os.open(part, FOLDER, dir_fd=found)
        os.close(found)
        found = inner
    return found


def _split(path: str) -> tuple[str, str]:
    if len(os.fsencode(path)) < _PART_BYTES:
        return path, ""
    cut = path.find("/", _PART_BYTES // 8)
    return (path, "") if cut < 0 else (path[:cut], path[cut + 1 :])


class _Level:
    __slots__ = ("fd", "identity", "name", "path")

    def __init__(self, name: str, path: str, fd: int) -> None:
        status = os.fstat(fd)
        self.name = name
        self.path = path
        self.fd = fd  # -1: closed for now
        self.identity = (status.st_dev, status.st_ino)


class Descent:
    """Where one is in a tree: the folders from its root down to the one at hand. Owns the root's descriptor."""

    def __init__(self, root: int) -> None:
        self.root = root
        self._levels = [_Level("", "", root)]

    @property
    def fd(self) -> int:
        return self._levels[-1].fd

    @property
    def path(self) -> str:
        """Of the folder at hand, from the root on; "" is the root."""
        return self._levels[-1].path

    @property
    def depth(self) -> int:
        return len(self._levels)

    def enter(self, name: str) -> None:
        """Go down. Raises: OSError, and then one is where one was."""
        fd = open_quietly(name, FOLDER, dir_fd=self.fd)
        path = f"{self.path}/{name}" if self.path else name
        self._levels.append(_Level(name, path, fd))
        old = len(self._levels) - 1 - _OPEN_AT_ONCE
        if old > 0:
            os.close(self._levels[old].fd)
            self._levels[old].fd = -1

    def leave(self) -> None:
        """Go up. Raises: GoneError when the folder above isn't where it was; one is there, but can't look at it."""
        left = self._levels.pop()
        above = self._levels[-1]
        try:
            if above.fd < 0:
                above.fd = self._reopen(left.fd, above)
        finally:
            if left.fd >= 0:
                os.close(left.fd)

    def close(self) -> None:
        """Close all that is open."""
        for level in self._levels:
            if level.fd >= 0:
                os.close(level.fd)
                level.fd = -1

    def _reopen(self, below: int, wanted: _Level) -> int:
        with contextlib.suppress(OSError):
            if below >= 0:
                found = open_quietly("..", FOLDER, dir_fd=below)
                if _identity(found) == wanted.identity:
                    return found
                os.close(found)
        return self._walk_to(wanted)

    def _walk_to(self, wanted: _Level) -> int:
        found = os.dup(self.root)
        try:
            for level in self._levels[1:]:
                inner = open_quietly(level.name, FOLDER, dir_fd=found)
                os.close(found)
                found = inner
        except OSError as err:
            os.close(found)
            if err.errno in GONE:
                raise GoneError(wanted.path) from err
            raise
        if _identity(found) == wanted.identity:
            return found
        os.close(found)
        raise GoneError(wanted.path)


def _identity(fd: int) -> tuple[int, int]:
    status = os.fstat(fd)
    return status.st_dev, status.st_ino
