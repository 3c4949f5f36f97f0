"""The verb status: is everything as it should be, and what is not?"""

import argparse
import os
import time
from collections.abc import Sequence
from pathlib import Path

from boxship.checks.host import ClockSeen
from boxship.checks.prometheus import to_prometheus
from boxship.checks.report import Report, Verdict
from boxship.checks.run import BUILT_IN, Asked, Checker
from boxship.cli.context import Invocation
from boxship.cli.render.status import print_report, report_as_json
from boxship.cli.run import run_with_engine
from boxship.clock import SystemClock
from boxship.engine.address import find_address
from boxship.engine.port import Engine
from boxship.errors import ProbeError, UsageError, unknown_name
from boxship.host.machine import ThisMachine
from boxship.host.version import versioned
from boxship.operate.status import FRESH_S, find_status, status_path
from boxship.plan.found import booted_target, require_appliance, without_files
from boxship.plan.observed import Observed
from boxship.plan.resolve import resolve
from boxship.spec.loaded import Loaded
from boxship.units import parse_duration


def add_status(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("services", nargs="*", metavar="SERVICE", help="only these, and nothing of the host")
    parser.add_argument("--format", choices=["text", "json", "prometheus"], default="text", help="default: text")
    parser.add_argument("--prometheus", action="store_true", help="the same as --format prometheus")
    parser.add_argument(
        "--ignore", action="append", default=[], metavar="CHECK", help="leave a check out, by its name (repeatable)"
    )
    parser.add_argument("--strict", action="store_true", help="exit with 8 also for what is only degraded")
    parser.add_argument(
        "--max-age", default=f"{FRESH_S:g}s", metavar="TIME", help="how old answers may be (default: 5s); 0 asks anew"
    )
    parser.add_argument("--fresh", action="store_true", help="ask anew, whatever was found a moment ago")
    parser.add_argument("-q", "--quiet", action="store_true", help="print only what is wrong")
    parser.set_defaults(run=status)


def status(invocation: Invocation, arguments: argparse.Namespace) -> int:
    fresh_s = 0.0 if arguments.fresh else _seconds(arguments.max_age)
    name, loaded = invocation.appliance_name_or_files()
    for service in arguments.services:
        if loaded is not None and service not in loaded.appliance.services:
            raise unknown_name("service", service, name, loaded.appliance.services)
    _expect_checks(name, loaded, arguments.ignore)
    report = run_with_engine(lambda engine: _find(invocation, arguments, (name, loaded), engine, fresh_s))
    shape = "prometheus" if arguments.prometheus else "json" if invocation.is_json else arguments.format
    if shape == "prometheus":
        print(to_prometheus(report), end="")
    elif shape == "json":
        print(report_as_json(report))
    else:
        print_report(report, time.time(), is_quiet=arguments.quiet)
    is_bad = report.verdict is Verdict.FAILED or (arguments.strict and report.verdict is not Verdict.OK)
    return ProbeError.exit_status if is_bad else 0


def _seconds(text: str) -> float:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise UsageError(f"--max-age: '{text}' {error}", hint="for example 30s, or 0 to ask anew") from error


def _expect_checks(name: str, loaded: Loaded | None, ignored: Sequence[str]) -> None:
    if loaded is None:
        return
    known = {*BUILT_IN, *loaded.appliance.status_checks, *loaded.appliance.host.checks.programs}
    for check in ignored:
        if check not in known:
            raise unknown_name("check", check, name, sorted(known))


async def _find(
    invocation: Invocation,
    arguments: argparse.Namespace,
    files: tuple[str, Loaded | None],
    engine: Engine,
    fresh_s: float,
) -> Report:
    address = find_address(None, os.environ)
    asked = _asked(invocation, arguments, files, await engine.observe(()), is_local=bool(address.path))
    clock, machine = SystemClock(), ThisMachine()

    def make_checker(before: ClockSeen | None) -> Checker:
        return Checker(engine, machine, clock, asked, before)

    return await find_status(asked, make_checker, clock, status_path(files[0], str(address), os.environ), fresh_s)


def _asked(
    invocation: Invocation,
    arguments: argparse.Namespace,
    files: tuple[str, Loaded | None],
    observed: Observed,
    *,
    is_local: bool,
) -> Asked:
    """What the files say, or else what the containers themselves do."""
    name, loaded = files
    ignored, services = frozenset(arguments.ignore), frozenset(arguments.services)
    if loaded is None:
        require_appliance(name, observed)
        desired = without_files(name, observed)
        return Asked(desired, ignored=ignored, services=services, is_local=is_local, directory=Path.cwd())
    appliance = versioned(loaded.appliance)
    target = invocation.target or booted_target(appliance, observed, loaded.active_profiles)
    return Asked(
        desired=resolve(appliance, target=target, profiles=loaded.active_profiles),
        checks=appliance.status_checks,
        host=appliance.host,
        disk_limits=appliance.disk_limits,
        version=appliance.version,
        directory=appliance.directory,
        ignored=ignored,
        services=services,
        is_local=is_local,
    )
