"""The events of a box, numbered: whoever was away a moment asks for what came after the last one seen."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable

from boxship.clock import Clock
from boxship.loader.box import Sequenced
from boxship.loader.happened import BoxEvent

KEPT = 2_000
"""A boot of 20 services tells about 200."""


class Feed:
    """One writer, many readers. Nobody waits for a slow reader: it finds what is still kept, and goes on from there."""

    def __init__(self, clock: Clock, kept: int = KEPT) -> None:
        self._clock = clock
        self._events: deque[Sequenced] = deque(maxlen=kept)
        self._number = 0
        self._readers: set[asyncio.Event] = set()
        self._taps: list[Callable[[BoxEvent], None]] = []

    def tap(self, hear: Callable[[BoxEvent], None]) -> None:
        """``hear`` gets every event at once; it must be short."""
        self._taps.append(hear)

    def publish(self, event: BoxEvent) -> None:
        self._number += 1
        self._events.append(Sequenced(self._number, self._clock.now().timestamp(), event))
        for hear in self._taps:
            hear(event)
        for reader in self._readers:
            reader.set()

    @property
    def last_number(self) -> int:
        return self._number

    def after(self, number: int) -> list[Sequenced]:
        """What is still kept of all that came after that one."""
        if not self._events or number >= self._number:
            return []
        first = self._events[0].number
        return list(self._events)[max(0, number + 1 - first) :]

    async def follow(self, after: int | None = None) -> AsyncGenerator[Sequenced, None]:
        """From the next one on, or after that number. A number of the future is another Loader's: all is told."""
        seen = self._number if after is None else after if after <= self._number else 0
        woken = asyncio.Event()
        self._readers.add(woken)
        try:
            while True:
                for event in self.after(seen):
                    seen = event.number
                    yield event
                # What came while the reader was at work has set it again.
                if seen >= self._number:
                    await woken.wait()
                woken.clear()
        finally:
            self._readers.discard(woken)
