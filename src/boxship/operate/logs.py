"""Several services' lines as one stream, by time, and on into the containers that replace those that were there.

Each container is read by a task of its own into a short queue; whoever prints takes the earliest of the first lines.
As a line of another container may still be on its way, the earliest waits for ``WINDOW_S``, unless every container
that is being read has a line to compare with. A container's own lines never change their order.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from heapq import heappop, heappush

from msgspec import Struct, field

from boxship.clock import Clock
from boxship.engine.port import Engine
from boxship.engine.streams import unix_time
from boxship.errors import EngineError, EngineNotFoundError
from boxship.events import ServiceLog
from boxship.execute.race import race
from boxship.names import replica_name
from boxship.plan.observed import ContainerState, ObservedContainer

WINDOW_S = 0.1
"""How long a line waits for earlier ones of others: the engine passes lines on within a few hundredths of a second."""
COMEBACK_S = 2.0
"""How long after the last one's end a restart or a replacement is waited for, before there is nothing to follow."""
# A slow terminal makes the engine wait, instead of this process growing.
_QUEUE_LINES = 1000
_UNREADABLE = "does not support reading"
"""The engine's words about a logging driver that sends lines away and keeps none."""
_MAY_WRITE = frozenset({ContainerState.RUNNING, ContainerState.RESTARTING, ContainerState.PAUSED})


class LogRequest(Struct, frozen=True):
    """Which lines. ``services`` empty: all. ``tail``: the last lines of each container, None for all.

    Among ``services`` may be one container of several: "web.2". ``number``: only each service's so many-th container.
    ``generation``: on a box, only that one's containers.

    ``since``/``until``: RFC 3339 or unix seconds, "" for no bound. ``matches``: what else a line's text has to be;
    the tail is cut before.
    """

    services: frozenset[str] = frozenset()
    follow: bool = False
    tail: int | None = None
    since: str = ""
    until: str = ""
    number: int | None = None
    generation: int | None = None
    matches: Callable[[str], bool] | None = None

    def wants(self, service: str, number: int, generation: int = 0) -> bool:
        """Whether a container with that place is asked for."""
        if self.number not in (None, number) or self.generation not in (None, generation):
            return False
        return not self.services or not self.services.isdisjoint((service, replica_name(service, number)))


async def merged_logs(
    engine: Engine, appliance: str, request: LogRequest, clock: Clock
) -> AsyncGenerator[ServiceLog, None]:
    """The lines of the appliance's containers, also of those that ended.

    Following ends at ``request.until``, or when every container has ended or is gone, and none came back within
    ``COMEBACK_S``.
    """
    reading = _Reading(engine, appliance, request, clock)
    try:
        async with aclosing(reading.lines()) as lines:
            async for line in lines:
                yield line
    finally:
        await reading.close()


class _Source(Struct, eq=False):
    """One container that is read, run after run."""

    service: str
    number: int
    container_id: str
    task: asyncio.Task[None] | None = None
    waiting: deque[tuple[str, float, ServiceLog]] = field(default_factory=deque)
    """(what it is sorted by, when it came, the line), oldest first."""
    has_room: asyncio.Event = field(default_factory=asyncio.Event)
    last_at: str = ""
    """The time of the last line that came: from there a next run is read on."""
    has_more: bool = False
    """It was started again before the stream of its run had ended."""

    @property
    def is_read(self) -> bool:
        return self.task is not None and not self.task.done()


class _Merge:
    """The lines that have come and not gone: which is the earliest, and may it go yet?"""

    def __init__(self, *, is_bounded: bool) -> None:
        self._is_bounded = is_bounded
        self._firsts: list[tuple[str, int, _Source]] = []
        self._turn = 0
        self._silent: set[str] = set()
        """The containers that are read and have no line here."""
        self._full: set[str] = set()

    def begin(self, source: _Source) -> None:
        source.has_room.set()
        if not source.waiting:
            self._silent.add(source.container_id)

    def end(self, source: _Source) -> None:
        self._silent.discard(source.container_id)

    def put(self, source: _Source, line: ServiceLog, now_s: float) -> None:
        # The clock may have been set back: what came later stays later.
        source.last_at = max(source.last_at, line.at)
        source.waiting.append((source.last_at, now_s, line))
        if len(source.waiting) == 1:
            self._silent.discard(source.container_id)
            self._push(source)
        if len(source.waiting) >= _QUEUE_LINES:
            source.has_room.clear()
            self._full.add(source.container_id)

    def take(self) -> ServiceLog:
        _, _, source = heappop(self._firsts)
        _, _, line = source.waiting.popleft()
        if source.waiting:
            self._push(source)
        elif source.is_read:
            self._silent.add(source.container_id)
        source.has_room.set()
        self._full.discard(source.container_id)
        return line

    def _push(self, source: _Source) -> None:
        self._turn += 1
        heappush(self._firsts, (source.waiting[0][0], self._turn, source))

    @property
    def is_empty(self) -> bool:
        return not self._firsts

    def held_s(self, now_s: float) -> float | None:
        """For how long the earliest must wait for others; None: until one has come, or can't come any more."""
        if not self._silent:
            return 0.0
        if not self._is_bounded:
            return None
        if self._full:
            return 0.0
        return max(0.0, min(source.waiting[0][1] for _, _, source in self._firsts) + WINDOW_S - now_s)


