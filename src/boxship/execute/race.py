"""Several things at once of which the first one counts: an answer or a deadline, an end or a pause."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any


@asynccontextmanager
async def race(*runners: Awaitable[Any]) -> AsyncIterator[tuple[asyncio.Future[Any], ...]]:
    """Begin all of them; the body runs once the first has ended, and what still runs is cancelled behind it.

    Yields: a future for each, in order. Ask ``done()``, then await it for its result or its error.
    """
    futures = tuple(asyncio.ensure_future(each) for each in runners)
    try:
        await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
        yield futures
    finally:
        for each in futures:
            each.cancel()
        await asyncio.gather(*futures, return_exceptions=True)
