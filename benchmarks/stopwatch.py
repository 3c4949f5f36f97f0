"""Time that is measured in pieces: what a bench looks at in between is nobody's downtime."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.engine_cpu import cpu_between_s, read_usage
from benchmarks.figures import Sample


class Stopwatch:
    """Wall and CPU of all that happened while it ran."""

    def __init__(self) -> None:
        self._wall_s = self._cpu_s = 0.0
        self._engine_cpu_s: float | None = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        engine_before, used = read_usage(), os.times()
        began_s = time.monotonic()
        yield
        self._wall_s += time.monotonic() - began_s
        spent = os.times()
        self._cpu_s += sum(spent[:4]) - sum(used[:4])
        engine_cpu_s = cpu_between_s(engine_before, read_usage())
        known = None not in (engine_cpu_s, self._engine_cpu_s)
        self._engine_cpu_s = (self._engine_cpu_s or 0.0) + (engine_cpu_s or 0.0) if known else None

    def sample(self, differing: int | None) -> Sample:
        """What came of it."""
        return Sample(self._wall_s, self._cpu_s, self._engine_cpu_s, None, differing=differing)
