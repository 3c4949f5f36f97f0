"""A box's life as lines of a log: what it decides, what its operations come to, what failed. With --json all of it."""

import sys
from collections.abc import Callable

import msgspec

from boxship.events import Notice, PlanMade, StepDone, StepFailed, StepSkipped, StepStarted, SubjectChanged
from boxship.loader.happened import BoxEvent, Decided, DeploymentChanged, Interrupted, OperationChanged
from boxship.state.operation import Operation, OperationStatus

_QUIET = (PlanMade, StepStarted, StepDone, StepSkipped)


def print_sentences(*, is_json: bool) -> Callable[[BoxEvent], None]:
    """What prints one event to stderr."""
    return _print_json if is_json else _Printer().show


def _print_json(event: BoxEvent) -> None:
    data = {"event": type(event).__name__, **msgspec.to_builtins(event)}
    print(msgspec.json.encode(data).decode(), file=sys.stderr, flush=True)


class _Printer:
    def __init__(self) -> None:
        self._stages: dict[str, tuple[str, OperationStatus]] = {}

    def show(self, event: BoxEvent) -> None:
        text = self._text(event)
        if text:
            print(text, file=sys.stderr, flush=True)

    def _text(self, event: BoxEvent) -> str:
        match event:
            case Decided(sentence=text):
                return text
            case Notice(text=text, is_warning=is_warning):
                return f"warning: {text}" if is_warning else text
            case OperationChanged(operation=operation):
                return self._operation(operation)
            case DeploymentChanged(current=current, previous=previous):
                return f"current: {current or 'nothing'}; previous: {previous or 'nothing'}"
            case Interrupted(downtime_s=downtime_s):
                return f"the appliance was away for {downtime_s:.1f} s"
            case StepFailed(message=message):
                return message
            case SubjectChanged(subject=subject, phase=phase, detail=detail):
                return f"{subject.partition(':')[2]}: {phase}" + (f": {detail}" if detail else "")
            case _:
                return ""

    def _operation(self, operation: Operation) -> str:
        """A line for each stage, and for the end; none for every byte."""
        now = (operation.stage, operation.status)
        if self._stages.get(operation.id) == now:
            return ""
        self._stages[operation.id] = now
        if operation.status.is_over:
            self._stages.pop(operation.id)
            why = f": {operation.failure.message}" if operation.failure is not None else ""
            return f"{operation.kind} {operation.id} {operation.status}{why}"
        return f"{operation.kind} {operation.id}: {operation.note}" if operation.note else ""
