"""What several services wrote, as one stream: by time while it is history, as it comes while it is followed."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AsyncExitStack, aclosing
from heapq import heappop, heappush

from msgspec import Struct

from boxship.engine.port import Engine
from boxship.events import ServiceLog
from boxship.plan.observed import ObservedContainer

# A slow terminal makes the engine wait, instead of this process growing.
_QUEUE_LINES = 1000


class LogRequest(Struct, frozen=True):
    """Which lines. ``services`` empty: all. ``tail``: the last lines of each container, None for all.

    Among ``services`` may be one container of several: "web.2".

    ``since``/``until``: RFC 3339 or unix seconds, "" for no bound.
    """

    services: frozenset[str] = frozenset()
    follow: bool = False
    tail: int | None = None
    since: str = ""
    until: str = ""


async def merged_logs(engine: Engine, appliance: str, request: LogRequest) -> AsyncGenerator[ServiceLog, None]:
    """The lines of the appliance's containers, also of those that ended."""
    observed = await engine.observe(())
    streams = [
        _lines(engine, each, request)
        for each in observed.containers_of(appliance)
        if not request.services or not request.services.isdisjoint((each.service, each.replica))
    ]
    merged = _as_they_come(streams) if request.follow else _by_time(streams)
    async with aclosing(merged) as lines:
        async for line in lines:
            yield line


async def _lines(engine: Engine, container: ObservedContainer, request: LogRequest) -> AsyncGenerator[ServiceLog, None]:
    stream = engine.follow_logs(
        container.name,
        follow=request.follow,
        tail=request.tail,
        since=request.since,
        until=request.until,
        timestamps=True,
    )
    async with aclosing(stream) as lines:
        async for line in lines:
            yield ServiceLog(container.service, line.stream, line.text, line.at, container.number)


async def _by_time(streams: Sequence[AsyncGenerator[ServiceLog, None]]) -> AsyncGenerator[ServiceLog, None]:
    heap: list[tuple[str, int, ServiceLog]] = []
    async with AsyncExitStack() as stack:
        for number, stream in enumerate(streams):
            await _push_next(heap, number, await stack.enter_async_context(aclosing(stream)))
        while heap:
            _, number, line = heappop(heap)
            yield line
            await _push_next(heap, number, streams[number])


async def _push_next(heap: list[tuple[str, int, ServiceLog]], number: int, stream: AsyncIterator[ServiceLog]) -> None:
    line = await anext(stream, None)
    if line is not None:
        heappush(heap, (line.at, number, line))


async def _as_they_come(streams: Sequence[AsyncGenerator[ServiceLog, None]]) -> AsyncGenerator[ServiceLog, None]:
    queue: asyncio.Queue[ServiceLog | None] = asyncio.Queue(_QUEUE_LINES)
    is_read = True

    async def pump(stream: AsyncGenerator[ServiceLog, None]) -> None:
        async with aclosing(stream) as lines:
            async for line in lines:
                await queue.put(line)

    async def pump_all() -> None:
        # No TaskGroup: it would wrap the one error that the door knows how to tell.
        pumps = [asyncio.ensure_future(pump(stream)) for stream in streams]
        try:
            await asyncio.gather(*pumps)
        finally:
            for each in pumps:
                each.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            if is_read:
                await queue.put(None)

    pumping = asyncio.create_task(pump_all())
    try:
        while (line := await queue.get()) is not None:
            yield line
        await pumping
    finally:
        # Nobody makes room any more, so the end must not wait for its place in the queue.
        is_read = False
        pumping.cancel()
        await asyncio.gather(pumping, return_exceptions=True)
