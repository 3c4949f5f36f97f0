"""run: what a service needs is ready first, and nothing is left of one that could not be made."""

import asyncio

import pytest
from msgspec.structs import replace

from boxship.engine.port import ExecResult
from boxship.errors import CommandNotFoundError, CommandRefusedError, EngineError, ProbeError
from boxship.events import Event, Phase, SubjectChanged
from boxship.operate.one_off import RunRequest, make_one_off, not_started
from boxship.operate.request import UpRequest
from boxship.operate.up import bring_up
from boxship.plan.one_off import OneOff
from boxship.spec.model import Appliance, Condition, Healthcheck
from tests.fakes.behaviour import Behaviour
from tests.fakes.engine import FakeEngine
from tests.unit.plan.given import appliance, service

SHOP = appliance(
    service("db", healthcheck=Healthcheck(("CMD", "true"), interval_s=1.0), command=("serve",)),
    service("web", "db", condition=Condition.HEALTHY, command=("serve",)),
    service("other", command=("serve",)),
)
RUN = RunRequest(OneOff("web", "4f2a", command=("true",)))


@pytest.fixture
def engine() -> FakeEngine:
    made = FakeEngine()
    made.add_image("img:1")
    return made


async def make(engine: FakeEngine, request: RunRequest = RUN, shop: Appliance = SHOP) -> tuple[str, list[Event]]:
    events: list[Event] = []
    made = await make_one_off(shop, engine, events.append, engine.clock, request, asyncio.Event())
    return made, events


async def test_what_it_depends_on_is_ready_before_it_is_made(engine: FakeEngine) -> None:
    made, events = await make(engine)
    assert set(engine.running) == {"app.db"}
    assert SubjectChanged("service:db", Phase.READY) in events
    assert (await engine.inspect_container(made)).name == "app.web.run-4f2a"
    assert (await engine.observe(())).containers_of("app")[0].service == "db"


async def test_without_dependencies_nothing_else_is_started(engine: FakeEngine) -> None:
    await make(engine, replace(RUN, with_dependencies=False))
    assert engine.running == {}


async def test_the_service_s_own_container_and_all_others_stay_as_they_are(engine: FakeEngine) -> None:
    await bring_up(SHOP, engine, lambda _: None, engine.clock, UpRequest(), asyncio.Event())
    before = {each.id for each in (await engine.observe(())).containers_of("app")}
    _, events = await make(engine)
    assert {each.id for each in (await engine.observe(())).containers_of("app")} == before
    assert {event.subject for event in events if isinstance(event, SubjectChanged)} <= {"service:db"}


async def test_a_detached_one_runs_when_it_is_made(engine: FakeEngine) -> None:
    detached = OneOff("web", "4f2a", command=("serve",), starts=True)
    made, _ = await make(engine, RunRequest(detached))
    assert made == "app.web.run-4f2a"
    assert made in engine.running


async def test_nothing_is_made_when_a_dependency_does_not_become_ready(engine: FakeEngine) -> None:
    engine.script("db", Behaviour(unhealthy_after_s=2.0))
    engine.exec_results[("true",)] = ExecResult(1, "not yet")
    with pytest.raises(ProbeError, match="db"):
        await make(engine)
    assert (await engine.observe(())).one_offs_of("app") == ()


async def test_nothing_is_left_of_one_that_could_not_be_started(engine: FakeEngine) -> None:
    engine.script("web", Behaviour(start_error='exec: "nosuch": executable file not found in $PATH'))
    with pytest.raises(CommandNotFoundError, match="cannot run web: there is no 'nosuch' there") as caught:
        await make(engine, RunRequest(OneOff("web", "4f2a", command=("nosuch",), starts=True)))
    assert caught.value.exit_status == 127
    assert (await engine.observe(())).one_offs_of("app") == ()


@pytest.mark.parametrize(
    ("message", "kind", "status"),
    [
        ('exec: "/x/y": stat /x/y: no such file or directory', CommandNotFoundError, 127),
        ('exec: "/etc": permission denied', CommandRefusedError, 126),
        ('exec: "/etc": is a directory', CommandRefusedError, 126),
        ("port is already allocated", EngineError, 5),
    ],
)
def test_a_start_that_failed_ends_as_a_shell_would(message: str, kind: type[EngineError], status: int) -> None:
    error = not_started(EngineError(message), RUN.one_off)
    assert (type(error), error.exit_status) == (kind, status)
