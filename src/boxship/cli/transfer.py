"""Verbs that move images: pull and push."""

import argparse
import sys
from collections.abc import Callable

from boxship.cli.context import Invocation
from boxship.cli.render.display import make_display
from boxship.cli.run import end_of, hear_interrupts, run_with_engine
from boxship.cli.selection import add_selection, selected, services_of
from boxship.clock import SystemClock
from boxship.engine.port import Engine
from boxship.execute.executor import execute
from boxship.plan.action import Plan
from boxship.plan.observed import Observed
from boxship.plan.resolve import resolve
from boxship.plan.transfers import PullOptions, images_of, plan_pull, plan_push
from boxship.spec.loaded import Loaded
from boxship.spec.model import Appliance, Service


def add_pull(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("services", nargs="*", metavar="SERVICE", help="only these services' images")
    parser.add_argument(
        "--policy", choices=["always", "missing"], default="", help="instead of the services' pull_policy"
    )
    parser.add_argument("--ignore-pull-failures", action="store_true", help="what can't be pulled is a warning")
    parser.add_argument("--ignore-buildable", action="store_true", help="leave out what could be built")
    parser.add_argument("-q", "--quiet", action="store_true", help="only say what failed")
    add_selection(parser)
    parser.set_defaults(run=pull)


def pull(invocation: Invocation, arguments: argparse.Namespace) -> int:
    appliance, services = _chosen(invocation, arguments)
    options = PullOptions(arguments.policy, arguments.ignore_pull_failures, arguments.ignore_buildable)

    def plan(observed: Observed) -> Plan:
        return plan_pull(appliance.name, services, observed, options)

    return _transfer(invocation, arguments, "pull", appliance, services, plan)


def add_push(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("services", nargs="*", metavar="SERVICE", help="only these services' images")
    parser.add_argument("--ignore-push-failures", action="store_true", help="what can't be pushed is a warning")
    parser.add_argument("-q", "--quiet", action="store_true", help="only say what failed")
    add_selection(parser)
    parser.set_defaults(run=push)


def push(invocation: Invocation, arguments: argparse.Namespace) -> int:
    appliance, services = _chosen(invocation, arguments)
    services = tuple(service for service in services if service.build is not None)
    nameless = [service.name for service in services if not service.image]
    if nameless:
        print(f"not pushed, as no image: names a registry for them: {', '.join(nameless)}", file=sys.stderr)

    def plan(observed: Observed) -> Plan:
        return plan_push(appliance.name, services, observed, ignore_failures=arguments.ignore_push_failures)

    return _transfer(invocation, arguments, "push", appliance, services, plan)


def _chosen(invocation: Invocation, arguments: argparse.Namespace) -> tuple[Appliance, tuple[Service, ...]]:
    """What was named; else the target that was; else what belongs to any target, and what the profiles activate."""
    loaded = invocation.load_with_warnings()
    appliance = selected(loaded, arguments)
    names = tuple(services_of(loaded, arguments))
    if names or invocation.target or not appliance.targets:
        profiles = loaded.active_profiles
        desired = resolve(
            appliance, target=invocation.target, profiles=profiles, names=names, with_dependencies=not names
        )
        return appliance, desired.services
    return appliance, _of_all_targets(appliance, loaded)


def _of_all_targets(appliance: Appliance, loaded: Loaded) -> tuple[Service, ...]:
    found: dict[str, Service] = {}
    for target in appliance.targets:
        desired = resolve(appliance, target=target, profiles=loaded.active_profiles)
        found |= {service.name: service for service in desired.services}
    return tuple(found.values())


def _transfer(
    invocation: Invocation,
    arguments: argparse.Namespace,
    verb: str,
    appliance: Appliance,
    services: tuple[Service, ...],
    make_plan: Callable[[Observed], Plan],
) -> int:
    async def work(engine: Engine) -> int:
        plan = make_plan(await engine.observe(images_of(appliance.name, services)))
        with make_display(is_json=invocation.is_json, is_quiet=arguments.quiet) as display:
            outcome = await execute(plan, engine, display.show, SystemClock(), interrupt=hear_interrupts())
        return end_of(invocation, verb, plan, outcome)

    return run_with_engine(work)
