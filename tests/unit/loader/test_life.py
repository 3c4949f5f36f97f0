"""A box's whole life against a model: whatever people ask, whatever fails, whenever it is cut, whatever the clock says.

Laws (design.md): the previous generation is never written, nor removed while it can be gone back to; data goes back
only by a trial that failed or by a person; what runs is wholly one deployment; the Loader itself never chooses a
release; and once faults have ended, the box becomes ready by itself.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hypothesis import HealthCheck, Phase, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from boxship.errors import BoxshipError, EngineError, HostError, StateError
from boxship.execute.race import race
from boxship.loader.supervisor import Supervisor
from boxship.state.deployment import Deployment
from boxship.state.operation import Operation, OperationStatus
from boxship.state.state import State
from tests.fakes.behaviour import Behaviour
from tests.fakes.clock import FakeClock
from tests.fakes.store import MemoryStore
from tests.unit.loader.bench import VERSIONS, Bench

BROKEN = "1.2"
"""Its web front ends at once."""
LONGEST_LULL_S = 1200.0
"""No pause of the Loader is longer than a quarter of it."""
ENGINE_CALLS = ("observe", "create_container", "start_container", "stop_container", "remove_container", "set_restart")
FULL = HostError("state.db can't be written: no space left on the disk")
DAMAGED = StateError("state.db is damaged: malformed")
Ask = Callable[[Supervisor], Awaitable[object]]


Trouble = Callable[[Bench, MemoryStore], None]


def engine_fails(call: str, times: int, *, is_after: bool) -> Trouble:
    error = EngineError("device busy")
    return lambda bench, _: bench.world.engine.faults.fail(call, error, times=times, after=is_after)


def engine_hangs(call: str, times: int, *, is_after: bool) -> Trouble:
    return lambda bench, _: bench.world.engine.faults.hang(call, times=times, takes_effect=is_after)


def engine_dies(calls: int, *, is_after: bool) -> Trouble:
    return lambda bench, _: bench.world.engine.faults.die_after(calls, takes_effect=is_after)


def store_fails(error: BoxshipError) -> Trouble:
    def fail(_: Bench, store: MemoryStore) -> None:
        store.breaks = error

    return fail


def copy_fails(why: str) -> Trouble:
    def fail(bench: Bench, _: MemoryStore) -> None:
        bench.world.copier.breaks = why

    return fail


def gate_fails(why: str) -> Trouble:
    def fail(bench: Bench, _: MemoryStore) -> None:
        bench.world.gate.breaks = why

    return fail


def start_fails(service: str, why: str) -> Trouble:
    return lambda bench, _: bench.world.engine.script(service, Behaviour(start_error=why))


CALL, TIMES = st.sampled_from(ENGINE_CALLS), st.integers(1, 3)
TROUBLES: st.SearchStrategy[Trouble] = st.one_of(
    st.builds(engine_fails, CALL, TIMES, is_after=st.booleans()),
    st.builds(engine_hangs, CALL, TIMES, is_after=st.booleans()),
    st.builds(engine_dies, st.integers(0, 20), is_after=st.booleans()),
    st.builds(store_fails, st.sampled_from((FULL, DAMAGED))),
    st.builds(copy_fails, st.just("no space left on /data")),
    st.builds(gate_fails, st.just("iptables: no such table")),
    st.builds(start_fails, st.sampled_from(("db", "web", "page")), st.just("no such device")),
)


class JumpingClock(FakeClock):
    """Its wall clock may be set, in both directions; the other one just goes on."""

    def __init__(self) -> None:
        super().__init__()
        self.jump_s = 0.0

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self.jump_s)


@dataclass
class Model:
    """What must be true of the box, from what was saved and nothing else."""

    state: State = field(default_factory=State)
    written: dict[int, str] = field(default_factory=dict)
    """Generation -> what is in its volume, as the one who was current last wrote it."""
    asked: set[str] = field(default_factory=set)
    """Versions that a person named for a switch so far."""
    rollbacks: int = 0
    violations: list[str] = field(default_factory=list)

    def follow(self, after: State) -> None:
        """Judge one saved change. Raised in the midst of the Loader, it would be one more of its faults."""
        before, self.state = self.state, after
        try:
            self.judge(before, after)
        except AssertionError as violation:
            self.violations.append(str(violation))

    def judge(self, before: State, after: State) -> None:
        deployments = [each for each in (after.current, after.trial, after.previous) if each is not None]
        assert len({each.generation for each in deployments}) == len(deployments), "two would write the same data"
        assert after.revision == before.revision + 1
        assert after.next_generation >= before.next_generation
        if after.current is not None and before.current is not None and _moved(before.current, after.current):
            assert before.trial == after.current, "it became current without a trial"
            assert after.previous is not None
            assert after.previous.generation == before.current.generation
        elif before.current is not None:
            assert after.current is not None, "current was forgotten"
            assert after.previous == before.previous, "what can be gone back to changed without a switch"
        if after.trial is not None and before.trial is None:
            assert after.trial.version in self.asked or self.rollbacks, "nobody asked for this release"


def _moved(one: Deployment, other: Deployment) -> bool:
    return (one.release_id, one.generation) != (other.release_id, other.generation)


class Life(RuleBasedStateMachine):
    """Each rule runs to a point that its arguments choose; then the Loader lives on, or is cut."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.clock = JumpingClock()
        self.bench = Bench(self.clock)
        self.bench.break_image(f"app/web:{BROKEN}")
        self.model = Model()
        store = self.bench.world.store
        assert isinstance(store, MemoryStore)
        self.store = store
        self.points_left: int | None = None
        self.ends = asyncio.Event()
        self.bench.world.engine.faults.heard = lambda _call: self.count()
        self.store.heard = self.hear_of
        self.box: Supervisor | None = None
        self.running: asyncio.Task[None] | None = None
        self.writes = 0

    # -- its Loaders

    def start(self) -> Supervisor:
        async def begin() -> Supervisor:
            box = self.bench.world.start_loader()
            self.running = asyncio.ensure_future(box.run(asyncio.Event()))
            await self.clock.sleep(0.01)
            return box

        if self.box is None:
            self.box = self.loop.run_until_complete(begin())
        return self.box

    def cut(self) -> None:
        async def end() -> None:
            if self.running is not None:
                self.running.cancel()
                await asyncio.gather(self.running, return_exceptions=True)

        self.loop.run_until_complete(end())
        self.points_left = None
        self.ends.clear()
        self.box = self.running = None

    def hear_of(self, state: State) -> None:
        self.model.follow(state)
        self.count()

    def count(self) -> None:
        if self.points_left is not None:
            self.points_left -= 1
            if self.points_left < 0:
                self.ends.set()

    def live(self, seconds: float) -> None:
        """So long, or until the Loader's end."""

        async def wait() -> None:
            async with race(self.clock.sleep(seconds), self.ends.wait()):
                pass

        self.loop.run_until_complete(wait())
        if self.ends.is_set():
            self.cut()

    def ask(self, ask: Ask) -> object:
        """A refusal is an answer like any other."""

        name = ask.__code__.co_names[0] if hasattr(ask, "__code__") else "?"

        async def go() -> object:
            try:
                answer = await ask(self.start_running())
            except BoxshipError as error:
                event(f"{name}: {error.code}")
                return None
            event(f"{name}: begun")
            return answer

        self.start()
        answer = self.loop.run_until_complete(go())
        if self.ends.is_set():
            self.cut()
        return answer

    def start_running(self) -> Supervisor:
        assert self.box is not None
        return self.box

    @initialize()
    def a_box_that_runs(self) -> None:
        self.start()
        self.ask(lambda box: box.set_source("registry", by="test"))
        for number in VERSIONS:
            self.ask(lambda box, number=number: box.pull(number, by="test"))  # type: ignore[misc]
            self.live(1.0)
        self.model.asked.add("1.0")
        self.ask(lambda box: box.switch("1.0", by="test"))
        self.live(30.0)
        assert self.start_running().boot().is_ready

    # -- what people ask

    @rule(version=st.sampled_from(VERSIONS))
    def pull(self, version: str) -> None:
        self.ask(lambda box: box.pull(version, by="test"))

    @rule(version=st.sampled_from(VERSIONS), to_target=st.sampled_from(("", "maintenance")), is_meant=st.booleans())
    def switch(self, version: str, to_target: str, is_meant: bool) -> None:
        self.model.asked.add(version)
        self.ask(lambda box: box.switch(version, target=to_target, allow_downgrade=is_meant, by="test"))

    @rule(version=st.sampled_from(VERSIONS))
    def switch_and_wait(self, version: str) -> None:
        self.switch(version, "", True)
        self.live(40.0)

    @rule()
    def roll_back(self) -> None:
        if self.ask(lambda box: box.rollback(by="test")) is not None:
            self.model.rollbacks += 1

    @rule(to_target=st.sampled_from(("default", "maintenance", "current", "nonsense")))
    def boot(self, to_target: str) -> None:
        self.ask(lambda box: box.boot_target(to_target, by="test"))

    @rule()
    def collect(self) -> None:
        self.ask(lambda box: box.gc(by="test"))

    @rule(service=st.sampled_from(("db", "web")))
    def restart(self, service: str) -> None:
        self.ask(lambda box: box.restart_service(service, by="test"))

    @rule()
    def cancel(self) -> None:
        operation_id = self.start().state().operation_id
        if operation_id:
            self.ask(lambda box: box.cancel(operation_id, by="test"))

    # -- what happens

    @rule(seconds=st.sampled_from((0.001, 0.02, 0.2, 1.0, 5.0, 40.0)))
    def time_passes(self, seconds: float) -> None:
        self.start()
        self.live(seconds)

    @rule(jump_s=st.sampled_from((-86_400.0, -90.0, 90.0, 86_400.0)))
    def the_clock_is_set(self, jump_s: float) -> None:
        self.clock.jump_s += jump_s

    @rule()
    def the_loader_ends(self) -> None:
        self.cut()

    @rule(points=st.integers(0, 90))
    def the_loader_is_to_end(self, points: int) -> None:
        """At so many calls of the engine and writes of the state from now."""
        self.points_left = points

    @rule(trouble=TROUBLES)
    def something_breaks(self, trouble: Trouble) -> None:
        trouble(self.bench, self.store)

    @rule()
    def the_engine_comes_back(self) -> None:
        self.bench.world.engine.restart_daemon()

    @rule()
    def everything_is_mended(self) -> None:
        world = self.bench.world
        self.store.breaks = None
        world.copier.breaks = world.gate.breaks = ""
        world.engine.faults.forget()
        world.engine.restart_daemon()
        for service in ("db", "web", "page"):
            world.engine.script(service, Behaviour())

    @precondition(lambda self: self.bench.running)
    @rule(which=st.integers(0, 5))
    def somebody_stops_a_container(self, which: int) -> None:
        running = self.bench.running
        name = running[which % len(running)]

        async def stop() -> None:
            for container in self.bench.world.engine.world.containers.values():
                if container.name == name:
                    self.bench.world.engine.world.end(container, 137, self.clock.monotonic_s())

        self.loop.run_until_complete(stop())

    @rule()
    def the_application_writes(self) -> None:
        """Only what is current, and runs, writes; and what it wrote is remembered."""
        current = self.model.state.current
        if current is None or f"app.db.g{current.generation}" not in self.bench.running:
            return
        self.writes += 1
        text = f"write {self.writes} by {current.version}"
        self.bench.world.copier.data[f"app.data.g{current.generation}"] = text
        self.model.written[current.generation] = text

    # -- what holds always

    @invariant()
    def every_change_was_lawful(self) -> None:
        assert not self.model.violations

    @invariant()
    def data_of_what_was_current_is_as_it_left_it(self) -> None:
        state = self.model.state
        data = self.bench.world.copier.data
        volumes = self.bench.world.engine.world.volumes
        for deployment in (state.current, state.previous):
            if deployment is None or deployment.generation not in self.model.written:
                continue
            name = f"app.data.g{deployment.generation}"
            assert data[name] == self.model.written[deployment.generation], f"{name} was written by somebody else"
            assert name in volumes, f"{name} was removed"

    @invariant()
    def two_generations_never_run_at_once(self) -> None:
        """At rest: while an operation is under way the old one may stop as the new one starts, never with one name."""
        running = self.bench.running
        assert len({name.rpartition(".")[0] for name in running}) == len(running), running

    @invariant()
    def the_loader_lives_and_has_a_sentence(self) -> None:
        if self.box is not None:
            assert self.running is not None
            assert not self.running.done(), self.running
            assert self.box.why()

    # -- and in the end

    def teardown(self) -> None:
        try:
            if self.points_left is not None:
                self.cut()
            self.everything_is_mended()
            self.the_box_gets_ready()
        finally:
            self.cut()
            self.loop.close()

    def the_box_gets_ready(self) -> None:
        if self.model.state.current is None:
            return  # never got that far
        box = self.start()
        self.live(LONGEST_LULL_S)
        state = box.state()
        event(f"in the end: {state.current.version if state.current else ''}")
        for each in box.operations(1000):
            event(f"{each.kind} {each.status}: {each.failure.code if each.failure else ''}")
        assert box.boot().is_ready, box.why()
        assert (state.trial, state.operation_id) == (None, ""), box.why()
        assert self.bench.world.gate.closed == frozenset()
        assert state.current is not None
        suffix = f".g{state.current.generation}"
        wanted = {"default": ["app.db", "app.web"], "maintenance": ["app.page"]}[state.current.target]
        assert self.bench.running == [name + suffix for name in wanted]
        self.data_of_what_was_current_is_as_it_left_it()
        self.nothing_is_left_running(box)

    def nothing_is_left_running(self, box: Supervisor) -> None:
        """And gc leaves only what the two deployments need."""
        operation = self.ask(lambda each: each.gc(by="test"))
        assert isinstance(operation, Operation)
        self.live(60.0)
        state = box.state()
        kept = {each.generation for each in (state.current, state.previous) if each is not None}
        assert box.operation(operation.id).status is OperationStatus.DONE
        left = {name.rpartition(".g")[2] for name in self.bench.world.engine.world.volumes}
        assert left <= {str(each) for each in kept}, left
        assert box.boot().is_ready, box.why()


TestLife = Life.TestCase
TestLife.settings = settings(
    max_examples=max(40, settings().max_examples * 2 // 5),
    stateful_step_count=30,
    # To shrink a life takes minutes, and tells little more than the life itself.
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
