"""The rows of the comparison that are commands: what is timed, on which files. What is promised is in goals.toml."""

from dataclasses import dataclass

<<<<<<< HEAD
from benchmarks.goals import Quantity
from benchmarks.tools import Operation
=======
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
>>>>>>> build


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that is compared.

    ``quantity`` is what it is about, the first thing to look at. ``repeats``: how often in a round; short commands are
    run more often. ``operation`` None: a trial's own row, measured as the trial likes (trials.py).
    """

    key: str
    title: str
    quantity: Quantity
    operation: Operation | None = None
    scenario: str = ""
    repeats: int = 1
    deadline_s: float = 120


_WALL, _CPU = Quantity.WALL, Quantity.CLIENT_CPU


def _healthy(key: str, interval: str, deadline_s: float) -> Row:
    title = f"up until healthy: 10 services in 5 layers, health checks {interval}"
    return Row(f"healthy-{key}", title, _WALL, Operation.UP_HEALTHY, f"chain-{key}", deadline_s=deadline_s)


def _ready(key: str, how: str) -> Row:
    title = f"from ready to up having returned: one service, {how}"
    return Row(f"ready-{key}", title, Quantity.LATENCY, Operation.UP_HEALTHY, f"ready-{key}")


def _read(services: int, repeats: int = 1) -> Row:
    title = f"read and check a file of {services:,} services"
    return Row(f"read-{services}", title, _CPU, Operation.READ, f"read-{services}", repeats)


<<<<<<< HEAD
COMMAND_ROWS = (
    Row("version", "start of the command line: version", _CPU, Operation.VERSION, repeats=5),
    Row("help", "--help", _CPU, Operation.HELP, repeats=5),
    _read(57, repeats=5),
    _read(500),
    _read(2000),
    _read(5000),
    Row("up", "up: 20 services in 5 layers", _WALL, Operation.UP, "dag20"),
    Row("noop", "no-op up of the 20, compared in full", _CPU, Operation.NOOP, "dag20", repeats=3),
    Row("ps", "ps of the 20", _CPU, Operation.PS, "dag20", repeats=3),
    Row("down", "down of the 20", _WALL, Operation.DOWN, "dag20"),
    _ready("http", "ours asked by HTTP, the peers' by their health check every 1 s"),
    _ready("exec", "the same health check for all, every 1 s"),
    _healthy("1s", "every 1 s", 180),
    _healthy("5s", "every 5 s", 240),
    _healthy("default", "at Compose's default interval, 30 s", 480),
=======
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
>>>>>>> build
)
