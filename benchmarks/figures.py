"""What was measured, and what is made of it. Values in, values out."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Sample:
    """One command that did what it should, or one question that was answered.

    ``engine_cpu_s`` is None where the engine's processes can't be read, ``peak_mib`` where no command was run.
    """

    wall_s: float
    client_cpu_s: float
    engine_cpu_s: float | None
    peak_mib: float | None
    false_ready: int | None = None
    """Services taken for ready before they were; None where nothing is waited for."""
    late_s: float | None = None
    """From the moment when the last service was ready until the command came back; None where nothing is waited for."""
    ended_at_s: float | None = None
    """When the command came back, in unix time; None where no command was run."""
    differing: int | None = None
    """Files that aren't what they were copied from; None where nothing is copied."""
    resident_mib: float | None = None
    """What a process that goes on has in memory; None where none does."""

    @property
    def whole_cpu_s(self) -> float | None:
        """The client's and the engine's."""
        return None if self.engine_cpu_s is None else self.client_cpu_s + self.engine_cpu_s


@dataclass(frozen=True, slots=True)
class Failure:
    """One command that didn't; ``reason`` is a sentence."""

    reason: str


Outcome = Sample | Failure


class Spread(NamedTuple):
    """The middle of some values, and how far they lie apart."""

    median: float
    low: float
    high: float


def spread(values: Iterable[float]) -> Spread | None:
    """None when there are no values."""
    found = sorted(values)
    return Spread(statistics.median(found), found[0], found[-1]) if found else None


@dataclass(frozen=True, slots=True)
class Summary:
    """All outcomes of one tool in one row."""

    count: int
    wall_s: Spread
    client_cpu_s: Spread
    engine_cpu_s: Spread | None
    whole_cpu_s: Spread | None
    peak_mib: Spread | None
    false_ready: int | None
    """Over all samples."""
    late_s: Spread | None
    differing: int | None
    """Over all samples."""
    resident_mib: Spread | None


def summarize(outcomes: Sequence[Outcome]) -> Summary | None:
    """None when no command succeeded. Failures are left out: they are shown beside the table."""
    samples = [each for each in outcomes if isinstance(each, Sample)]
    wall = spread(each.wall_s for each in samples)
    client = spread(each.client_cpu_s for each in samples)
    if wall is None or client is None:
        return None
    counted = [each.false_ready for each in samples if each.false_ready is not None]
    differing = [each.differing for each in samples if each.differing is not None]
    return Summary(
        count=len(samples),
        wall_s=wall,
        client_cpu_s=client,
        engine_cpu_s=spread(each.engine_cpu_s for each in samples if each.engine_cpu_s is not None),
        whole_cpu_s=spread(each.whole_cpu_s for each in samples if each.whole_cpu_s is not None),
        peak_mib=spread(each.peak_mib for each in samples if each.peak_mib is not None),
        false_ready=sum(counted) if counted else None,
        late_s=spread(each.late_s for each in samples if each.late_s is not None),
        differing=sum(differing) if differing else None,
        resident_mib=spread(each.resident_mib for each in samples if each.resident_mib is not None),
    )


def ratio(ours: Spread | None, theirs: Spread | None) -> float | None:
    """How many times of theirs ours took: medians; None when one is missing or theirs is nothing."""
    if ours is None or theirs is None or theirs.median <= 0:
        return None
    return ours.median / theirs.median
