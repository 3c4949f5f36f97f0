"""What anybody may see of a box, kept up to date from its events: pure, and with nothing in it that needs a login."""

from collections import deque
from collections.abc import Mapping

from msgspec import Struct, field
from msgspec.structs import replace

from boxship.events import Notice, Phase, PlanMade, StepFailed, SubjectChanged
from boxship.loader.box import BootView, ImageView, ProgressView, ServiceView
from boxship.loader.happened import BoxEvent, Decided, OperationChanged
from boxship.state.operation import Operation, OperationKind
from boxship.state.state import State

LINES_KEPT = 40
MAINTENANCE = "maintenance"
"""The target of that name is what maintenance means."""
_SERVICE = "service:"

# Stage of an operation -> the page's word for it.
_PHASES: Mapping[str, str] = {
    "preparing": "preparing",
    "copying": "copying",
    "stopping": "stopping",
    "last-copy": "copying",
    "checking": "checking",
    "committing": "checking",
    "rolling-back": "rolling-back",
    "starting": "starting-services",
}
AWAY_STAGES = frozenset({"starting", "stopping", "last-copy", "checking", "rolling-back"})
"""In these the outside doesn't reach the appliance."""


class Seen(Struct):
    """What events told so far."""

    services: dict[str, ServiceView] = field(default_factory=dict)
    images: dict[str, ImageView] = field(default_factory=dict)
    pull_id: str = ""
    """Whose images those are."""
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=LINES_KEPT))

    def hear(self, event: BoxEvent) -> None:
        match event:
            case SubjectChanged(subject=subject, phase=phase, detail=detail) if subject.startswith(_SERVICE):
                name = subject.removeprefix(_SERVICE)
                if phase is Phase.REMOVED:
                    self.services.pop(name, None)
                else:
                    known = self.services.get(name, ServiceView(name, phase))
                    self.services[name] = replace(known, phase=str(phase), detail=detail)
                self.lines.append(f"{name}: {phase}" + (f": {detail}" if detail else ""))
            case PlanMade(kept=kept, waits=waits):
                self._plan(kept, waits)
            case Notice(text=text) | Decided(sentence=text):
                self.lines.append(text)
            case StepFailed(subject=subject, message=message):
                self.lines.append(f"{subject.partition(':')[2]}: {message}")
            case OperationChanged(operation=operation):
                self._operate(operation)
            case _:
                pass

    def _operate(self, operation: Operation) -> None:
        if operation.note and (not self.lines or self.lines[-1] != operation.note):
            self.lines.append(operation.note)
        progress = operation.progress
        if operation.kind is not OperationKind.PULL or not progress.item:
            return
        if operation.id != self.pull_id:
            self.pull_id = operation.id
            self.images.clear()
        for name, image in self.images.items():
            if name != progress.item and not image.is_here:
                self.images[name] = replace(image, done_bytes=image.total_bytes, is_here=True, unpacking=None)
        is_here = progress.done_items == progress.total_items
        self.images[progress.item] = ImageView(
            progress.item, progress.item_done_bytes, progress.item_total_bytes, is_here, progress.unpacking
        )

    def _plan(self, kept: Mapping[str, str], waits: Mapping[str, tuple[str, ...]]) -> None:
        for name in kept:
            self.services.setdefault(name, ServiceView(name, str(Phase.KEPT)))
        for name, needs in waits.items():
            known = self.services.get(name, ServiceView(name, str(Phase.WAITING)))
            self.services[name] = replace(known, needs=needs, phase=str(Phase.WAITING), detail="")


def is_ready(operation: Operation | None, *, is_booted: bool) -> bool:
    """Whether the outside reaches an appliance that is well."""
    return is_booted and (operation is None or operation.stage not in AWAY_STAGES)


def progress_view(
    boot: BootView, state: State, operation: Operation | None, why: str, seen: Seen, *, is_booted: bool
) -> ProgressView:
    """The page's view of it all; ``boot`` says who runs, and since when."""
    shown = state.trial or state.current
    last = state.boots.last
    return ProgressView(
        appliance=boot.appliance,
        boot_id=boot.id,
        phase=_phase(state, operation, is_booted=is_booted),
        why=operation.note if operation is not None and operation.note else why,
        is_ready=boot.is_ready,
        version=state.current.version if state.current is not None else "",
        target=shown.target if shown is not None else "",
        to_version=operation.parameters.get("version", "") if operation is not None else "",
        operation=None if operation is None else replace(operation, parameters={}, asked_by=""),
        services=tuple(seen.services.values()),
        failure=last if state.boots.failures or state.boots.fallen_back_from else None,
        images=tuple(seen.images.values()) if operation is not None and operation.id == seen.pull_id else (),
        log=tuple(seen.lines),
        began_at_s=boot.began_at_s if operation is None else operation.began_at.timestamp(),
        fallen_back_from=state.boots.fallen_back_from,
        next_try_at_s=state.boots.next_try_at_s if state.boots.failures else 0.0,
    )


def _phase(state: State, operation: Operation | None, *, is_booted: bool) -> str:
    if operation is not None:
        if operation.kind is OperationKind.PULL and not is_booted:
            return "pulling"
        if operation.kind is not OperationKind.PULL and operation.stage in _PHASES:
            return _PHASES[operation.stage]
    if state.current is None:
        return "failed" if state.boots.failures else "empty"
    if is_booted:
        if state.boots.fallen_back_from:
            return "fallback"
        return "maintenance" if state.current.target == MAINTENANCE else "ready"
    return "failed" if state.boots.failures else "starting"
