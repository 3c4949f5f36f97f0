"""The verb wait: until services have ended, with their exit status."""

import argparse
import json
from collections.abc import Collection
from contextlib import aclosing

from boxship.cli.context import Invocation
from boxship.cli.named import dependencies_of, known_services
from boxship.cli.run import hear_interrupts, run_plan, run_with_engine, until_interrupted
from boxship.engine.port import Engine
from boxship.errors import CancelledError
from boxship.operate.wait import Ended, ended_in_order
from boxship.plan.action import Plan
from boxship.plan.found import require_appliance
from boxship.plan.host_hooks import with_host_hooks
from boxship.plan.observed import Observed
from boxship.plan.present import require_up
from boxship.plan.verbs import plan_down


def add_wait(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("services", nargs="+", metavar="SERVICE", help="until all of these have ended")
    parser.add_argument(
        "--down-project", "--down", dest="down", action="store_true", help="take all down when the first has ended"
    )
    parser.set_defaults(run=wait)


def wait(invocation: Invocation, arguments: argparse.Namespace) -> int:
    name, loaded = known_services(invocation, arguments.services)

    async def work(engine: Engine) -> list[Ended]:
        observed = await engine.observe(())
        if invocation.appliance_name is not None:
            require_appliance(name, observed)
        return await _ended(engine, name, observed, arguments.services, first=arguments.down, invocation=invocation)

    found = run_with_engine(work)
    if arguments.down:

        def plan(observed: Observed) -> Plan:
            made = plan_down(name, observed, dependencies_of(name, loaded, observed))
            if loaded is None:
                return made
            return with_host_hooks(made, loaded.appliance.hooks, loaded.appliance.directory)

        run_plan(invocation, "down", name, plan)
    return next((each.exit_code for each in found if each.exit_code), 0)


async def _ended(
    engine: Engine, name: str, observed: Observed, services: Collection[str], *, first: bool, invocation: Invocation
) -> list[Ended]:
    """Those that have ended, in that order, each told at once. Raises: CancelledError, NotFoundError."""
    mine = [each for each in observed.containers_of(name) if each.service in services]
    for service in services:
        require_up([each for each in mine if each.service == service], service, lambda _: True)
    interrupt = hear_interrupts()
    found: list[Ended] = []
    async with aclosing(until_interrupted(ended_in_order(engine, mine), interrupt)) as ends:
        async for each in ends:
            _tell(each, is_json=invocation.is_json)
            found.append(each)
            if first:
                break
    if interrupt.is_set():
        raise CancelledError("wait was interrupted", hint="the services go on")
    return found


def _tell(ended_one: Ended, *, is_json: bool) -> None:
    if is_json:
        print(json.dumps({"service": ended_one.replica, "exit_code": ended_one.exit_code}), flush=True)
    else:
        print(f"{ended_one.replica} ended with status {ended_one.exit_code}", flush=True)
