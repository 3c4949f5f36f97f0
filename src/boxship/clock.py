"""Time as something that is handed in, so that deciding code never asks for it and tests own it."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What doing code may know about time."""

    def now(self) -> datetime:
        """The wall clock, aware UTC. May jump; only for showing and recording."""

    def monotonic_s(self) -> float:
        """Seconds that never go back; for deadlines."""

    async def sleep(self, delay_s: float) -> None:
        """Return after ``delay_s`` seconds of monotonic time."""


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic_s(self) -> float:
        return time.monotonic()

    async def sleep(self, delay_s: float) -> None:
        await asyncio.sleep(delay_s)
