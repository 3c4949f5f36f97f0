"""The last lines that services write while they start: for whoever looks at a page and asks what takes so long.

They are read again and again, and only of services that are on their way, so that one that writes without end costs no
more than others, and a box at rest asks for nothing.
"""

import asyncio
import contextlib
from collections.abc import Collection

from boxship.engine.port import LogLine
from boxship.engine.streams import unix_time
from boxship.errors import BoxshipError
from boxship.events import Phase, SubjectChanged
from boxship.loader.happened import BoxEvent
from boxship.loader.journal import Journal
from boxship.loader.parts import Parts
from boxship.loader.view import SERVICE, TAIL_LINES, Line, Seen

FIRST_PAUSE_S, PAUSE_S = 0.25, 1.0
"""Doubled each time: many a service writes what matters in its first moments, and then as often as anybody reads."""
_COST_FACTOR = 5.0
"""Never more than a sixth of the time, however many services start at once."""
_AT_ONCE = 4
_MOVING = frozenset({Phase.STARTING, Phase.PROBING})


class Tails:
    """What it reads goes into ``seen``, without secrets."""

    def __init__(self, parts: Parts, journal: Journal, seen: Seen) -> None:
        self._parts = parts
        self._journal = journal
        self._seen = seen
        self._due: set[str] = set()
        """Of whom was heard since the last look, even if they are ready by now."""
        self._news = asyncio.Event()

    def hear(self, event: BoxEvent) -> None:
        """Every event of the box comes by here."""
        match event:
            case SubjectChanged(subject=subject, phase=phase) if subject.startswith(SERVICE) and phase in _MOVING:
                self._due.add(subject.removeprefix(SERVICE))
                self._news.set()
            case _:
                pass

    async def run(self) -> None:
        """For ever. Raises nothing: a log that can't be read is no reason for anything."""
        while True:
            await self._news.wait()
            self._news.clear()
            before: set[str] = set()
            pause_s = FIRST_PAUSE_S
            while names := self._due | self._moving() | before:
                before, self._due = self._due | self._moving(), set()
                began_s = self._parts.clock.monotonic_s()
                try:
                    await self._look(names)
                except BoxshipError:
                    # The engine is away: whoever starts anew afterwards is heard of.
                    break
                took_s = self._parts.clock.monotonic_s() - began_s
                await self._parts.clock.sleep(max(pause_s, _COST_FACTOR * took_s))
                pause_s = min(PAUSE_S, 2 * pause_s)

    def _moving(self) -> set[str]:
        return {name for name, service in self._seen.services.items() if service.phase in _MOVING}

    async def _look(self, names: Collection[str]) -> None:
        """Raises: EngineError when the engine can't be asked at all."""
        state = self._journal.state
        deployment = state.trial or state.current
        if deployment is None:
            return
        observed = await self._parts.engine.observe(())
        found = {
            each.replica: each.id
            for each in observed.containers_of(self._parts.appliance)
            if each.generation == deployment.generation and each.replica in names
        }
        turn = asyncio.Semaphore(_AT_ONCE)

        async def read(name: str, container_id: str) -> None:
            async with turn:
                with contextlib.suppress(BoxshipError):
                    self._seen.write(name, [self._line(name, each) for each in await self._tail(container_id)])

        await asyncio.gather(*(read(*each) for each in sorted(found.items())))

    async def _tail(self, container_id: str) -> list[LogLine]:
        lines = self._parts.engine.follow_logs(container_id, tail=TAIL_LINES, timestamps=True)
        async with contextlib.aclosing(lines):
            return [line async for line in lines]

    def _line(self, name: str, line: LogLine) -> Line:
        return Line(
            float(unix_time(line.at)) if line.at else 0.0, f"{name} | {self._parts.feed.masks.shown(line.text)}"
        )
