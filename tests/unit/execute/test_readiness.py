"""When a started container is ready, and what is said when it isn't. Time is the fake clock's."""

import asyncio
from collections.abc import Sequence

import pytest

from boxship.engine.port import ExecResult
from boxship.errors import EngineError, EngineTimeoutError, EngineUnreachableError, ProbeError
from boxship.execute.readiness import RESETTLE_S, SETTLE_S, Readiness
from boxship.names import LABEL_SERVICE
from boxship.plan.action import Completed, ContainerSpec, Gate, Ready, WaitReady
from boxship.spec.model import Check, ExecProbe, Healthcheck, LogProbe, Restart, Service
from tests.fakes.behaviour import FOREVER, Behaviour, Line
from tests.fakes.clock import FakeClock
from tests.fakes.engine import FakeEngine

NEVER = Behaviour(healthy_after_s=FOREVER)
PATIENT = Healthcheck(("CMD", "ask"), interval_s=1000, retries=1000)


class WatchedEngine(FakeEngine):
    """Remembers when each exec began and ended."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock)
        self.execs: list[tuple[float, float]] = []
        self.open = 0
        self.most_open = 0

    async def run_exec(self, name: str, argv: tuple[str, ...], *, timeout_s: float) -> ExecResult:
        began_s = self.clock.monotonic_s()
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            return await super().run_exec(name, argv, timeout_s=timeout_s)
        finally:
            self.open -= 1
            self.execs.append((began_s, self.clock.monotonic_s()))

    def pauses(self) -> list[float]:
        return [round(after[0] - before[1], 6) for before, after in zip(self.execs, self.execs[1:], strict=False)]


class Bench:
    """One engine, and what is heard while its containers are waited for."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.engine = WatchedEngine(self.clock)
        self.engine.add_image("img:1")
        self.readiness = Readiness(self.engine, self.clock)
        self.heard: list[str] = []

    async def start(self, behaviour: Behaviour | None = None, name: str = "web", **fields: object) -> None:
        if behaviour is not None:
            self.engine.script(name, behaviour)
        service = Service(name, **fields)  # type: ignore[arg-type]  # fields are the model's own
        await self.engine.create_container(ContainerSpec(name, service, "img:1", labels={LABEL_SERVICE: name}))
        await self.engine.start_container(name)

    async def wait(
        self, gate: Gate | None = None, within_s: float = 300.0, name: str = "web", *, is_fresh: bool = True
    ) -> float:
        """The seconds it took."""
        began_s = self.clock.monotonic_s()
        await self.readiness.wait(WaitReady(name, gate or Ready(), within_s, is_fresh), self.heard.append)
        return self.clock.monotonic_s() - began_s

    async def fail(self, gate: Gate | None = None, within_s: float = 300.0) -> ProbeError:
        with pytest.raises(ProbeError) as caught:
            await self.wait(gate, within_s)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return caught.value


@pytest.fixture
def bench() -> Bench:
    return Bench()


def ask(*argv: str, timeout_s: float = 5.0) -> Ready:
    return Ready(Check(ExecProbe(argv or ("ask",)), timeout_s=timeout_s))


def rounded(numbers: Sequence[float]) -> list[float]:
    return [round(number, 6) for number in numbers]


async def test_a_health_check_is_asked_at_once_not_after_its_interval(bench: Bench) -> None:
    await bench.start(Behaviour(healthy_after_s=0), healthcheck=Healthcheck(("CMD", "ask"), interval_s=30))
    assert await bench.wait() == 0


async def test_a_health_check_is_asked_often_at_first_and_ever_more_seldom(bench: Bench) -> None:
    await bench.start(NEVER, healthcheck=PATIENT)
    await bench.fail(within_s=20)
    assert rounded([began_s for began_s, _ in bench.engine.execs]) == [0, 0.1, 0.3, 0.7, 1.5, 3.1, 6.3, 12.7]


async def test_a_health_check_is_never_asked_more_seldom_than_it_says_itself(bench: Bench) -> None:
    await bench.start(NEVER, healthcheck=Healthcheck(("CMD", "ask"), interval_s=2, retries=1000))
    await bench.fail(within_s=30)
    assert max(bench.engine.pauses()) == 2


