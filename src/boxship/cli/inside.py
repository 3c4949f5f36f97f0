"""The verb exec: a command inside a service's container, with or without a terminal."""

import argparse
import asyncio
import os
import signal
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager

from boxship.cli.context import Invocation
from boxship.cli.run import run_with_engine
from boxship.engine.port import Engine, ExecRequest, ExecSession
from boxship.errors import NotFoundError, UsageError, unknown_name
from boxship.plan.observed import ContainerState, Observed, ObservedContainer

_CHUNK_BYTES = 32 * 1024


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
    parser.add_argument("service", metavar="SERVICE")
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="COMMAND")
    parser.set_defaults(run=execute_inside)


def execute_inside(invocation: Invocation, arguments: argparse.Namespace) -> int:
    if not arguments.command:
        raise UsageError("exec needs a command", hint=f"boxship exec {arguments.service} sh")
    name, loaded = invocation.appliance_name_or_files()
    if loaded is not None and arguments.service not in loaded.appliance.services:
        raise unknown_name("service", arguments.service, name, loaded.appliance.services)
    is_tty = not arguments.no_tty and sys.stdin.isatty() and sys.stdout.isatty()
    request = ExecRequest(
        argv=tuple(arguments.command),
        tty=is_tty,
        interactive=not arguments.detach,
        user=arguments.user,
        working_dir=arguments.workdir,
        environment=dict(_pair(text) for text in arguments.env),
        privileged=arguments.privileged,
        detach=arguments.detach,
    )
    return run_with_engine(lambda engine: _exec(engine, name, arguments.service, arguments.index, request))


def _pair(text: str) -> tuple[str, str]:
    """``KEY=VALUE``; a bare ``KEY`` takes its value from the environment, as docker compose does."""
    key, has_value, value = text.partition("=")
    return key, value if has_value else os.environ.get(key, "")


async def _exec(engine: Engine, appliance: str, service: str, number: int | None, request: ExecRequest) -> int:
    container = _running(await engine.observe(()), appliance, service, number)
    session = await engine.open_exec(container.name, request)
    try:
        return 0 if request.detach else await _converse(session, is_tty=request.tty)
    finally:
        await session.close()


def _running(observed: Observed, appliance: str, service: str, number: int | None) -> ObservedContainer:
    """The container to go into: the one with that number, else the first that runs."""
    mine = [each for each in observed.containers_of(appliance) if each.service == service]
    found = [each for each in mine if number in (None, each.number)]
    running = [each for each in found if each.state is ContainerState.RUNNING]
    if running:
        return min(running, key=lambda each: each.number)
    if mine and not found:
        numbers = ", ".join(str(number) for number in sorted({each.number for each in mine}))
        raise NotFoundError(f"service '{service}' has no container {number}", hint=f"there are: {numbers}")
    state = f"is {found[0].state}" if found else "has no container"
    raise NotFoundError(f"service '{service}' {state}, so nothing can run inside", hint="start it: boxship up -d")


async def _converse(session: ExecSession, *, is_tty: bool) -> int:
    loop = asyncio.get_running_loop()
    feeding = asyncio.ensure_future(_feed(session))
    with _raw_terminal(is_tty=is_tty):
        if is_tty:
            await _resize(session)
            loop.add_signal_handler(signal.SIGWINCH, lambda: asyncio.ensure_future(_resize(session)))
        try:
            async for stream, chunk in session.output():
                target = sys.stderr.buffer if stream == "stderr" else sys.stdout.buffer
                target.write(chunk)
                target.flush()
        finally:
            feeding.cancel()
            await asyncio.gather(feeding, return_exceptions=True)
    return await session.exit_code()


async def _feed(session: ExecSession) -> None:
    """Standard input into the container, until either ends."""
    loop = asyncio.get_running_loop()
    file_number = sys.stdin.fileno()
    ready = asyncio.Event()
    try:
        loop.add_reader(file_number, ready.set)
    except (PermissionError, OSError):
        # A regular file or /dev/null can't be polled; it is always readable.
        ready.set()
    is_polled = not ready.is_set()
    try:
        while True:
            await ready.wait()
            data = os.read(file_number, _CHUNK_BYTES)
            if is_polled:
                ready.clear()
            if not data:
                await session.close_stdin()
                return
            await session.write(data)
    finally:
        if is_polled:
            loop.remove_reader(file_number)


async def _resize(session: ExecSession) -> None:
    size = os.get_terminal_size()
    await session.resize(size.lines, size.columns)


@contextmanager
def _raw_terminal(*, is_tty: bool) -> Iterator[None]:
    """Every key goes into the container; the terminal is given back as it was."""
    if not is_tty:
        yield
        return
    before = termios.tcgetattr(sys.stdin)
    tty.setraw(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
