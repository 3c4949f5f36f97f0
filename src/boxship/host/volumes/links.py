"""Several names of one file in a volume, so that the copy has them of one file too, and of no other."""

import os
from typing import NamedTuple

from boxship.host.volumes.folders import open_below

Identity = tuple[int, int]
"""Device and inode."""


class _First(NamedTuple):
    folder: str
    name: str
    inode: int


class Links:
    """Which file of the copy stands for which of the source, among those with several names. For one pass."""

    def __init__(self) -> None:
        self._firsts: dict[Identity, _First] = {}
        self._claims: dict[int, Identity] = {}

    def has(self, source: os.stat_result) -> bool:
        """Whether one of its names was met before."""
        return _identity(source) in self._firsts

    def is_in_place(self, source: os.stat_result, existing: os.stat_result | None) -> bool:
        """Whether what is there by the new name is that file already."""
        first = self._firsts[_identity(source)]
        return existing is not None and existing.st_ino == first.inode

    def is_taken(self, source: os.stat_result, existing: os.stat_result) -> bool:
        """Whether what is there stands for another file already: writing into it would change that one."""
        identity = _identity(source)
        return self._claims.get(existing.st_ino, identity) != identity

    def register(self, source: os.stat_result, folder: str, name: str, inode: int) -> None:
        """The first name of a file."""
        self._claims[inode] = _identity(source)
        if source.st_nlink > 1:
            self._firsts[_identity(source)] = _First(folder, name, inode)

    def link(self, source: os.stat_result, root: int, folder: int, name: str) -> None:
        """Give the file that was met before another name. Raises: OSError."""
        first = self._firsts[_identity(source)]
        there = open_below(root, first.folder)
        try:
            os.link(first.name, name, src_dir_fd=there, dst_dir_fd=folder, follow_symlinks=False)
        finally:
            os.close(there)


def _identity(status: os.stat_result) -> Identity:
    return status.st_dev, status.st_ino
