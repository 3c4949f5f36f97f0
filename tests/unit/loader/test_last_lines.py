"""Whatever fails on a box, its service's last fifty lines are kept with it, without a secret."""

import pytest
from msgspec.structs import replace

from boxship.engine.port import ExecResult
from boxship.errors import EngineError
from boxship.loader.supervisor import Supervisor
from boxship.spec.model import ExecProbe, StatusCheck
from boxship.state.operation import Failure, Operation
from tests.fakes.behaviour import FOREVER, Behaviour, Line
from tests.unit.loader.bench import Bench, version

ASK = ("ask", "web")
WRITTEN = tuple(Line(f"line {number} hunter22") for number in range(80))
KEPT = tuple(f"line {number} ****" for number in range(30, 80))


@pytest.fixture
def bench() -> Bench:
    """Release 1.3 knows a secret, writes it, and has a check that no boot waits for."""
    made = Bench()
    asked = version("1.3", status_checks={"health": StatusCheck("health", "web", ExecProbe(ASK), timeout_s=2.0)})
    web = replace(asked.services["web"], environment={"DB_PASSWORD": "hunter22"})
    asked = replace(asked, services={**asked.services, "web": web})
    made.world.publish(asked, db="app/db:1.1", web="app/web:1.1", page="app/web:1.1")
    return made


def write(bench: Bench, *lines: Line, exits_after_s: float = FOREVER) -> None:
    bench.world.engine.script("web", Behaviour(lines or WRITTEN, exits_after_s=exits_after_s, exit_code=1))


def answer(bench: Bench, exit_code: int) -> None:
    bench.world.engine.exec_results[ASK] = ExecResult(exit_code, "no such table: hunter22")


def failure_of(operation: Operation) -> Failure:
    assert operation.failure is not None
    return operation.failure


async def test_a_check_that_fails_a_trial_comes_with_what_it_got_and_the_last_lines(bench: Bench) -> None:
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        write(bench)
        answer(bench, 1)
        failure = failure_of(await bench.to(box, "1.3"))
        assert (failure.service, failure.check) == ("web", "health")
        assert failure.got == "ask exited 1: no such table: ****"
        assert failure.logs == KEPT


async def test_a_service_that_is_not_ready_comes_with_as_many_lines(bench: Bench) -> None:
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        write(bench, exits_after_s=0.05)
        failure = failure_of(await bench.to(box, "1.3"))
        assert (failure.service, failure.check) == ("web", "ready")
        assert failure.logs == KEPT


async def test_a_boot_that_fails_keeps_the_lines_for_whoever_comes_later(bench: Bench) -> None:
    async with bench.loader() as box:
        answer(bench, 0)
        await bench.to(box, "1.3")
    write(bench)
    answer(bench, 1)
    await bench.world.engine.stop_container("app.web.g1")
    async with bench.loader() as box:
        await bench.booted(box)
        last = box.state().boots.last
        assert last is not None
        assert (last.check, last.logs) == ("health", KEPT)
        assert box.progress().failure == last


async def test_a_restart_that_fails_comes_with_the_lines(bench: Bench) -> None:
    async with bench.loader() as box:
        answer(bench, 0)
        await bench.to(box, "1.3")
        write(bench, exits_after_s=0.05)
        assert failure_of(await restarted(bench, box)).logs == KEPT


async def test_long_lines_are_cut_after_their_secrets_are_masked(bench: Bench) -> None:
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        write(bench, Line("x" * 995 + "hunter22" + "y" * 5000))
        answer(bench, 1)
        assert failure_of(await bench.to(box, "1.3")).logs == ("x" * 995 + "****y",)


async def test_an_engine_that_does_not_tell_them_hides_no_failure(bench: Bench) -> None:
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        write(bench)
        answer(bench, 1)
        bench.world.engine.faults.fail("follow_logs", EngineError("it is of another driver"), times=10)
        failure = failure_of(await bench.to(box, "1.3"))
        assert (failure.check, failure.logs) == ("health", ())


async def restarted(bench: Bench, box: Supervisor) -> Operation:
    return await bench.over(box, await box.restart_service("web", by="test"))
