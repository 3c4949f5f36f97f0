"""The health gate: what a deployment's own checks say, asked until they are good or time is up."""

from boxship.checks.report import Report
from boxship.checks.run import Asked, Checker
from boxship.loader.deployments import Wanted
from boxship.loader.failures import failure_of_report
from boxship.loader.on_a_box import report_on_a_box
from boxship.loader.parts import Parts
from boxship.state.operation import Failure

FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 5.0


async def check_services(parts: Parts, wanted: Wanted) -> Report:
    """Every check of the services that should run, asked once.

    What concerns the host alone is left out: a disk that fills up is no fault of a release.

    Raises: EngineUnreachableError.
    """
    return await _check(parts, _asked(wanted, with_host=False))


async def check_all(parts: Parts, wanted: Wanted) -> Report:
    """Those, and all that is asked of the host. Raises: EngineUnreachableError."""
    return await _check(parts, _asked(wanted, with_host=True))


async def pass_health_gate(parts: Parts, wanted: Wanted) -> Failure | None:
    """None when every check was answered well within the boot timeout; else the check that wasn't, and what it got.

    Services are ready before: what can still be bad are checks that no boot waits for, and what got bad since.
    """
    deadline_s = parts.clock.monotonic_s() + wanted.appliance.boot.timeout_s
    pause_s = FIRST_PAUSE_S
    while True:
        failure = failure_of_report(await check_services(parts, wanted))
        if failure is None or parts.clock.monotonic_s() + pause_s > deadline_s:
            return failure
        await parts.clock.sleep(pause_s)
        pause_s = min(LONGEST_PAUSE_S, 2 * pause_s)


async def _check(parts: Parts, asked: Asked) -> Report:
    return report_on_a_box(await Checker(parts.engine, parts.machine, parts.clock, asked).check())


def _asked(wanted: Wanted, *, with_host: bool) -> Asked:
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
    )