class _Reading:
    """All that is read for one request."""

    def __init__(self, engine: Engine, appliance: str, request: LogRequest, clock: Clock) -> None:
        self._engine = engine
        self._appliance = appliance
        self._request = request
        self._clock = clock
        self._began_s = clock.now().timestamp()
        self._merge = _Merge(is_bounded=request.follow)
        self._sources: dict[str, _Source] = {}
        self._has_news = asyncio.Event()
        self._aside: list[asyncio.Task[None]] = []
        self._may_come_back = False
        self._is_over = False
        self._failed: asyncio.Task[None] | None = None
        self._unreadable: set[str] = set()

    async def lines(self) -> AsyncGenerator[ServiceLog, None]:
        if self._request.follow:
            # From before the look at what is there, so that nothing starts between the two unseen.
            self._aside = [asyncio.create_task(each) for each in (self._watch_starts(), self._wait_for_until())]
            for task in self._aside:
                task.add_done_callback(self._hear_end)
        for each in await self._wanted():
            self._may_come_back = self._may_come_back or (self._request.follow and each.state in _MAY_WRITE)
            self._read(_Source(each.service, each.number, each.id), self._request.since, self._request.tail)
        while True:
            if self._failed is not None:
                await self._failed
            if self._merge.is_empty:
                if self._is_over or not (self._is_open() or await self._comes_back()):
                    return
                await self._wait(None)
            elif (held_s := self._merge.held_s(self._clock.monotonic_s())) == 0:
                yield self._merge.take()
            else:
                await self._wait(held_s)

    async def close(self) -> None:
        tasks = [*self._aside, *(source.task for source in self._sources.values() if source.task is not None)]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _wanted(self) -> list[ObservedContainer]:
        observed = await self._engine.observe(())
        mine = observed.containers_of(self._appliance)
        return [each for each in mine if self._request.wants(each.service, each.number, each.generation)]

    async def _wait(self, limit_s: float | None) -> None:
        """Until something has happened."""
        self._has_news.clear()
        if limit_s is None:
            await self._has_news.wait()
            return
        async with race(self._has_news.wait(), self._clock.sleep(limit_s)):
            pass

    def _hear_end(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            self._failed = task
        self._has_news.set()

    def _is_open(self) -> bool:
        return any(source.is_read for source in self._sources.values())

    def _read(self, source: _Source, since: str, tail: int | None) -> None:
        self._sources[source.container_id] = source
        self._merge.begin(source)
        source.task = asyncio.create_task(self._pump(source, since, tail))
        source.task.add_done_callback(lambda task: self._end_run(source, task))

    async def _pump(self, source: _Source, since: str, tail: int | None) -> None:
        try:
            await self._pump_run(source, since, tail)
        except EngineNotFoundError:
            return  # it was removed meanwhile
        except EngineError as error:
            if _UNREADABLE not in error.message:
                raise
            # The others' lines are worth showing all the same.
            self._unreadable.add(source.container_id)
            text = "(its log can't be read: its logging driver keeps nothing on this machine)"
            told = ServiceLog(source.service, "stderr", text, "", source.number)
            self._merge.put(source, told, self._clock.monotonic_s())

    async def _pump_run(self, source: _Source, since: str, tail: int | None) -> None:
        request = self._request
        # Of a run before: the engine's bound lets the last line through once more.
        shown_at = source.last_at
        # By id, as the plan may just give it its final name.
        stream = self._engine.follow_logs(
            source.container_id, follow=request.follow, tail=tail, since=since, until=request.until, timestamps=True
        )
        async with aclosing(stream) as lines:
            async for line in lines:
                if line.at <= shown_at:
                    continue
                if request.matches is not None and not request.matches(line.text):
                    source.last_at = max(source.last_at, line.at)
                    continue
                await source.has_room.wait()
                told = ServiceLog(source.service, line.stream, line.text, line.at, source.number)
                self._merge.put(source, told, self._clock.monotonic_s())
                self._has_news.set()

    def _end_run(self, source: _Source, task: asyncio.Task[None]) -> None:
        self._hear_end(task)
        self._merge.end(source)
        if source.has_more and not task.cancelled():
            self._read_on(source)

    async def _watch_starts(self) -> None:
        """Read on where a container starts again, and where another takes a place that is asked for."""
        async with aclosing(self._engine.follow_events(self._appliance, since_s=self._began_s)) as told:
            async for event in told:
                is_wanted = self._request.wants(event.service, event.number, event.generation)
                if event.action != "start" or not is_wanted:
                    continue
                self._may_come_back = True
                source = self._sources.get(event.container_id)
                if source is None:
                    self._read(_Source(event.service, event.number, event.container_id), self._request.since, None)
                elif source.is_read:
                    source.has_more = True
                else:
                    self._read_on(source)
                self._has_news.set()

    def _read_on(self, source: _Source) -> None:
        source.has_more = False
        since = self._request.since if self._request.tail is None else f"{self._began_s:.9f}"
        self._read(source, source.last_at or since, None)

    async def _wait_for_until(self) -> None:
        """[M] Docker 20.10 notices that the time has come at the next line, which may never be written."""
        if self._request.until:
            left_s = float(unix_time(self._request.until)) - self._clock.now().timestamp()
            await self._clock.sleep(max(0.0, left_s) + WINDOW_S)
            self._is_over = True
            self._has_news.set()

    async def _comes_back(self) -> bool:
        """Nothing is read any more: does one start again, or another in its place?"""
        while self._may_come_back and (wanted := await self._wanted()):
            await self._wait(COMEBACK_S)
            if self._is_open() or self._is_over or not self._merge.is_empty:
                return True
            if not any(each.state in _MAY_WRITE and each.id not in self._unreadable for each in wanted):
                return False
        return False
