"""What of a crane file is left out, told once for each key however many containers give it."""

from boxship.spec.report import Report
from boxship.where import Related, Where


class Notices:
    """Collects what nothing in Boxship says the same as, until all containers were seen."""

    def __init__(self) -> None:
        self._uses: dict[tuple[str, str], list[tuple[Where, str]]] = {}

    def leave_out(self, key: str, advice: str, where: Where, path: str) -> None:
        """``key`` is not obeyed; ``advice``: what a person can do."""
        uses = self._uses.setdefault((key, advice), [])
        if all(where != known for known, _ in uses):
            uses.append((where, path))

    def tell(self, report: Report) -> None:
        """One warning for each key, at its first place."""
        for (key, advice), uses in self._uses.items():
            (where, path), *others = uses
            several = f" here and in {len(others)} other place{'s' * (len(others) != 1)}" if others else ""
            related = tuple(Related(*use) for use in others)
            report.warn(where, path, f"'{key}' is left out{several}", advice, code="crane", related=related)
