"""What comes again and again is written down now and then: the audit keeps so many entries, and others matter more."""

from boxship.clock import Clock

EVERY_S = 3600.0
_MOST = 500
"""Callers remembered. Beyond, the one that was written down first is forgotten, and so is written down once more."""


class Sparing:
    """Which of those that are alike are written down: the first, and one an hour from then on."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._written_s: dict[tuple[str, ...], float] = {}

    def is_due(self, *alike: str) -> bool:
        """Whether this one is; it counts as written then."""
        now_s = self._clock.monotonic_s()
        written_s = self._written_s.get(alike)
        if written_s is not None and now_s - written_s < EVERY_S:
            return False
        self._written_s.pop(alike, None)
        if len(self._written_s) >= _MOST:
            del self._written_s[next(iter(self._written_s))]
        self._written_s[alike] = now_s
        return True
