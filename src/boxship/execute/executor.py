"""Walks a plan's DAG as wide as the engine allows. It decides nothing: each action is one call of a port.

A step that fails fails what depends on it, and nothing else. When the engine itself is gone or stuck, nothing new is
begun, as every state between two steps is one from which the next ``up`` goes on.
"""

import asyncio
import contextlib
from collections.abc import Callable
from heapq import heappop, heappush
from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from boxship.clock import Clock
from boxship.engine.port import Engine
from boxship.errors import BoxshipError, EngineTimeoutError, EngineUnreachableError, NetworkMiscountedError
from boxship.events import (
    Event,
    Notice,
    Phase,
    StepDone,
    StepFailed,
    StepSkipped,
    StepStarted,
    SubjectChanged,
)
from boxship.execute.deadlines import Deadlines
from boxship.execute.hooks import HookRunner
from boxship.execute.host_hooks import run_host_hook
from boxship.execute.owners import hand_over
from boxship.execute.readiness import Readiness
from boxship.execute.rehearsal import Rehearsal, WouldChange
from boxship.execute.transfers import transfer
from boxship.plan.action import (
    Action,
    Completed,
    ContainerSpec,
    CopyFiles,
    CreateContainer,
    CreateNetwork,
    CreateVolume,
    HandOver,
    KillContainer,
    PauseContainer,
    Plan,
    PullImage,
    PushImage,
    RemoveContainer,
    RemoveNetwork,
    RemoveVolume,
    RenameContainer,
    RunHook,
    RunHostHook,
    SetRestart,
    StartContainer,
    Step,
    StopContainer,
    UnpauseContainer,
    WaitReady,
)

Publish = Callable[[Event], None]

# Measured on Docker 20.10 (2 cores): 5 to 8 calls side by side give the shortest `up`, more gives nothing.
CONCURRENT_CALLS = 8
# They last, but make few and short calls.
_NEED_NO_SLOT = (WaitReady, RunHook, RunHostHook)
# What an interrupt ends at once: these leave nothing half done behind.
_CUT_SHORT = (*_NEED_NO_SLOT, PullImage, PushImage)


class Failure(Struct, frozen=True):
    """A step and why it failed."""

    step: Step
    error: BoxshipError


class Outcome(Struct, frozen=True):
    """How a plan ended. ``skipped`` steps were not begun. ``failures`` holds none of best effort."""

    done: tuple[Step, ...] = ()
    failures: tuple[Failure, ...] = ()
    skipped: tuple[Step, ...] = ()
    is_interrupted: bool = False

    @property
    def is_complete(self) -> bool:
        return not self.failures and not self.skipped and not self.is_interrupted


async def execute(
    plan: Plan,
    engine: Engine,
    publish: Publish,
    clock: Clock,
    *,
    interrupt: asyncio.Event | None = None,
    concurrency: int = CONCURRENT_CALLS,
    deadlines: Deadlines | None = None,
) -> Outcome:
    """Carry the plan out as far as possible and tell how it ended; raises nothing for a failed step.

    Raises: WouldChange with the plan, on an engine that is only asked.

    ``deadlines``: of the waits for services; None: as planned.
    ``interrupt``: once set, nothing new is begun, waiting and transfers of images end, other calls in flight finish.
    """
    if isinstance(engine, Rehearsal):
        raise WouldChange(plan=plan)
    return await _Run(plan, engine, publish, clock, interrupt or asyncio.Event(), concurrency, deadlines).walk()


