"""The verb preflight: may it be started here, and what speaks against it?"""

import argparse
import os
import time

from boxship.checks.preflight import ask_preflight
from boxship.checks.report import Report, Verdict
from boxship.cli.context import Invocation
from boxship.cli.render.status import print_report, report_as_json
from boxship.cli.run import run_with_engine
from boxship.clock import SystemClock
from boxship.engine.address import find_address
from boxship.engine.port import Engine
from boxship.errors import ProbeError
from boxship.host.machine import ThisMachine
from boxship.host.version import versioned
from boxship.operate.preflight import preflight_of
from boxship.spec.loaded import Loaded


def add_preflight(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--strict", action="store_true", help="exit with 8 also for what is only doubtful")
    parser.add_argument("-q", "--quiet", action="store_true", help="print only what is wrong")
    parser.set_defaults(run=preflight)


def preflight(invocation: Invocation, arguments: argparse.Namespace) -> int:
    loaded = invocation.load()
    report = run_with_engine(lambda engine: _ask(invocation, loaded, engine))
    if invocation.is_json:
        print(report_as_json(report))
    else:
        print_report(report, time.time(), is_quiet=arguments.quiet)
    is_bad = report.verdict is Verdict.FAILED or (arguments.strict and report.verdict is not Verdict.OK)
    return ProbeError.exit_status if is_bad else 0


async def _ask(invocation: Invocation, loaded: Loaded, engine: Engine) -> Report:
    asked = preflight_of(
        versioned(loaded.appliance),
        target=invocation.target,
        profiles=loaded.active_profiles,
        is_local=bool(find_address(None, os.environ).path),
        may_run=not invocation.is_dry_run,
    )
    return await ask_preflight(engine, ThisMachine(), SystemClock(), asked)
