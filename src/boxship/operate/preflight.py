"""``preflight``: whether an appliance may be started or switched to here, and what speaks against it."""

from boxship.checks.preflight import Preflight
from boxship.checks.report import Issue, Report, Result, Severity
from boxship.errors import PreconditionError
from boxship.plan.resolve import resolve
from boxship.spec.model import Appliance


def preflight_of(
    appliance: Appliance,
    *,
    target: str | None = None,
    profiles: tuple[str, ...] = (),
    is_local: bool = True,
    may_run: bool = True,
) -> Preflight:
    """What is to be asked for one target: its ports, and everything that the files demand of the machine.

    Raises: NotFoundError for a target that the files don't have.
    """
    return Preflight(
        desired=resolve(appliance, target=target, profiles=profiles),
        checks=appliance.preflight,
        host=appliance.host,
        disk_limits=appliance.disk_limits,
        version=appliance.version,
        directory=appliance.directory,
        is_local=is_local,
        may_run=may_run,
    )


def refusal_of(report: Report) -> PreconditionError | None:
    """The error of an operation that may not begin, with all that speaks against it; None when nothing does."""
    bad = (each for each in report.results if each.issue is not None and each.issue.severity is Severity.ERROR)
    reasons = [_reason(each, each.issue) for each in bad if each.issue is not None]
    if not reasons:
        return None
    count = "one thing speaks" if len(reasons) == 1 else f"{len(reasons)} things speak"
    return PreconditionError(f"{count} against it: {reasons[0]}", reasons=reasons, hint="boxship preflight shows all")


def _reason(result: Result, issue: Issue) -> str:
    about = result.labels.get("name") or result.labels.get("path") or ""
    what = f"{result.name} {about}".rstrip()
    return f"{what}: {issue.text}{f' ({issue.suggestion})' if issue.suggestion else ''}"
