"""The rows of the comparison, and what we promise in each."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from benchmarks.faults import BenchError
from benchmarks.figures import Spread, Summary
from benchmarks.tools import COMPOSE_V1, COMPOSE_V2, DOCKER, RAW, RAW_UP, Operation


class Quantity(Enum):
    """What a goal is about."""

    WALL = "wall"
    CLIENT_CPU = "client CPU"
    ALL_CPU = "all CPU"
    """The client's and the engine's."""

    def of(self, summary: Summary) -> Spread | None:
        match self:
            case Quantity.WALL:
                return summary.wall_s
            case Quantity.CLIENT_CPU:
                return summary.client_cpu_s
            case Quantity.ALL_CPU:
                return summary.whole_cpu_s


@dataclass(frozen=True, slots=True)
class Goal:
    """At most so many times what ``against`` takes; at most so many seconds when that is None."""

    quantity: Quantity
    at_most: float
    against: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that is compared. ``repeats``: how often in a round; short commands are run more often."""

    key: str
    title: str
    operation: Operation
    scenario: str
    goals: tuple[Goal, ...]
    repeats: int = 1
    deadline_s: float = 120


_WALL, _CPU = Quantity.WALL, Quantity.CLIENT_CPU
_NO_SCENARIO = ""


def _healthy(key: str, interval: str, times: float, deadline_s: float) -> Row:
    goals = (Goal(_WALL, 4.0), Goal(_WALL, times, COMPOSE_V2))
    title = f"up until healthy: 10 services in 5 layers, health checks {interval}"
    return Row(f"healthy-{key}", title, Operation.UP_HEALTHY, f"chain-{key}", goals, deadline_s=deadline_s)


def _read(services: int, *goals: Goal, repeats: int = 1) -> Row:
    title = f"read and check a file of {services:,} services"
    return Row(f"read-{services}", title, Operation.READ, f"read-{services}", goals, repeats)


def _build(key: str, what: str, times: float) -> Row:
    goals = (Goal(_WALL, times, DOCKER), Goal(Quantity.ALL_CPU, times, DOCKER))
    return Row(f"build-{key}", f"no-op build: {what}", Operation.BUILD, f"build-{key}", goals, deadline_s=180)


ROWS = (
    Row(
        "help",
        "--help",
        Operation.HELP,
        _NO_SCENARIO,
        (Goal(_CPU, 0.12), Goal(_CPU, 0.2, COMPOSE_V1)),
        repeats=5,
    ),
    _read(57, Goal(_CPU, 0.15), Goal(_CPU, 1.0, COMPOSE_V2), repeats=5),
    _read(500, Goal(_CPU, 0.5, COMPOSE_V2)),
    _read(2000, Goal(_CPU, 0.5, COMPOSE_V2)),
    _read(5000, Goal(_CPU, 0.5, COMPOSE_V2)),
    _build("20k", "1 image of 20,000 files, 100 MB", 0.02),
    _build("8", "8 images", 0.125),
    Row(
        "up",
        "up: 20 services in 5 layers",
        Operation.UP,
        "dag20",
        (Goal(_WALL, 1.05, RAW), Goal(_WALL, 1.05, RAW_UP), Goal(_WALL, 1.0, COMPOSE_V2), Goal(_WALL, 0.8, COMPOSE_V1)),
    ),
    Row(
        "noop",
        "no-op up of the 20, compared in full",
        Operation.NOOP,
        "dag20",
        (Goal(_CPU, 0.15), Goal(_CPU, 2.0, COMPOSE_V2), Goal(_CPU, 0.25, COMPOSE_V1)),
        repeats=3,
    ),
    Row("ps", "ps of the 20", Operation.PS, "dag20", (Goal(_CPU, 0.12),), repeats=3),
    Row(
        "down",
        "down of the 20",
        Operation.DOWN,
        "dag20",
        (Goal(_WALL, 1.05, COMPOSE_V2), Goal(_WALL, 0.75, COMPOSE_V1)),
    ),
    _healthy("1s", "every 1 s", 0.4, 180),
    _healthy("5s", "every 5 s", 0.15, 240),
    _healthy("default", "at Compose's default interval, 30 s", 0.03, 480),
)


def choose_rows(wanted: Sequence[str]) -> tuple[Row, ...]:
    """All rows, or those whose key is wanted, or begins with what is wanted and a dash.

    Raises: BenchError with the keys there are.
    """
    keys = [row.key for row in ROWS]
    for name in wanted:
        if not any(_is_meant(name, key) for key in keys):
            raise BenchError(f"There is no row '{name}'; there are {', '.join(keys)}.")
    return tuple(row for row in ROWS if not wanted or any(_is_meant(name, row.key) for name in wanted))


def _is_meant(name: str, key: str) -> bool:
    return key == name or key.startswith(f"{name}-")
