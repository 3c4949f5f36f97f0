"""Verbs that tell one kind of fact about what runs: port, ip, top."""

import argparse
import asyncio
import json
import sys

from boxship.cli.context import Invocation
from boxship.cli.named import known_service, known_services
from boxship.cli.render.columns import print_columns
from boxship.cli.run import run_with_engine
from boxship.engine.port import Engine, Processes
from boxship.errors import NotFoundError, UsageError
from boxship.plan.facts import addresses_of, publications
from boxship.plan.found import require_appliance
from boxship.plan.observed import ContainerState, Observed, ObservedContainer
from boxship.plan.present import numbered, require_up
from boxship.plan.verdict import is_up

_PROTOCOLS = ("tcp", "udp", "sctp")
_LAST_PORT = 65535


def add_port(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("service", metavar="SERVICE")
    parser.add_argument("port", nargs="?", metavar="PORT", help="the container's port: 80 or 53/udp (default: all)")
    parser.add_argument("--protocol", choices=_PROTOCOLS, default="", help="default: tcp")
    parser.add_argument("--index", type=int, metavar="NUMBER", help="which of its containers (default: the first)")
    parser.set_defaults(run=port)


def port(invocation: Invocation, arguments: argparse.Namespace) -> int:
    wanted = None if arguments.port is None else _port(arguments.port, arguments.protocol)
    name, _ = known_service(invocation, arguments.service)
    observed = _observe(invocation, name)
    containers = numbered(observed, name, arguments.service, arguments.index)
    require_up(containers, arguments.service)
    container = min((each for each in containers if is_up(each)), key=lambda each: each.number)
    found = publications(container)
    chosen = [each for each in found if wanted in (None, (each.target, each.protocol))]
    if wanted is not None and not chosen:
        there = ", ".join(f"{each.target}/{each.protocol}" for each in found)
        raise NotFoundError(
            f"service '{arguments.service}' publishes no port {wanted[0]}/{wanted[1]}",
            hint=f"it publishes: {there or 'none'}",
        )
    if invocation.is_json:
        print(json.dumps([each.as_data() for each in chosen]))
    else:
        if not chosen:
            print(f"{arguments.service} publishes no ports", file=sys.stderr)
        for each in chosen:
            print(each.address if wanted else f"{each.target}/{each.protocol} -> {each.address}")
    return 0


def _port(text: str, protocol: str) -> tuple[int, str]:
    number, _, own = text.partition("/")
    is_known = own in _PROTOCOLS if own else True
    if not (
        number.isascii() and number.isdecimal() and len(number) < 6 and 1 <= int(number) <= _LAST_PORT and is_known
    ):
        raise UsageError(f"'{text}' is not a port", hint="write a number up to 65535, or one with its protocol: 53/udp")
    if own and protocol and own != protocol:
        raise UsageError(f"'{text}' and --protocol {protocol} contradict each other", hint="give one of them")
    return int(number), own or protocol or "tcp"


def add_ip(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("services", nargs="*", metavar="SERVICE", help="only these")
    parser.add_argument("-q", "--quiet", action="store_true", help="only the addresses")
    parser.set_defaults(run=ip)


def ip(invocation: Invocation, arguments: argparse.Namespace) -> int:
    name, _ = known_services(invocation, arguments.services)
    observed = _observe(invocation, name)
    for service in arguments.services:
        require_up(numbered(observed, name, service, None), service, lambda _: True)
    rows = [row for row in addresses_of(name, observed) if row.service in (arguments.services or (row.service,))]
    if invocation.is_json:
        print(json.dumps([row.as_data() for row in rows]))
    elif arguments.quiet:
        for row in rows:
            for address in row.every:
                print(address)
    else:
        cells = [(row.replica, row.network, " ".join(row.every) or "-", row.state) for row in rows]
        print_columns(("SERVICE", "NETWORK", "ADDRESS", "STATE"), cells, nothing=f"{name} has no containers")
    return 0


def add_top(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("services", nargs="*", metavar="SERVICE", help="only these")
    parser.set_defaults(run=top)


def top(invocation: Invocation, arguments: argparse.Namespace) -> int:
    name, _ = known_services(invocation, arguments.services)

    async def look(engine: Engine) -> list[tuple[ObservedContainer, Processes]]:
        observed = await engine.observe(())
        _require(invocation, name, observed)
        mine = [
            each for each in observed.containers_of(name) if each.service in (arguments.services or (each.service,))
        ]
        for service in arguments.services:
            require_up([each for each in mine if each.service == service], service, _has_processes)
        running = sorted((each for each in mine if _has_processes(each)), key=lambda each: (each.service, each.number))
        return list(
            zip(running, await asyncio.gather(*(engine.list_processes(each.name) for each in running)), strict=True)
        )

    found = run_with_engine(look)
    if invocation.is_json:
        print(json.dumps([_processes_as_data(container, processes) for container, processes in found]))
        return 0
    titles = next((processes.titles for _, processes in found), ())
    cells = [(container.replica, *row) for container, processes in found for row in processes.rows]
    print_columns(("SERVICE", *titles), cells, nothing=f"nothing of {name} runs")
    return 0


def _has_processes(container: ObservedContainer) -> bool:
    return container.state in (ContainerState.RUNNING, ContainerState.PAUSED)


def _processes_as_data(container: ObservedContainer, processes: Processes) -> dict[str, object]:
    return {
        "service": container.service,
        "number": container.number,
        "container": container.name,
        "processes": [dict(zip(processes.titles, row, strict=False)) for row in processes.rows],
    }


def _observe(invocation: Invocation, name: str) -> Observed:
    async def look(engine: Engine) -> Observed:
        return await engine.observe(())

    observed = run_with_engine(look)
    _require(invocation, name, observed)
    return observed


def _require(invocation: Invocation, name: str, observed: Observed) -> None:
    if invocation.appliance_name is not None:
        require_appliance(name, observed)
