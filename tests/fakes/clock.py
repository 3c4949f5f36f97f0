"""Time that moves only when everybody waits for it."""

import asyncio
import heapq
import itertools
from datetime import UTC, datetime, timedelta

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


class FakeClock:
    """Implements ``Clock``: as soon as nothing else can run, time jumps to the next sleeper's end.

    Only for worlds of fakes: a task that waits for a real socket or process counts as "nothing else can run".
    """

    def __init__(self) -> None:
        self._now_s = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()
        self._is_pumping = False

    def now(self) -> datetime:
        return BEGIN + timedelta(seconds=self._now_s)

    def monotonic_s(self) -> float:
        return self._now_s

    async def sleep(self, delay_s: float) -> None:
        loop = asyncio.get_running_loop()
        sleeper: asyncio.Future[None] = loop.create_future()
        heapq.heappush(self._sleepers, (self._now_s + max(delay_s, 0.0), next(self._order), sleeper))
        if not self._is_pumping:
            self._is_pumping = True
            loop.call_soon(self._pump, loop)
        await sleeper

    def advance(self, seconds: float) -> None:
        """Let time pass; whoever's sleep ends meanwhile runs at the next chance."""
        end_s = self._now_s + seconds
        while self._sleepers and self._sleepers[0][0] <= end_s:
            self._wake_next()
        self._now_s = end_s

    def _pump(self, loop: asyncio.AbstractEventLoop) -> None:
        while self._sleepers and self._sleepers[0][2].done():
            heapq.heappop(self._sleepers)
        if not self._sleepers:
            self._is_pumping = False
            return
        # The loop has no public way to ask whether anything else is ready to run.
        if not loop._ready:  # type: ignore[attr-defined]
            self._wake_next()
        loop.call_soon(self._pump, loop)

    def _wake_next(self) -> None:
        wake_s, _, sleeper = heapq.heappop(self._sleepers)
        self._now_s = max(self._now_s, wake_s)
        if not sleeper.done():
            sleeper.set_result(None)
