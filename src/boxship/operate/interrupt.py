"""Work that a person may have enough of: what it gives, or the error that says it was cut off."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from boxship.errors import CancelledError

T = TypeVar("T")


async def unless_interrupted(work: Coroutine[Any, Any, T], interrupt: asyncio.Event, cut_off: CancelledError) -> T:
    """What the work gives; once ``interrupt`` is set it is cancelled and awaited. Raises: ``cut_off`` then."""
    task = asyncio.ensure_future(work)
    stop = asyncio.ensure_future(interrupt.wait())
    try:
        await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise cut_off
        return await task
    finally:
        for each in (task, stop):
            each.cancel()
        await asyncio.gather(task, stop, return_exceptions=True)
