"""Verbs that only look: ps, logs, graph."""

import argparse
import json
import re
import sys
import time
from contextlib import aclosing

from boxship.cli.context import Invocation
from boxship.cli.render.graph import GRAPH_FORMATS
from boxship.cli.render.lines import LogPrinter
from boxship.cli.render.table import print_status, status_as_json
from boxship.cli.run import hear_interrupts, run_with_engine, until_interrupted
from boxship.cli.selection import add_selection, selected, services_of
from boxship.engine.port import Engine
from boxship.errors import UsageError, unknown_name
from boxship.operate.logs import LogRequest, merged_logs
from boxship.plan.found import booted_target, require_appliance, without_files
from boxship.plan.observed import Observed
from boxship.plan.resolve import Desired, resolve
from boxship.plan.status import ServiceStatus, service_status
from boxship.spec.load import Loaded
from boxship.spec.model import Appliance

_AGO = re.compile(r"(\d+)([smhd])")
_UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def add_ps(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("services", nargs="*", metavar="SERVICE", help="only these")
    parser.add_argument("-q", "--quiet", action="store_true", help="only container ids")
    parser.add_argument("-a", "--all", action="store_true", help="always so; here for compatibility")
    parser.add_argument("--services", dest="only_names", action="store_true", help="only the services' names")
    add_selection(parser, with_tag=False)
    parser.set_defaults(run=ps)


def ps(invocation: Invocation, arguments: argparse.Namespace) -> int:
    name, loaded = invocation.appliance_name_or_files()
    arguments.services = services_of(loaded, arguments)
    for service in arguments.services:
        if loaded is not None and service not in loaded.appliance.services:
            raise unknown_name("service", service, name, loaded.appliance.services)

    async def look(engine: Engine) -> tuple[ServiceStatus, ...]:
        observed = await engine.observe(())
        return service_status(_expected(invocation, name, loaded, arguments.services, observed), observed)

    rows = run_with_engine(look)
    if arguments.services:
        rows = tuple(row for row in rows if row.service in arguments.services)
    if arguments.quiet:
        lines = [row.container.id for row in rows if row.container]
        print("\n".join(lines), end="\n" * bool(lines))
    elif arguments.only_names:
        print("\n".join(dict.fromkeys(row.service for row in rows)))
    elif invocation.is_json:
        print(json.dumps(status_as_json(rows)))
    else:
        print_status(rows)
    return 0


def _expected(
    invocation: Invocation, name: str, loaded: Loaded | None, services: list[str], observed: Observed
) -> Desired:
    """What should run, as the files say, or else the containers themselves."""
    if loaded is None:
        require_appliance(name, observed)
        return without_files(name, observed)
    profiles = loaded.active_profiles
    target = invocation.target or booted_target(loaded.appliance, observed, profiles)
    return resolve(loaded.appliance, target=target, profiles=profiles, names=services)


def add_logs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("services", nargs="*", metavar="SERVICE", help="only these (web.2: one of several)")
    parser.add_argument("-f", "--follow", action="store_true", help="go on as they write")
    parser.add_argument("-n", "--tail", default="all", metavar="LINES", help="only the last lines of each")
    parser.add_argument("--since", default="", metavar="TIME", help="from then on: RFC 3339, unix seconds or 10m")
    parser.add_argument("--until", default="", metavar="TIME", help="up to then")
    parser.add_argument("-t", "--timestamps", action="store_true", help="with the time of each line")
    parser.add_argument("--no-color", action="store_true", help="without colours")
    parser.add_argument("--no-log-prefix", action="store_true", help="without the services' names")
    add_selection(parser, with_tag=False)
    parser.set_defaults(run=logs)


def logs(invocation: Invocation, arguments: argparse.Namespace) -> int:
    name, loaded = invocation.appliance_name_or_files()
    arguments.services = services_of(loaded, arguments)
    for service in arguments.services:
        if loaded is not None and not _is_known(service, loaded.appliance):
            raise unknown_name("service", service, name, loaded.appliance.services)
    if arguments.tail != "all" and not arguments.tail.isdecimal():
        raise UsageError(f"--tail wants a number of lines or 'all', not '{arguments.tail}'")
    request = LogRequest(
        services=frozenset(arguments.services),
        follow=arguments.follow,
        tail=None if arguments.tail == "all" else int(arguments.tail),
        since=_point_in_time(arguments.since),
        until=_point_in_time(arguments.until),
    )
    printer = LogPrinter(
        is_json=invocation.is_json,
        timestamps=arguments.timestamps,
        prefix=not arguments.no_log_prefix,
        color=False if arguments.no_color else None,
    )

    async def work(engine: Engine) -> int:
        observed = await engine.observe(())
        if invocation.appliance_name is not None:
            require_appliance(name, observed)
        if not observed.containers_of(name):
            print(f"{name} has no containers: boxship up creates them", file=sys.stderr)
        async with aclosing(until_interrupted(merged_logs(engine, name, request), hear_interrupts())) as lines:
            async for line in lines:
                printer.show(line)
        return 0

    return run_with_engine(work)


def _is_known(name: str, appliance: Appliance) -> bool:
    """A service, or one of its containers: ``web.2``."""
    service, _, number = name.rpartition(".")
    return name in appliance.services or (service in appliance.services and number.isdecimal())


def _point_in_time(text: str) -> str:
    """``10m`` -> unix seconds ten minutes ago; everything else as it is, for the engine."""
    match = _AGO.fullmatch(text)
    if match is None:
        return text
    return f"{time.time() - int(match.group(1)) * _UNIT_S[match.group(2)]:.3f}"


def add_graph(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--format", choices=list(GRAPH_FORMATS), default="text", help="default: text")
    add_selection(parser, with_tag=False)
    parser.set_defaults(run=graph)


def graph(invocation: Invocation, arguments: argparse.Namespace) -> int:
    loaded = invocation.load()
    desired = resolve(selected(loaded, arguments), target=invocation.target, profiles=loaded.active_profiles)
    print(GRAPH_FORMATS["json" if invocation.is_json else arguments.format](desired))
    return 0
