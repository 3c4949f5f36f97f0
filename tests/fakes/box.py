"""A box for its doors: it keeps the rules (one operation at a time, names that must be known) and does nothing else.

A test says what happens: ``advance`` moves the running operation on, ``end`` finishes it, ``show`` changes the page.
"""

from collections.abc import AsyncGenerator, Mapping

from msgspec.structs import replace

from boxship.checks.report import Report
from boxship.clock import Clock
from boxship.errors import ConflictError, NotFoundError, UsageError
from boxship.events import Event, Notice
from boxship.loader.box import (
    BootView,
    ContainerView,
    GcView,
    ProgressView,
    RollbackView,
    Sequenced,
    ServiceLine,
    ServiceView,
)
from boxship.loader.ring import KEPT, Ring
from boxship.loader.view import images_of
from boxship.state.deployment import Deployment
from boxship.state.operation import Failure, Operation, OperationKind, OperationStatus, Progress
from boxship.state.state import State
from boxship.state.verify import Verify
from tests.fakes.clock import FakeClock

BOOT_ID = "boot-1"
TARGETS = ("default", "maintenance")
SERVICES = ("db", "web")
SOURCE = "registry.example.com/share"
CURRENT = Deployment("release-1.0", "1.0", "default", 1)


class FakeBox:
    """Implements ``Box``. It runs 1.0 in the target default; 1.1 is pulled, 1.2 is at the registry."""

    def __init__(self, clock: Clock | None = None, *, is_empty: bool = False, kept_events: int = KEPT) -> None:
        self.clock = clock or FakeClock()
        self.kept = State(
            current=None if is_empty else CURRENT,
            previous=None if is_empty else Deployment("release-0.9", "0.9", "default", 0),
            source=SOURCE,
            pulled={} if is_empty else {"1.0": "release-1.0", "1.1": "release-1.1"},
        )
        self.shown = ProgressView(
            appliance="share",
            boot_id=BOOT_ID,
            phase="empty" if is_empty else "ready",
            why="nothing is deployed yet" if is_empty else "everything is ready",
            is_ready=not is_empty,
            version="" if is_empty else "1.0",
            target="" if is_empty else "default",
            services=() if is_empty else (ServiceView("db", "ready"), ServiceView("web", "ready", needs=("db",))),
        )
        self.releases: Mapping[str, tuple[str, ...]] = {SOURCE: ("0.9", "1.0", "1.1", "1.2")}
        self.report = Report("share", "1.0", 0.0, 0.0, ())
        self.there = {
            f"share.{name}": ContainerView(name, f"{SOURCE}/{name}:1.0", "running", is_wanted=True) for name in SERVICES
        }
        self.lines = {name: [ServiceLine("stdout", f"{name} says hello", "")] for name in SERVICES}
        self.verified: list[Verify] = []
        """What each switch and rollback was to compare."""
        self.ring = Ring(lambda: self.clock.now().timestamp(), kept_events)
        self.readers = 0
        self.asked: list[str] = []
        self._operations: list[Operation] = []

    # What a test does.

    def show(self, **changes: object) -> None:
        """Change what the page shows, and tell it."""
        self.shown = replace(self.shown, **changes)
        self.publish(Notice("progress"))

    def put(self, view: ProgressView) -> None:
        """Show all that another box shows."""
        self.shown = view
        self.publish(Notice("progress"))

    def publish(self, event: Event) -> None:
        self.ring.publish(event)

    def advance(self, progress: Progress, *, stage: str = "", note: str = "") -> None:
        """Move the running operation on."""
        running = self._running()
        assert running is not None
        self.replace(replace(running, progress=progress, stage=stage or running.stage, note=note or running.note))

    def end(
        self, status: OperationStatus = OperationStatus.DONE, failure: Failure | None = None, **result: str
    ) -> Operation:
        """Finish the running operation."""
        running = self._running()
        assert running is not None
        now = self.clock.now()
        changes = {"status": status, "failure": failure, "ended_at": now, "updated_at": now, "can_cancel": False}
        ended = replace(running, **changes, result={**running.result, **result})
        self.replace(ended)
        return ended

    # What the doors ask.

    def boot(self) -> BootView:
        current = self.kept.current
        version, target = (current.version, current.target) if current else ("", "")
        return BootView(BOOT_ID, "share", self.kept.source, version, target, self.shown.is_ready, 0.0)

    def state(self) -> State:
        return self.kept

    def progress(self) -> ProgressView:
        running = self._running()
        if running is None:
            return self.shown
        return replace(self.shown, operation=running, images=images_of(running.progress))

    def why(self) -> str:
        return self.shown.why

    async def containers(self) -> Mapping[str, ContainerView]:
        return self.there

    async def status(self, *, fresh: bool = False) -> Report:
        self.asked.append(f"status fresh={fresh}")
        return self.report

    async def set_source(self, source: str, *, by: str) -> None:
        if " " in source or not source:
            raise UsageError(f"'{source}' is neither a registry nor a folder")
        self.kept = replace(self.kept, pending_source=source)

    async def versions(self, source: str = "") -> tuple[str, ...]:
        return self.releases.get(source or self.kept.source, ())

    async def boot_target(self, target: str, *, by: str) -> Operation:
        if self.kept.current is None:
            raise NotFoundError("nothing is deployed yet")
        name = {"current": self.kept.current.target, "default": "default"}.get(target, target)
        if name not in TARGETS:
            raise NotFoundError(f"no target '{name}' in release 1.0", hint=f"its targets: {', '.join(TARGETS)}")
        operation = self._begin(OperationKind.BOOT, by, target=name)
        self.kept = replace(self.kept, current=replace(self.kept.current, target=name))
        return operation

    async def leave_maintenance(self, *, by: str) -> Operation:
        return await self.boot_target("default", by=by)

    async def pull(self, version: str, *, by: str) -> Operation:
        return self._begin(OperationKind.PULL, by, can_cancel=True, version=version or "latest")

    async def switch(
        self,
        version: str,
        *,
        target: str = "",
        allow_downgrade: bool = False,
        verify: Verify = Verify.TOUCHED,
        by: str,
    ) -> Operation:
        if version not in self.kept.pulled:
            raise NotFoundError(f"{version} was not pulled", hint=f"boxship box pull {version}")
        self.verified.append(verify)
        return self._begin(OperationKind.SWITCH, by, version=version, target=target or "default")

    def what_rollback_brings(self) -> RollbackView:
        if self.kept.previous is None:
            raise NotFoundError("there is no previous deployment")
        return RollbackView(self.kept.previous, 1_700_000_000.0, 11_580.0, "what was written since 1.0 was booted")

    async def rollback(self, *, verify: Verify = Verify.TOUCHED, by: str) -> Operation:
        self.what_rollback_brings()
        self.verified.append(verify)
        return self._begin(OperationKind.ROLLBACK, by)

    async def gc(self, *, dry_run: bool = False, by: str) -> Operation | GcView:
        if dry_run:
            return GcView(
                images=("share/web:0.8",), releases=("0.8",), kept={"c0ffee": "1.0 is current, with generation 1"}
            )
        return self._begin(OperationKind.GC, by)

    async def restart_service(self, service: str, *, by: str) -> Operation:
        self._know(service)
        return self._begin(OperationKind.RESTART, by, service=service)

    async def heartbeat(self, service: str, within_s: float, note: str, *, by: str) -> float:
        if service not in SERVICES:
            raise NotFoundError(f"no service '{service}' in what runs")
        self.asked.append(f"heartbeat {service} {within_s:g} {note}".rstrip())
        return 7200.0

    async def cancel(self, operation_id: str, *, by: str) -> Operation:
        operation = self.operation(operation_id)
        if not operation.can_cancel:
            raise ConflictError(f"{operation.kind} {operation.id} can't be cancelled any more")
        return self.end(OperationStatus.CANCELLED)

    def operation(self, operation_id: str) -> Operation:
        for operation in self._operations:
            if operation.id == operation_id:
                return operation
        raise NotFoundError(f"no operation '{operation_id}'")

    def operations(self, limit: int = 100) -> tuple[Operation, ...]:
        return tuple(reversed(self._operations))[:limit]

    def events(self, after: int | None = None) -> AsyncGenerator[Sequenced, None]:
        return self._counted(self.ring.follow(after))

    async def _counted(self, events: AsyncGenerator[Sequenced, None]) -> AsyncGenerator[Sequenced, None]:
        self.readers += 1
        try:
            async for event in events:
                yield event
        finally:
            self.readers -= 1

    def logs(self, service: str, *, follow: bool = False, tail: int | None = None) -> AsyncGenerator[ServiceLine, None]:
        self._know(service)
        lines = self.lines[service]
        return self._log(lines if tail is None else lines[len(lines) - tail :], follow=follow)

    async def _log(self, lines: list[ServiceLine], *, follow: bool) -> AsyncGenerator[ServiceLine, None]:
        for line in lines:
            yield line
        if follow:
            async for event in self.ring.follow():
                if isinstance(event.event, Notice):
                    yield ServiceLine("stdout", event.event.text)

    def _know(self, service: str) -> None:
        if service not in self.lines:
            raise NotFoundError(f"no service '{service}' in share", hint=f"its services: {', '.join(self.lines)}")

    def _begin(self, kind: OperationKind, by: str, *, can_cancel: bool = False, **parameters: str) -> Operation:
        running = self._running()
        if running is not None:
            raise ConflictError(f"{running.kind} {running.id} is running", fields={"operation_id": running.id})
        now = self.clock.now()
        operation = Operation(
            id=f"op-{len(self._operations) + 1}",
            kind=kind,
            asked_by=by,
            began_at=now,
            updated_at=now,
            stage="beginning",
            parameters=parameters,
            can_cancel=can_cancel,
        )
        self._operations.append(operation)
        return operation

    def _running(self) -> Operation | None:
        return next((each for each in self._operations if not each.status.is_over), None)

    def replace(self, operation: Operation) -> None:
        """What is known of it from now on."""
        self._operations = [operation if each.id == operation.id else each for each in self._operations]
        self.publish(Notice(f"{operation.kind} {operation.status}"))
