"""From the outcome of a plan to the one error that the door reports."""

from boxship.engine.faults import RUN_AGAIN
from boxship.errors import BoxshipError, CancelledError, EngineTimeoutError, EngineUnreachableError, OperationError
from boxship.execute.executor import Outcome


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
    said = "".join(f"\n  {failure.error.message}" for failure in outcome.failures)
    return OperationError(
        f"{verb} failed for {', '.join(names)}:{said}",
        fields={"failures": [{"subject": f.step.subject, "message": f.error.message} for f in outcome.failures]},
    )
