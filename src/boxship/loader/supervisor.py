"""The Loader as its doors know it: questions are answered at once, and what is asked for begins as an operation."""

import asyncio
from collections.abc import AsyncGenerator, Mapping

from msgspec.structs import replace

from boxship.checks.report import Report, Result
from boxship.checks.text import redactor_for
from boxship.errors import (
    BoxshipError,
    ConflictError,
    NotFoundError,
)
from boxship.events import Notice, Phase, SubjectChanged
from boxship.loader.beginning import remember_source
from boxship.loader.box import BootView, ContainerView, GcView, ProgressView, RollbackView, Sequenced, ServiceLine
from boxship.loader.decide import Begin
from boxship.loader.deployments import expect_target, read_wanted
from boxship.loader.gc import collect_garbage, garbage_of, view_of
from boxship.loader.happened import BoxEvent
from boxship.loader.health import check_all
from boxship.loader.inventory import inventory
from boxship.loader.journal import Journal
from boxship.loader.logs import service_lines
from boxship.loader.loop import Loop
from boxship.loader.maintenance import what_keeps
from boxship.loader.parts import Parts
from boxship.loader.restart import restart
from boxship.loader.runner import Runner
from boxship.loader.switch import SwitchRequest, request_of_rollback, switch
from boxship.loader.view import MAINTENANCE, Seen, is_ready, progress_view
from boxship.plan.resolve import resolve
from boxship.plan.upgrade_rules import objections
from boxship.spec.release import Release
from boxship.spec.versions import newest
from boxship.state import transitions
from boxship.state.deployment import Deployment
from boxship.state.operation import Failure, Operation, OperationKind
from boxship.state.state import State

LOADER = "loader"
"""Who asks when nobody did."""
STATUS_FRESH_S = 5.0
BEFORE_STAGES = frozenset({"", "preparing", "copying"})
"""In these a switch hasn't touched yet what runs."""


