"""A whole tree as lines that are equal for equal trees, and their digest."""

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from boxship.host.volumes.dress import list_attributes, named, read_attribute
from boxship.host.volumes.faults import cannot, printable
from boxship.host.volumes.folders import Descent, open_quietly, open_root

_READ_BYTES = 1024 * 1024
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_EVERY_MODE = 0o7777
_NO_DEVICE = 0


def fingerprint(path: Path) -> str:
    """A sha256 over types, modes, owners, times of change (ns), attributes, links, and all bytes below a folder.

    Two names of one file are told from two equal files. Not in it: inodes, holes, times of access, sizes of folders.

    Raises: HostError for what can't be read.
    """
    digest = hashlib.sha256()
    for line in manifest(path):
        digest.update(line.encode("utf-8", "surrogateescape") + b"\0")
    return digest.hexdigest()


def manifest(path: Path) -> Iterator[str]:
    """Yield a line for the folder itself and each thing in it, in a fixed order. Raises: HostError."""
    try:
        descent = Descent(open_root(path))
        try:
            yield from _below(descent)
        finally:
            descent.close()
    except OSError as err:
        raise cannot("read", str(path), err) from err


def first_difference(one: Path, other: Path) -> str:
    """The first path at which two trees differ, as it is shown to people; "" when they are equal. Raises: HostError."""
    lines, others = manifest(one), manifest(other)
    for line in lines:
        if line != (found := next(others, "")):
            # What comes first is missing in the other one.
            return printable(min(filter(None, (line, found)), key=_path_of).partition("\0")[0])
    found = next(others, "")
    return printable(found.partition("\0")[0])


def _path_of(line: str) -> list[str]:
    return line.partition("\0")[0].split("/")


def _below(descent: Descent) -> Iterator[str]:
    first_names: dict[tuple[int, int], str] = {}
    status = os.fstat(descent.fd)
    yield _line(".", status, _attributes(descent.fd))
    pending = [_names(descent.fd)]
    while pending:
        if not pending[-1]:
            pending.pop()
            if pending:
                descent.leave()
            continue
        name = pending[-1].pop()
        path = f"{descent.path}/{name}" if descent.path else name
        status = os.stat(name, dir_fd=descent.fd, follow_symlinks=False)
        if stat.S_ISDIR(status.st_mode):
            descent.enter(name)
            yield _line(path, status, _attributes(descent.fd))
            pending.append(_names(descent.fd))
            continue
        first = first_names.setdefault((status.st_dev, status.st_ino), path) if status.st_nlink > 1 else path
        said = f"is {first}" if first != path else _said(descent.fd, name, status)
        yield _line(path, status, said)


def _names(folder: int) -> list[str]:
    return sorted(os.listdir(folder), reverse=True)


def _line(path: str, status: os.stat_result, said: str) -> str:
    device = status.st_rdev if stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode) else _NO_DEVICE
    mode = f"{stat.S_IFMT(status.st_mode):o} {status.st_mode & _EVERY_MODE:o}"
    return f"{path}\0{mode} {status.st_uid}:{status.st_gid} {status.st_mtime_ns} {device} {said}"


def _said(folder: int, name: str, status: os.stat_result) -> str:
    """What a thing holds: its bytes, where it leads to, its attributes."""
    if stat.S_ISREG(status.st_mode):
        fd = open_quietly(name, _FILE, dir_fd=folder)
        try:
            return f"{status.st_size} {_digest(fd)} {_attributes(fd)}"
        finally:
            os.close(fd)
    target = repr(os.readlink(name, dir_fd=folder)) if stat.S_ISLNK(status.st_mode) else ""
    return f"{target} {_attributes(named(folder, name))}"


def _attributes(target: int | str) -> str:
    found = {name: read_attribute(target, name) or b"" for name in sorted(list_attributes(target))}
    return " ".join(f"{name}={value.hex()}" for name, value in found.items())


def _digest(fd: int) -> str:
    digest = hashlib.sha256()
    while data := os.read(fd, _READ_BYTES):
        digest.update(data)
    return digest.hexdigest()
