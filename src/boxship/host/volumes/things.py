"""One thing of a volume put into the copy: a file, a link, a pipe, a socket, a device."""

import errno
import os
import stat
from typing import NamedTuple

from boxship.host.volumes.content import Tick, Written, copy_content, is_same_content, update_content
from boxship.host.volumes.dress import dress_named, dress_open, named
from boxship.host.volumes.faults import GONE, GoneError
from boxship.host.volumes.folders import open_quietly
from boxship.host.volumes.kernel import Cloner

# A pipe that took the file's place must not block, and a terminal must not become ours.
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_UPDATE = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
_CREATE = _UPDATE | os.O_CREAT | os.O_EXCL


class Put(NamedTuple):
    """``seen``: the file as it was before its first byte was read."""

    seen: os.stat_result
    written: Written


def put_file(
    source_folder: int,
    folder: int,
    name: str,
    status: os.stat_result,
    existing: os.stat_result | None,
    cloner: Cloner,
    tick: Tick,
    *,
    compares: bool,
) -> Put:
    """Make it, or bring it up to date when it exists. ``compares``: what was made is read back.

    Raises: GoneError when the source is another file by now; OSError.
    """
    source = _open_source(source_folder, name)
    try:
        seen = os.fstat(source)
        if (seen.st_dev, seen.st_ino) != (status.st_dev, status.st_ino) or not stat.S_ISREG(seen.st_mode):
            raise GoneError(name)
        destination = os.open(name, _UPDATE if existing else _CREATE, 0o600, dir_fd=folder)
        try:
            fill = update_content if existing else copy_content
            written = fill(source, destination, seen, cloner, tick)
            if compares and not existing and not written.is_shared:
                _compare(source, destination, seen, tick)
            dress_open(destination, seen, source)
        finally:
            os.close(destination)
    finally:
        os.close(source)
    return Put(seen, written)


def _open_source(folder: int, name: str) -> int:
    try:
        return open_quietly(name, _READ, dir_fd=folder)
    except OSError as err:
        if err.errno in GONE:
            raise GoneError(name) from err
        raise


def _compare(source: int, destination: int, status: os.stat_result, tick: Tick) -> None:
    if not is_same_content(source, destination, status, tick):
        raise OSError(errno.EIO, "what was written reads differently")


def put_other(
    source_folder: int, folder: int, name: str, status: os.stat_result, existing: os.stat_result | None
) -> None:
    """A link, pipe, socket or device; ``existing`` is of the same kind. A socket has nobody who listens.

    Raises: GoneError; OSError.
    """
    target = _read_link(source_folder, name) if stat.S_ISLNK(status.st_mode) else None
    if existing and not _is_same_thing(folder, name, status, existing, target):
        os.unlink(name, dir_fd=folder)
        existing = None
    if not existing:
        if target is not None:
            os.symlink(target, name, dir_fd=folder)
        else:
            os.mknod(name, stat.S_IFMT(status.st_mode) | 0o600, status.st_rdev, dir_fd=folder)
    try:
        dress_named(folder, name, status, named(source_folder, name))
    except OSError as err:
        # Its attributes are asked by name: those of a file that took its place may be none that a link can have.
        if not _is_still_there(source_folder, name, status):
            raise GoneError(name) from err
        raise


def _is_still_there(folder: int, name: str, status: os.stat_result) -> bool:
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return (found.st_dev, found.st_ino, found.st_ctime_ns) == (status.st_dev, status.st_ino, status.st_ctime_ns)


def _read_link(folder: int, name: str) -> str:
    try:
        return os.readlink(name, dir_fd=folder)
    except OSError as err:
        if err.errno in GONE or err.errno == errno.EINVAL:  # EINVAL: it is no link any more
            raise GoneError(name) from err
        raise


def _is_same_thing(
    folder: int, name: str, status: os.stat_result, existing: os.stat_result, target: str | None
) -> bool:
    if target is not None:
        return os.readlink(name, dir_fd=folder) == target
    return existing.st_rdev == status.st_rdev
