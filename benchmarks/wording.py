"""Figures and columns as text."""

from collections.abc import Iterator, Sequence

from benchmarks.figures import Spread
from benchmarks.goals import Goal

UNKNOWN = "n/a"
ABSENT = "-"


def show(value: float, unit: str) -> str:
    """Three figures or so, with the unit; thousandths of a second where a second is too much."""
    if unit != "s":
        return f"{value:.0f} {unit}".strip()
    if value == 0:
        return "0 s"
    if abs(value) < 0.01:
        return f"{value * 1000:.2g} ms"
    return f"{value:.{digits(value)}f} s"


def digits(value: float) -> int:
    """Behind the point, for seconds."""
    if value >= 100:
        return 0
    return 1 if value >= 10 else 2 if value >= 1 else 3


def show_spread(found: Spread | None) -> str:
    """The median, then the least and the most; seconds, without the unit."""
    if found is None:
        return UNKNOWN
    after = 5 if 0 < found.median < 0.01 else 2 if found.median >= 1 else 3
    if found.low == found.high:
        return f"{found.median:.{after}f}"
    return f"{found.median:.{after}f} ({found.low:.{after}f}..{found.high:.{after}f})"


def describe(goal: Goal, title: str) -> str:
    """What was promised. ``title``: of whom it is compared with, if there is one."""
    if goal.against:
        return f"{goal.quantity.title} <= {goal.at_most:g}x {title}"
    return f"{goal.quantity.title} <= {goal.at_most:g} {goal.quantity.unit}".rstrip()


def show_reached(goal: Goal, reached: float) -> str:
    """As many places as it takes to see whether it is enough."""
    if not goal.against:
        return show(reached, goal.quantity.unit)
    shown = [f"{reached:.{places}f}" for places in ((2, 3, 4) if reached >= 0.1 else (3, 4, 5))]
    true = [each for each in shown if (float(each) <= goal.at_most) == (reached <= goal.at_most)]
    return f"{(true or shown)[0]}x"


def show_range(found: Spread, unit: str) -> str:
    """The median, and the extremes where they look different."""
    median, low, high = (show(each, unit) for each in found)
    if low == high:
        return median
    shared = f" {unit}"
    return f"{median} ({low.removesuffix(shared)} to {high.removesuffix(shared)})"


def align(lines: Sequence[Sequence[str]], left: int = 1) -> Iterator[str]:
    """Yield the lines with columns of equal width: the first ones to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = [
            cell.ljust(width) if number < left else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        yield f"  {'  '.join(cells)}".rstrip()
