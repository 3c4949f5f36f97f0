"""All that is compared, in the order in which it is run and shown."""

from collections.abc import Sequence

from benchmarks.builds import BUILDS
from benchmarks.databases import DATABASES
from benchmarks.faults import BenchError
from benchmarks.loaders import LOADERS
from benchmarks.probes import PROBES
from benchmarks.rows import COMMAND_ROWS, Row
from benchmarks.switches import SHARED_SWITCHES, SWITCHES
from benchmarks.trials import Trial
from benchmarks.upgrades import UPGRADES

TRIALS: tuple[Trial, ...] = (
    PROBES,
    BUILDS,
    UPGRADES,
    SWITCHES,
    SHARED_SWITCHES,
    DATABASES,
    LOADERS,
    # One line for each further trial: see trials.py.
)
ROWS: tuple[Row, ...] = (*COMMAND_ROWS, *(row for trial in TRIALS for row in trial.rows))


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
