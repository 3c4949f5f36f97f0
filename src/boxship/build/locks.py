"""One at a time, between processes: locks that the kernel takes back when their holder ends."""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

_POLL_S = 0.2


class FileLock:
    """A lock on a file, given up when its holder ends, however it ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = -1

    def try_acquire(self) -> bool:
        """Whether it is ours now."""
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
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


@asynccontextmanager
async def held(lock: FileLock, tell: Callable[[str], None]) -> AsyncIterator[None]:
    """Inside, the lock is ours. ``tell`` hears once when somebody else has it first."""
    with lock:
        if not lock.try_acquire():
            tell("another build is making this; waiting for it")
            await acquire(lock)
        yield


async def acquire(lock: FileLock) -> None:
    """Return once the lock is ours."""
    # Whoever holds it is at it for seconds to minutes.
    while not lock.try_acquire():  # noqa: ASYNC110  # flock can't be awaited
        await asyncio.sleep(_POLL_S)