async def test_a_check_of_the_appliance_is_asked_every_second_at_least(bench: Bench) -> None:
    await bench.start()
    bench.engine.exec_results[("ask",)] = ExecResult(1, "")
    await bench.fail(ask(), within_s=30)
    assert max(bench.engine.pauses()) == 1


async def test_a_costly_health_check_rests_five_times_as_long_as_it_took(bench: Bench) -> None:
    check = Healthcheck(("CMD-SHELL", "sleep 0.5; exit 1"), interval_s=1, retries=1000)
    await bench.start(healthcheck=check)
    await bench.fail(within_s=30)
    assert len(bench.engine.execs) == 10
    assert set(bench.engine.pauses()) == {2.5}


async def test_at_most_two_commands_run_inside_containers_at_once(bench: Bench) -> None:
    names = [f"s{number}" for number in range(6)]
    for name in names:
        await bench.start(name=name, healthcheck=Healthcheck(("CMD", "sleep", "1"), interval_s=100))
    took_s = await asyncio.gather(*(bench.wait(name=name) for name in names))
    assert bench.engine.most_open == 2
    assert max(took_s) == 3


async def test_the_engines_healthy_is_good_enough(bench: Bench) -> None:
    # It asks with rights and times of its own, so its answer may come while ours still says no.
    await bench.start(Behaviour(healthy_after_s=4), healthcheck=PATIENT)
    bench.engine.exec_results[("ask",)] = ExecResult(1, "not me")
    assert await bench.wait() == 4


async def test_one_that_the_engine_calls_healthy_is_asked_nothing(bench: Bench) -> None:
    await bench.start(Behaviour(healthy_after_s=1), healthcheck=PATIENT)
    await bench.clock.sleep(2)
    assert await bench.wait() == 0
    assert bench.engine.execs == []


async def test_the_engines_unhealthy_ends_the_wait(bench: Bench) -> None:
    await bench.start(Behaviour(healthy_after_s=FOREVER, unhealthy_after_s=3), healthcheck=PATIENT)
    error = await bench.fail()
    assert error.message == "web is unhealthy: its health check failed too often"
    assert bench.clock.monotonic_s() == 3


async def test_a_health_check_of_the_image_counts(bench: Bench) -> None:
    bench.engine.add_image("img:1", content="with a check", healthcheck=PATIENT)
    await bench.start(Behaviour(healthy_after_s=2))
    assert 2 <= await bench.wait() <= 3.1


async def test_a_shell_health_check_runs_in_a_shell(bench: Bench) -> None:
    await bench.start(healthcheck=Healthcheck(("CMD-SHELL", "echo broken; exit 3"), interval_s=9, retries=99))
    error = await bench.fail(within_s=5)
    assert error.message == "web not ready after 5 s: /bin/sh exited 3: broken"


@pytest.mark.parametrize("healthcheck", [None, Healthcheck(("NONE",)), Healthcheck(("CMD", "ask"), disable=True)])
async def test_who_must_be_healthy_and_has_no_health_check_is_told_at_once(
    bench: Bench, healthcheck: Healthcheck | None
) -> None:
    await bench.start(healthcheck=healthcheck)
    error = await bench.fail(Ready(needs_healthcheck=True))
    assert error.message == "web has no health check, but a dependent waits for it to be healthy"
    assert error.hint == "give it a healthcheck, or depend on service_started"
    assert bench.clock.monotonic_s() == 0


async def test_a_check_of_the_appliance_stands_in_for_a_health_check(bench: Bench) -> None:
    await bench.start()
    await bench.wait(Ready(Check(ExecProbe(("true",))), needs_healthcheck=True))


async def test_both_the_health_check_and_the_appliances_check_must_pass(bench: Bench) -> None:
    await bench.start(Behaviour(healthy_after_s=0), healthcheck=PATIENT)
    bench.engine.exec_results[("other",)] = ExecResult(1, "no")
    error = await bench.fail(ask("other"), within_s=5)
    assert error.last == "other exited 1: no"


async def test_a_timeout_names_the_service_the_last_answer_and_the_last_lines(bench: Bench) -> None:
    lines = tuple(Line(f"line {number}") for number in range(30))
    await bench.start(Behaviour(lines=lines))
    bench.engine.exec_results[("ask",)] = ExecResult(7, "trying\nno such host\n")
    error = await bench.fail(ask(), within_s=12.5)
    assert error.message == "web not ready after 12.5 s: ask exited 7: no such host"
    assert (error.service, error.last) == ("web", "ask exited 7: no such host")
    assert error.logs == tuple(f"line {number}" for number in range(10, 30))
    assert error.hint == "see more: boxship logs web"
    assert bench.clock.monotonic_s() == 12.5
    assert bench.heard == ["ask exited 7: no such host"]


