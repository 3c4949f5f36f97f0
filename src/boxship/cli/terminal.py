"""A person (or a pipe) and a process in a container: both directions, the size of the terminal, and the way out."""

import asyncio
import os
import signal
import sys
import termios
import tty
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager, suppress

from boxship.cli.keys import DetachKeys
from boxship.engine.port import Session
from boxship.errors import EngineError

_CHUNK_BYTES = 32 * 1024


async def converse(session: Session, *, is_tty: bool, is_interactive: bool, keys: bytes) -> int | None:
    """Pass on what comes from either side until the process has ended: its exit status; None after ``keys``.

    Args:
        session: the process; the caller closes it.
        is_tty: it has a terminal, and so have we: every key is its own, and it follows the size of ours.
        is_interactive: it gets our standard input.
        keys: the bytes of the keys that detach; heeded on a terminal only.
    """
    feeding = asyncio.ensure_future(_feed(session, keys if is_tty else b"")) if is_interactive else None
    showing = asyncio.ensure_future(_show(session))
    with _raw_terminal(is_tty=is_tty), _following_size(session, is_tty=is_tty):
        try:
            if feeding is not None:
                await asyncio.wait({feeding, showing}, return_when=asyncio.FIRST_COMPLETED)
                if feeding.done() and feeding.result():
                    return None
            await showing
            return await session.exit_code()
        finally:
            pending = [task for task in (feeding, showing) if task is not None]
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, return_exceptions=True)


async def _show(session: Session) -> None:
    async for stream, chunk in session.output():
        target = sys.stderr.buffer if stream == "stderr" else sys.stdout.buffer
        target.write(chunk)
        target.flush()


async def _feed(session: Session, keys: bytes) -> bool:
    """Our input into the process, until either ends; whether the detach keys were typed."""
    detach = DetachKeys(keys) if keys else None
    async with aclosing(read_input()) as chunks:
        async for chunk in chunks:
            passed, is_over = detach.feed(chunk) if detach else (chunk, False)
            if passed:
                await session.write(passed)
            if is_over:
                return True
    await session.close_stdin()
    return False


async def read_input() -> AsyncGenerator[bytes, None]:
    """Standard input as it comes, to its end."""
    file_number = sys.stdin.fileno()
    is_polled = True
    while True:
        # A regular file or /dev/null can't be polled; it is always readable.
        is_polled = is_polled and await _until_readable(file_number)
        try:
            data = os.read(file_number, _CHUNK_BYTES)
        except BlockingIOError:
            continue
        except OSError:
            # The terminal is gone.
            return
        if not data:
            return
        yield data
        # What is always readable would leave no time for anything else.
        await asyncio.sleep(0)


async def _until_readable(file_number: int) -> bool:
    """False at once for what can't be polled.

    Watched for one event only: a second one may tell of what was read meanwhile, and the next read would hold up
    everything.
    """
    loop = asyncio.get_running_loop()
    readable = loop.create_future()

    def tell() -> None:
        loop.remove_reader(file_number)
        if not readable.done():
            readable.set_result(None)

    try:
        loop.add_reader(file_number, tell)
    except OSError:
        return False
    try:
        await readable
    finally:
        loop.remove_reader(file_number)
    return True


@contextmanager
def _following_size(session: Session, *, is_tty: bool) -> Iterator[None]:
    """The process's terminal is as large as ours, now and after each change."""
    if not is_tty:
        yield
        return
    loop = asyncio.get_running_loop()
    resizing: set[asyncio.Task[None]] = set()

    def resize() -> None:
        task = loop.create_task(_resize(session))
        resizing.add(task)
        task.add_done_callback(resizing.discard)

    loop.add_signal_handler(signal.SIGWINCH, resize)
    resize()
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGWINCH)
        for task in resizing:
            task.cancel()


async def _resize(session: Session) -> None:
    size = os.get_terminal_size(sys.stdin.fileno())
    # It may have ended just now, which its exit status says better.
    with suppress(EngineError):
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
        # The terminal may be gone.
        with suppress(termios.error):
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
