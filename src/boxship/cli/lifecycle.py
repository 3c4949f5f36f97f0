"""Verbs that act on containers that are there: down, stop, start, restart."""

import argparse

from boxship.cli.context import Invocation
from boxship.cli.run import run_plan
from boxship.errors import NotFoundError, unknown_name
from boxship.plan.action import Plan
from boxship.plan.containers import LABEL_DEPENDS_ON
from boxship.plan.observed import Observed
from boxship.plan.resolve import resolve
from boxship.plan.verbs import plan_down, plan_start, plan_stop
from boxship.spec.load import Loaded


def add_down(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("services", nargs="*", metavar="SERVICE", help="only these (their containers; networks stay)")
    parser.add_argument("-v", "--volumes", action="store_true", help="remove volumes too: their data is lost")
    parser.add_argument("-t", "--timeout", type=float, metavar="SECONDS", help="grace time before a kill")
    parser.add_argument("--remove-orphans", action="store_true", help="orphans always go; here for compatibility")
    parser.set_defaults(run=down)


def down(invocation: Invocation, arguments: argparse.Namespace) -> int:
    name, loaded = invocation.appliance_name_or_files()
    only = _named(loaded, arguments.services)
    return run_plan(
        invocation,
        "down",
        lambda observed: plan_down(
            name,
            observed,
            _dependencies(name, loaded, observed),
            volumes=arguments.volumes,
            only=only,
            grace_s=arguments.timeout,
        ),
    )


def add_stop(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("services", nargs="*", metavar="SERVICE")
    parser.add_argument("-t", "--timeout", type=float, metavar="SECONDS", help="grace time before a kill")
    parser.set_defaults(run=stop)


def stop(invocation: Invocation, arguments: argparse.Namespace) -> int:
    name, loaded = invocation.appliance_name_or_files()
    only = _named(loaded, arguments.services)
    return run_plan(
        invocation,
        "stop",
        lambda observed: plan_stop(
            name, observed, _dependencies(name, loaded, observed), only=only, grace_s=arguments.timeout
        ),
    )


def add_start(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("services", nargs="*", metavar="SERVICE")
    parser.set_defaults(run=start, again=False, timeout=None)


def add_restart(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("services", nargs="*", metavar="SERVICE")
    parser.add_argument("-t", "--timeout", type=float, metavar="SECONDS", help="grace time before a kill")
    parser.set_defaults(run=start, again=True)


def start(invocation: Invocation, arguments: argparse.Namespace) -> int:
    loaded = invocation.load()
    desired = resolve(
        loaded.appliance,
        target=invocation.target,
        profiles=loaded.active_profiles,
        names=arguments.services,
        with_dependencies=not arguments.services,
    )

    def plan(observed: Observed) -> Plan:
        present = {each.service for each in observed.containers_of(desired.appliance)}
        missing = [name for name in arguments.services if name not in present]
        if missing or not present:
            raise NotFoundError(
                f"there is no container of {', '.join(missing) or desired.appliance}", hint="boxship up creates it"
            )
        return plan_start(desired, observed, again=arguments.again, grace_s=arguments.timeout)

    return run_plan(invocation, "restart" if arguments.again else "start", plan)


def _named(loaded: Loaded | None, services: list[str]) -> frozenset[str] | None:
    if not services:
        return None
    unknown = [name for name in services if loaded is not None and name not in loaded.appliance.services]
    if loaded is not None and unknown:
        raise unknown_name("service", unknown[0], loaded.appliance.name, loaded.appliance.services)
    return frozenset(services)


def _dependencies(name: str, loaded: Loaded | None, observed: Observed) -> dict[str, tuple[str, ...]]:
    """From the files where there are any, else from what the containers remember."""
    if loaded is not None:
        return {service.name: tuple(service.depends_on) for service in loaded.appliance.services.values()}
    return {
        each.service: tuple(each.labels.get(LABEL_DEPENDS_ON, "").split(",")) for each in observed.containers_of(name)
    }
