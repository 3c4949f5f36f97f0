"""The health gate: what a deployment's own checks say, asked until they are good or time is up."""

import asyncio

from boxship.checks.codes import suggestion_for
from boxship.checks.report import Issue, Level, Report, Result, Severity
from boxship.checks.run import Asked, Checker
from boxship.errors import BoxshipError, CancelledError
from boxship.loader.deployments import Wanted, read_wanted
from boxship.loader.failures import failure_of_report
from boxship.loader.on_a_box import report_on_a_box
from boxship.loader.parts import Parts
from boxship.operate.interrupt import unless_interrupted
from boxship.state.deployment import Deployment
from boxship.state.operation import Failure

FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 5.0


async def check_services(parts: Parts, wanted: Wanted) -> Report:
    """Every check of the services that should run, asked once.

    What concerns the host alone is left out: a disk that fills up is no fault of a release.

    Raises: EngineUnreachableError.
    """
    asked = _asked(parts, wanted, with_host=False)
    return report_on_a_box(await Checker(parts.engine, parts.machine, parts.clock, asked).check())


async def check_all(parts: Parts, wanted: Wanted) -> Report:
    """Those, and all that is asked of the host. Raises: EngineUnreachableError."""
    asked = _asked(parts, wanted, with_host=True)
    checked = await parts.clock_look.check(lambda seen: Checker(parts.engine, parts.machine, parts.clock, asked, seen))
    return report_on_a_box(checked)


async def report_of(parts: Parts, current: Deployment | None) -> Report:
    """How the box is, in any case: what keeps the appliance from being asked is a finding as others are."""
    if current is None:
        return _unasked(parts, "", "deployment", "nothing is deployed on this box yet", "loader.empty")
    try:
        wanted, _ = await read_wanted(parts, current)
        return await check_all(parts, wanted)
    except BoxshipError as error:
        is_engine = error.code.startswith("engine.")
        name, code = ("engine", "host.engine") if is_engine else ("deployment", "loader.release")
        return _unasked(parts, current.version, name, parts.feed.masks.shown(error.message), code)


def _unasked(parts: Parts, version: str, name: str, text: str, code: str) -> Report:
    context = {"appliance": parts.appliance}
    issue = Issue(code, Severity.ERROR, text, context, suggestion_for(code, context))
    result = Result(name, "host", "loader", Level.FAIL, text, issue=issue)
    return Report(parts.appliance, version, parts.clock.now().timestamp(), 0.0, (result,))


async def pass_health_gate(parts: Parts, wanted: Wanted, interrupt: asyncio.Event) -> Failure | None:
    """None when every check was answered well within the boot timeout; else the check that wasn't, and what it got.

    Services are ready before: what can still be bad are checks that no boot waits for, and what got bad since. The
    heartbeats of the service that isn't well put off the end here, too.

    Raises: EngineUnreachableError; CancelledError once ``interrupt`` is set.
    """
    cut_off = CancelledError("it was cancelled while its checks were asked", hint="the deployment before goes on")
    return await unless_interrupted(_until_well(parts, wanted), interrupt, cut_off)


async def _until_well(parts: Parts, wanted: Wanted) -> Failure | None:
    began_s, within_s = parts.clock.monotonic_s(), wanted.appliance.boot.timeout_s
    pause_s = FIRST_PAUSE_S
    while True:
        failure = failure_of_report(await check_services(parts, wanted))
        if failure is None:
            return None
        service = _service_of(failure.service, wanted)
        if parts.clock.monotonic_s() + pause_s > parts.heartbeats.until_s(service, began_s, within_s):
            return failure
        await parts.clock.sleep(pause_s)
        pause_s = min(LONGEST_PAUSE_S, 2 * pause_s)


def _service_of(subject: str, wanted: Wanted) -> str:
    """Of one of several containers of a service, as "web.2", the service."""
    return subject if subject in wanted.desired.names() else subject.rpartition(".")[0]


def _asked(parts: Parts, wanted: Wanted, *, with_host: bool) -> Asked:
    desired, appliance = wanted.desired, wanted.appliance
    names = desired.names()
    return Asked(
        desired=desired,
        checks={name: check for name, check in appliance.status_checks.items() if check.service in names},
        host=appliance.host,
        disk_limits=appliance.disk_limits,
        version=wanted.release.version,
        directory=appliance.directory,
        services=frozenset() if with_host else names,
        sees_folders=not parts.own_image,
    )
