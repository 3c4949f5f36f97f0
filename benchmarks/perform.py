"""A whole run: first the commands, then each trial."""

from collections.abc import Iterator, Mapping, Sequence

from benchmarks.faults import BenchError
from benchmarks.programme import TRIALS
from benchmarks.rounds import Course, Ledger
from benchmarks.rows import Row
from benchmarks.scenarios import Image, Scenario, chain, dag, single
from benchmarks.tools import Tool
from benchmarks.trials import Stage, Trial, run_contest


def perform(stage: Stage, tools: Sequence[Tool], rows: Sequence[Row], rounds: int, ledger: Ledger) -> Iterator[str]:
    """Yield a line about each turn as soon as it is over; the ledger has the rest, also when interrupted."""
    commands = tuple(row for row in rows if row.operation is not None)
    course = Course(
        stage.name, stage.folder, stage.engine, tuple(tools), scenarios(stage.image), commands, ledger
    )  # fmt: skip
    yield from course.run(rounds)
    for trial in TRIALS:
        chosen = [row for row in trial.rows if row in rows]
        if chosen:
            yield from _try(trial, stage, chosen, rounds, ledger)


def _try(trial: Trial, stage: Stage, rows: Sequence[Row], rounds: int, ledger: Ledger) -> Iterator[str]:
    """One that can't take place here is named, and the others go on."""
    try:
        with trial.open(stage) as contest:
            ledger.titles |= {key: title for key, title in contest.titles.items() if key not in ledger.titles}
            ledger.left_out += contest.left_out
            yield from run_contest(contest, rows, rounds, ledger)
    except BenchError as err:
        keys = ", ".join(row.key for row in rows)
        ledger.left_out.append(f"{keys}: {err}")
        yield f"{keys}: left out: {err}"


def scenarios(image: Image) -> Mapping[str, Scenario]:
    """By key: what the rows about containers start."""
    found = (
        dag(image),
        single(image, "http", asks_http=True),
        single(image, "exec", asks_http=False),
        chain(image, 1),
        chain(image, 5),
        chain(image, None),
    )
    return {scenario.key: scenario for scenario in found}
