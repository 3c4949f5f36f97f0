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
from boxship.loader import first
from boxship.loader.beginning import remember_source
from boxship.loader.box import BootView, ContainerView, GcView, ProgressView, RollbackView, Sequenced, ServiceLine
from boxship.loader.crashes import Crashes
from boxship.loader.decide import Begin
from boxship.loader.deployments import expect_target, learn_secrets, read_wanted
from boxship.loader.front import Door, Front, NoDoor
from boxship.loader.gatekeeper import keep_gate
from boxship.loader.gc import collect_garbage, garbage_of, view_of
from boxship.loader.happened import BoxEvent
from boxship.loader.health import report_of
from boxship.loader.inventory import inventory
from boxship.loader.journal import Journal
from boxship.loader.logs import service_lines
from boxship.loader.loop import Loop
from boxship.loader.maintenance import what_keeps
from boxship.loader.parts import Parts
from boxship.loader.restart import restart
from boxship.loader.resuming import resume_pull
from boxship.loader.runner import Runner
from boxship.loader.stock import record_of
from boxship.loader.switch import SwitchRequest, request_of_rollback, switch
from boxship.loader.tails import Tails
from boxship.loader.troubles import keeping_of, troubles_of
from boxship.loader.updates import Updates
from boxship.loader.view import MAINTENANCE, Seen, is_ready, progress_view
from boxship.plan.resolve import resolve
from boxship.plan.upgrade_rules import objections
from boxship.spec.release import Release
from boxship.spec.versions import newest
from boxship.state import transitions
from boxship.state.deployment import Deployment
from boxship.state.operation import Failure, Operation, OperationKind
from boxship.state.state import State
from boxship.state.verify import Verify

LOADER = "loader"
"""Who asks when nobody did."""
STATUS_FRESH_S = 5.0
LOOKED_BACK = 50
"""Operations among which a new Loader looks for the last trial."""
BEFORE_STAGES = frozenset({"", "preparing", "copying"})
"""In these a switch hasn't touched yet what runs."""


