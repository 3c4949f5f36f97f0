"""The bytes in which a tree and its copy differ, found out without haste and brought over at once.

The floor of a copy under writers: who knew them could leave out everything else. Nobody does without reading both
trees, which is why finding them is never timed. Only bytes, names and lengths go over, no owners or times.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from benchmarks.upgrades import changed_since, sync

BLOCK_BYTES = 4096
_CHUNK_BYTES = 256 * BLOCK_BYTES
_EVERY = 0


class Change(NamedTuple):
    """One file: the blocks at these offsets are other ones, and this is its whole length. None: it is gone."""

    path: str
    offsets: tuple[int, ...]
    size_bytes: int | None


def find_changes(source: Path, copy: Path) -> tuple[Change, ...]:
    """Of all files below ``source`` and ``copy``. One that goes away meanwhile may be in it or not."""
    names, copied = _files(source), _files(copy)
    changes = [Change(name, (), None) for name in sorted(copied - names)]
    for name in sorted(names):
        with suppress(FileNotFoundError):
            change = _compare(name, source / name, copy / name)
            if change.offsets or name not in copied or change.size_bytes != (copy / name).stat().st_size:
                changes.append(change)
    return tuple(changes)


def write_changes(source: Path, copy: Path, changes: tuple[Change, ...]) -> None:
    """Bring them over, to disk."""
    for change in changes:
        target = copy / change.path
        if change.size_bytes is None:
            target.unlink()
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        # One that went away since then is in the next changes.
        with suppress(FileNotFoundError), (source / change.path).open("rb") as read:
            fd = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC)
            try:
                for offset in change.offsets:
                    os.pwrite(fd, os.pread(read.fileno(), BLOCK_BYTES, offset), offset)
                os.ftruncate(fd, change.size_bytes)
            finally:
                os.close(fd)
    sync(copy)


def _files(folder: Path) -> set[str]:
    return {os.path.relpath(path, folder) for path in changed_since(folder, _EVERY) if not Path(path).is_symlink()}


def _compare(name: str, source: Path, copy: Path) -> Change:
    offsets = list[int]()
    with source.open("rb") as read, (copy if copy.exists() else Path(os.devnull)).open("rb") as known:
        at = 0
        while data := read.read(_CHUNK_BYTES):
            offsets += (at + offset for offset in _differing(data, known.read(_CHUNK_BYTES)))
            at += len(data)
    return Change(name, tuple(offsets), at)


def _differing(data: bytes, other: bytes) -> Iterator[int]:
    if data == other:
        return
    for offset in range(0, len(data), BLOCK_BYTES):
        end = offset + BLOCK_BYTES
        if data[offset:end] != other[offset:end]:
            yield offset
