"""How much room a copy needs, and how much there is."""

import contextlib
import errno
import os
import stat
import tempfile
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

from boxship.host.volumes.content import allocated_bytes
from boxship.host.volumes.faults import GONE, GoneError, cannot
from boxship.host.volumes.folders import Descent, open_root
from boxship.host.volumes.kernel import Cloner
from boxship.units import format_size

_INODE_BYTES = 512
"""Of a file whose blocks are shared: its inode, and its share of folders and maps of blocks."""
_PROBE_BYTES = 64 * 1024


class Measure(Struct, frozen=True):
    """What a tree takes: blocks as allocated, so holes count nothing, and a file with several names counts once."""

    allocated_bytes: int = 0
    inodes: int = 0


class Room(Struct, frozen=True):
    """One file system that copies go to. ``free_inodes`` is None where they aren't counted (btrfs)."""

    folder: str
    needed_bytes: int
    free_bytes: int
    needed_inodes: int
    free_inodes: int | None

    @property
    def is_enough(self) -> bool:
        has_inodes = self.free_inodes is None or self.needed_inodes <= self.free_inodes
        return has_inodes and self.needed_bytes <= self.free_bytes

    @property
    def shortage(self) -> str:
        """What is lacking, for a sentence; "" when nothing is."""
        lacking = []
        if self.needed_bytes > self.free_bytes:
            lacking.append(f"{format_size(self.needed_bytes)} are needed and {format_size(self.free_bytes)} free")
        if self.free_inodes is not None and self.needed_inodes > self.free_inodes:
            lacking.append(f"{self.needed_inodes:,} inodes are needed and {self.free_inodes:,} free")
        return f"{', '.join(lacking)} at {self.folder}" if lacking else ""


def measure(path: Path) -> Measure:
    """Look at a whole tree. One that isn't there takes nothing; what slips away meanwhile doesn't count.

    Raises: HostError for what may not be looked at.
    """
    try:
        descent = Descent(open_root(path))
    except FileNotFoundError:
        return Measure()
    except OSError as err:
        raise cannot("look at", str(path), err) from err
    try:
        return _measure(descent)
    except OSError as err:
        raise cannot("look at", str(path / descent.path), err) from err
    finally:
        descent.close()


def _measure(descent: Descent) -> Measure:
    allocated, inodes, several = 0, 0, set[tuple[int, int]]()
    pending = [[""]]
    while pending:
        if not pending[-1]:
            pending.pop()
            if pending and descent.depth > 1:
                _leave(descent, pending)
            continue
        name = pending[-1].pop()
        if name and not _enter(descent, name):
            continue
        folders = list[str]()
        pending.append(folders)
        inodes += 1
        allocated += allocated_bytes(os.fstat(descent.fd))
        for status, found in _entries(descent.fd):
            if stat.S_ISDIR(status.st_mode):
                folders.append(found)
            elif status.st_nlink == 1 or (status.st_dev, status.st_ino) not in several:
                if status.st_nlink > 1:
                    several.add((status.st_dev, status.st_ino))
                inodes += 1
                allocated += allocated_bytes(status)
    return Measure(allocated, inodes)


def _entries(folder: int) -> Iterable[tuple[os.stat_result, str]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(FileNotFoundError):
                yield entry.stat(follow_symlinks=False), entry.name


def _enter(descent: Descent, name: str) -> bool:
    try:
        descent.enter(name)
    except OSError as err:
        if err.errno in GONE:
            return False
        raise
    return True


def _leave(descent: Descent, pending: list[list[str]]) -> None:
    try:
        descent.leave()
    except GoneError:
        pending[-1].clear()


def can_share_blocks(source: Path, destination: Path) -> bool:
    """Whether files can share blocks with their copies, found out by trying it with nameless files at the destination.

    Subvolumes of one btrfs look like several file systems and are answered with no, though the copy itself will find
    that they can; so is a disk that has no room for the try. Raises: HostError when nothing can be written there.
    """
    try:
        return source.stat().st_dev == destination.stat().st_dev and _try_to_share(destination)
    except OSError as err:
        # No room even for this: whoever asks how much is needed will say so with numbers.
        if err.errno in (errno.ENOSPC, errno.EDQUOT):
            return False
        raise cannot("write to", str(destination), err) from err


def _try_to_share(folder: Path) -> bool:
    # A name in the copy would be removed by the first pass; without a name nothing is left behind by a power cut.
    one = _open_nameless(folder)
    try:
        other = _open_nameless(folder)
        try:
            os.write(one, bytes(_PROBE_BYTES))
            return Cloner().clone(one, other)
        finally:
            os.close(other)
    finally:
        os.close(one)


def _open_nameless(folder: Path) -> int:
    try:
        return os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except (IsADirectoryError, NotImplementedError):
        fd, name = tempfile.mkstemp(prefix=".boxship-probe-", dir=folder)
        Path(name).unlink()
        return fd


def room_for(ways: Iterable[tuple[Path, Path]]) -> tuple[Room, ...]:
    """For each file system that is copied to, what all copies together need of it. Of (source, destination).

    What a destination holds already counts as done. One that isn't there yet will be on the file system of the nearest
    folder above it; what else that folder holds is nobody's copy, and isn't looked at.

    Raises: HostError.
    """
    needed: dict[int, list[int]] = {}
    folders: dict[int, Path] = {}
    for source, destination in ways:
        folder, device = _place_of(destination)
        size_bytes, inodes = _needed(source, destination, folder)
        folders.setdefault(device, folder)
        sums = needed.setdefault(device, [0, 0])
        sums[0] += size_bytes
        sums[1] += inodes
    return tuple(_room(folders[device], *sums) for device, sums in needed.items())


def _place_of(destination: Path) -> tuple[Path, int]:
    try:
        folder = next(each for each in (destination, *destination.absolute().parents) if each.exists())
        return folder, folder.stat().st_dev
    except OSError as err:
        raise cannot("look at", str(destination), err) from err


def _needed(source: Path, destination: Path, folder: Path) -> tuple[int, int]:
    wanted, there = measure(source), measure(destination)
    inodes = max(0, wanted.inodes - there.inodes)
    if wanted.inodes and can_share_blocks(source, folder):
        return inodes * _INODE_BYTES, inodes
    return max(0, wanted.allocated_bytes - there.allocated_bytes), inodes


def _room(folder: Path, needed_bytes: int, needed_inodes: int) -> Room:
    found = os.statvfs(folder)
    return Room(
        folder=str(folder),
        needed_bytes=needed_bytes,
        free_bytes=found.f_bavail * found.f_frsize,
        needed_inodes=needed_inodes,
        free_inodes=found.f_favail if found.f_files else None,
    )


def free_bytes(path: Path) -> int:
    """What an ordinary user may still write where the path is. Raises: HostError."""
    try:
        found = os.statvfs(path)
    except OSError as err:
        raise cannot("look at", str(path), err) from err
    return found.f_bavail * found.f_frsize
