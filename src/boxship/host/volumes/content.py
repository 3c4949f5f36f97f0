"""The bytes of one file: copied, brought up to date, compared. Holes stay holes.

``destination`` is open for reading and writing and belongs to nobody else; ``source`` may be written meanwhile, and
then what was copied is not one moment's. Whoever calls finds that out.
"""

import errno
import os
from collections.abc import Callable, Iterator
from typing import NamedTuple

from boxship.host.volumes.kernel import Cloner, punch_hole

Tick = Callable[[int], None]
"""Told how many bytes were dealt with since; may raise to stop."""
_BLOCK_BYTES = 4096
_CHUNK_BYTES = 256 * 1024
"""Read and compared at once: fits a core's cache."""
_STRETCH_BYTES = 32 * 1024 * 1024
"""Copied by the kernel at once; between two of them the copy can be stopped."""
_SECTOR_BYTES = 512
"""What st_blocks counts in, whatever the file system's blocks are."""
_BY_HAND = frozenset({errno.EXDEV, errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS, errno.EBADF, errno.ETXTBSY})


class Written(NamedTuple):
    """What came of it. ``is_shared``: the blocks are the source's own, so there is nothing to compare."""

    written_bytes: int
    is_shared: bool


def copy_content(source: int, destination: int, status: os.stat_result, cloner: Cloner, tick: Tick) -> Written:
    """Fill a file that was just made. Raises: OSError."""
    if status.st_size == 0:
        return Written(0, is_shared=False)
    if cloner.clone(source, destination):
        os.ftruncate(destination, status.st_size)
        tick(allocated_bytes(status))
        return Written(status.st_size, is_shared=True)
    written = 0
    for start, end in _data_of(source, status):
        written += _copy_range(source, destination, start, end, tick)
    os.ftruncate(destination, status.st_size)
    return Written(written, is_shared=False)


def update_content(source: int, destination: int, status: os.stat_result, cloner: Cloner, tick: Tick) -> Written:
    """Make an existing file's bytes the source's. Only blocks that differ are written, and read back.

    Raises: OSError.
    """
    if status.st_size and cloner.clone(source, destination):
        os.ftruncate(destination, status.st_size)
        tick(allocated_bytes(status))
        return Written(status.st_size, is_shared=True)
    if os.fstat(destination).st_size != status.st_size:
        os.ftruncate(destination, status.st_size)
    written, position = 0, 0
    for start, end in _data_of(source, status):
        written += _empty_range(destination, position, start)
        written += _update_range(source, destination, start, end, tick)
        position = end
    written += _empty_range(destination, position, status.st_size)
    return Written(written, is_shared=False)


def is_same_content(source: int, destination: int, status: os.stat_result, tick: Tick) -> bool:
    """Compare all bytes; a hole of the source must be one in the destination, or read as zeros. Raises: OSError."""
    if os.fstat(destination).st_size != status.st_size:
        return False
    position = 0
    for start, end in (*_data_of(source, status), (status.st_size, status.st_size)):
        if not _reads_as_zeros(destination, position, start):
            return False
        for offset in range(start, end, _CHUNK_BYTES):
            length = min(_CHUNK_BYTES, end - offset)
            if os.pread(source, length, offset) != os.pread(destination, length, offset):
                return False
            tick(length)
        position = end
    return True


def allocated_bytes(status: os.stat_result) -> int:
    """What a file takes on disk, which is less than its size when it has holes, or is compressed."""
    return status.st_blocks * _SECTOR_BYTES


def _data_of(fd: int, status: os.stat_result) -> Iterator[tuple[int, int]]:
    """Begin and end of each stretch with data in it, in order."""
    size = status.st_size
    if allocated_bytes(status) >= size:
        if size:
            yield 0, size
        return
    yield from _data_between(fd, 0, size)


def _data_between(fd: int, start: int, end: int) -> Iterator[tuple[int, int]]:
    while start < end:
        try:
            found = os.lseek(fd, start, os.SEEK_DATA)
        except OSError as err:
            if err.errno == errno.ENXIO:
                return
            raise
        if found >= end:
            return
        stop = min(os.lseek(fd, found, os.SEEK_HOLE), end)
        yield found, stop
        start = stop


def _copy_range(source: int, destination: int, start: int, end: int, tick: Tick) -> int:
    offset = start
    while offset < end:
        length = min(_STRETCH_BYTES, end - offset)
        try:
            copied = os.copy_file_range(source, destination, length, offset, offset)
        except OSError as err:
            if err.errno not in _BY_HAND:
                raise
            copied = _copy_by_hand(source, destination, offset, length)
        if copied == 0:  # it has become shorter
            break
        offset += copied
        tick(copied)
    return offset - start


def _copy_by_hand(source: int, destination: int, offset: int, length: int) -> int:
    data = os.pread(source, min(length, _CHUNK_BYTES), offset)
    _write_all(destination, data, offset)
    return len(data)


def _write_all(fd: int, data: bytes, offset: int) -> None:
    rest = memoryview(data)
    while rest:
        written = os.pwrite(fd, rest, offset)
        rest, offset = rest[written:], offset + written


def _update_range(source: int, destination: int, start: int, end: int, tick: Tick) -> int:
    written = 0
    for offset in range(start, end, _CHUNK_BYTES):
        length = min(_CHUNK_BYTES, end - offset)
        wanted = os.pread(source, length, offset)
        found = os.pread(destination, length, offset)
        if wanted != found:
            written += _write_differing(destination, wanted, found, offset)
        tick(length)
    return written


def _write_differing(fd: int, wanted: bytes, found: bytes, offset: int) -> int:
    written = 0
    for at in range(0, len(wanted), _BLOCK_BYTES):
        block = wanted[at : at + _BLOCK_BYTES]
        if block != found[at : at + _BLOCK_BYTES]:
            _write_all(fd, block, offset + at)
            written += len(block)
    if os.pread(fd, len(wanted), offset) != wanted:
        raise OSError(errno.EIO, "what was written reads differently")
    return written


def _empty_range(fd: int, start: int, end: int) -> int:
    """Make it a hole where it isn't one; how many bytes that took away."""
    emptied = 0
    for found, stop in tuple(_data_between(fd, start, end)):
        punch_hole(fd, found, stop - found)
        emptied += stop - found
    return emptied


def _reads_as_zeros(fd: int, start: int, end: int) -> bool:
    for found, stop in _data_between(fd, start, end):
        for offset in range(found, stop, _CHUNK_BYTES):
            if os.pread(fd, min(_CHUNK_BYTES, stop - offset), offset).strip(b"\0"):
                return False
    return True
