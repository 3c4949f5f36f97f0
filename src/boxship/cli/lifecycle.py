"""Verbs that act on containers that are there: down, stop, start, restart."""

import argparse

from boxship.cli.context import Invocation
from boxship.cli.named import dependencies_of
from boxship.cli.run import changing, end_of, hear_interrupts, run_plan, run_with_engine
from boxship.cli.selection import add_selection, present_services, selected_names, services_of
from boxship.clock import SystemClock
from boxship.engine.port import Engine
from boxship.errors import NotFoundError
from boxship.host.fingerprints import fingerprinted
from boxship.operate.start import start_present
from boxship.plan.action import Plan
from boxship.plan.found import booted_target, require_appliance
from boxship.plan.host_hooks import with_host_hooks
from boxship.plan.observed import Observed
from boxship.plan.resolve import Desired, resolve
from boxship.plan.verbs import plan_down, plan_stop
from boxship.spec.loaded import Loaded


def add_down(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("services", nargs="*", metavar="SERVICE", help="only these (their containers; networks stay)")
    parser.add_argument("-v", "--volumes", action="store_true", help="remove volumes too: their data is lost")
    parser.add_argument("-t", "--timeout", type=float, metavar="SECONDS", help="grace time before a kill")
    parser.add_argument("--remove-orphans", action="store_true", help="orphans always go; here for compatibility")
    add_selection(parser, with_tag=False)
    parser.set_defaults(run=down)


def down(invocation: Invocation, arguments: argparse.Namespace) -> int:
    name, loaded = invocation.appliance_name_or_files()
    only = selected_names(loaded, arguments.services, arguments)

    def plan(observed: Observed) -> Plan:
        dependencies = dependencies_of(name, loaded, observed)
        made = plan_down(name, observed, dependencies, volumes=arguments.volumes, only=only, grace_s=arguments.timeout)
        return _hooked(made, loaded)

    return run_plan(invocation, "down", name, plan)


def add_stop(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("services", nargs="*", metavar="SERVICE")
    parser.add_argument("-t", "--timeout", type=float, metavar="SECONDS", help="grace time before a kill")
    add_selection(parser, with_tag=False)
    parser.set_defaults(run=stop)


def stop(invocation: Invocation, arguments: argparse.Namespace) -> int:
    name, loaded = invocation.appliance_name_or_files()
    only = selected_names(loaded, arguments.services, arguments)

    def plan(observed: Observed) -> Plan:
        if invocation.appliance_name is not None:
            require_appliance(name, observed)
        dependencies = dependencies_of(name, loaded, observed)
        return _hooked(plan_stop(name, observed, dependencies, only=only, grace_s=arguments.timeout), loaded)

    return run_plan(invocation, "stop", name, plan)


def add_start(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("services", nargs="*", metavar="SERVICE")
    add_selection(parser, with_tag=False)
    parser.set_defaults(run=start, again=False, timeout=None)


def add_restart(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("services", nargs="*", metavar="SERVICE")
    parser.add_argument("-t", "--timeout", type=float, metavar="SECONDS", help="grace time before a kill")
    add_selection(parser, with_tag=False)
    parser.set_defaults(run=start, again=True)


def start(invocation: Invocation, arguments: argparse.Namespace) -> int:
    loaded = invocation.load()
    # Once without the engine, so that a wrong name is told at once.
    _to_start(invocation, loaded, services_of(loaded, arguments), None)
    verb = "restart" if arguments.again else "start"

    def services_at(observed: Observed) -> list[str]:
        return services_of(loaded, arguments, present_services(loaded.appliance.name, observed))

    async def work(engine: Engine) -> int:
        interrupt = hear_interrupts()
        async with changing(invocation, verb, loaded.appliance.name, engine, interrupt) as display:
            plan, outcome = await start_present(
                lambda observed: _to_start(invocation, loaded, services_at(observed), observed),
                engine,
                display.show,
                SystemClock(),
                interrupt,
                again=arguments.again,
                grace_s=arguments.timeout,
            )
        return end_of(invocation, verb, plan, outcome)

    return run_with_engine(work)


def _to_start(invocation: Invocation, loaded: Loaded, services: list[str], observed: Observed | None) -> Desired:
    """The services to start. Raises: NotFoundError for one that isn't in the files, or has no container."""
    profiles = loaded.active_profiles
    booted = booted_target(loaded.appliance, observed, profiles) if observed and not services else None
    desired = resolve(
        fingerprinted(loaded.appliance),
        target=invocation.target or booted,
        profiles=profiles,
        names=services,
        with_dependencies=not services,
    )
    if observed is not None:
        present = {each.service for each in observed.containers_of(desired.appliance)}
        missing = [name for name in services if name not in present]
        if missing or not present:
            raise NotFoundError(
                f"there is no container of {', '.join(missing) or desired.appliance}", hint="boxship up creates it"
            )
    return desired


def _hooked(plan: Plan, loaded: Loaded | None) -> Plan:
    """With the files' commands on this machine: whoever stops without the files stops without them."""
    return plan if loaded is None else with_host_hooks(plan, loaded.appliance.hooks, loaded.appliance.directory)