class Supervisor:
    """Implements ``Box``."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._journal = Journal(parts.store, parts.clock, parts.feed, parts.aside)
        self._runner = Runner(parts, self._journal)
        self._loop = Loop(parts, self._journal, self._runner, self._act)
        self._seen = Seen()
        self._began_s = parts.clock.now().timestamp()
        self._report: Report | None = None
        self._asking = asyncio.Lock()
        self.issue: Result | None = None
        """What speaks against this Loader itself, for the status."""

    async def run(self, stop: asyncio.Event) -> None:
        """Look after the box until ``stop`` is set. What runs on the engine goes on.

        Raises: StateError when what is kept can't be read.
        """
        if sentence := await self._journal.open():
            self._parts.feed.publish(Notice(sentence, is_warning=True))
        if sentence := await remember_source(self._parts, self._journal):
            self._parts.feed.publish(Notice(sentence, is_warning=True))
        try:
            await self._loop.run(stop)
        finally:
            await self._runner.close()

    def hear(self, event: BoxEvent) -> None:
        """Every event of the box comes by here, for what pages show."""
        self._seen.hear(event)

    def refuse(self, why: str) -> None:
        """From now on nothing begins, as this Loader is about to leave; "": it may again."""
        self._runner.refusal = why

    async def _act(self, decision: Begin) -> Operation:
        """What the loop decided. One has a door of its own, as a person may ask for it as well."""
        if decision.kind is OperationKind.SWITCH:
            return await self.switch(decision.version, by=LOADER)
        return await self._runner.begin(OperationKind.BOOT, LOADER, {}, self._runner.boot)

    # -- questions

    def boot(self) -> BootView:
        state = self._journal.state
        return BootView(
            id=self._parts.boot_id,
            appliance=self._parts.appliance,
            source=state.source,
            version=state.current.version if state.current is not None else "",
            target=state.current.target if state.current is not None else "",
            is_ready=is_ready(self._journal.running, is_booted=self._runner.is_booted),
            began_at_s=self._began_s,
        )

    def state(self) -> State:
        return self._journal.state

    def progress(self) -> ProgressView:
        return progress_view(
            self.boot(),
            self._journal.state,
            self._journal.running,
            self._loop.why,
            self._seen,
            is_booted=self._runner.is_booted,
        )

    def why(self) -> str:
        running = self._journal.running
        return running.note if running is not None and running.note else self._loop.why

    async def containers(self) -> Mapping[str, ContainerView]:
        return inventory(*await read_wanted(self._parts, self._require_current()))

    async def status(self, *, fresh: bool = False) -> Report:
        async with self._asking:
            now_s = self._parts.clock.now().timestamp()
            kept = self._report
            if fresh or kept is None or not 0 <= now_s - (kept.at_s + kept.took_s) <= STATUS_FRESH_S:
                wanted, _ = await read_wanted(self._parts, self._require_current())
                kept = self._report = await check_all(self._parts, wanted)
            own = (*self._parts.beside(self._parts.clock.now()), *(() if self.issue is None else (self.issue,)))
            return replace(kept, results=(*kept.results, *own)) if own else kept

    def operation(self, operation_id: str) -> Operation:
        return self._journal.operation(operation_id)

    def operations(self, limit: int = 100) -> tuple[Operation, ...]:
        return self._journal.operations(limit)

    def events(self, after: int | None = None) -> AsyncGenerator[Sequenced, None]:
        return self._parts.feed.follow(after)

    def logs(self, service: str, *, follow: bool = False, tail: int | None = None) -> AsyncGenerator[ServiceLine, None]:
        return service_lines(self._parts, self._require_current(), service, follow=follow, tail=tail)

    # -- what can be asked for

    async def set_source(self, source: str, *, by: str) -> None:  # the door writes who asked into the audit
        self._parts.vendor.expect_source(source)
        await self._journal.change(lambda state: transitions.set_source(state, source))

    async def versions(self, source: str = "") -> tuple[str, ...]:
        return await self._parts.vendor.versions(source or self._next_source())

    async def boot_target(self, target: str, *, by: str) -> Operation:
        current = self._require_current()
        if target in ("", "current"):
            target = current.target
        appliance = self._parts.releases.appliance(current.release_id)
        wanted = expect_target(appliance, target)

        async def work(operation: Operation, interrupt: asyncio.Event) -> Failure | None:
            await self._journal.change(lambda state: transitions.set_target(state, wanted))
            return await self._runner.boot(operation, interrupt)

        return await self._runner.begin(OperationKind.BOOT, by, {"target": wanted}, work)

    async def leave_maintenance(self, *, by: str) -> Operation:
        current = self._require_current()
        target = expect_target(self._parts.releases.appliance(current.release_id), "default")
        if current.target != MAINTENANCE:
            return await self.boot_target(target, by=by)

        async def work(operation: Operation, interrupt: asyncio.Event) -> Failure | None:
            if failure := await what_keeps(self._parts, self._journal, replace(current, target=target)):
                return failure
            await self._journal.change(lambda state: transitions.set_target(state, target))
            return await self._runner.boot(operation, interrupt)

        return await self._runner.begin(OperationKind.BOOT, by, {"target": target}, work)

    async def pull(self, version: str, *, by: str) -> Operation:
        source = self._next_source()
        if version in ("", "latest"):
            version = newest(await self._parts.vendor.versions(source))
            if not version:
                raise NotFoundError(f"{source} has no release yet")

        async def work(_operation: Operation, interrupt: asyncio.Event) -> Failure | None:
            await self._journal.stage("pulling", f"{version} comes from {source}", can_cancel=True)
            release = await self._parts.vendor.pull(source, version, self._journal.tell, interrupt)
            await self._journal.change(lambda state: transitions.pulled(state, version, release.id))
            self._journal.note_result(release_id=release.id, version=version)
            return None

        return await self._runner.begin(OperationKind.PULL, by, {"version": version}, work, can_cancel=True)

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
            switching = switch(self._parts, self._journal, operation, request, interrupt)
            if self._journal.state.current is None:
                return await self._runner.count_boot(switching)
            was_booted = self._runner.is_booted
            try:
                failure = await switching
            except BoxshipError:
                self._runner.is_booted = self._is_left_booted(was_booted=was_booted)
                raise
            self._runner.is_booted = self._is_left_booted(was_booted=was_booted)
            if self._runner.is_booted and self._journal.state.boots.failures:
                await self._runner.count_success()
            return failure

        parameters = {"version": request.version, "target": request.target}
        return await self._runner.begin(kind, by, parameters, work, can_cancel=True)

    def _is_left_booted(self, *, was_booted: bool) -> bool:
        """Whether a switch that has just ended, however it did, left what is current up and with its ports open."""
        running = self._journal.running
        if running is None or running.stage in BEFORE_STAGES:
            return was_booted
        # Its last word before it ends as it should.
        return "downtime_s" in running.result and "going_back" not in running.result

    async def gc(self, *, dry_run: bool = False, by: str) -> Operation | GcView:
        if dry_run:
            return view_of(await garbage_of(self._parts, self._journal))

        async def work(_operation: Operation, _interrupt: asyncio.Event) -> Failure | None:
            await self._journal.stage("collecting", "what no deployment needs is removed")
            return await collect_garbage(self._parts, self._journal)

        return await self._runner.begin(OperationKind.GC, by, {}, work)

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
            return await restart(self._parts, current, service, interrupt)

        return await self._runner.begin(OperationKind.RESTART, by, {"service": service}, work)

    async def heartbeat(self, service: str, within_s: float, note: str, *, by: str) -> float:
        state = self._journal.state
        for deployment in (state.trial, state.current):
            appliance = None if deployment is None else self._parts.releases.appliance(deployment.release_id)
            if appliance is not None and service in appliance.services:
                limit_s = appliance.boot.heartbeat_limit_s
                self._parts.heartbeats.beat(service, within_s, limit_s)
                self._tell_heartbeat(service, redactor_for(resolve(appliance)).shown(note))
                return limit_s
        raise NotFoundError(f"no service '{service}' in what runs", hint="a service tells of itself, by its own name")

    def _tell_heartbeat(self, service: str, note: str) -> None:
        if note and self._journal.running is not None:
            self._parts.feed.publish(SubjectChanged(f"service:{service}", Phase.PROBING, note))
            self._journal.remark(f"{service}: {note}")

    async def cancel(self, operation_id: str, *, by: str) -> Operation:  # as for set_source
        operation = self._journal.operation(operation_id)
        if operation.status.is_over:
            raise ConflictError(f"operation {operation_id} is over")
        if not operation.can_cancel:
            raise ConflictError(f"{operation.kind} {operation_id} can't be cancelled now ({operation.stage})")
        self._runner.interrupt()
        return operation

    # -- small questions of its own

    def _require_current(self) -> Deployment:
        current = self._journal.state.current
        if current is None:
            raise NotFoundError("nothing is deployed on this box yet", hint="pull a release, then switch to it")
        return current

    def _next_source(self) -> str:
        state = self._journal.state
        source = state.pending_source or state.source or self._parts.default_source
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
