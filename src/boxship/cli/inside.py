"""The verb exec: a command inside a service's container, with or without a terminal."""

import argparse
import os
import sys

from boxship.cli.context import Invocation
from boxship.cli.keys import DEFAULT_KEYS, parse_keys
from boxship.cli.named import known_service
from boxship.cli.run import run_with_engine
from boxship.cli.terminal import converse
from boxship.engine.port import Engine, ExecRequest
from boxship.errors import UsageError
from boxship.plan.present import running_container


def add_exec(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-d", "--detach", action="store_true", help="don't wait for it")
    parser.add_argument("-T", "--no-tty", "--no-TTY", dest="no_tty", action="store_true", help="no terminal")
    parser.add_argument("-i", "--interactive", action="store_true", help="always so; here for habit")
    parser.add_argument("-t", "--tty", action="store_true", help="on a terminal always so; here for habit")
    parser.add_argument("-u", "--user", metavar="USER", help="run as this user")
    parser.add_argument("-w", "--workdir", metavar="DIR", help="in this directory")
    parser.add_argument("-e", "--env", action="append", default=[], metavar="KEY=VALUE", help="variable (repeatable)")
    parser.add_argument("--index", type=int, metavar="NUMBER", help="which of its containers (default: the first)")
    parser.add_argument("--privileged", action="store_true", help="with all capabilities")
    add_detach_keys(parser)
    parser.add_argument("service", metavar="SERVICE")
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="COMMAND")
    parser.set_defaults(run=execute_inside)


def add_detach_keys(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--detach-keys",
        default=DEFAULT_KEYS,
        metavar="KEYS",
        help=f"what to type to leave it running (default: {DEFAULT_KEYS})",
    )


def execute_inside(invocation: Invocation, arguments: argparse.Namespace) -> int:
    if not arguments.command:
        raise UsageError("exec needs a command", hint=f"boxship exec {arguments.service} sh")
    keys = parse_keys(arguments.detach_keys)
    name, _ = known_service(invocation, arguments.service)
    request = ExecRequest(
        argv=tuple(arguments.command),
        tty=not arguments.no_tty and not arguments.detach and has_terminal(),
        interactive=not arguments.detach,
        user=arguments.user,
        working_dir=arguments.workdir,
        environment=dict(variable(text) for text in arguments.env),
        privileged=arguments.privileged,
        detach=arguments.detach,
        detach_keys=arguments.detach_keys,
    )
    return run_with_engine(lambda engine: _exec(engine, name, arguments.service, arguments.index, request, keys))


def has_terminal() -> bool:
    """Whether a process inside can be given ours."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def variable(text: str) -> tuple[str, str]:
    """``KEY=VALUE``; a bare ``KEY`` takes its value from the environment, as docker compose does."""
    key, has_value, value = text.partition("=")
    return key, value if has_value else os.environ.get(key, "")


async def _exec(
    engine: Engine, appliance: str, service: str, number: int | None, request: ExecRequest, keys: bytes
) -> int:
    container = running_container(await engine.observe(()), appliance, service, number)
    session = await engine.open_exec(container.name, request)
    try:
        if request.detach:
            return 0
        status = await converse(session, is_tty=request.tty, is_interactive=True, keys=keys)
    finally:
        await session.close()
    if status is None:
        print(f"\ndetached: '{request.argv[0]}' goes on in {container.name}", file=sys.stderr)
        return 0
    return status
