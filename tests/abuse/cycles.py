"""``up`` and ``down`` again and again in one process, as a long-lived loop does it; nothing may grow or stay.

``python -m tests.abuse.cycles --services 3 --cycles 1000 --record FILE`` runs beside the engine of DOCKER_HOST and
appends a line to FILE after every tenth cycle, so that a campaign that was cut off goes on from there.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from boxship.clock import SystemClock
from boxship.engine.docker import DockerEngine, connect
from boxship.events import Event, StepDone, StepFailed
from boxship.execute.executor import Outcome, execute
from boxship.operate.alone import alone
from boxship.operate.errand import Errand, lock_path
from boxship.operate.request import UpRequest
from boxship.operate.up import bring_up
from boxship.plan.observed import Observed
from boxship.plan.verbs import plan_down
from boxship.spec.load import load
from boxship.spec.loaded import LoadOptions
from boxship.spec.model import Appliance
from tests.abuse.appliances import write_appliance
from tests.abuse.footprint import Footprint, engine_footprint
from tests.contracts.images import TEST_IMAGE

SAMPLE_EVERY = 10
DEADLINE_S_PER_SERVICE = 20.0
"""For an ``up`` or a ``down``, on top of a minute: far more than either takes on a machine under load."""


class LeftOverError(Exception):
    """Something of the appliance was there after ``down``, or an ``up`` or ``down`` did not do all it should."""


@dataclass
class Cycles:
    """One appliance in its folder, taken up and down through one connected engine."""

    base: str
    services: int
    address: str
    folder: Path
    ups_s: list[float] = field(default_factory=list)
    downs_s: list[float] = field(default_factory=list)
    name: str = ""
    events: int = 0
    slowest_s: dict[str, float] = field(default_factory=dict)
    miscounts: int = 0
    """Networks that stay for the engine's own reasons. Each ``up`` after one has another name, so that it counts."""

    def __post_init__(self) -> None:
        self.name = self.base

    @property
    def deadline_s(self) -> float:
        return 60 + DEADLINE_S_PER_SERVICE * self.services

    @property
    def environ(self) -> Mapping[str, str]:
        return {"XDG_RUNTIME_DIR": str(self.folder / "run"), "PATH": os.environ["PATH"]}

    def appliance(self) -> Appliance:
        """Read anew each time, as a loop on a box would after every change of a setting."""
        options = LoadOptions(directory=self.folder, appliance_name=self.name, environ={"TEST_IMAGE": TEST_IMAGE})
        return load(options).appliance

    async def turn(self, engine: DockerEngine) -> None:
        """Up, down, and a look at what is left. Raises: LeftOverError, TimeoutError."""
        miscounts = self.miscounts
        await self.up(engine)
        await self.down(engine)
        async with asyncio.timeout(self.deadline_s):
            left = things_of(await engine.observe(()), self.name)
        if self.miscounts > miscounts:
            left.remove(f"{self.name}.default")
            self.name = f"{self.base}-{self.miscounts}"
        if left:
            raise LeftOverError(f"down left {left}")

    async def up(self, engine: DockerEngine) -> None:
        """Raises: LeftOverError when it did not do all, TimeoutError."""
        began_s = time.monotonic()
        async with asyncio.timeout(self.deadline_s):
            _all_done(await self._up(engine))
        self.ups_s.append(time.monotonic() - began_s)

    async def down(self, engine: DockerEngine) -> None:
        """Raises: LeftOverError when it did not do all, TimeoutError."""
        began_s = time.monotonic()
        async with asyncio.timeout(self.deadline_s):
            _all_done(await self._down(engine))
        self.downs_s.append(time.monotonic() - began_s)

    async def _up(self, engine: DockerEngine) -> Outcome:
        interrupt = asyncio.Event()
        async with alone(Errand("up", self.name, self.address), self._hear, interrupt, self.environ):
            result = await bring_up(self.appliance(), engine, self._hear, SystemClock(), UpRequest(), interrupt)
        return result.outcome

    async def _down(self, engine: DockerEngine) -> Outcome:
        interrupt = asyncio.Event()
        async with alone(Errand("down", self.name, self.address), self._hear, interrupt, self.environ):
            plan = plan_down(self.name, await engine.observe(()), {}, volumes=True)
            return await execute(plan, engine, self._hear, SystemClock(), interrupt=interrupt)

    def _hear(self, event: Event) -> None:
        self.events += 1
        if isinstance(event, StepFailed) and event.best_effort and event.action == "RemoveNetwork":
            self.miscounts += 1
        if isinstance(event, StepDone):
            # The longest that one step of each kind took.
            self.slowest_s[event.action] = max(self.slowest_s.get(event.action, 0.0), round(event.took_s, 3))

    def files(self) -> int:
        """What it keeps on disk outside of the engine: its lock, and nothing else."""
        return sum(1 for each in lock_path(Errand("up", self.name, self.address), self.environ).parent.iterdir())


def _all_done(outcome: Outcome) -> None:
    if not outcome.is_complete:
        raise LeftOverError(str([failure.error for failure in outcome.failures] or outcome.skipped))


def things_of(observed: Observed, name: str) -> list[str]:
    """The names of all that belongs to the appliance."""
    names = (
        *(each.name for each in observed.containers),
        *(each.name for each in observed.networks),
        *(each.name for each in observed.volumes),
    )
    return [each for each in names if each.startswith(f"{name}.")]


async def run_cycles(cycles: Cycles, count: int, record: Path, already: int = 0) -> None:
    """Append a line to ``record`` after every tenth cycle and the last. Raises: as ``Cycles.turn``."""
    engine = connect(cycles.address)
    try:
        for number in range(already + 1, count + 1):
            await cycles.turn(engine)
            # The first tells what a warm process holds: modules are imported, connections are kept.
            if number % SAMPLE_EVERY == 0 or number in (already + 1, count):
                _append(record, cycles, number)
    finally:
        await engine.close()


def _append(record: Path, cycles: Cycles, number: int) -> None:
    line = {
        "cycle": number,
        "pid": os.getpid(),
        "services": cycles.services,
        "own": Footprint.now().as_data(),
        "files": cycles.files(),
        "engine": engine_footprint(cycles.address),
        "cpu_s": round(time.process_time(), 2),
        "events": cycles.events,
        "miscounts": cycles.miscounts,
        "slowest_s": cycles.slowest_s,
        "up_s": [round(each, 3) for each in cycles.ups_s],
        "down_s": [round(each, 3) for each in cycles.downs_s],
    }
    cycles.ups_s.clear()
    cycles.downs_s.clear()
    with record.open("a") as file:
        file.write(json.dumps(line) + "\n")


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.abuse.cycles")
    parser.add_argument("--services", type=int, default=3)
    parser.add_argument("--cycles", type=int, default=100)
    parser.add_argument("--record", type=Path, required=True)
    options = parser.parse_args(argv)
    lines = options.record.read_text().splitlines() if options.record.exists() else []
    already = json.loads(lines[-1])["cycle"] if lines else 0
    with tempfile.TemporaryDirectory(prefix="boxship-cycles-") as folder:
        name = f"cycles{options.services}"
        cycles = Cycles(name, options.services, os.environ["DOCKER_HOST"], Path(folder))
        write_appliance(cycles.folder, options.services)
        asyncio.run(run_cycles(cycles, options.cycles, options.record, already))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
