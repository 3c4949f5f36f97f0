"""Runs that were kept: one line of JSON each, with every sample. README.md describes the format.

Dicts stop here: a line becomes a Run, and back. Schema 1 (until 2026-11-22) had no number in it and fewer fields.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import Struct, field

from benchmarks.faults import BenchError
from benchmarks.figures import Failure, Outcome, Sample, Summary, summarize
from benchmarks.machine import Machine

SCHEMA = 3


class Run(Struct, frozen=True):
    """One run. ``tools``: key -> name and version. ``rows``: row -> tool -> outcomes, in the order they were run."""

    at: datetime
    rounds: int
    image: str
    machine: Machine
    tools: Mapping[str, str]
    rows: Mapping[str, Mapping[str, Sequence[Outcome]]]
    unable: Mapping[str, Mapping[str, str]]
    """Row -> tool -> why it can't take part."""
    left_out: tuple[str, ...] = ()
    load_after: float | None = None

    def summaries(self, row: str) -> Mapping[str, Summary | None]:
        """Tool -> what came of it, in the order of ``tools``."""
        found = self.rows.get(row, {})
        return {key: summarize(found[key]) for key in self.tools if key in found}


class _StoredOutcome(Struct, frozen=True, omit_defaults=True):
    """Either ``failed``, or the fields of a sample."""

    failed: str = ""
    wall_s: float = 0.0
    client_cpu_s: float = 0.0
    engine_cpu_s: float | None = None
    peak_mib: float | None = None
    false_ready: int | None = None
    late_s: float | None = None
    ended_at_s: float | None = None
    differing: int | None = None
    resident_mib: float | None = None


class _StoredRun(Struct, frozen=True):
    at: datetime
    rounds: int
    image: str
    machine: Machine
    tools: dict[str, str]
    rows: dict[str, dict[str, list[_StoredOutcome]]]
    unable: dict[str, dict[str, str]] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    load_after: float | None = None
    schema: int = 1


class _OnlySchema(Struct, frozen=True):
    schema: int = 1


class History(NamedTuple):
    """Oldest first. ``unread``: how many lines say nothing that can be understood, as after a cut."""

    runs: tuple[Run, ...]
    unread: int


def append_run(path: Path, run: Run) -> None:
    """Raises: BenchError when the file can't be written."""
    try:
        with path.open("ab") as file:
            file.write(encode_run(run) + b"\n")
    except OSError as err:
        raise BenchError(f"The run can't be kept in {path.name}: {err.strerror}.") from err


def read_history(path: Path) -> History:
    """Empty when there is no such file. Raises: BenchError when a later version of this program wrote it."""
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return History((), 0)
    except OSError as err:
        raise BenchError(f"{path.name} can't be read: {err.strerror}.") from err
    runs = [decode_run(line, path.name) for line in lines if line.strip()]
    return History(tuple(run for run in runs if run is not None), sum(run is None for run in runs))


def encode_run(run: Run) -> bytes:
    rows = {
        row: {tool: [_stored(each) for each in outcomes] for tool, outcomes in tools.items()}
        for row, tools in run.rows.items()
    }
    return msgspec.json.encode(
        _StoredRun(
            schema=SCHEMA,
            at=run.at,
            rounds=run.rounds,
            image=run.image,
            machine=run.machine,
            tools=dict(run.tools),
            rows=rows,
            unable={row: dict(reasons) for row, reasons in run.unable.items()},
            left_out=list(run.left_out),
            load_after=run.load_after,
        )
    )


def decode_run(line: bytes, source: str = "the history") -> Run | None:
    """None for a line that is no run. Raises: BenchError for one of a later schema."""
    try:
        if msgspec.json.decode(line, type=_OnlySchema).schema > SCHEMA:
            raise BenchError(f"{source} was written by a later version of this benchmark: name another file.")
        stored = msgspec.json.decode(line, type=_StoredRun)
    except msgspec.DecodeError:
        return None
    return Run(
        at=stored.at,
        rounds=stored.rounds,
        image=stored.image,
        machine=stored.machine,
        tools=stored.tools,
        rows={
            row: {tool: [_outcome(each) for each in outcomes] for tool, outcomes in tools.items()}
            for row, tools in stored.rows.items()
        },
        unable=stored.unable,
        left_out=tuple(stored.left_out),
        load_after=stored.load_after,
    )


def _stored(outcome: Outcome) -> _StoredOutcome:
    match outcome:
        case Failure(reason):
            return _StoredOutcome(failed=reason)
        case Sample():
            return _StoredOutcome(
                wall_s=outcome.wall_s,
                client_cpu_s=outcome.client_cpu_s,
                engine_cpu_s=outcome.engine_cpu_s,
                peak_mib=outcome.peak_mib,
                false_ready=outcome.false_ready,
                late_s=outcome.late_s,
                ended_at_s=outcome.ended_at_s,
                differing=outcome.differing,
                resident_mib=outcome.resident_mib,
            )


def _outcome(stored: _StoredOutcome) -> Outcome:
    if stored.failed:
        return Failure(stored.failed)
    return Sample(
        stored.wall_s,
        stored.client_cpu_s,
        stored.engine_cpu_s,
        stored.peak_mib,
        stored.false_ready,
        stored.late_s,
        stored.ended_at_s,
        stored.differing,
        stored.resident_mib,
    )


def last_of(runs: Sequence[Run], row: str, like: Machine) -> Run | None:
    """The newest run on such a machine that has something of ours or others in a row."""
    fitting = (run for run in reversed(runs) if run.machine.identity == like.identity and run.rows.get(row))
    return next(fitting, None)
