"""``preflight``: whether an appliance may be started or switched to here, and what speaks against it."""

from msgspec.structs import replace

from boxship.checks.preflight import Preflight, ask_preflight
from boxship.checks.report import Issue, Report, Result, Severity
from boxship.clock import Clock
from boxship.engine.port import Engine
from boxship.errors import PreconditionError
from boxship.host.machine import Machine
from boxship.host.places import Places
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


async def expect_fit(appliance: Appliance, places: Places, engine: Engine, machine: Machine, clock: Clock) -> None:
    """Of a host that is to become a box: whether the appliance may be started there.

    One that is a box already asks by itself before each switch, and knows what it runs.

    Raises: PreconditionError with all that speaks against it; EngineError.
    """
    if places.database.exists():
        return
    # What the kernel is told comes with the installation.
    asked = replace(appliance, host=replace(appliance.host, sysctl={}))
    refusal = refusal_of(await ask_preflight(engine, machine, clock, preflight_of(asked)))
    if refusal is not None:
        raise PreconditionError(
            f"this host isn't fit for {appliance.name}: {refusal.message}",
            reasons=refusal.reasons,
            hint="repair that; or install all the same with --no-preflight, as its Loader asks again before each start",
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
