"""One at a time, between processes: waiting for a lock."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from boxship.host.filelock import FileLock

_POLL_S = 0.2


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