async def test_a_timeout_before_any_answer_says_so(bench: Bench) -> None:
    await bench.start()
    error = await bench.fail(ask("sleep", "100", timeout_s=200), within_s=5)
    assert error.message == "web not ready after 5 s: no answer yet"


async def test_a_log_that_cannot_be_read_does_not_hide_why(bench: Bench) -> None:
    await bench.start(Behaviour(exits_after_s=0.1, exit_code=2))
    bench.engine.faults.fail("follow_logs", EngineError("it is of another driver"))
    error = await bench.fail()
    assert error.message == "web ended with status 2"
    assert error.logs == ("(its log can't be read: it is of another driver)",)


async def test_a_command_that_takes_too_long_is_an_answer(bench: Bench) -> None:
    await bench.start()
    error = await bench.fail(ask("sleep", "9", timeout_s=1), within_s=3)
    assert "sleep: the container engine did not answer 'run 'sleep' in web' within 1 s" in error.last


async def test_a_container_that_ends_is_told_at_once(bench: Bench) -> None:
    await bench.start(Behaviour(lines=(Line("no such file", "stderr"),), exits_after_s=0, exit_code=1))
    error = await bench.fail()
    assert (error.message, error.logs) == ("web ended with status 1", ("no such file",))
    assert bench.clock.monotonic_s() == 0


@pytest.mark.parametrize("after_s", [0.1, SETTLE_S - 0.001, SETTLE_S])
async def test_a_plain_service_that_crashes_while_it_settles_is_not_ready(bench: Bench, after_s: float) -> None:
    await bench.start(Behaviour(exits_after_s=after_s, exit_code=1))
    assert (await bench.fail()).message == "web ended with status 1"


async def test_a_plain_service_is_ready_when_it_is_still_up_a_moment_later(bench: Bench) -> None:
    await bench.start()
    assert await bench.wait() == SETTLE_S


async def test_a_plain_service_that_is_done_is_good(bench: Bench) -> None:
    await bench.start(Behaviour(exits_after_s=0.1))
    assert await bench.wait() == pytest.approx(0.1)


async def test_a_plain_service_that_is_done_needs_no_answer_of_its_health_check(bench: Bench) -> None:
    await bench.start(Behaviour(exits_after_s=2, healthy_after_s=FOREVER), healthcheck=PATIENT)
    assert await bench.wait() == 2


async def test_one_that_others_wait_for_may_not_end_even_with_0(bench: Bench) -> None:
    await bench.start(Behaviour(exits_after_s=2, healthy_after_s=FOREVER), healthcheck=PATIENT)
    assert (await bench.fail(Ready(needs_healthcheck=True))).message == "web ended with status 0"


async def test_a_crash_loop_is_given_up_after_three_ends(bench: Bench) -> None:
    await bench.start(Behaviour(exits_after_s=0.05, exit_code=3), restart=Restart("always"))
    error = await bench.fail()
    assert error.message == "web crashes again and again (3 times so far), last it ended with status 3"
    assert bench.clock.monotonic_s() < 3


async def test_a_crash_loop_is_seen_while_a_check_is_asked(bench: Bench) -> None:
    await bench.start(Behaviour(exits_after_s=0.2, exit_code=3), restart=Restart("on-failure"))
    bench.engine.exec_results[("ask",)] = ExecResult(1, "")
    assert "crashes again and again" in (await bench.fail(ask())).message
    assert any("the engine restarts it" in text for text in bench.heard)


async def test_a_plain_service_that_crashed_once_must_stay_up_for_longer(bench: Bench) -> None:
    await bench.start(Behaviour(exits_after_s=0.1, exit_code=3), restart=Restart("always"))

    async def recover() -> None:
        await bench.clock.sleep(0.15)
        bench.engine.world.find("web", "").behaviour = Behaviour()

    took_s, _ = await asyncio.gather(bench.wait(), recover())
    assert took_s >= 0.2 + RESETTLE_S
    assert bench.heard == ["ended; the engine restarts it"]


