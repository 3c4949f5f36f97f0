"""The last events of a box, numbered, for any number of readers who come, go, come back and may be slow.

Nobody who publishes ever waits: a reader who is slower than the ring is long finds a gap in the numbers. Nobody hears
of a secret: events are masked before anybody gets them.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from itertools import islice

from boxship.loader.box import Sequenced
from boxship.loader.happened import BoxEvent
from boxship.loader.masks import Masks

KEPT = 1000
"""About the events of booting a hundred services twice."""


class Ring:
    """Belongs to one event loop. ``now_s``: unix time."""

    def __init__(self, now_s: Callable[[], float], kept: int = KEPT) -> None:
        self.masks = Masks()
        self._now_s = now_s
        self._events: deque[Sequenced] = deque(maxlen=kept)
        self._next = 1
        self._news = asyncio.Event()
        self._taps: list[Callable[[BoxEvent], None]] = []

    def tap(self, hear: Callable[[BoxEvent], None]) -> None:
        """``hear`` gets every event at once, before anybody else; it must be short."""
        self._taps.append(hear)

    def publish(self, event: BoxEvent) -> None:
        """Mask it, number it, keep it, and wake everybody who waits."""
        event = self.masks.event(event)
        for hear in self._taps:
            hear(event)
        sequenced = Sequenced(self._next, self._now_s(), event)
        self._next += 1
        self._events.append(sequenced)
        self._news.set()
        self._news = asyncio.Event()

    def follow(self, after: int | None = None) -> AsyncGenerator[Sequenced, None]:
        """From the next one on, counted from this call, or all after that number, as far as they are still kept."""
        return self._follow(self._next - 1 if after is None else after)

    async def _follow(self, after: int) -> AsyncGenerator[Sequenced, None]:
        while True:
            news = self._news
            behind = self._next - 1 - after
            if behind <= 0:
                await news.wait()
                continue
            for event in self._newest(behind):
                after = event.number
                yield event

    def _newest(self, count: int) -> list[Sequenced]:
        skipped = max(0, len(self._events) - count)
        return list(islice(self._events, skipped, None))
