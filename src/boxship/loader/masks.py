"""The secrets of what runs on a box and of what is tried on it, and everything that is told without them.

What is told reaches people who have no login: the page shows it. So nothing is told but through here: events when they
are published, and operations and the state when they are changed.
"""

from collections.abc import Iterable, Mapping
from typing import assert_never

from msgspec.structs import replace

from boxship.checks.text import Redactor
from boxship.events import (
    FilesFollowed,
    ImageProgress,
    Notice,
    PlanMade,
    ServiceLog,
    StepDone,
    StepFailed,
    StepSkipped,
    StepStarted,
    SubjectChanged,
)
from boxship.loader.happened import BoxEvent, Decided, DeploymentChanged, Interrupted, OperationChanged
from boxship.state.operation import Failure, Operation
from boxship.state.state import State

MOST_KNOWN = 2000
"""Far more than two deployments have; the bound is for a box whose secrets change every hour."""


class Masks:
    """What was once secret is masked as long as this Loader runs: the container that knows it may still speak."""

    def __init__(self) -> None:
        self._known: dict[str, None] = {}
        self._redactor = Redactor()

    def learn(self, secrets: Iterable[str]) -> None:
        """From now on these are masked, too."""
        fresh = [each for each in secrets if each not in self._known]
        if fresh:
            self._known |= dict.fromkeys(fresh)
            for oldest in list(self._known)[: max(0, len(self._known) - MOST_KNOWN)]:
                del self._known[oldest]
            self._redactor = Redactor(self._known)

    def clean(self, text: str) -> str:
        return self._redactor.clean(text)

    def shown(self, text: str) -> str:
        """On one line, and not long."""
        return self._redactor.shown(text)

    def event(self, event: BoxEvent) -> BoxEvent:
        """With the same subjects, names and numbers: what a program goes by isn't touched."""
        match event:
            case SubjectChanged():
                return replace(event, detail=self.clean(event.detail))
            case PlanMade():
                return replace(event, lines=self._all(event.lines), kept=self._values(event.kept))
            case StepStarted():
                return replace(event, cause=self.clean(event.cause))
            case StepFailed():
                message, hint = self.clean(event.message), self.clean(event.hint)
                return replace(event, message=message, hint=hint, logs=self._all(event.logs))
            case ImageProgress() | ServiceLog() | Notice():
                return replace(event, text=self.clean(event.text))
            case FilesFollowed():
                error, hint = self.clean(event.error), self.clean(event.hint)
                return replace(event, error=error, hint=hint, output=self._all(event.output))
            case Decided():
                return Decided(self.clean(event.sentence))
            case OperationChanged():
                return OperationChanged(self.operation(event.operation))
            case StepDone() | StepSkipped() | DeploymentChanged() | Interrupted():
                return event
            case _:
                assert_never(event)

    def operation(self, operation: Operation) -> Operation:
        failure = None if operation.failure is None else self.failure(operation.failure)
        note, result = self.clean(operation.note), self._values(operation.result)
        return replace(operation, note=note, failure=failure, result=result)

    def failure(self, failure: Failure) -> Failure:
        clean = self.clean
        return replace(
            failure,
            message=clean(failure.message),
            hint=clean(failure.hint),
            got=clean(failure.got),
            logs=self._all(failure.logs),
        )

    def state(self, state: State) -> State:
        last = state.boots.last
        boots = state.boots if last is None else replace(state.boots, last=self.failure(last))
        return replace(state, boots=boots, bad_releases=self._values(state.bad_releases))

    def _all(self, texts: Iterable[str]) -> tuple[str, ...]:
        return tuple(self.clean(text) for text in texts)

    def _values(self, texts: Mapping[str, str]) -> dict[str, str]:
        return {key: self.clean(text) for key, text in texts.items()}
