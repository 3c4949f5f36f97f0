"""Services that say that they are still at work, and so put off the end of the wait for them.

What migrates data for an hour can't be told from what hangs, except by itself. Who is silent has the time that
everybody has; nobody has more than the appliance allows altogether.
"""

from msgspec import Struct

from boxship.clock import Clock

LONGEST_S = 3600.0
"""What one heartbeat may ask for: it tells of work that goes on, not of a plan."""


class _Beat(Struct, frozen=True):
    until_s: float
    limit_s: float


class Heartbeats:
    """Implements ``execute.deadlines.Deadlines``. Times are those of the monotonic clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._beats: dict[str, _Beat] = {}

    def beat(self, service: str, within_s: float, limit_s: float) -> None:
        """It is heard of again within so long. ``limit_s`` bounds the whole wait, from when that began."""
        self._beats[service] = _Beat(self._clock.monotonic_s() + within_s, limit_s)

    def until_s(self, service: str, began_s: float, within_s: float) -> float:
        planned_s = began_s + within_s
        beat = self._beats.get(service)
        if beat is None:
            return planned_s
        return max(planned_s, min(beat.until_s, began_s + beat.limit_s))
