"""Programs of this host, called by argv: bounded in time and output, and gone when the caller is.

Each program leads its own process group. On a timeout or a cancellation the group gets SIGTERM, so that programs which
mount or make temporary folders can tidy up, and SIGKILL after a grace time.
"""

import asyncio
import contextlib
import os
import shlex
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from boxship.errors import HostError

_TAIL_BYTES = 64 * 1024
_GRACE_S = 10.0
_DRAIN_S = 2.0
_SHOWN_LINES = 20


class Finished(Struct, frozen=True):
    """How a program ended. ``status`` is its exit status, or minus the signal's number.

    The tails hold 64 KiB each, unless more of stdout was asked for.
    """

    argv: tuple[str, ...]
    status: int
    stdout_tail: str
    stderr_tail: str


async def run(
    argv: Sequence[str],
    *,
    timeout_s: float,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: bytes | None = None,
    on_line: Callable[[str], None] | None = None,
    hint: str = "",
    stdout_bytes: int = _TAIL_BYTES,
) -> Finished:
    """Run a program to its end, whatever its status.

    Args:
        argv: The program and its arguments; no shell is involved.
        timeout_s: Seconds until its process group is ended.
        cwd: The directory that it starts in; None is the caller's.
        env: Its whole environment; None is the caller's.
        stdin: What it reads; None is an empty input.
        on_line: Called with every line of its stderr as it comes.
        hint: The next step when it can't be started.
        stdout_bytes: How much of the end of its stdout is kept.

    Raises:
        HostError: It can't be started (the file is missing or not executable), or it took too long.
    """
    transport, talk = await _start(argv, cwd, env, hint, _Talk(on_line, stdout_bytes))
    is_over = False
    try:
        _feed(transport, stdin or b"")
        async with asyncio.timeout(timeout_s):
            await talk.exited.wait()
        # A grandchild may hold the pipes open for ever; what it says is not this program's output.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN_S):
                await talk.closed.wait()
                is_over = True
    except TimeoutError as err:
        raise HostError(
            f"{shlex.join(argv)} did not end within {timeout_s:g} s{_shown(talk.stderr.text())}",
            hint="run it by hand to see what it waits for",
        ) from err
    finally:
        if not is_over:
            await _end_group(transport.get_pid(), talk)
        transport.close()
    return Finished(tuple(argv), transport.get_returncode() or 0, talk.stdout.text(), talk.stderr.text())


async def run_checked(
    argv: Sequence[str],
    *,
    timeout_s: float,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: bytes | None = None,
    on_line: Callable[[str], None] | None = None,
    hint: str = "",
) -> Finished:
    """As ``run``, but the program must exit with 0.

    Raises:
        HostError: It did not; the message holds the command line as a shell takes it, how it ended, and the end of
            its stderr (its stdout when that is empty).
    """
    finished = await run(argv, timeout_s=timeout_s, cwd=cwd, env=env, stdin=stdin, on_line=on_line, hint=hint)
    if finished.status != 0:
        said = finished.stderr_tail if finished.stderr_tail.strip() else finished.stdout_tail
        raise HostError(f"{shlex.join(argv)} {describe_status(finished.status)}{_shown(said)}", hint=hint)
    return finished


def describe_status(status: int) -> str:
    """How a program ended, in words that follow its command line."""
    if status < 0:
        return f"was ended by {_signal_name(-status)}"
    if status == 127:
        return "exited 127: a program that it calls was not found"
    if status == 126:
        return "exited 126: a program that it calls can't be executed"
    if status > 128 and _signal_name(status - 128).startswith("SIG"):
        return f"exited {status}: a program that it calls was ended by {_signal_name(status - 128)}"
    return f"exited {status}"


async def _start(
    argv: Sequence[str],
    cwd: Path | None,
    env: Mapping[str, str] | None,
    hint: str,
    talk: "_Talk",
) -> "tuple[asyncio.SubprocessTransport, _Talk]":
    loop = asyncio.get_running_loop()
    try:
        return await loop.subprocess_exec(
            lambda: talk, *argv, cwd=cwd, env=None if env is None else dict(env), start_new_session=True
        )
    except OSError as err:
        raise HostError(f"{shlex.join(argv)} can't start: {_why_not_started(err, argv[0], cwd)}", hint=hint) from err


def _why_not_started(err: OSError, program: str, cwd: Path | None) -> str:
    if not isinstance(err, FileNotFoundError):
        return err.strerror or str(err)
    return f"no directory {cwd}" if cwd is not None and not cwd.is_dir() else f"{program} is not installed"


class _Tail:
    """The last bytes of a stream, and its lines to whoever listens."""

    def __init__(self, on_line: Callable[[str], None] | None, most_bytes: int = _TAIL_BYTES) -> None:
        self._most_bytes = most_bytes
        self._kept = bytearray()
        self._line = bytearray()
        self._on_line = on_line

    def add(self, data: bytes) -> None:
        self._kept += data
        del self._kept[: -self._most_bytes]
        if self._on_line is None:
            return
        self._line += data
        *whole, rest = self._line.replace(b"\r", b"\n").split(b"\n")
        self._line = bytearray(rest[-_TAIL_BYTES:])
        for line in whole:
            if line.strip():
                self._on_line(line.decode(errors="replace"))

    def text(self) -> str:
        return self._kept.decode(errors="replace")


class _Talk(asyncio.SubprocessProtocol):
    """What a program says. ``exited`` comes first, ``closed`` when nobody holds its pipes any more.

    The streams of asyncio wait for the pipes, too, before they tell that a program has ended.
    """

    def __init__(self, on_line: Callable[[str], None] | None, stdout_bytes: int) -> None:
        self.stdout, self.stderr = _Tail(None, stdout_bytes), _Tail(on_line)
        self.exited, self.closed = asyncio.Event(), asyncio.Event()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        (self.stdout if fd == 1 else self.stderr).add(data)

    def process_exited(self) -> None:
        self.exited.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed.set()


def _feed(transport: asyncio.SubprocessTransport, data: bytes) -> None:
    pipe = transport.get_pipe_transport(0)
    if isinstance(pipe, asyncio.WriteTransport):
        pipe.write(data)
        pipe.write_eof()


async def _end_group(pid: int, talk: _Talk) -> None:
    """Nothing of the program's group is left when this returns."""
    if not talk.exited.is_set():
        _signal_group(pid, signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GRACE_S):
                await talk.exited.wait()
    _signal_group(pid, signal.SIGKILL)
    await talk.exited.wait()


def _signal_group(pid: int, signum: signal.Signals) -> None:
    # The group's number is its leader's pid. It can't have been given to another process while members are left,
    # and signalling a group without members fails, which is fine.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signum)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _shown(text: str) -> str:
    lines = [line for line in text.replace("\r", "\n").splitlines() if line.strip()][-_SHOWN_LINES:]
    return ":\n" + "\n".join(f"  {line}" for line in lines) if lines else ""
