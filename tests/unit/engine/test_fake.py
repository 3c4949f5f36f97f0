"""What the fake can do that no real engine does on demand: fail, die, hang and wait without waiting."""

import asyncio

import pytest

from boxship.errors import EngineConflictError, EngineError, EngineTimeoutError, EngineUnreachableError
from boxship.names import LABEL_APPLIANCE, LABEL_SERVICE
from boxship.plan.action import ContainerSpec, Endpoint, NetworkSpec
from boxship.plan.observed import ContainerState, Health
from boxship.spec.model import Healthcheck, Network, Restart, Service
from tests.fakes.behaviour import FOREVER, Behaviour, Line
from tests.fakes.clock import FakeClock
from tests.fakes.engine import FakeEngine

CHECK = Healthcheck(("CMD", "ask"))


@pytest.fixture
def engine() -> FakeEngine:
    engine = FakeEngine()
    engine.add_image("image:1")
    return engine


def spec(name: str = "web", *, healthcheck: Healthcheck | None = None, restart: str = "no") -> ContainerSpec:
    service = Service(name, healthcheck=healthcheck, restart=Restart(restart))  # type: ignore[arg-type]
    return ContainerSpec(f"a.{name}", service, "image:1", labels={LABEL_APPLIANCE: "a", LABEL_SERVICE: name})


async def run(engine: FakeEngine, container: ContainerSpec) -> str:
    await engine.create_container(container)
    await engine.start_container(container.name)
    return container.name


async def test_a_dead_engine_answers_nothing_until_it_is_revived(engine: FakeEngine) -> None:
    engine.faults.die_after(1)
    await engine.create_container(spec())
    for _ in range(2):
        with pytest.raises(EngineUnreachableError, match="may have taken effect"):
            await engine.start_container("a.web")
    engine.faults.revive()
    assert engine.running == {}
    await engine.start_container("a.web")
    assert engine.running == {"a.web": "image:1"}


async def test_the_last_call_before_the_death_may_take_effect(engine: FakeEngine) -> None:
    engine.faults.die_after(0, takes_effect=True)
    for _ in range(2):
        with pytest.raises(EngineUnreachableError):
            await engine.create_container(spec())
    engine.faults.revive()
    assert [each.name for each in (await engine.observe()).containers] == ["a.web"]


@pytest.mark.parametrize("after", [False, True])
async def test_a_call_fails_as_often_as_asked_for(engine: FakeEngine, *, after: bool) -> None:
    engine.faults.fail("create_container", EngineError("no"), name="a.w*", after=after)
    await engine.create_container(spec("other"))
    with pytest.raises(EngineError, match="no"):
        await engine.create_container(spec("web"))
    assert ("a.web" in {each.name for each in (await engine.observe()).containers}) is after


async def test_a_hanging_call_ends_at_its_deadline_without_anybody_waiting(engine: FakeEngine) -> None:
    engine.faults.hang("create_container")
    with pytest.raises(EngineTimeoutError, match=r"'create container a\.web' within 30 s"):
        await engine.create_container(spec())
    assert engine.clock.monotonic_s() == 30


async def test_every_call_is_recorded(engine: FakeEngine) -> None:
    await run(engine, spec())
    await engine.observe()
    assert engine.calls == ["create_container a.web", "start_container a.web", "observe"]


async def test_a_service_becomes_healthy_when_its_script_says(engine: FakeEngine) -> None:
    engine.script("web", Behaviour(healthy_after_s=5))
    name = await run(engine, spec(healthcheck=CHECK))
    assert (await engine.run_exec(name, ("ask",), timeout_s=1)).exit_code == 1
    await engine.clock.sleep(5)
    assert (await engine.inspect_container(name)).health is Health.HEALTHY
    assert (await engine.run_exec(name, ("ask",), timeout_s=1)).exit_code == 0


async def test_a_service_can_be_neither_healthy_nor_unhealthy_for_ever(engine: FakeEngine) -> None:
    engine.script("web", Behaviour(healthy_after_s=FOREVER))
    name = await run(engine, spec(healthcheck=CHECK))
    await engine.clock.sleep(1_000_000)
    assert (await engine.inspect_container(name)).health is Health.STARTING


async def test_a_broken_image_ends_at_once_and_is_restarted_with_growing_pauses(engine: FakeEngine) -> None:
    engine.break_image("image:1")
    name = await run(engine, spec(restart="always"))
    await engine.clock.sleep(10)
    detail = await engine.inspect_container(name)
    assert (detail.state, detail.exit_code) == (ContainerState.RESTARTING, 1)
    assert 3 <= detail.restart_count <= 10


async def test_scripted_lines_come_when_they_are_due(engine: FakeEngine) -> None:
    engine.script("web", Behaviour(lines=(Line("early"), Line("late", after_s=9)), exits_after_s=10))
    name = await run(engine, spec())
    assert [line.text async for line in engine.follow_logs(name)] == ["early"]
    assert [line.text async for line in engine.follow_logs(name, follow=True)] == ["early", "late"]
    assert engine.clock.monotonic_s() == 10


async def test_a_dynamic_container_takes_the_address_of_a_stopped_one(engine: FakeEngine) -> None:
    await engine.create_network(NetworkSpec("n", Network("n"), "10.0.0.0/24"))
    endpoints = (Endpoint("n"),)
    for name in ("one", "two"):
        await engine.create_container(ContainerSpec(name, Service(name), "image:1", endpoints))
    await engine.start_container("one")
    address = (await engine.inspect_container("one")).addresses["n"]
    await engine.stop_container("one")
    await engine.start_container("two")
    assert (await engine.inspect_container("two")).addresses["n"] == address


async def test_after_a_daemon_restart_runs_what_has_a_policy(engine: FakeEngine) -> None:
    for policy in ("no", "always", "on-failure", "unless-stopped"):
        await run(engine, spec(policy, restart=policy))
    engine.restart_daemon()
    assert set(engine.running) == {"a.always", "a.on-failure", "a.unless-stopped"}


async def test_sleepers_wake_in_the_order_of_their_time() -> None:
    clock = FakeClock()
    woken: list[float] = []

    async def sleep(delay_s: float) -> None:
        await clock.sleep(delay_s)
        woken.append(clock.monotonic_s())

    await asyncio.gather(*(sleep(delay_s) for delay_s in (3, 1, 2, 1)))
    assert woken == [1, 1, 2, 3]


async def test_time_stands_still_while_anybody_can_run() -> None:
    clock = FakeClock()
    sleeping = asyncio.ensure_future(clock.sleep(1))
    for _ in range(1000):
        await asyncio.sleep(0)
    assert not sleeping.done()
    await sleeping
    assert clock.monotonic_s() == 1


async def test_two_containers_of_one_name_conflict_also_when_created_at_once(engine: FakeEngine) -> None:
    results = await asyncio.gather(
        engine.create_container(spec()), engine.create_container(spec()), return_exceptions=True
    )
    assert [isinstance(result, EngineConflictError) for result in results] == [False, True]