async def test_restarts_of_an_earlier_life_do_not_count(bench: Bench) -> None:
    await bench.start(restart=Restart("always"))
    bench.engine.world.find("web", "").restart_count = 7
    assert await bench.wait(is_fresh=False) == SETTLE_S


async def test_restarts_before_the_first_look_count_when_it_was_just_started(bench: Bench) -> None:
    await bench.start(Behaviour(exits_after_s=0.05, exit_code=3), restart=Restart("always"))
    await bench.clock.sleep(0.6)
    assert "crashes again and again" in (await bench.fail()).message
    assert bench.clock.monotonic_s() < 2


async def test_an_engine_that_falls_silent_while_a_one_shot_runs_is_noticed(bench: Bench) -> None:
    await bench.start(Behaviour(exits_after_s=200))
    waiting = asyncio.ensure_future(bench.wait(Completed()))
    await bench.clock.sleep(1)
    bench.engine.faults.hang("inspect_container")
    with pytest.raises(EngineTimeoutError):
        await waiting
    assert bench.clock.monotonic_s() < 60


async def test_a_one_shot_is_ready_once_it_ended_well(bench: Bench) -> None:
    await bench.start(Behaviour(exits_after_s=20))
    assert await bench.wait(Completed()) == 20
    assert bench.heard == ["still running"]


async def test_a_one_shot_that_fails_is_told_with_its_status(bench: Bench) -> None:
    await bench.start(Behaviour(lines=(Line("disk full"),), exits_after_s=20, exit_code=5))
    error = await bench.fail(Completed())
    assert (error.message, error.logs) == ("web should complete, but ended with status 5", ("disk full",))


async def test_a_one_shot_that_takes_too_long_is_told(bench: Bench) -> None:
    await bench.start(Behaviour(exits_after_s=20))
    assert (await bench.fail(Completed(), within_s=10)).message == "web not ready after 10 s: still running"


async def test_a_log_line_that_matches_makes_it_ready(bench: Bench) -> None:
    await bench.start(Behaviour(lines=(Line("starting"), Line("listening on 5432", after_s=7))))
    assert await bench.wait(Ready(Check(LogProbe(r"listening on \d+")))) == 7


async def test_a_log_line_that_does_not_come_is_named(bench: Bench) -> None:
    await bench.start(Behaviour(lines=(Line("starting"),)))
    error = await bench.fail(Ready(Check(LogProbe("listening"))), within_s=9)
    assert error.message == "web not ready after 9 s: no log line matches 'listening' yet"
    assert error.logs == ("starting",)


async def test_a_log_line_counts_also_when_the_engine_had_to_start_it_again(bench: Bench) -> None:
    await bench.start(Behaviour(lines=(Line("starting"),), exits_after_s=0.2, exit_code=1), restart=Restart("always"))

    async def recover() -> None:
        await bench.clock.sleep(0.25)
        bench.engine.world.find("web", "").behaviour = Behaviour(lines=(Line("listening", after_s=4),))

    took_s, _ = await asyncio.gather(bench.wait(Ready(Check(LogProbe("listening")))), recover())
    assert took_s == pytest.approx(4.3, abs=0.11)


async def test_a_log_line_of_an_earlier_life_does_not_count(bench: Bench) -> None:
    await bench.start(Behaviour(lines=(Line("listening"),)))
    await bench.clock.sleep(1)
    await bench.engine.stop_container("web")
    await bench.clock.sleep(1)
    bench.engine.script("web", Behaviour(lines=(Line("starting"),)))
    await bench.engine.start_container("web")
    await bench.fail(Ready(Check(LogProbe("listening"))), within_s=5)


async def test_one_that_is_removed_meanwhile_is_told(bench: Bench) -> None:
    await bench.start(NEVER, healthcheck=PATIENT)

    async def remove() -> None:
        await bench.clock.sleep(5)
        await bench.engine.remove_container("web")

    removing = asyncio.ensure_future(remove())
    with pytest.raises(ProbeError, match="web was removed while it was waited for"):
        await bench.wait()
    await removing


async def test_an_engine_that_dies_meanwhile_is_no_fault_of_the_service(bench: Bench) -> None:
    await bench.start(NEVER, healthcheck=PATIENT)
    bench.engine.faults.die_after(4)
    with pytest.raises(EngineUnreachableError):
        await bench.wait()
    assert asyncio.all_tasks() == {asyncio.current_task()}
