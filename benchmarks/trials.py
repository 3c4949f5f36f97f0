"""Rows that need more than a command on a scenario's files: a trial measures as it likes, with contestants of its own.

A trial is registered by one line in programme.py. Its rounds, their order and the bookkeeping are the same as for
everybody: in each round every contestant has one turn, and another one begins.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple, Protocol

from benchmarks.engine import EngineApi
from benchmarks.figures import Failure, Outcome, Sample
from benchmarks.rounds import Ledger, order_of_round
from benchmarks.rows import Row
from benchmarks.scenarios import Image


class Stage(NamedTuple):
    """Where a trial takes place. ``name`` begins the names of all that it makes; ``folder`` is removed afterwards."""

    name: str
    folder: Path
    engine: EngineApi
    image: Image
    environment: Mapping[str, str]
    """Ours: a peer's program may be named in it."""


class Contest(Protocol):
    """A trial that is set up."""

    @property
    def titles(self) -> Mapping[str, str]:
        """Key -> name of everybody who takes part; ours has the key BOXSHIP."""

    @property
    def left_out(self) -> Sequence[str]:
        """A sentence for each who isn't here."""

    def turn(self, key: str, row: Row) -> Iterable[Outcome]:
        """One contestant's turn in one round: what came of each attempt. Nothing from who can't do that."""


class Trial(Protocol):
    @property
    def rows(self) -> tuple[Row, ...]: ...

    def open(self, stage: Stage) -> AbstractContextManager[Contest]:
        """Make what is needed, and remove it at the end, also after ^C.

        Raises: BenchError when it can't take place here.
        """


def run_contest(contest: Contest, rows: Sequence[Row], rounds: int, ledger: Ledger) -> Iterator[str]:
    """Yield a line about each turn as soon as it is over."""
    for number in range(rounds):
        for row in rows:
            for key in order_of_round(tuple(contest.titles), number):
                outcomes = tuple(contest.turn(key, row))
                for outcome in outcomes:
                    ledger.add(row.key, key, outcome)
                if outcomes:
                    told = " ".join(map(tell, outcomes))
                    yield f"round {number + 1} of {rounds}: {contest.titles[key]}: {row.key} {told}"


def tell(outcome: Outcome) -> str:
    """For the line about a turn."""
    match outcome:
        case Sample(wall_s=wall_s):
            return f"{wall_s:.2f} s" if wall_s >= 0.1 else f"{wall_s * 1000:.2g} ms"
        case Failure(reason=reason):
            return f"failed: {reason}"
