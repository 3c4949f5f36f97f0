"""What a copy remembers of one volume between its passes: how every file looked when it was read."""

import os
import struct

_pack = struct.Struct("=QqqqI").pack
"""With its place and its name a file takes 170 bytes (Python 3.11); a tuple of the numbers would take 300 more."""


def look_of(status: os.stat_result) -> bytes:
    """What tells that a file changed: inode, size, mode, when it was written, when anything of it changed."""
    return _pack(status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_mode)


class Memory:
    """Folder -> name -> look, as of the last pass; the folder's own is under the name "."."""

    def __init__(self) -> None:
        self.folders: dict[str, dict[str, bytes]] = {}
        self.later: dict[tuple[str, str], int] = {}
        """(Folder, name) -> the pass that copied it last; those of the first aren't in it."""

    def take(self, folder: str) -> dict[str, bytes]:
        """What is remembered of a folder, and forgotten by that: a pass that is cut off may have changed the copy."""
        return self.folders.pop(folder, {})

    def copied_in(self, folder: str, name: str) -> int:
        return self.later.get((folder, name), 0)

    @property
    def count(self) -> int:
        """Of entries, folders included."""
        return sum(map(len, self.folders.values()))
