"""What anybody may see of a box, kept up to date from its events: pure, and with nothing in it that needs a login."""

from collections import deque
from collections.abc import Mapping, Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from boxship.events import Notice, Phase, PlanMade, SubjectChanged
from boxship.loader.box import BootView, ImageView, ProgressView, ServiceView
from boxship.loader.happened import BoxEvent, Decided, OperationChanged
from boxship.state.operation import Failure, Operation, OperationKind, OperationStatus, Progress
from boxship.state.state import State

LINES_KEPT = 40
"""Of what the Loader itself says."""
TAIL_LINES = 8
"""Of each service: one that writes much must not hide the others."""
MOST_TAILS = 500
SHOWN_LINES = 60
MAINTENANCE = "maintenance"
"""The target of that name is what maintenance means."""
SERVICE = "service:"

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
_STARTING_STAGES = frozenset({"starting", "checking"})
_TRIAL_STAGES = frozenset({"stopping", "last-copy", "checking", "committing", "rolling-back"})
_TRIALS = (OperationKind.SWITCH, OperationKind.ROLLBACK)


class Line(Struct, frozen=True):
    """``at_s``: unix time when it was written."""

    at_s: float
    text: str


class Seen(Struct):
    """What events told so far, and what services wrote while they started: ``tails``, by their names."""

    services: dict[str, ServiceView] = field(default_factory=dict)
    lines: deque[Line] = field(default_factory=lambda: deque(maxlen=LINES_KEPT))
    tails: dict[str, tuple[Line, ...]] = field(default_factory=dict)
    note: str = ""
    """Of the operation under way, so that it is said once."""
    failed_trial: Operation | None = None
    """The last one, if it failed."""

    @property
    def log(self) -> tuple[str, ...]:
        """The last lines of all, in the order in which they were written."""
        lines = [*self.lines, *(line for tail in self.tails.values() for line in tail)]
        return tuple(line.text for line in sorted(lines, key=lambda line: line.at_s)[-SHOWN_LINES:])

    def write(self, service: str, lines: Sequence[Line]) -> None:
        """The last lines of a service, in place of those that were known."""
        if lines:
            # The last to write is the last to go.
            self.tails.pop(service, None)
            self.tails[service] = tuple(lines[-TAIL_LINES:])
            if len(self.tails) > MOST_TAILS:
                del self.tails[next(iter(self.tails))]

    def hear(self, event: BoxEvent, at_s: float = 0.0) -> None:
        """``at_s``: unix time."""
        match event:
            case SubjectChanged(subject=subject, phase=phase, detail=detail) if subject.startswith(SERVICE):
                self._move(subject.removeprefix(SERVICE), phase, detail, at_s)
            case PlanMade(kept=kept, waits=waits):
                self._plan(kept, waits)
            case Notice(text=text) | Decided(sentence=text):
                self._say(text, at_s)
            case OperationChanged(operation=operation):
                if operation.note not in ("", self.note):
                    self._say(operation.note, at_s)
                self.note = operation.note if operation.status is OperationStatus.RUNNING else ""
                self.remember(operation)
            case _:
                pass

    def remember(self, operation: Operation) -> None:
        """How a trial ended, also one that the Loader before saw. What never began to be tried changes nothing."""
        is_over_well = operation.status is OperationStatus.DONE
        if operation.kind in _TRIALS and (is_over_well or operation.stage in _TRIAL_STAGES):
            has_failed = operation.status in (OperationStatus.FAILED, OperationStatus.INTERRUPTED)
            self.failed_trial = operation if has_failed else None

    def _move(self, name: str, phase: Phase, detail: str, at_s: float) -> None:
        if phase is Phase.REMOVED:
            self.services.pop(name, None)
        else:
            known = self.services.get(name, ServiceView(name, phase))
            self.services[name] = replace(known, phase=str(phase), detail=detail)
        self._say(f"{name}: {phase}" + (f": {detail}" if detail else ""), at_s)

    def _say(self, text: str, at_s: float) -> None:
        if not self.lines or self.lines[-1].text != text:
            self.lines.append(Line(at_s, text))

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
    failure, failed_version = _failure(state, operation, seen)
    return ProgressView(
        appliance=boot.appliance,
        boot_id=boot.id,
        phase=_phase(state, operation, is_booted=is_booted),
        why=_awaiting(operation, seen) if operation is not None and operation.note else why,
        is_ready=boot.is_ready,
        version=state.current.version if state.current is not None else "",
        target=shown.target if shown is not None else "",
        to_version=_version(operation) if operation is not None else "",
        operation=None if operation is None else replace(operation, parameters={}, asked_by=""),
        services=tuple(seen.services.values()),
        failure=failure,
        failed_version=failed_version,
        images=() if operation is None else images_of(operation.progress),
        log=seen.log,
        began_at_s=boot.began_at_s if operation is None else operation.began_at.timestamp(),
        fallen_back_from=state.boots.fallen_back_from,
        next_try_at_s=state.boots.next_try_at_s if state.boots.failures else 0.0,
    )


def _awaiting(operation: Operation, seen: Seen) -> str:
    """What is done, and while services start which of them is waited for, and what it said last."""
    awaited = [each for each in seen.services.values() if each.phase == Phase.PROBING]
    if operation.stage not in _STARTING_STAGES or not awaited:
        return operation.note
    first = next((each for each in awaited if each.detail), awaited[0])
    more = f" and {len(awaited) - 1} more" if len(awaited) > 1 else ""
    said = f": {first.detail}" if first.detail else ""
    return f"{operation.note}; {first.name}{more} {'are' if more else 'is'} waited for{said}"


def _failure(state: State, operation: Operation | None, seen: Seen) -> tuple[Failure | None, str]:
    """What went wrong and still matters, and the version that was tried, "" where it isn't about a trial."""
    if operation is not None and operation.failure is not None:
        return operation.failure, _version(operation)
    if state.boots.failures or state.boots.fallen_back_from:
        return state.boots.last, ""
    trial = seen.failed_trial
    if operation is not None or trial is None or state.current is None or _version(trial) == state.current.version:
        # Cut off right after its commit, a trial is what runs.
        return None, ""
    return trial.failure, _version(trial)


def _version(operation: Operation) -> str:
    return operation.parameters.get("version", "")


def images_of(progress: Progress) -> tuple[ImageView, ...]:
    """All images of a pull, the one at work with what the engine does with it."""
    return tuple(
        ImageView(
            each.name,
            each.done_bytes,
            each.total_bytes,
            each.is_here,
            progress.unpacking if each.name == progress.item else None,
        )
        for each in progress.images
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
