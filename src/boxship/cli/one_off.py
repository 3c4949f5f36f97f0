"""The verb run: a command in a container of its own, made like a service's, with or without a terminal."""

import argparse
import json
import os
import secrets
import shlex
import sys
import time
from pathlib import Path

from boxship.cli.context import Invocation
from boxship.cli.inside import add_detach_keys, has_terminal, variable
from boxship.cli.keys import parse_keys
from boxship.cli.run import changing, hear_interrupts, run_with_engine
from boxship.cli.visit import Visit, visit
from boxship.clock import SystemClock
from boxship.engine.port import Engine
from boxship.errors import CancelledError, UsageError, unknown_name
from boxship.operate.doubts import remember_ready
from boxship.operate.errand import errand_of, ready_path
from boxship.operate.one_off import RunRequest, make_one_off
from boxship.plan.one_off import OneOff
from boxship.spec.model import Appliance, Service
from boxship.spec.typed import parse_mount, parse_ports

_TOKEN_BYTES = 4


def add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-d", "--detach", action="store_true", help="print its name and don't wait for it")
    parser.add_argument("--rm", action="store_true", help="remove the container when it has ended, however that is")
    parser.add_argument("--no-deps", action="store_true", help="don't start what the service depends on")
    parser.add_argument("-T", "--no-tty", "--no-TTY", dest="no_tty", action="store_true", help="no terminal")
    parser.add_argument("-i", "--interactive", action="store_true", help="always so; here for habit")
    parser.add_argument("-t", "--tty", action="store_true", help="on a terminal always so; here for habit")
    parser.add_argument("-e", "--env", action="append", default=[], metavar="KEY=VALUE", help="variable (repeatable)")
    parser.add_argument("-u", "--user", metavar="USER", help="run as this user")
    parser.add_argument("-w", "--workdir", metavar="DIR", help="in this directory")
    parser.add_argument("--entrypoint", metavar="COMMAND", help="instead of the image's or service's entrypoint")
    parser.add_argument(
        "-v", "--volume", action="append", default=[], metavar="SOURCE:TARGET", help="one more mount (repeatable)"
    )
    parser.add_argument("-P", "--service-ports", action="store_true", help="publish the service's ports")
    parser.add_argument(
        "-p", "--publish", action="append", default=[], metavar="HOST:CONTAINER", help="publish a port (repeatable)"
    )
    parser.add_argument("--name", default="", help="the container's name")
    parser.add_argument("-l", "--label", action="append", default=[], metavar="KEY=VALUE", help="label (repeatable)")
    parser.add_argument("--use-aliases", action="store_true", help="answer to the service's names as well")
    parser.add_argument("--cap-add", action="append", default=[], metavar="NAME", help="capability (repeatable)")
    parser.add_argument("--cap-drop", action="append", default=[], metavar="NAME", help="capability (repeatable)")
    parser.add_argument("--build", action="store_true", default=None, help="build the images first")
    parser.add_argument("--pull", choices=["always", "missing", "never"], default="missing")
    add_detach_keys(parser)
    parser.add_argument("service", metavar="SERVICE")
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="COMMAND")
    parser.set_defaults(run=run_one_off)


def run_one_off(invocation: Invocation, arguments: argparse.Namespace) -> int:
    keys = parse_keys(arguments.detach_keys)
    loaded = invocation.load_with_warnings()
    appliance = loaded.appliance
    if arguments.service not in appliance.services:
        raise unknown_name("service", arguments.service, appliance.name, appliance.services)
    one_off = _one_off(arguments, appliance.services[arguments.service])
    request = RunRequest(
        one_off=one_off,
        profiles=loaded.active_profiles,
        with_dependencies=not arguments.no_deps,
        build=arguments.build,
        pull=arguments.pull,
    )
    return run_with_engine(lambda engine: _run(invocation, appliance, engine, request, arguments.detach_keys, keys))


def _one_off(arguments: argparse.Namespace, service: Service) -> OneOff:
    is_attached = not arguments.detach
    return OneOff(
        service=service.name,
        token=secrets.token_hex(_TOKEN_BYTES),
        command=tuple(arguments.command) or None,
        entrypoint=None if arguments.entrypoint is None else _words(arguments.entrypoint),
        environment=dict(variable(text) for text in arguments.env),
        labels=dict(_label(text) for text in arguments.label),
        user=arguments.user,
        working_dir=arguments.workdir,
        cap_add=tuple(arguments.cap_add),
        cap_drop=tuple(arguments.cap_drop),
        mounts=tuple(parse_mount(text, Path.cwd(), os.environ.get("HOME", "/")) for text in arguments.volume),
        ports=tuple(port for text in arguments.publish for port in parse_ports(text)),
        with_service_ports=arguments.service_ports,
        with_aliases=arguments.use_aliases,
        # Nobody is at its terminal when it is detached: then it has what the service has.
        tty=not arguments.no_tty and (has_terminal() if is_attached else service.tty),
        interactive=is_attached or service.stdin_open,
        name=arguments.name,
        auto_remove=arguments.rm,
        starts=arguments.detach,
    )


def _words(text: str) -> tuple[str, ...]:
    """An entrypoint's words; an empty one takes the image's away."""
    try:
        return tuple(shlex.split(text)) or ("",)
    except ValueError as err:
        raise UsageError(f"--entrypoint '{text}' can't be split into words: {err}", hint="close its quotes") from err


def _label(text: str) -> tuple[str, str]:
    key, _, value = text.partition("=")
    return key, value


async def _run(
    invocation: Invocation, appliance: Appliance, engine: Engine, request: RunRequest, keys_text: str, keys: bytes
) -> int:
    one_off = request.one_off
    interrupt = hear_interrupts()
    async with changing(invocation, "run", appliance.name, engine, interrupt) as display:
        memory = ready_path(errand_of("up", appliance.name), os.environ)
        made = await make_one_off(
            appliance,
            engine,
            display.show,
            SystemClock(),
            request,
            interrupt,
            lambda rows: remember_ready(memory, rows, time.time()),
        )
    if one_off.starts:
        print(json.dumps({"container": made}) if invocation.is_json else made)
        return 0
    if interrupt.is_set():
        await engine.remove_container(made, volumes=True)
        raise CancelledError("run was interrupted", hint="nothing of it is left")
    status = await visit(engine, Visit(made, one_off, keys_text, keys))
    if status is not None:
        return status
    name = (await engine.inspect_container(made)).name
    later = "it is removed when it ends" if one_off.auto_remove else "boxship rm removes it when it has ended"
    print(f"\ndetached: {name} goes on\nhint: docker attach {name} goes back; {later}", file=sys.stderr)
    return 0
