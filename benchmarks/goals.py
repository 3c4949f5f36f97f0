"""What we promise in each row: goals.toml, and whether it is kept. Values in, values out."""

import math
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path

import msgspec
from msgspec import Struct

from benchmarks.faults import BenchError
from benchmarks.figures import Spread, Summary, ratio, spread

GOALS_FILE = Path(__file__).with_name("goals.toml")


class Quantity(Enum):
    """What can be read off a row; the value is how goals.toml says it."""

    WALL = "wall"
    CLIENT_CPU = "client-cpu"
    ALL_CPU = "all-cpu"
    LATENCY = "latency"
    PEAK = "peak"
    FALSE_READY = "false-ready"
    DIFFERING = "differing"
    RESIDENT = "resident"

    @property
    def title(self) -> str:
        match self:
            case Quantity.WALL:
                return "wall"
            case Quantity.CLIENT_CPU:
                return "client CPU"
            case Quantity.ALL_CPU:
                return "CPU of client and engine"
            case Quantity.LATENCY:
                return "latency"
            case Quantity.PEAK:
                return "peak memory"
            case Quantity.FALSE_READY:
                return "taken for ready before they were"
            case Quantity.DIFFERING:
                return "files that differ"
            case Quantity.RESIDENT:
                return "resident memory"

    @property
    def unit(self) -> str:
        match self:
            case Quantity.PEAK | Quantity.RESIDENT:
                return "MiB"
            case Quantity.FALSE_READY | Quantity.DIFFERING:
                return ""
            case _:
                return "s"

    @property
    def is_count(self) -> bool:
        """It only counts what should not be: there is nothing to draw."""
        return self in (Quantity.FALSE_READY, Quantity.DIFFERING)

    def of(self, summary: Summary | None) -> Spread | None:
        """None when it isn't known."""
        if summary is None:
            return None
        match self:
            case Quantity.WALL:
                return summary.wall_s
            case Quantity.CLIENT_CPU:
                return summary.client_cpu_s
            case Quantity.ALL_CPU:
                return summary.whole_cpu_s
            case Quantity.LATENCY:
                return summary.late_s
            case Quantity.PEAK:
                return summary.peak_mib
            case Quantity.FALSE_READY:
                return None if summary.false_ready is None else spread([summary.false_ready])
            case Quantity.DIFFERING:
                return None if summary.differing is None else spread([summary.differing])
            case Quantity.RESIDENT:
                return summary.resident_mib


class Goal(Struct, frozen=True, forbid_unknown_fields=True):
    """At most so many times what ``against`` takes; at most so many seconds or MiB when that is empty."""

    row: str
    quantity: Quantity
    at_most: float
    source: str
    against: str = ""


class Goals(Struct, frozen=True, forbid_unknown_fields=True):
    """All of them. ``sources``: where a goal comes from, in a sentence."""

    sources: Mapping[str, str]
    goals: tuple[Goal, ...]

    def of(self, row: str) -> tuple[Goal, ...]:
        return tuple(goal for goal in self.goals if goal.row == row)


class Verdict(Struct, frozen=True):
    """``reached``: seconds, MiB or times; None when it isn't known, and then it is neither met nor missed."""

    goal: Goal
    ours: Spread | None
    reached: float | None

    @property
    def is_met(self) -> bool | None:
        return None if self.reached is None else self.reached <= self.goal.at_most

    @property
    def word(self) -> str:
        return {True: "met", False: "MISSED", None: "not known"}[self.is_met]


def read_goals(path: Path = GOALS_FILE) -> Goals:
    """Raises: BenchError for a file that says something else, or names a source that it doesn't have."""
    try:
        goals = msgspec.toml.decode(path.read_bytes(), type=Goals)
    except msgspec.DecodeError as err:
        raise BenchError(f"{path.name} can't be read: {err}.") from err
    for goal in goals.goals:
        if goal.source not in goals.sources or not math.isfinite(goal.at_most):
            raise BenchError(f"{path.name}: the goal of {goal.row} needs a number, and one of the sources above it.")
    return goals


def judge(goal: Goal, ours: Summary | None, theirs: Summary | None) -> Verdict:
    """What was reached, ours alone or beside ``theirs``."""
    mine = goal.quantity.of(ours)
    if goal.against:
        return Verdict(goal, mine, ratio(mine, goal.quantity.of(theirs)))
    return Verdict(goal, mine, mine.median if mine else None)


def judge_row(
    goals: Goals, row: str, summaries: Mapping[str, Summary | None], titles: Mapping[str, str], ours: str
) -> Iterator[Verdict]:
    """Yield a verdict on each goal of a row, but for those against somebody who isn't in ``titles``."""
    for goal in goals.of(row):
        if not goal.against or goal.against in titles:
            yield judge(goal, summaries.get(ours), summaries.get(goal.against))
