"""What an appliance's containers use: once, or as it changes."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import aclosing, suppress

from msgspec import Struct

from boxship.clock import Clock
from boxship.engine.port import ContainerStats, Engine
from boxship.errors import EngineNotFoundError
from boxship.plan.observed import ContainerState, ObservedContainer

LEAST_PAUSE_S = 0.25
"""Figures of many containers that come within this time are told together."""
_USES = frozenset({ContainerState.RUNNING, ContainerState.PAUSED})
_MATTERS = frozenset({"start", "die", "destroy", "pause", "unpause", "rename"})

Wants = Callable[[ObservedContainer], bool]


class Usage(Struct, frozen=True):
    """``stats`` None: it doesn't run, or nothing is known yet."""

    container: ObservedContainer
    stats: ContainerStats | None = None


async def usage_once(engine: Engine, appliance: str, wants: Wants) -> tuple[Usage, ...]:
    """One figure of each; all are asked side by side, as the engine takes one to two seconds for one."""
    found = await _wanted(engine, appliance, wants)
    stats = await asyncio.gather(*(_ask(engine, each) for each in found))
    return tuple(Usage(each, figure) for each, figure in zip(found, stats, strict=True))


async def _ask(engine: Engine, container: ObservedContainer) -> ContainerStats | None:
    if container.state not in _USES:
        return None
    with suppress(EngineNotFoundError):  # it was removed meanwhile
        async with aclosing(engine.follow_stats(container.id)) as told:
            return await anext(told, None)
    return None


async def _wanted(engine: Engine, appliance: str, wants: Wants) -> Sequence[ObservedContainer]:
    observed = await engine.observe(())
    mine = sorted(observed.containers_of(appliance), key=lambda each: (each.service, each.number))
    return [each for each in mine if wants(each)]


async def follow_usage(
    engine: Engine, appliance: str, wants: Wants, clock: Clock
) -> AsyncGenerator[tuple[Usage, ...], None]:
    """All of them whenever something has changed, the first time without figures. Never ends by itself."""
    following = _Following(engine, appliance, wants)
    try:
        while True:
            yield await following.snapshot()
            await clock.sleep(LEAST_PAUSE_S)
            await following.news()
    finally:
        await following.close()


class _Following:
    def __init__(self, engine: Engine, appliance: str, wants: Wants) -> None:
        self._engine = engine
        self._appliance = appliance
        self._wants = wants
        self._containers: Sequence[ObservedContainer] = ()
        self._stats: dict[str, ContainerStats] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._is_stale = True
        self._has_news = asyncio.Event()
        self._watching: asyncio.Task[None] | None = None

    async def snapshot(self) -> tuple[Usage, ...]:
        if self._watching is None:
            self._watching = self._begin(self._watch())
        if self._is_stale:
            self._is_stale = False
            self._containers = await _wanted(self._engine, self._appliance, self._wants)
            self._follow_those_that_run()
        return tuple(Usage(each, self._stats.get(each.id)) for each in self._containers)

    async def news(self) -> None:
        """Return once something is different. Raises: EngineError when the engine has failed."""
        await self._has_news.wait()
        self._has_news.clear()
        for task in (self._watching, *self._tasks.values()):
            if task is not None and task.done() and not task.cancelled():
                task.result()

    async def close(self) -> None:
        tasks = [*self._tasks.values(), *([self._watching] if self._watching is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _follow_those_that_run(self) -> None:
        running = {each.id for each in self._containers if each.state in _USES}
        for container_id in [each for each in self._tasks if each not in running]:
            self._tasks.pop(container_id).cancel()
            self._stats.pop(container_id, None)
        for container_id in running:
            task = self._tasks.get(container_id)
            if task is None or task.done():
                self._tasks[container_id] = self._begin(self._read(container_id))

    def _begin(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        task.add_done_callback(lambda _: self._has_news.set())
        return task

    async def _read(self, container_id: str) -> None:
        with suppress(EngineNotFoundError):
            async with aclosing(self._engine.follow_stats(container_id, follow=True)) as told:
                async for stats in told:
                    self._stats[container_id] = stats
                    self._has_news.set()

    async def _watch(self) -> None:
        async with aclosing(self._engine.follow_events(self._appliance)) as told:
            async for event in told:
                if event.action in _MATTERS:
                    self._is_stale = True
                    self._has_news.set()
