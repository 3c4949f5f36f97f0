"""The Loader itself: one loop that looks, decides and acts, and the calls by which its doors ask for something.

One operation at a time changes the box. Each runs as a task of its own, so that questions are answered meanwhile; its
end wakes the loop, as does every event of the engine that concerns the appliance.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from typing import Literal, assert_never

from msgspec.structs import replace

from boxship.checks.report import Report
from boxship.checks.text import redactor_for
from boxship.engine.port import LogLine
from boxship.errors import (
    BoxshipError,
    BugError,
    CancelledError,
    ConflictError,
    EngineTimeoutError,
    EngineUnreachableError,
    NotFoundError,
)
from boxship.events import Notice
from boxship.execute.executor import execute
from boxship.loader.boot import boot_current, settle
from boxship.loader.box import BootView, GcView, ProgressView, RollbackView, Sequenced
from boxship.loader.decide import Begin, Wait, decide
from boxship.loader.deployments import expect_target, read_wanted
from boxship.loader.failures import failure_of, failure_of_outcome
from boxship.loader.gc import Garbage, collect, find_garbage, view_of
from boxship.loader.happened import BoxEvent, Decided
from boxship.loader.health import check_all
from boxship.loader.journal import Journal
from boxship.loader.looking import look_at
from boxship.loader.parts import Parts
from boxship.loader.switch import SwitchRequest, request_of_rollback, switch
from boxship.loader.view import Seen, progress_view
from boxship.plan.resolve import resolve
from boxship.plan.upgrade_rules import objections
from boxship.plan.verbs import plan_start
from boxship.spec.release import Release
from boxship.spec.versions import newest
from boxship.state import transitions
from boxship.state.deployment import Deployment
from boxship.state.operation import Failure, Operation, OperationKind, OperationStatus
from boxship.state.state import State

LOADER = "loader"
"""Who asks when nobody did."""
STATUS_FRESH_S = 5.0
LOOK_AGAIN_S = 30.0
"""Events tell of changes at once; this is for those that were missed."""
_LOST = (EngineUnreachableError, EngineTimeoutError)

Work = Callable[[Operation, asyncio.Event], Awaitable[Failure | None]]


class Supervisor:
    """Implements ``Box``."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._journal = Journal(parts.store, parts.clock, parts.feed, parts.aside)
        self._seen = Seen()
        self._is_booted = False
        self._why = "the Loader starts"
        self._wake = asyncio.Event()
        self._work: asyncio.Task[None] | None = None
        self._interrupt = asyncio.Event()
        self._began_s = parts.clock.now().timestamp()
        self._report: Report | None = None
        self._asking = asyncio.Lock()

    # -- the loop

    async def run(self, stop: asyncio.Event) -> None:
        """Look after the box until ``stop`` is set. What runs on the engine goes on.

        Raises: StateError when what is kept can't be read.
        """
        if sentence := await self._journal.open():
            self._publish(Notice(sentence, is_warning=True))
        watching = asyncio.ensure_future(self._watch_engine())
        stopping = asyncio.ensure_future(stop.wait())
        try:
            while not stop.is_set():
                await self._turn(stopping)
        finally:
            for task in (watching, stopping, *([self._work] if self._work is not None else [])):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    async def _turn(self, stopping: asyncio.Task[Literal[True]]) -> None:
        self._wake.clear()
        now_s = self._parts.clock.now().timestamp()
        state = self._journal.state
        look = await look_at(self._parts, state, is_booted=self._is_booted)
        if look.engine:
            # Nobody knows what became of the containers meanwhile.
            self._is_booted = False
        decision = decide(self._journal.state, look, now_s)
        self._say(decision.why)
        match decision:
            case Begin(kind=kind, version=version):
                await self._begin_by_itself(kind, version)
                pause_s = LOOK_AGAIN_S
            case Wait(until_s=until_s):
                pause_s = LOOK_AGAIN_S if until_s is None else max(0.0, until_s - now_s)
            case _:
                assert_never(decision)
        await self._pause(pause_s, stopping)

    async def _pause(self, pause_s: float, stopping: asyncio.Task[Literal[True]]) -> None:
        woken = asyncio.ensure_future(self._wake.wait())
        slept = asyncio.ensure_future(self._parts.clock.sleep(pause_s))
        try:
            await asyncio.wait([woken, slept, stopping], return_when=asyncio.FIRST_COMPLETED)
        finally:
            woken.cancel()
            slept.cancel()

    async def _begin_by_itself(self, kind: OperationKind, version: str) -> None:
        try:
            if kind is OperationKind.SWITCH:
                await self.switch(version, by=LOADER)
            else:
                await self._begin(OperationKind.BOOT, LOADER, {}, self._boot)
        except BoxshipError as error:
            self._publish(Notice(error.message, is_warning=True))

    async def _watch_engine(self) -> None:
        """Ends and starts of the appliance's containers wake the loop."""
        while True:
            try:
                async with contextlib.aclosing(self._parts.engine.follow_events(self._parts.appliance)) as events:
                    async for event in events:
                        if event.action in ("die", "start", "destroy", "pause", "stop"):
                            self._wake.set()
            except BoxshipError:
                self._wake.set()
            await self._parts.clock.sleep(1.0)

    def _say(self, sentence: str) -> None:
        if sentence != self._why:
            self._why = sentence
            self._publish(Decided(sentence))

    def _publish(self, event: BoxEvent) -> None:
        self._parts.feed.publish(event)

    def hear(self, event: BoxEvent) -> None:
        """Every event of the box comes by here, for what pages show."""
        self._seen.hear(event)

    # -- operations

    async def _begin(
        self, kind: OperationKind, by: str, parameters: Mapping[str, str], work: Work, *, can_cancel: bool = False
    ) -> Operation:
        operation = await self._journal.begin(kind, by, parameters, can_cancel=can_cancel)
        self._interrupt = asyncio.Event()
        self._work = asyncio.ensure_future(self._perform(operation, work, self._interrupt))
        return operation

    async def _perform(self, operation: Operation, work: Work, interrupt: asyncio.Event) -> None:
        status, failure = OperationStatus.DONE, None
        try:
            failure = await work(operation, interrupt)
            status = OperationStatus.DONE if failure is None else OperationStatus.FAILED
        except CancelledError as error:
            status, failure = OperationStatus.CANCELLED, failure_of(error)
        except BoxshipError as error:
            status, failure = OperationStatus.FAILED, failure_of(error)
            if isinstance(error, _LOST):
                self._is_booted = False
        except Exception as error:  # noqa: BLE001  # the door of all operations: a bug must not take the Loader down
            status, failure = OperationStatus.FAILED, failure_of(BugError(f"{type(error).__name__}: {error}"))
            self._is_booted = False
        if self._journal.state.trial is not None:
            why = failure.message if failure is not None else "the switch did not come to its end"
            await self._journal.change(lambda state: transitions.abandon_trial(state, why))
            self._is_booted = False
        await self._journal.end(status, failure)
        self._report = None
        self._wake.set()

    async def _boot(self, _operation: Operation, interrupt: asyncio.Event) -> Failure | None:
        failure = await boot_current(self._parts, self._journal, interrupt)
        return await self._count(failure)

    async def _count(self, failure: Failure | None) -> Failure | None:
        """A boot's end goes into the state: how often it failed, and whether the fallback's turn has come."""
        current = self._journal.state.current
        if current is None:
            return failure
        self._is_booted = failure is None
        if failure is None:
            await settle(self._parts, current)
            await self._journal.change(transitions.boot_succeeded)
            return None
        boot = self._boot_rules(current)
        now_s = self._parts.clock.now().timestamp()
        await self._journal.change(
            lambda state: transitions.boot_failed(state, failure, now_s, attempts=boot[0], fallback=boot[1])
        )
        return failure

    def _boot_rules(self, current: Deployment) -> tuple[int, str]:
        """How many attempts, and the fallback; where the release can't be read: for ever, and none."""
        try:
            boot = self._parts.releases.appliance(current.release_id).boot
        except BoxshipError:
            return 1_000_000, ""
        return boot.attempts, boot.fallback or ""

    # -- questions

    def boot(self) -> BootView:
        state = self._journal.state
        return BootView(
            id=self._parts.boot_id,
            appliance=self._parts.appliance,
            source=state.source,
            version=state.current.version if state.current is not None else "",
            target=state.current.target if state.current is not None else "",
            is_ready=self.progress().is_ready,
            began_at_s=self._began_s,
        )

    def state(self) -> State:
        return self._journal.state

    def progress(self) -> ProgressView:
        return progress_view(
            self._parts.appliance,
            self._parts.boot_id,
            self._journal.state,
            self._journal.running,
            self._why,
            self._seen,
            is_booted=self._is_booted,
        )

    def why(self) -> str:
        running = self._journal.running
        return running.note if running is not None and running.note else self._why

    async def containers(self) -> Mapping[str, str]:
        current = self._require_current()
        wanted, observed = await read_wanted(self._parts, current)
        references = {image.id: image.reference for image in wanted.release.images().values()}
        return {
            each.name: references.get(each.image_id, each.image)
            for each in observed.containers_of(self._parts.appliance)
        }

    async def status(self, *, fresh: bool = False) -> Report:
        async with self._asking:
            now_s = self._parts.clock.now().timestamp()
            kept = self._report
            if fresh or kept is None or not 0 <= now_s - (kept.at_s + kept.took_s) <= STATUS_FRESH_S:
                wanted, _ = await read_wanted(self._parts, self._require_current())
                kept = self._report = await check_all(self._parts, wanted)
            return kept

    def operation(self, operation_id: str) -> Operation:
        return self._journal.operation(operation_id)

    def operations(self, limit: int = 100) -> tuple[Operation, ...]:
        return self._journal.operations(limit)

    def events(self, after: int | None = None) -> AsyncGenerator[Sequenced, None]:
        return self._parts.feed.follow(after)

    async def logs(
        self, service: str, *, follow: bool = False, tail: int | None = None
    ) -> AsyncGenerator[LogLine, None]:
        wanted, observed = await read_wanted(self._parts, self._require_current())
        mine = [each for each in observed.containers_of(self._parts.appliance) if each.replica == service]
        if not mine:
            raise NotFoundError(f"no container of a service '{service}' on this box")
        clean = redactor_for(wanted.desired).clean
        lines = self._parts.engine.follow_logs(mine[0].id, follow=follow, tail=tail, timestamps=True)
        async with contextlib.aclosing(lines):
            async for line in lines:
                yield line._replace(text=clean(line.text))

    # -- what can be asked for

    async def set_source(self, source: str, *, by: str) -> None:  # the door writes who asked into the audit
        self._parts.source_of(source)
        await self._journal.change(lambda state: transitions.set_source(state, source))

    async def versions(self, source: str = "") -> tuple[str, ...]:
        return await self._parts.source_of(source or self._next_source()).versions()

    async def boot_target(self, target: str, *, by: str) -> Operation:
        current = self._require_current()
        if target in ("", "current"):
            target = current.target
        appliance = self._parts.releases.appliance(current.release_id)
        wanted = expect_target(appliance, target)

        async def work(operation: Operation, interrupt: asyncio.Event) -> Failure | None:
            await self._journal.change(lambda state: transitions.set_target(state, wanted))
            return await self._boot(operation, interrupt)

        return await self._begin(OperationKind.BOOT, by, {"target": wanted}, work)

    async def pull(self, version: str, *, by: str) -> Operation:
        source = self._parts.source_of(self._next_source())
        if version in ("", "latest"):
            version = newest(await source.versions())
            if not version:
                raise NotFoundError(f"{source.name} has no release yet")

        async def work(_operation: Operation, interrupt: asyncio.Event) -> Failure | None:
            await self._journal.stage("pulling", f"{version} comes from {source.name}", can_cancel=True)
            release = await self._parts.puller.pull(source, version, self._journal.tell, interrupt)
            await self._journal.change(lambda state: transitions.pulled(state, version, release.id))
            self._journal.note_result(release_id=release.id)
            return None

        return await self._begin(OperationKind.PULL, by, {"version": version}, work, can_cancel=True)

    async def switch(self, version: str, *, target: str = "", allow_downgrade: bool = False, by: str) -> Operation:
        release = self._find_release(version)
        appliance = self._parts.releases.appliance(release.id)
        current = self._journal.state.current
        if current is not None and current.release_id == release.id:
            return await self.boot_target(target or current.target, by=by)
        request = SwitchRequest(
            release.id,
            release.version,
            expect_target(appliance, target or self._same_target(appliance.targets, current)),
            objections=self._objections(release, current, allow_downgrade=allow_downgrade),
            is_asked_for=by != LOADER,
        )
        return await self._begin_switch(OperationKind.SWITCH, request, by)

    def what_rollback_brings(self) -> RollbackView:
        state = self._journal.state
        if state.current is None or state.previous is None:
            raise NotFoundError("there is no previous deployment", hint="there is one after the first switch")
        return RollbackView(
            to=state.previous,
            data_from_s=state.previous_until_s,
            loses=f"what was written since {state.current} took over from {state.previous}; "
            "that stays here as the previous deployment",
        )

    async def rollback(self, *, by: str) -> Operation:
        request = request_of_rollback(self.what_rollback_brings().to)
        return await self._begin_switch(OperationKind.ROLLBACK, request, by)

    async def _begin_switch(self, kind: OperationKind, request: SwitchRequest, by: str) -> Operation:
        async def work(operation: Operation, interrupt: asyncio.Event) -> Failure | None:
            was_first = self._journal.state.current is None
            try:
                failure = await switch(self._parts, self._journal, operation, request, interrupt)
            except CancelledError:
                self._is_booted = "going_back" not in self._results()
                raise
            if was_first:
                return await self._count(failure)
            self._is_booted = "going_back" not in self._results()
            return failure

        parameters = {"version": request.version, "target": request.target}
        return await self._begin(kind, by, parameters, work, can_cancel=True)

    def _results(self) -> Mapping[str, str]:
        running = self._journal.running
        return {} if running is None else running.result

    async def gc(self, *, dry_run: bool = False, by: str) -> Operation | GcView:
        if dry_run:
            return view_of(await self._find_garbage())

        async def work(_operation: Operation, _interrupt: asyncio.Event) -> Failure | None:
            await self._journal.stage("collecting", "what no deployment needs is removed")
            garbage = await self._find_garbage()
            for release_id in garbage.releases:
                await self._forget(release_id)
            view = await collect(self._parts, garbage)
            counts = {name: str(len(getattr(view, name))) for name in ("containers", "volumes", "networks", "images")}
            self._journal.note_result(**counts, releases=str(len(view.releases)))
            if not view.failures:
                return None
            first = next(iter(view.failures.items()))
            return Failure("gc.partial", f"{len(view.failures)} things stayed: {first[0]}: {first[1]}")

        return await self._begin(OperationKind.GC, by, {}, work)

    async def _forget(self, release_id: str) -> None:
        await self._journal.change(lambda state: transitions.forget_release(state, release_id))

    async def _find_garbage(self) -> Garbage:
        releases = [self._parts.releases.release(release_id) for release_id in self._parts.releases.ids()]
        references = tuple({image.id for release in releases for image in release.images().values()})
        observed = await self._parts.engine.observe(references)
        return find_garbage(self._parts.appliance, self._journal.state, releases, observed)

    async def restart_service(self, service: str, *, by: str) -> Operation:
        current = self._require_current()
        wanted, _ = await read_wanted(self._parts, current)
        if service not in wanted.desired.names():
            raise NotFoundError(
                f"no service '{service}' in {current}",
                hint=f"its services: {', '.join(sorted(wanted.desired.names()))}",
            )

        async def work(_operation: Operation, interrupt: asyncio.Event) -> Failure | None:
            await self._journal.stage("restarting", f"{service} starts again")
            again, observed = await read_wanted(self._parts, current)
            alone = resolve(again.appliance, names=[service], with_dependencies=False)
            narrowed = replace(again.desired, services=alone.services, is_whole=False)
            plan = plan_start(narrowed, observed, again=True)
            outcome = await execute(plan, self._parts.engine, self._publish, self._parts.clock, interrupt=interrupt)
            return failure_of_outcome(outcome, "restart", redactor_for(again.desired))

        return await self._begin(OperationKind.RESTART, by, {"service": service}, work)

    async def cancel(self, operation_id: str, *, by: str) -> Operation:  # as for set_source
        operation = self._journal.operation(operation_id)
        if operation.status.is_over:
            raise ConflictError(f"operation {operation_id} is over")
        if not operation.can_cancel:
            raise ConflictError(f"{operation.kind} {operation_id} can't be cancelled now ({operation.stage})")
        self._interrupt.set()
        return operation

    # -- small questions of its own

    def _require_current(self) -> Deployment:
        current = self._journal.state.current
        if current is None:
            raise NotFoundError("nothing is deployed on this box yet", hint="pull a release, then switch to it")
        return current

    def _next_source(self) -> str:
        state = self._journal.state
        source = state.pending_source or state.source
        if not source:
            raise NotFoundError("this box has no source of releases", hint="set one: boxship box source SOURCE")
        return source

    def _find_release(self, version: str) -> Release:
        """The release of a version that is here. Raises: NotFoundError."""
        by_version: dict[str, Release] = {}
        for release_id in self._parts.releases.ids():
            release = self._parts.releases.release(release_id)
            by_version.setdefault(release.version, release)
        pulled = self._journal.state.pulled
        if version in pulled:
            return self._parts.releases.release(pulled[version])
        if version not in by_version:
            raise NotFoundError(
                f"release {version} is not on this box", hint=f"pull it first: boxship box pull {version}"
            )
        return by_version[version]

    @staticmethod
    def _same_target(targets: Mapping[str, object], current: Deployment | None) -> str:
        return current.target if current is not None and current.target in targets else ""

    def _objections(self, release: Release, current: Deployment | None, *, allow_downgrade: bool) -> tuple[str, ...]:
        if current is None:
            return objections("", None, release)
        try:
            runs = self._parts.releases.release(current.release_id)
        except BoxshipError:
            runs = None
        return objections(current.version, runs, release, allow_downgrade=allow_downgrade)
