"""How a plan is carried out on an engine in which things go wrong."""

import asyncio
from collections.abc import Iterable

import pytest
from msgspec.structs import replace

from boxship.errors import (
    EngineConflictError,
    EngineError,
    EngineUnreachableError,
    ImageMissingError,
    NetworkMiscountedError,
    ProbeError,
)
from boxship.events import (
    Event,
    ImageProgress,
    Notice,
    StepDone,
    StepFailed,
    StepSkipped,
    StepStarted,
    SubjectChanged,
)
from boxship.execute.executor import Outcome, execute
from boxship.plan.action import (
    Action,
    Completed,
    ContainerSpec,
    CreateContainer,
    CreateNetwork,
    CreateVolume,
    NetworkSpec,
    Plan,
    PullImage,
    Ready,
    RemoveContainer,
    RemoveNetwork,
    RemoveVolume,
    RenameContainer,
    StartContainer,
    StopContainer,
    UnpauseContainer,
    VolumeSpec,
    WaitReady,
)
from boxship.plan.graph import PlanBuilder
from boxship.plan.observed import ContainerState
from boxship.plan.reconcile import reconcile
from boxship.plan.resolve import resolve
from boxship.spec.model import Condition, Healthcheck, Network, Service, Volume
from tests.fakes.behaviour import FOREVER, Behaviour, Line
from tests.fakes.clock import FakeClock
from tests.fakes.engine import FakeEngine
from tests.unit.plan.given import appliance, service

NO = EngineError("no")


