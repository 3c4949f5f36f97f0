"""What a copy remembers of one volume between its passes: how every file looked when it was read."""

import os
import struct

_pack = struct.Struct("=QqqqI").pack
"""A tuple of the numbers would take four times as much, for each of a million files."""


def look_of(status: os.stat_result) -> bytes:
    """What tells that a file changed: inode, size, mode, when it was written, when anything of it changed."""
    return _pack(status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_mode)


class Memory:
    """Folder -> name -> look, as of the last pass; the folder's own is under the name "."."""

    def __init__(self) -> None:
        self.folders: dict[str, dict[str, bytes]] = {}
        self.later: dict[tuple[str, str], int] = {}
        """(Folder, name) -> the pass that copied it last; those of the first aren't in it."""

    def of(self, folder: str) -> dict[str, bytes]:
        return self.folders.get(folder, {})

    def copied_in(self, folder: str, name: str) -> int:
        return self.later.get((folder, name), 0)

    @property
    def count(self) -> int:
        """Of entries, folders included."""
        return sum(map(len, self.folders.values()))
