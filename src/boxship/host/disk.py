"""File systems of this host: how full the one is that holds a path."""

import os
import stat
from pathlib import Path

from msgspec import Struct


class FileSystem(Struct, frozen=True):
    """One file system. Sizes are what an ordinary user sees, as ``df`` shows them; 0 inodes: it doesn't count them."""

    mount_point: str
    device: int
    """Tells two file systems apart."""
    used_bytes: int
    free_bytes: int
    used_inodes: int = 0
    free_inodes: int = 0

    @property
    def total_bytes(self) -> int:
        return self.used_bytes + self.free_bytes

    @property
    def used_percent(self) -> float:
        return 100.0 * self.used_bytes / self.total_bytes if self.total_bytes else 0.0

    @property
    def inodes_percent(self) -> float:
        total = self.used_inodes + self.free_inodes
        return 100.0 * self.used_inodes / total if total else 0.0


def file_system_of(path: str) -> FileSystem | None:
    """The file system that holds a folder or file; None for a socket, and for one without room of its own (/proc).

    Raises: OSError when the path isn't there, or may not be looked at.
    """
    real = Path(path).resolve(strict=True)
    found, status = os.statvfs(real), real.stat()
    if found.f_blocks == 0 or not (stat.S_ISDIR(status.st_mode) or stat.S_ISREG(status.st_mode)):
        return None
    return FileSystem(
        mount_point=str(_mount_point(real, status.st_dev)),
        device=status.st_dev,
        used_bytes=(found.f_blocks - found.f_bfree) * found.f_frsize,
        free_bytes=found.f_bavail * found.f_frsize,
        used_inodes=found.f_files - found.f_ffree,
        free_inodes=found.f_favail,
    )


def _mount_point(path: Path, device: int) -> Path:
    """The highest folder above a path that is still on its device."""
    while path.parent != path and path.parent.stat().st_dev == device:
        path = path.parent
    return path
