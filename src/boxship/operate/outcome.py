"""From the outcome of a plan to the one error that the door reports."""

from collections.abc import Iterator, Sequence

from boxship.engine.faults import RUN_AGAIN
from boxship.errors import BoxshipError, CancelledError, EngineTimeoutError, EngineUnreachableError, OperationError
from boxship.execute.executor import Failure, Outcome

_LAST_WORDS = 3
"""Lines of each failed service's log, when several failed; one alone shows more."""


def error_of(outcome: Outcome, verb: str) -> BoxshipError | None:
    """None when all was done; else the engine's absence, the interrupt, the one failure itself, or several at once."""
    if outcome.is_complete:
        return None
    errors = [failure.error for failure in outcome.failures]
    lost = next((each for each in errors if isinstance(each, EngineUnreachableError | EngineTimeoutError)), None)
    if lost is not None:
        return type(lost)(
            f"{verb} was cut off: {lost.message}",
            hint=f"{lost.hint.removesuffix(RUN_AGAIN)}, " * bool(lost.hint)
            + f"then run it again: boxship {verb} goes on from what it finds",
        )
    if outcome.is_interrupted:
        return CancelledError(f"{verb} was interrupted", hint="what was begun is finished; run it again to go on")
    if len(errors) == 1:
        return errors[0]
    names = sorted({failure.step.subject.partition(":")[2] for failure in outcome.failures})
    return OperationError(
        "\n".join((f"{verb} failed for {', '.join(names)}:", *_told(outcome.failures))),
        fields={"failures": [{"subject": f.step.subject, "message": f.error.message} for f in outcome.failures]},
    )


def _told(failures: Sequence[Failure]) -> Iterator[str]:
    """Lines: what went wrong, the service's last words, and what to do, unless that was said before."""
    hints: set[str] = set()
    for failure in failures:
        yield f"  {failure.error.message}"
        logs: tuple[str, ...] = getattr(failure.error, "logs", ())
        yield from (f"    | {line}" for line in logs[-_LAST_WORDS:])
        hint = failure.error.hint
        if hint and hint not in hints:
            hints.add(hint)
            yield f"    hint: {hint}"
