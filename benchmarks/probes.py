"""What one question to a running service costs: ours to its own address, beside a health check's command in it."""

import asyncio
import contextlib
import socket
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from benchmarks.engine import EngineApi, Started
from benchmarks.engine_cpu import cpu_between_s, read_usage
from benchmarks.faults import BenchError
from benchmarks.figures import Failure, Outcome, Sample
from benchmarks.goals import Quantity
from benchmarks.rows import Row
from benchmarks.scenarios import PORT, Image, single
from benchmarks.tools import BOXSHIP
from benchmarks.trials import Contest, Stage
from boxship.engine.docker import connect
from boxship.engine.port import ContainerDetail, Engine
from boxship.execute.probes import ask_check
from boxship.spec.model import Check, HttpProbe, TcpProbe

EXEC = "exec"
QUESTIONS, EXECS = 500, 10
"""In a turn. A question takes far less than the clock that the engine's CPU is counted with."""
_SETTLE_S = 0.3
_DEADLINE_S = 30.0
_CHECKS = {
    "probe-tcp": Check(TcpProbe(PORT)),
    "probe-http": Check(HttpProbe(f"http://s0:{PORT}/")),
}


class Probes:
    """The trial."""

    rows = (
        Row("probe-tcp", "one question to a service: TCP to its address", Quantity.ALL_CPU),
        Row("probe-http", "one question to a service: HTTP to its address", Quantity.ALL_CPU),
    )

    @contextmanager
    def open(self, stage: Stage) -> Iterator[Contest]:
        service = single(stage.image, "probed", asks_http=True).services[0]
        name = f"{stage.name}-probes.{service.name}"
        started = stage.engine.start_container(name, stage.image.reference, service.command)
        try:
            _wait_until_it_answers(started)
            yield _ProbeContest(stage.engine, started, stage.image)
        finally:
            stage.engine.remove_container(started.id)


PROBES = Probes()


class _ProbeContest:
    titles: Mapping[str, str] = {BOXSHIP: "boxship", EXEC: "exec in the container"}
    left_out: Sequence[str] = ()

    def __init__(self, engine: EngineApi, started: Started, image: Image) -> None:
        self._engine = engine
        self._started = started
        self._image = image

    def turn(self, key: str, row: Row) -> Iterable[Outcome]:
        if key == EXEC:
            return (self._run_execs(),)
        return (asyncio.run(_ask(self._started.id, _CHECKS[row.key])),)

    def _run_execs(self) -> Outcome:
        before, began_s = read_usage(), time.monotonic()
        for _ in range(EXECS):
            status = self._engine.run_exec(self._started.id, self._image.probe)
            if status != 0:
                return Failure(f"the health check's command ended with {status}")
        wall_s = time.monotonic() - began_s
        time.sleep(_SETTLE_S)
        used_s = cpu_between_s(before, read_usage())
        # The engine asks by itself: there is no client.
        return Sample(wall_s / EXECS, 0.0, None if used_s is None else used_s / EXECS, None)


async def _ask(container: str, check: Check) -> Outcome:
    """Ask many times in this process. The engine has no part in it, so its CPU is 0 and not looked at."""
    engine: Engine = connect()
    try:
        detail = await engine.inspect_container(container)
        await ask_check(engine, detail, check)
        return await _ask_often(engine, detail, check)
    finally:
        await engine.close()


async def _ask_often(engine: Engine, detail: ContainerDetail, check: Check) -> Outcome:
    began_s, used_s = time.monotonic(), time.process_time()
    for _ in range(QUESTIONS):
        answer = await ask_check(engine, detail, check)
        if not answer.is_good:
            return Failure(f"it had no good answer: {answer.text}")
    wall_s, cpu_s = time.monotonic() - began_s, time.process_time() - used_s
    return Sample(wall_s / QUESTIONS, cpu_s / QUESTIONS, 0.0, None)


def _wait_until_it_answers(started: Started) -> None:
    until_s = time.monotonic() + _DEADLINE_S
    while time.monotonic() < until_s:
        with contextlib.suppress(OSError), socket.create_connection((started.address, PORT), 1):
            return
        time.sleep(0.05)
    raise BenchError(f"The container to be probed doesn't answer at {started.address}:{PORT}.")