class Bench:
    """A fake engine, a plan in the making, and everything that was told while it ran."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.engine = FakeEngine(self.clock)
        self.engine.add_image("img:1")
        self.builder = PlanBuilder("app")
        self.events: list[Event] = []
        self.interrupt = asyncio.Event()

    def add(
        self,
        key: str,
        action: Action,
        *,
        after: Iterable[str] = (),
        after_ended: Iterable[str] = (),
        best_effort: bool = False,
    ) -> None:
        self.builder.add(
            key,
            action,
            subject=f"service:{key}",
            cause="why",
            after=after,
            after_ended=after_ended,
            best_effort=best_effort,
        )

    def remove(self, key: str, *after: str, after_ended: Iterable[str] = (), best_effort: bool = False) -> None:
        """The smallest step: one call of the engine, named by its key."""
        self.add(key, RemoveVolume(key), after=after, after_ended=after_ended, best_effort=best_effort)

    async def run(self, plan: Plan | None = None, concurrency: int = 8) -> Outcome:
        made = plan or self.builder.finish()
        return await execute(
            made, self.engine, self.events.append, self.clock, interrupt=self.interrupt, concurrency=concurrency
        )

    def tell(self, kind: type[Event]) -> list[str]:
        """The subjects of all events of a kind."""
        return [event.subject.partition(":")[2] for event in self.events if isinstance(event, kind)]  # type: ignore[union-attr]

    def phases(self, subject: str) -> list[str]:
        changes = [event for event in self.events if isinstance(event, SubjectChanged) and event.subject == subject]
        return [change.phase if not change.detail else f"{change.phase}: {change.detail}" for change in changes]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def names_of(steps: Iterable[object]) -> list[str]:
    return sorted(step.subject.partition(":")[2] for step in steps)  # type: ignore[attr-defined]


def told(event: Event) -> str:
    match event:
        case StepStarted(_, subject, what) | StepDone(_, subject, what) | SubjectChanged(subject, what):
            return f"{type(event).__name__} {subject} {what}"
        case _:
            return type(event).__name__


def container(name: str = "app.web", **fields: object) -> ContainerSpec:
    return ContainerSpec(name, Service("web", **fields), "img:1", labels={"boxship.service": "web"})  # type: ignore[arg-type]


async def test_a_failed_step_fails_what_needs_it_and_the_rest_is_finished(bench: Bench) -> None:
    for key, after in {"a": (), "b": ("a",), "c": ("b",), "d": (), "e": ("d",)}.items():
        bench.remove(key, *after)
    bench.engine.faults.fail("remove_volume", NO, name="a")
    outcome = await bench.run()
    assert names_of(outcome.done) == ["d", "e"]
    assert [(failure.step.subject, failure.error) for failure in outcome.failures] == [("service:a", NO)]
    assert names_of(outcome.skipped) == ["b", "c"]
    assert (outcome.is_complete, outcome.is_interrupted) == (False, False)
    assert bench.engine.calls == ["remove_volume a", "remove_volume d", "remove_volume e"]


async def test_a_step_that_needs_two_is_skipped_once(bench: Bench) -> None:
    for key, after in {"a": (), "b": (), "c": ("a", "b"), "d": ("c",)}.items():
        bench.remove(key, *after)
    bench.engine.faults.fail("remove_volume", NO, times=2)
    outcome = await bench.run()
    assert names_of(failure.step for failure in outcome.failures) == ["a", "b"]
    assert bench.tell(StepSkipped) == ["c", "d"]


async def test_skipping_thousands_of_steps_needs_no_deep_stack(bench: Bench) -> None:
    bench.remove("s0000")
    for number in range(1, 2500):
        bench.remove(f"s{number:04}", f"s{number - 1:04}")
    bench.engine.faults.fail("remove_volume", NO)
    assert len((await bench.run()).skipped) == 2499


async def test_what_waits_only_for_the_end_goes_on_after_a_failure_and_after_a_skip(bench: Bench) -> None:
    bench.remove("a")
    bench.remove("b", "a")
    bench.remove("after a", after_ended=["a"])
    bench.remove("after b", after_ended=["b"])
    bench.engine.faults.fail("remove_volume", NO, name="a")
    outcome = await bench.run()
    assert names_of(outcome.done) == ["after a", "after b"]
    assert names_of(outcome.skipped) == ["b"]


async def test_what_waits_for_the_end_does_wait_for_it(bench: Bench) -> None:
    bench.engine.faults.delay_s["remove_volume"] = 1
    bench.remove("a")
    bench.remove("b", after_ended=["a"])
    await bench.run()
    assert bench.clock.monotonic_s() == 2


async def test_a_best_effort_step_that_fails_is_told_and_fails_nothing(bench: Bench) -> None:
    bench.remove("a", best_effort=True)
    bench.remove("b", "a")
    bench.engine.faults.fail("remove_volume", NO, name="a")
    outcome = await bench.run()
    assert outcome.is_complete
    assert names_of(outcome.done) == ["b"]
    (failed,) = [event for event in bench.events if isinstance(event, StepFailed)]
    assert (failed.message, failed.best_effort) == ("no", True)


async def test_a_container_that_cannot_start_is_removed_when_the_plan_made_it(bench: Bench) -> None:
    bench.add("create", CreateContainer(container()))
    bench.add("start", StartContainer("app.web", remove_on_failure=True), after=["create"])
    bench.engine.break_start("web", "port is already allocated")
    outcome = await bench.run()
    assert isinstance(outcome.failures[0].error, EngineConflictError)
    assert (await bench.engine.observe()).containers == ()


async def test_a_container_that_cannot_start_stays_when_it_was_there_before(bench: Bench) -> None:
    await bench.engine.create_container(container())
    bench.add("start", StartContainer("app.web"))
    bench.engine.break_start("web", "no")
    await bench.run()
    assert [each.name for each in (await bench.engine.observe()).containers] == ["app.web"]


async def test_when_the_removal_fails_too_the_first_error_is_the_one_told(bench: Bench) -> None:
    bench.add("create", CreateContainer(container()))
    bench.add("start", StartContainer("app.web", remove_on_failure=True), after=["create"])
    bench.engine.break_start("web", "the first error")
    bench.engine.faults.fail("remove_container", EngineError("the second error"))
    assert "the first error" in (await bench.run()).failures[0].error.message


async def test_when_the_engine_dies_at_a_start_nothing_is_removed(bench: Bench) -> None:
    bench.add("create", CreateContainer(container()))
    bench.add("start", StartContainer("app.web", remove_on_failure=True), after=["create"])
    bench.engine.faults.hang("start_container")
    await bench.run()
    assert "remove_container app.web" not in bench.engine.calls


@pytest.mark.parametrize("how", ["dead", "stuck"])
async def test_an_engine_that_is_lost_is_asked_for_nothing_new(bench: Bench, how: str) -> None:
    for key in "abcdef":
        bench.remove(key)
    bench.remove("after c", after_ended=["c"])
    if how == "dead":
        bench.engine.faults.die_after(1)
    else:
        bench.engine.faults.hang("remove_volume", name="a")
    outcome = await bench.run(concurrency=1)
    assert (names_of(outcome.done), names_of(outcome.skipped)) == (["c"], ["after c", *"bdef"])
    assert [failure.step.subject for failure in outcome.failures] == ["service:a"]
    assert bench.engine.calls == ["remove_volume c", "remove_volume a"]


async def test_calls_that_are_under_way_when_the_engine_is_lost_may_finish(bench: Bench) -> None:
    bench.engine.faults.delay_s["remove_volume"] = 1
    bench.engine.faults.fail("remove_network", EngineUnreachableError("gone"))
    bench.add("a", RemoveNetwork("a"))
    bench.remove("b")
    bench.remove("c", "b")
    outcome = await bench.run()
    assert (names_of(outcome.done), names_of(outcome.skipped)) == (["b"], ["c"])


@pytest.mark.parametrize("may_stay", [True, False])
async def test_a_network_that_the_engine_has_miscounted_may_stay_when_nobody_needs_it_gone(
    bench: Bench, *, may_stay: bool
) -> None:
    error = NetworkMiscountedError("miscounted", hint="restart the engine")
    bench.engine.faults.fail("remove_network", error)
    bench.add("a", RemoveNetwork("a", may_stay=may_stay))
    bench.remove("b", "a")
    outcome = await bench.run()
    if may_stay:
        assert outcome.is_complete
        notices = [event for event in bench.events if isinstance(event, Notice)]
        assert notices == [Notice("miscounted", is_warning=True)]
    else:
        assert [failure.error for failure in outcome.failures] == [error]


async def test_an_interrupt_ends_waits_finishes_calls_and_begins_nothing_new(bench: Bench) -> None:
    await bench.engine.create_container(container(healthcheck=Healthcheck(("CMD", "ask"))))
    bench.engine.script("web", Behaviour(healthy_after_s=FOREVER))
    await bench.engine.start_container("app.web")
    bench.engine.faults.delay_s["remove_volume"] = 10
    bench.add("wait", WaitReady("app.web", Ready(), 300))
    bench.remove("a")
    bench.remove("b", "a")
    bench.remove("c", after_ended=["wait"])
    running = asyncio.ensure_future(bench.run())
    await bench.clock.sleep(5)
    bench.interrupt.set()
    outcome = await running
    assert bench.clock.monotonic_s() == 10
    assert (names_of(outcome.done), names_of(outcome.skipped)) == (["a"], ["b", "c", "wait"])
    assert outcome.failures == ()
    assert (outcome.is_interrupted, outcome.is_complete) == (True, False)


async def test_an_interrupt_before_the_beginning_leaves_everything_undone(bench: Bench) -> None:
    bench.remove("a")
    bench.interrupt.set()
    outcome = await bench.run()
    assert (names_of(outcome.skipped), outcome.is_interrupted, bench.engine.calls) == (["a"], True, [])


async def test_a_walk_that_is_cancelled_leaves_nothing_running(bench: Bench) -> None:
    bench.engine.faults.delay_s["remove_volume"] = 10
    bench.remove("a")
    walking = asyncio.ensure_future(bench.run())
    await bench.clock.sleep(1)
    walking.cancel()
    await asyncio.gather(walking, return_exceptions=True)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_an_error_that_nobody_foresaw_is_raised_and_nothing_stays_running(bench: Bench) -> None:
    def publish(event: Event) -> None:
        if isinstance(event, StepDone):
            raise ZeroDivisionError

    bench.remove("a")
    bench.remove("b")
    with pytest.raises(ZeroDivisionError):
        await execute(bench.builder.finish(), bench.engine, publish, bench.clock)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_an_empty_plan_is_complete(bench: Bench) -> None:
    assert await bench.run() == Outcome()
    assert bench.events == []


@pytest.mark.parametrize("concurrency", [1, 3, 8])
async def test_no_more_calls_than_allowed_run_at_once(bench: Bench, concurrency: int) -> None:
    bench.engine.faults.delay_s["remove_volume"] = 1
    for number in range(24):
        bench.remove(f"v{number:02}")
    open_calls = most = 0

    def publish(event: Event) -> None:
        nonlocal open_calls, most
        open_calls += isinstance(event, StepStarted)
        open_calls -= isinstance(event, StepDone)
        most = max(most, open_calls)

    await execute(bench.builder.finish(), bench.engine, publish, bench.clock, concurrency=concurrency)
    assert most == concurrency
    assert bench.clock.monotonic_s() == 24 / concurrency


async def test_waiting_takes_no_place_from_calls(bench: Bench) -> None:
    for number in range(3):
        bench.engine.script(f"w{number}", Behaviour(exits_after_s=100))
        await bench.engine.create_container(container(f"w{number}"))
        bench.engine.script(f"w{number}", Behaviour(exits_after_s=100))
        await bench.engine.start_container(f"w{number}")
        bench.add(f"wait {number}", WaitReady(f"w{number}", Completed(), 300))
    bench.remove("a")
    await bench.run(concurrency=1)
    done = bench.tell(StepDone)
    assert (done[0], len(done)) == ("a", 4)


async def test_the_longest_way_goes_first(bench: Bench) -> None:
    bench.remove("a alone")
    bench.remove("b first")
    bench.remove("c second", "b first")
    bench.remove("d third", "c second")
    await bench.run(concurrency=1)
    assert bench.tell(StepStarted) == ["b first", "c second", "a alone", "d third"]


async def test_events_tell_the_whole_story_in_order(bench: Bench) -> None:
    plan = reconcile(resolve(appliance(service("web"))), await bench.engine.observe())
    await bench.run(plan)
    assert [told(event) for event in bench.events] == [
        "StepStarted network:default CreateNetwork",
        "SubjectChanged network:default creating",
        "StepDone network:default CreateNetwork",
        "SubjectChanged network:default created",
        "StepStarted service:web CreateContainer",
        "SubjectChanged service:web creating",
        "StepDone service:web CreateContainer",
        "SubjectChanged service:web created",
        "StepStarted service:web StartContainer",
        "SubjectChanged service:web starting",
        "StepDone service:web StartContainer",
        "StepStarted service:web WaitReady",
        "SubjectChanged service:web probing",
        "StepDone service:web WaitReady",
        "SubjectChanged service:web ready",
    ]


async def test_a_service_that_fails_is_told_with_its_reason_hint_and_last_lines(bench: Bench) -> None:
    made = appliance(service("db"), service("web", "db", condition=Condition.COMPLETED))
    bench.engine.script("db", Behaviour(lines=(Line("no such table"),), exits_after_s=1, exit_code=4))
    outcome = await bench.run(reconcile(resolve(made), await bench.engine.observe()))
    (failed,) = [event for event in bench.events if isinstance(event, StepFailed)]
    assert failed.message == "db should complete, but ended with status 4"
    assert (failed.hint, failed.logs) == ("see more: boxship logs db", ("no such table",))
    assert bench.phases("service:db")[-1] == "failed: db should complete, but ended with status 4"
    assert bench.phases("service:web")[-1] == "skipped: db failed"
    assert isinstance(outcome.failures[0].error, ProbeError)
    assert [event.because for event in bench.events if isinstance(event, StepSkipped)] == ["service:db"] * 2


async def test_how_long_a_step_took_is_told(bench: Bench) -> None:
    bench.engine.faults.delay_s["remove_volume"] = 2.5
    bench.remove("a")
    await bench.run()
    assert [event.took_s for event in bench.events if isinstance(event, StepDone)] == [2.5]


async def test_every_action_is_its_call(bench: Bench) -> None:
    engine = bench.engine
    engine.registry.add("img:2")
    actions: dict[str, Action] = {
        "1 pull": PullImage("img:2"),
        "2 network": CreateNetwork(NetworkSpec("net", Network("net"))),
        "3 volume": CreateVolume(VolumeSpec("vol", Volume("vol"))),
        "4 create": CreateContainer(container("old")),
        "5 start": StartContainer("old"),
        "6 rename": RenameContainer("old", "new"),
        "7 wait": WaitReady("new", Ready(), 10),
        "8 stop": StopContainer("new", 3),
        "9 remove": RemoveContainer("new", volumes=True),
        "a network": RemoveNetwork("net"),
        "b volume": RemoveVolume("vol"),
    }
    for previous, (key, action) in zip([(), *((key,) for key in actions)], actions.items(), strict=False):
        bench.add(key, action, after=previous)
    outcome = await bench.run()
    assert outcome.is_complete, outcome.failures
    asked = [call for call in engine.calls if not call.startswith(("inspect", "wait"))]
    assert asked == [
        "pull_image img:2",
        "create_network net",
        "create_volume vol",
        "create_container old",
        "start_container old",
        "rename_container old",
        "stop_container new",
        "remove_container new",
        "remove_network net",
        "remove_volume vol",
    ]
    assert ImageProgress("img:2", "1 KiB of 1 KiB, 1 of 1 layers", 1024, 1024) in bench.events


async def test_an_image_that_cannot_be_pulled_fails_its_step(bench: Bench) -> None:
    bench.add("pull", PullImage("img:9"))
    assert isinstance((await bench.run()).failures[0].error, ImageMissingError)


async def test_a_paused_container_is_resumed(bench: Bench) -> None:
    await bench.engine.create_container(container())
    await bench.engine.start_container("app.web")
    await bench.engine.pause_container("app.web")
    bench.add("go", UnpauseContainer("app.web"))
    await bench.run()
    assert (await bench.engine.observe()).containers[0].state is ContainerState.RUNNING


async def test_a_container_that_is_renamed_while_it_is_waited_for_is_still_found(bench: Bench) -> None:
    bench.engine.script("web", Behaviour(healthy_after_s=2))
    bench.add("create", CreateContainer(container("temporary", healthcheck=Healthcheck(("CMD", "ask")))))
    bench.add("start", StartContainer("temporary"), after=["create"])
    bench.add("rename", RenameContainer("temporary", "final"), after=["start"])
    bench.add("wait", WaitReady("temporary", Ready(), 60), after=["start"])
    outcome = await bench.run()
    assert outcome.is_complete, outcome.failures


async def test_a_plan_may_be_walked_twice(bench: Bench) -> None:
    bench.remove("a")
    plan = bench.builder.finish()
    assert (await bench.run(plan)) == (await bench.run(replace(plan)))
