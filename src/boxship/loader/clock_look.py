"""The clock at the last look, by which the next one notices that it jumped."""

from collections.abc import Callable

from boxship.checks.host import ClockSeen
from boxship.checks.report import Report
from boxship.checks.run import Checker


class ClockLook:
    """Of one Loader: its first look has nothing to compare with."""

    def __init__(self) -> None:
        self._seen: ClockSeen | None = None

    async def check(self, make_checker: Callable[[ClockSeen | None], Checker]) -> Report:
        """Raises: as ``Checker.check``; then this was no look."""
        checker = make_checker(self._seen)
        report = await checker.check()
        self._seen = checker.clock_seen
        return report
