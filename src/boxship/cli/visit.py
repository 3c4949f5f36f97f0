"""Being inside a container that is ours alone, from its start to its end; signals reach it, and it is tidied away."""

import asyncio
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from msgspec import Struct

from boxship.cli.terminal import converse
from boxship.engine.port import AttachRequest, Engine
from boxship.errors import EngineError, EngineTimeoutError, EngineUnreachableError
from boxship.operate.one_off import not_started
from boxship.plan.one_off import OneOff

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Visit(Struct, frozen=True):
    """A container that was made for one person. ``keys_text``: the detach keys as the engine reads them."""

    container_id: str
    one_off: OneOff
    keys_text: str
    keys: bytes


async def visit(engine: Engine, to: Visit) -> int | None:
    """Start it and converse: its exit status, or None when the person left it running.

    With ``auto_remove`` it is gone afterwards, whatever went wrong; one that could not be started always is.
    """
    one_off = to.one_off
    is_left = False
    is_started = False
    request = AttachRequest(tty=one_off.tty, interactive=one_off.interactive, detach_keys=to.keys_text)
    try:
        session = await engine.attach_container(to.container_id, request)
        try:
            with _passing_signals(engine, to.container_id):
                await engine.start_container(to.container_id)
                is_started = True
                status = await converse(session, is_tty=one_off.tty, is_interactive=one_off.interactive, keys=to.keys)
        finally:
            await session.close()
        is_left = status is None
    except (EngineUnreachableError, EngineTimeoutError):
        # Whoever can't be reached removes nothing; with auto_remove the engine does it by itself.
        is_left = True
        raise
    except EngineError as error:
        raise not_started(error, one_off) from error
    finally:
        if not is_left and (one_off.auto_remove or not is_started):
            await engine.remove_container(to.container_id, volumes=True)
    return status


@contextmanager
def _passing_signals(engine: Engine, container_id: str) -> Iterator[None]:
    """The first ^C (or SIGTERM, SIGHUP) goes to the process, the second kills it."""
    loop = asyncio.get_running_loop()
    sending: set[asyncio.Task[None]] = set()
    heard: list[int] = []

    def hear(number: int) -> None:
        name = "SIGKILL" if heard else signal.Signals(number).name
        if not heard and number == signal.SIGINT:
            print("^C was passed on; another one kills it", file=sys.stderr)
        heard.append(number)
        task = loop.create_task(_send(engine, container_id, name))
        sending.add(task)
        task.add_done_callback(sending.discard)

    for number in _ENDING:
        loop.add_signal_handler(number, hear, number)
    try:
        yield
    finally:
        for number in _ENDING:
            loop.remove_signal_handler(number)
        for task in sending:
            task.cancel()


async def _send(engine: Engine, container_id: str, name: str) -> None:
    try:
        await engine.kill_container(container_id, name)
    except EngineError as error:
        print(f"warning: {error.message}", file=sys.stderr)
