"""Work that a person may have enough of: what it gives, or the error that says it was cut off."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from boxship.errors import CancelledError
from boxship.execute.race import race

T = TypeVar("T")


async def unless_interrupted(work: Coroutine[Any, Any, T], interrupt: asyncio.Event, cut_off: CancelledError) -> T:
    """What the work gives; once ``interrupt`` is set it is cancelled and awaited. Raises: ``cut_off`` then."""
    async with race(work, interrupt.wait()) as (task, _):
        if not task.done():
            raise cut_off
        result: T = await task
        return result