class _Run:
    """One walk: the state of every step."""

    def __init__(
        self,
        plan: Plan,
        engine: Engine,
        publish: Publish,
        clock: Clock,
        interrupt: asyncio.Event,
        concurrency: int,
        deadlines: Deadlines | None,
    ) -> None:
        self._plan = plan
        self._engine = engine
        self._publish = publish
        self._clock = clock
        self._interrupt = interrupt
        self._slots = concurrency
        self._readiness = Readiness(engine, clock, deadlines)
        self._hooks = HookRunner(engine, clock)
        self._steps = {step.id: step for step in plan.steps}
        self._open = {step.id: set(step.after) | set(step.after_ended) for step in plan.steps}
        self._followers: dict[int, list[int]] = {step.id: [] for step in plan.steps}
        for step in plan.steps:
            for before in (*step.after, *step.after_ended):
                self._followers[before].append(step.id)
        self._ready: list[tuple[int, int]] = []
        self._running: dict[asyncio.Task[None], Step] = {}
        self._ended: dict[int, BoxshipError | None] = {}
        self._blame: dict[int, str] = {}
        self._is_engine_lost = False
        self._made: dict[str, str] = {}
        """Name -> id of the containers that this walk created."""

    async def walk(self) -> Outcome:
        for step in self._plan.steps:
            if not self._open[step.id]:
                heappush(self._ready, (-step.rank, step.id))
        interrupted = asyncio.ensure_future(self._interrupt.wait())
        try:
            while self._begin_what_can() or self._running:
                await asyncio.wait({*self._running, interrupted}, return_when=asyncio.FIRST_COMPLETED)
                if interrupted.done():
                    self._end_waits()
                    await asyncio.wait(self._running)
                self._collect()
        finally:
            interrupted.cancel()
            await self._cancel_all()
        return self._outcome()

    def _begin_what_can(self) -> bool:
        """Begin ready steps, the most critical first."""
        waiting: list[tuple[int, int]] = []
        while self._ready and not self._is_stopped():
            rank, step_id = heappop(self._ready)
            step = self._steps[step_id]
            if not isinstance(step.action, _NEED_NO_SLOT) and self._busy() >= self._slots:
                waiting.append((rank, step_id))
                continue
            self._running[asyncio.ensure_future(self._do(step))] = step
        for item in waiting:
            heappush(self._ready, item)
        return bool(self._running)

    def _is_stopped(self) -> bool:
        return self._is_engine_lost or self._interrupt.is_set()

    def _busy(self) -> int:
        return sum(not isinstance(step.action, _NEED_NO_SLOT) for step in self._running.values())

    async def _do(self, step: Step) -> None:
        action = type(step.action).__name__
        self._publish(StepStarted(step.id, step.subject, action, step.cause))
        self._show_begin(step)
        began_s = self._clock.monotonic_s()
        await self._act(step)
        self._publish(StepDone(step.id, step.subject, action, self._clock.monotonic_s() - began_s))
        self._show_end(step)

    async def _act(self, step: Step) -> None:  # noqa: C901 (one arm per action is the point)
        engine = self._engine
        action: Action = step.action
        match action:
            case PullImage() | PushImage():
                await transfer(action, engine, self._publish, self._clock)
            case CreateNetwork(spec):
                await engine.create_network(spec)
            case CreateVolume(volume_spec):
                await engine.create_volume(volume_spec)
            case CreateContainer(container_spec):
                await self._create(step, container_spec)
            case CopyFiles(name, files):
                await engine.copy_files(name, files)
            case HandOver():
                await hand_over(engine, action)
            case StartContainer(name, remove_on_failure):
                await self._start(name, remove_on_failure=remove_on_failure)
            case PauseContainer(name):
                await engine.pause_container(name)
            case UnpauseContainer(name):
                await engine.unpause_container(name)
            case KillContainer(name, signal):
                await engine.kill_container(name, signal)
            case RunHook():
                await self._run_hook(action)
            case RunHostHook():
                await run_host_hook(action)
            case SetRestart(name, policy):
                await engine.set_restart(name, policy)
            case WaitReady():
                # By id where it is known: a replacement gets its final name while it is waited for.
                waited = replace(action, name=self._made.get(action.name, action.name))
                await self._readiness.wait(waited, lambda text: self._show(step, Phase.PROBING, text))
            case StopContainer(name, grace_s):
                await engine.stop_container(name, grace_s)
            case RenameContainer(name, new_name):
                await engine.rename_container(name, new_name)
            case RemoveContainer(name, volumes):
                await engine.remove_container(name, volumes=volumes)
            case RemoveNetwork(name):
                await engine.remove_network(name)
            case RemoveVolume(name):
                await engine.remove_volume(name)
            case _:
                assert_never(action)

    async def _create(self, step: Step, spec: ContainerSpec) -> None:
        created = await self._engine.create_container(spec)
        self._made[spec.name] = created.id
        for text in created.warnings:
            self._publish(Notice(f"{step.subject.partition(':')[2]}: {text}", is_warning=True))

    async def _start(self, name: str, *, remove_on_failure: bool) -> None:
        try:
            await self._engine.start_container(name)
        except (EngineUnreachableError, EngineTimeoutError):
            raise
        except BoxshipError:
            if remove_on_failure:
                with contextlib.suppress(BoxshipError):
                    await self._engine.remove_container(name)
            raise

    async def _run_hook(self, action: RunHook) -> None:
        if not await self._hooks.run(action) and action.kind == "post_start":
            self._publish(Notice(f"{action.title}: the container ended before it had run", is_warning=True))

    def _collect(self) -> None:
        for task in [task for task in self._running if task.done()]:
            step = self._running.pop(task)
            if task.cancelled():
                self._blame[step.id] = "the interrupt"
                continue
            error = task.exception()
            if error is None:
                self._end(step, None)
            elif isinstance(error, BoxshipError):
                self._fail(step, error)
            else:
                raise error

    def _fail(self, step: Step, error: BoxshipError) -> None:
        action = step.action
        if isinstance(error, NetworkMiscountedError) and isinstance(action, RemoveNetwork) and action.may_stay:
            step = self._steps[step.id] = replace(step, best_effort=True)
        if isinstance(error, EngineUnreachableError | EngineTimeoutError):
            self._is_engine_lost = True
        logs = tuple(getattr(error, "logs", ()))
        self._publish(
            StepFailed(
                step.id, step.subject, type(step.action).__name__, error.message, error.hint, logs, step.best_effort
            )
        )
        if step.best_effort:
            self._publish(Notice(error.message, is_warning=True))
        else:
            self._show(step, Phase.FAILED, error.message)
        self._end(step, error)

    def _end(self, step: Step, error: BoxshipError | None) -> None:
        """Note the end of a step, and make ready or skip what waited for it."""
        self._ended[step.id] = error
        self._let_go(step, step.subject if error is not None and not step.best_effort else "")

    def _let_go(self, ended: Step, because: str) -> None:
        """Skip all that needs the step, when ``because`` isn't ""; what only waits for its end may go on.

        Iterative, as a chain of 5,000 services is longer than Python's stack.
        """
        pending = [ended]
        while pending:
            step = pending.pop()
            for follower_id in self._followers[step.id]:
                follower = self._steps[follower_id]
                if because and step.id in follower.after and follower_id not in self._blame:
                    self._skip(follower, because)
                    pending.append(follower)
                self._open[follower_id].discard(step.id)
                if not self._open[follower_id] and follower_id not in self._blame:
                    heappush(self._ready, (-follower.rank, follower_id))

    def _skip(self, step: Step, because: str) -> None:
        self._blame[step.id] = because
        self._publish(StepSkipped(step.id, step.subject, type(step.action).__name__, because))
        if step.subject != because:
            self._show(step, Phase.SKIPPED, f"{because.partition(':')[2]} failed")

    def _end_waits(self) -> None:
        for task, step in self._running.items():
            if isinstance(step.action, _CUT_SHORT):
                task.cancel()

    async def _cancel_all(self) -> None:
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def _outcome(self) -> Outcome:
        done = tuple(self._steps[key] for key, error in self._ended.items() if error is None)
        failures = tuple(
            Failure(self._steps[key], error)
            for key, error in self._ended.items()
            if error is not None and not self._steps[key].best_effort
        )
        skipped = tuple(step for step in self._plan.steps if step.id not in self._ended)
        return Outcome(done, failures, skipped, self._interrupt.is_set())

    def _show(self, step: Step, phase: Phase, detail: str = "") -> None:
        self._publish(SubjectChanged(step.subject, phase, detail))

    def _show_begin(self, step: Step) -> None:
        phase = _BEGINS.get(type(step.action))
        if isinstance(step.action, RunHook):
            self._show(step, Phase.STARTING if step.action.kind == "post_start" else Phase.STOPPING, step.action.title)
        elif phase is not None:
            self._show(step, phase)

    def _show_end(self, step: Step) -> None:
        action = step.action
        if isinstance(action, WaitReady):
            self._show(step, Phase.COMPLETED if isinstance(action.gate, Completed) else Phase.READY)
        elif isinstance(action, KillContainer):
            self._show(step, Phase.SIGNALED, action.signal)
        elif type(action) in _ENDS:
            self._show(step, _ENDS[type(action)])


_BEGINS = {
    PullImage: Phase.PULLING,
    PushImage: Phase.PUSHING,
    CreateNetwork: Phase.CREATING,
    CreateVolume: Phase.CREATING,
    CreateContainer: Phase.CREATING,
    CopyFiles: Phase.CREATING,
    StartContainer: Phase.STARTING,
    WaitReady: Phase.PROBING,
    StopContainer: Phase.STOPPING,
}
_ENDS = {
    PullImage: Phase.READY,
    PushImage: Phase.PUSHED,
    CreateNetwork: Phase.CREATED,
    CreateVolume: Phase.CREATED,
    CreateContainer: Phase.CREATED,
    CopyFiles: Phase.CREATED,
    PauseContainer: Phase.PAUSED,
    UnpauseContainer: Phase.RESUMED,
    StopContainer: Phase.STOPPED,
    RemoveContainer: Phase.REMOVED,
    RemoveNetwork: Phase.REMOVED,
    RemoveVolume: Phase.REMOVED,
}