class Supervisor:
    """Implements ``Box``. ``front_port``: where the page is while nothing is deployed, 0: nowhere. ``door``: to it."""

    def __init__(self, parts: Parts, door: Door | None = None, front_port: int = 0) -> None:
        self._parts = parts
        self._journal = Journal(parts.store, parts.clock, parts.feed, parts.aside)
        self._runner = Runner(parts, self._journal)
        self._crashes = Crashes()
        self._loop = Loop(parts, self._journal, self._runner, self._crashes, self._act)
        self._updates = Updates(parts, self._known_source)
        self._seen = Seen()
        self._tails = Tails(parts, self._journal, self._seen)
        self._front = Front(parts, self._journal, door or NoDoor(), front_port)
        self._began_s = parts.clock.now().timestamp()
        self._report: Report | None = None
        self._asking = asyncio.Lock()
        self.issue: Result | None = None
        """What speaks against this Loader itself, for the status."""

    async def run(self, stop: asyncio.Event) -> None:
        """Look after the box until ``stop`` is set. What runs on the engine goes on.

        Raises: StateError when what is kept can't be read.
        """
        opened = await self._journal.open()
        await self._parts.aside(learn_secrets, self._parts, self._journal.state)
        for operation in reversed(self._journal.operations(LOOKED_BACK)):
            self._seen.remember(operation)
        if opened:
            self._parts.feed.publish(Notice(opened, is_warning=True))
        if sentence := await remember_source(self._parts, self._journal):
            self._parts.feed.publish(Notice(sentence, is_warning=True))
        resuming = resume_pull(
            self._parts,
            self._journal,
            lambda: self._runner.is_booted or self._journal.state.current is None,
            lambda version: self.pull(version, by=LOADER),
        )
        others = (self._tails.run(), self._front.run(), self._updates.run(), keep_gate(self._parts), resuming)
        beside = [asyncio.ensure_future(each) for each in others]
        try:
            await self._loop.run(stop)
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            await self._runner.close()

    def hear(self, event: BoxEvent) -> None:
        """Every event of the box comes by here, for what pages show."""
        self._seen.hear(event, self._parts.clock.now().timestamp())
        self._tails.hear(event)

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
                kept = self._report = await report_of(self._parts, self._journal.state.current)
            return replace(kept, results=(*kept.results, *self._own_results()))

    def _own_results(self) -> tuple[Result, ...]:
        """What no check of the appliance asks; as it is now, however old their answers are."""
        now, state = self._parts.clock.now(), self._journal.state
        crashes = self._crashes.results(state.current, self._parts.clock.monotonic_s()) if state.current else ()
        return (
            *troubles_of(state, now.timestamp()),
            *crashes,
            *self._updates.results(state),
            *keeping_of(self._parts.store.trouble(), self._parts.appliance),
            *self._parts.beside(now),
            *(() if self.issue is None else (self.issue,)),
        )

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
        is_same = target in ("", "current")
        if is_same:
            target = current.target
        appliance = self._parts.releases.appliance(current.release_id)
        wanted = expect_target(appliance, target)

        async def work(operation: Operation, interrupt: asyncio.Event) -> Failure | None:
            await self._journal.change(
                lambda state: transitions.boot_anew(state) if is_same else transitions.set_target(state, wanted)
            )
            return await self._runner.boot(operation, interrupt)

        return await self._runner.begin(OperationKind.BOOT, by, {"target": wanted}, work)

    async def leave_maintenance(self, *, by: str) -> Operation:
        current = self._require_current()
        target = expect_target(self._parts.releases.appliance(current.release_id), "default")
        if current.target != MAINTENANCE:
            return await self.boot_target(target, by=by)

        async def work(operation: Operation, interrupt: asyncio.Event) -> Failure | None:
            back = replace(current, target=target)
            if failure := await what_keeps(self._parts, self._journal, back, interrupt):
                return failure
            await self._journal.change(lambda state: transitions.set_target(state, target))
            return await self._runner.boot(operation, interrupt)

        return await self._runner.begin(OperationKind.BOOT, by, {"target": target}, work, can_cancel=True)

    async def pull(self, version: str, *, by: str) -> Operation:
        source = self._next_source()
        if version in ("", "latest"):
            version = newest(await self._parts.vendor.versions(source))
            if not version:
                raise NotFoundError(f"{source} has no release yet")

        async def work(_operation: Operation, interrupt: asyncio.Event) -> Failure | None:
            await self._journal.stage("pulling", f"the files and images of {version} are fetched", can_cancel=True)
            release = await self._parts.vendor.pull(source, version, self._journal.tell, interrupt)
            await self._journal.change(lambda state: transitions.pulled(state, version, release.id))
            self._journal.note_result(release_id=release.id, version=version)
            return None

        return await self._runner.begin(OperationKind.PULL, by, {"version": version}, work, can_cancel=True)

    async def switch(
        self,
        version: str,
        *,
        target: str = "",
        allow_downgrade: bool = False,
        verify: Verify = Verify.TOUCHED,
        by: str,
    ) -> Operation:
        release_id = self._find_release(version)
        current = self._journal.state.current
        if current is not None and current.release_id == release_id:
            return await self.boot_target(target or self._journal.state.wanted_target, by=by)
        release = await self._parts.aside(self._parts.releases.verify, release_id)
        appliance = self._parts.releases.appliance(release.id)
        request = SwitchRequest(
            release.id,
            release.version,
            expect_target(appliance, target or self._same_target(appliance.targets, current)),
            objections=self._objections(release, current, allow_downgrade=allow_downgrade),
            is_asked_for=by != LOADER,
            verify=verify,
        )
        if current is None:
            # Else the preconditions find the Loader itself on the appliance's port.
            await self._front.make_way()
        if refusal := await first.refusal_again(self._parts, self._journal, request):
            self._runner.changed.set()
            raise refusal
        return await self._begin_switch(OperationKind.SWITCH, request, by)

    def what_rollback_brings(self) -> RollbackView:
        state = self._journal.state
        if state.current is None or state.previous is None:
            raise NotFoundError("there is no previous deployment", hint="there is one after the first switch")
        return RollbackView(
            to=state.previous,
            data_from_s=state.previous_until_s,
            data_age_s=max(0.0, self._parts.clock.now().timestamp() - state.previous_until_s),
            loses=f"what was written since {state.current} took over from {state.previous}; "
            "that stays here as the previous deployment",
        )

    async def rollback(self, *, verify: Verify = Verify.TOUCHED, by: str) -> Operation:
        request = request_of_rollback(self.what_rollback_brings().to, verify)
        await self._parts.aside(self._parts.releases.verify, request.release_id)
        return await self._begin_switch(OperationKind.ROLLBACK, request, by)

    async def _begin_switch(self, kind: OperationKind, request: SwitchRequest, by: str) -> Operation:
        async def work(operation: Operation, interrupt: asyncio.Event) -> Failure | None:
            if self._journal.state.current is None:
                await self._front.make_way()
            switching = switch(self._parts, self._journal, operation, request, interrupt)
            if self._journal.state.current is None:
                counted = self._runner.count_boot(switching)
                return await first.deploy(self._parts, self._journal, request, counted)
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
        if request.verify is not Verify.TOUCHED:
            parameters["verify"] = request.verify.value
        return await self._runner.begin(kind, by, parameters, work, can_cancel=True)

    def _is_left_booted(self, *, was_booted: bool) -> bool:
        """Whether a switch that has just ended, however it did, left what is current up and with its ports open."""
        running = self._journal.running
        if running is None or running.stage in BEFORE_STAGES:
            return was_booted
        # Its last word before it ends as it should.
        return "downtime_s" in running.result and running.result.keys().isdisjoint(("going_back", "not_served"))

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

    def _known_source(self) -> str:
        state = self._journal.state
        return state.pending_source or state.source or self._parts.default_source

    def _next_source(self) -> str:
        source = self._known_source()
        if not source:
            raise NotFoundError("this box has no source of releases", hint="set one: boxship box source SOURCE")
        return source

    def _find_release(self, version: str) -> str:
        """The id of the release of a version that is here. Raises: NotFoundError."""
        by_version = dict(self._journal.state.pulled)
        for release_id in self._parts.releases.ids():
            # One that can't be read may be none of our business; what it keeps from happening is its own switch.
            if record := record_of(self._parts, release_id):
                by_version.setdefault(record.version, release_id)
            else:
                self._parts.feed.publish(Notice(f"release {release_id[:19]} can't be read", is_warning=True))
        if version not in by_version:
            raise NotFoundError(
                f"release {version} is not on this box", hint=f"pull it first: boxship box pull {version}"
            )
        return by_version[version]

    def _same_target(self, targets: Mapping[str, object], current: Deployment | None) -> str:
        wanted = self._journal.state.wanted_target
        return wanted if current is not None and wanted in targets else ""

    def _objections(self, release: Release, current: Deployment | None, *, allow_downgrade: bool) -> tuple[str, ...]:
        if current is None:
            return objections("", None, release)
        try:
            runs = self._parts.releases.release(current.release_id)
        except BoxshipError:
            runs = None
        return objections(current.version, runs, release, allow_downgrade=allow_downgrade)
