"""The verb reload: services and what depends on them anew, and nothing else."""

import argparse
import json

from boxship.cli.context import Invocation
from boxship.cli.render.table import status_as_json
from boxship.cli.run import changing, hear_interrupts, run_with_engine
from boxship.clock import SystemClock
from boxship.engine.port import Engine
from boxship.errors import unknown_name
from boxship.operate.outcome import error_of
from boxship.operate.reload import ReloadRequest, reload
from boxship.spec.model import Appliance


def add_reload(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("services", nargs="+", metavar="SERVICE", help="recreated if it changed, restarted otherwise")
    parser.add_argument("--no-dependents", action="store_true", help="leave alone what depends on them")
    parser.add_argument("--build", action="store_true", help="build their images first")
    parser.add_argument("-t", "--timeout", type=float, metavar="SECONDS", help="grace time before a kill")
    parser.set_defaults(run=reload_services)


def reload_services(invocation: Invocation, arguments: argparse.Namespace) -> int:
    loaded = invocation.load_with_warnings()
    appliance = loaded.appliance
    for name in arguments.services:
        if name not in appliance.services:
            raise unknown_name("service", name, appliance.name, appliance.services)
    request = ReloadRequest(
        services=tuple(arguments.services),
        profiles=loaded.active_profiles,
        with_dependents=not arguments.no_dependents,
        build=arguments.build,
        grace_s=arguments.timeout,
    )
    return run_with_engine(lambda engine: _reload(invocation, appliance, engine, request))


async def _reload(invocation: Invocation, appliance: Appliance, engine: Engine, request: ReloadRequest) -> int:
    interrupt = hear_interrupts()
    async with changing(invocation, "reload", appliance.name, engine, interrupt) as display:
        result = await reload(appliance, engine, display.show, SystemClock(), request, interrupt)
    if error := error_of(result.outcome, "reload"):
        raise error
    if invocation.is_json:
        print(json.dumps({"result": status_as_json(result.status)}))
    return 0
