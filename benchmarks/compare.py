"""This run beside an earlier one: what of ours has changed, and whether it did for everybody. Values in, lines out."""

import statistics
from collections.abc import Iterator, Sequence

from msgspec import Struct

from benchmarks.figures import Spread, ratio
from benchmarks.goals import Quantity
from benchmarks.history import Run, last_of
from benchmarks.rows import Row
from benchmarks.wording import align, show

COMPARED = (Quantity.WALL, Quantity.CLIENT_CPU, Quantity.LATENCY, Quantity.PEAK)
ENOUGH = 3
"""From so many samples on both sides, a small change counts."""
_SMALL, _LARGE = 1.1, 1.3


class Change(Struct, frozen=True):
    """One quantity of ours in one row. ``times`` is now / before, ``others`` the same of the peers."""

    row: str
    quantity: Quantity
    before: Spread
    now: Spread
    times: float
    others: float | None
    is_sure: bool
    """The spreads don't overlap, and the medians lie further apart than a few samples can by chance."""

    @property
    def word(self) -> str:
        """Empty when nothing is to be said."""
        if not self.is_sure:
            return ""
        direction = "MORE" if self.times > 1 else "less"
        return f"{direction}, as the others" if self.is_shared else direction

    @property
    def is_shared(self) -> bool:
        """The peers moved the same way, at least half as far: then it is the machine, or the engine."""
        if self.others is None:
            return False
        return (self.others - 1) / (self.times - 1) >= 0.5 if self.times != 1 else False


def compare_row(row: str, before: Run, now: Run, ours: str) -> Iterator[Change]:
    """Yield each quantity of ours that both runs know."""
    then, today = before.summaries(row), now.summaries(row)
    mine_then, mine = then.get(ours), today.get(ours)
    if mine_then is None or mine is None:
        return
    is_enough = min(mine_then.count, mine.count) >= ENOUGH
    for quantity in COMPARED:
        was, found = quantity.of(mine_then), quantity.of(mine)
        times = ratio(found, was)
        if was is None or found is None or not times:
            continue
        others = [ratio(quantity.of(today[key]), quantity.of(then.get(key))) for key in today if key != ours]
        known = [each for each in others if each is not None]
        is_sure = _are_apart(was, found) and max(times, 1 / times) > (_SMALL if is_enough else _LARGE)
        yield Change(row, quantity, was, found, times, statistics.median(known) if known else None, is_sure)


def _are_apart(one: Spread, other: Spread) -> bool:
    return one.low > other.high or other.low > one.high


def render_comparison(rows: Sequence[Row], earlier: Sequence[Run], now: Run, ours: str) -> Iterator[str]:
    """Yield the lines of the comparison with the last run of each row on such a machine."""
    lines: list[tuple[str, ...]] = [("", "", "before", "now", "times", "others", "since")]
    sure = []
    for row in rows:
        before = last_of(earlier, row.key, now.machine)
        if before is None or row.key not in now.rows:
            continue
        for change in compare_row(row.key, before, now, ours):
            since = f"{before.at:%Y-%m-%d %H:%M} {before.machine.checkout}"
            lines.append((*_cells(change), since))
            if change.word:
                sure.append(f"{change.row} {change.quantity.title} {change.times:.2f}x: {change.word}")
    if len(lines) == 1:
        yield "There is no earlier run on this machine to compare with."
        return
    yield "Beside the last run of each row on this machine, ours:"
    yield from align(lines, left=2)
    yield from (f"changed: {each}" for each in sure)
    if not sure:
        yield "Nothing has changed by more than it varies."


def _cells(change: Change) -> tuple[str, ...]:
    return (
        change.row,
        change.quantity.title,
        show(change.before.median, change.quantity.unit),
        show(change.now.median, change.quantity.unit),
        f"{change.times:.2f}x",
        "" if change.others is None else f"{change.others:.2f}x",
    )
