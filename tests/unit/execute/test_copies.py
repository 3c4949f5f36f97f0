"""What a container is given before its start, and what the engine says when it makes one."""

import asyncio

from boxship.errors import EngineError
from boxship.events import Event, Notice
from boxship.execute.executor import Outcome, execute
from boxship.plan.action import ContainerSpec, CopiedFile, CopyFiles, CreateContainer, StartContainer
from boxship.plan.graph import PlanBuilder
from boxship.plan.observed import ContainerState
from boxship.spec.model import Service
from boxship.spec.model_files import Hidden
from tests.fakes.clock import FakeClock
from tests.fakes.engine import FakeEngine

FILE = CopiedFile("/run/secrets/token", Hidden("hunter2"))


def run(engine: FakeEngine) -> tuple[Outcome, list[Event]]:
    builder, events = PlanBuilder("app"), list[Event]()
    web = ContainerSpec("app.web", Service("web", command=("sleep", "infinity")), "img:1", files=(FILE,))
    builder.add("create", CreateContainer(web), subject="service:web", cause="why")
    builder.add("copy", CopyFiles("app.web", (FILE,)), subject="service:web", cause="why", after=["create"])
    builder.add("start", StartContainer("app.web"), subject="service:web", cause="why", after=["copy"])
    return asyncio.run(execute(builder.finish(), engine, events.append, FakeClock())), events


def made() -> FakeEngine:
    engine = FakeEngine(FakeClock())
    engine.add_image("img:1")
    return engine


def test_a_container_starts_with_its_files_and_no_event_holds_their_content() -> None:
    engine = made()
    outcome, events = run(engine)
    assert outcome.is_complete
    (container,) = engine.world.containers.values()
    assert (container.state, container.files) == (ContainerState.RUNNING, {FILE.target: FILE})
    assert "hunter2" not in repr(events)


def test_a_container_whose_files_cannot_be_copied_is_not_started() -> None:
    engine = made()
    engine.faults.fail("copy_files", EngineError("no room"))
    outcome, _ = run(engine)
    assert [failure.error.message for failure in outcome.failures] == ["no room"]
    assert [container.state for container in engine.world.containers.values()] == [ContainerState.CREATED]


def test_what_the_engine_does_not_do_as_asked_is_told_with_the_services_name() -> None:
    engine = made()
    engine.create_warnings = ("memory swappiness is discarded",)
    _, events = run(engine)
    assert [event for event in events if isinstance(event, Notice)] == [
        Notice("web: memory swappiness is discarded", is_warning=True)
    ]
