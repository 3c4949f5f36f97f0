"""A lock between processes that the kernel takes back when its holder ends."""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self


class FileLock:
    """A lock on a file or a folder, given up when its holder ends, however it ends.

    A file is made if there is none; of a folder nothing is changed, and who may read it may lock it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = -1

    def try_acquire(self) -> bool:
        """Whether it is ours now."""
        how = os.O_RDONLY | os.O_DIRECTORY if self._path.is_dir() else os.O_RDWR | os.O_CREAT
        fd = os.open(self._path, how | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return False
        self._fd = fd
        return True

    def release(self) -> None:
        """Let the next one in."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.release()
