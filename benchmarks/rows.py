"""The rows of the comparison that are commands: what is timed, on which files. What is promised is in goals.toml."""

from dataclasses import dataclass

from benchmarks.goals import Quantity
from benchmarks.tools import Operation


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
)
