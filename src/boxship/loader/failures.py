"""From what went wrong to the record that is kept and shown: which service, which check, what it got, its log."""

from collections.abc import Callable, Sequence

from boxship.checks.report import Report, Severity
from boxship.checks.text import Redactor
from boxship.errors import BoxshipError, ProbeError, SpecError
from boxship.execute.executor import Outcome
from boxship.loader.on_a_box import as_on_a_box
from boxship.operate.outcome import error_of
from boxship.state.operation import Failure

LINES_KEPT = 50
"""Of a service's log, with a failure."""
_MOST_CHARS = 1000
"""Of each: a failure is kept in the state, which is written as a whole."""


def failure_of(error: BoxshipError, redactor: Redactor | None = None) -> Failure:
    """The record of one error; secrets of the appliance are masked in it."""
    clean = (redactor or Redactor()).clean
    probe = error if isinstance(error, ProbeError) else None
    return Failure(
        code=error.code,
        message=clean(error.message.splitlines()[0] if isinstance(error, SpecError) else error.message),
        hint=clean(as_on_a_box(error.hint)),
        service=probe.service if probe else "",
        check="ready" if probe else "",
        got=clean(probe.last) if probe else "",
        logs=kept_lines(_logs(error), clean),
    )


def failure_of_outcome(outcome: Outcome, what: str, redactor: Redactor) -> Failure | None:
    """None when all was done. Of several failures the first service's is told in full, as it failed first."""
    error = error_of(outcome, what)
    if error is None:
        return None
    probe = next((each.error for each in outcome.failures if isinstance(each.error, ProbeError)), None)
    whole = failure_of(error, redactor)
    if probe is None or probe is error:
        return whole
    first = failure_of(probe, redactor)
    return Failure(whole.code, whole.message, whole.hint, first.service, first.check, first.got, first.logs)


def failure_of_report(report: Report) -> Failure | None:
    """The first check that was answered badly; None when none was. Warnings don't count."""
    for result in report.results:
        if result.issue is not None and result.issue.severity is Severity.ERROR:
            return Failure(
                code=result.issue.code,
                message=f"{result.subject}: check {result.name}: {result.text or result.issue.text}",
                hint=result.issue.suggestion,
                service=result.subject,
                check=result.name,
                got=result.text,
            )
    return None


def kept_lines(lines: Sequence[str], clean: Callable[[str], str]) -> tuple[str, ...]:
    """The last of them; secrets are masked before a line is cut, as half of one would no longer be found."""
    return tuple(clean(line)[:_MOST_CHARS] for line in lines[-LINES_KEPT:])


def _logs(error: BoxshipError) -> Sequence[str]:
    logs: Sequence[str] = getattr(error, "logs", ())
    return logs
