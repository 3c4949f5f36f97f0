"""Commands inside a container: to their end with their output, or as a session for a person."""

import asyncio
import contextlib
import os
import signal
from collections import deque
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from boxship.engine.api import Api
from boxship.engine.calls import Call, path_of
from boxship.engine.faults import clean, command_fault, timed_out
from boxship.engine.fields import read_object
from boxship.engine.port import ExecRequest, ExecResult
from boxship.engine.raw import RawConnection
from boxship.engine.streams import Demultiplexer
from boxship.errors import EngineError

OUTPUT_BYTES = 64 * 1024
"""Of a command's output, the end is kept: that is where the reason of a failure is."""
_REFUSED = b"OCI runtime exec failed: "
_REFUSED_STATUSES = (126, 127)
_POLL_S, _LONGEST_POLL_S = 0.01, 0.5
"""The engine closes the streams a moment before it knows the exit code; a command may do so long before its end."""


async def run_exec(api: Api, name: str, argv: tuple[str, ...], timeout_s: float) -> ExecResult:
    """See ``ProbeEngine.run_exec``."""
    what = f"run '{argv[0]}' in {name}"
    try:
        async with asyncio.timeout(timeout_s):
            exec_id = await _create(api, name, ExecRequest(argv), what)
            output = await _collect(api, exec_id, what)
            exit_code = await _exit_code(api, exec_id, what)
    except TimeoutError as err:
        raise timed_out(what, timeout_s) from err
    return ExecResult(exit_code, output)


async def open_exec(api: Api, name: str, request: ExecRequest) -> "DockerExec":
    """See ``Engine.open_exec``."""
    what = f"run '{request.argv[0]}' in {name}"
    exec_id = await _create(api, name, request, what)
    if request.detach:
        await api.call(_start(api, exec_id, what, {"Detach": True, "Tty": request.tty}))
        return DockerExec(api, exec_id, what, None)
    call = _start(api, exec_id, what, {"Detach": False, "Tty": request.tty}, upgrade=True)
    return DockerExec(api, exec_id, what, RawConnection(await api.hijack(call), what, tty=request.tty))


async def _create(api: Api, name: str, request: ExecRequest, what: str) -> str:
    body = {
        "AttachStdin": request.interactive,
        "AttachStdout": not request.detach,
        "AttachStderr": not request.detach,
        "Tty": request.tty,
        "Cmd": list(request.argv),
        "Env": [f"{key}={value}" for key, value in request.environment.items()],
        "Privileged": request.privileged,
        "User": request.user or "",
        "WorkingDir": request.working_dir or "",
        "DetachKeys": request.detach_keys,
    }
    path = path_of("containers", name, "exec")
    answer = await api.call(Call("POST", path, what, api.deadlines.quick_s, body=body))
    return read_object(answer.body, what).required_text("Id")


def _start(api: Api, exec_id: str, what: str, body: Mapping[str, object], *, upgrade: bool = False) -> Call:
    # The process is started before the answer begins, which takes as long as starting a container.
    path = path_of("exec", exec_id, "start")
    return Call("POST", path, what, api.deadlines.start_s, body=body, upgrade=upgrade)


async def _collect(api: Api, exec_id: str, what: str) -> str:
    frames = Demultiplexer(what)
    tail: deque[bytes] = deque()
    size = 0
    async with api.stream(_start(api, exec_id, what, {"Detach": False, "Tty": False}), idle_s=None) as body:
        async for data in body.chunks():
            for chunk in frames.feed(data):
                tail.append(chunk.data)
                size += len(chunk.data)
            while size - len(tail[0] if tail else b"") > OUTPUT_BYTES:
                size -= len(tail.popleft())
    return b"".join(tail)[-OUTPUT_BYTES:].decode(errors="replace")


async def _exit_code(api: Api, exec_id: str, what: str) -> int:
    poll_s = _POLL_S
    while True:
        state = await api.read_fields(path_of("exec", exec_id, "json"), what)
        if not state.flag("Running") and state.has("ExitCode"):
            return state.number("ExitCode")
        await asyncio.sleep(poll_s)
        poll_s = min(poll_s * 1.5, _LONGEST_POLL_S)


class DockerExec:
    """Implements ``ExecSession``; ``connection`` is None for a detached one: it has no in- or output."""

    def __init__(self, api: Api, exec_id: str, what: str, connection: RawConnection | None) -> None:
        self._api = api
        self._id = exec_id
        self._what = what
        self._connection = connection

    async def output(self) -> AsyncIterator[tuple[str, bytes]]:
        """Chunks as they come.

        Raises: CommandNotFoundError, CommandRefusedError; EngineUnreachableError when the connection breaks.
        """
        if self._connection is None:
            return
        is_first = True
        async for stream, data in self._connection.output():
            if is_first and data.startswith(_REFUSED):
                await self._tell_refusal(data)
            is_first = False
            yield stream, data

    async def _tell_refusal(self, data: bytes) -> None:
        """[M] Docker 20.10 writes why it could not run the command where the command's own words would be."""
        fault = command_fault(self._what, clean(data.decode(errors="replace")))
        if fault is not None and await self.exit_code() in _REFUSED_STATUSES:
            raise fault

    async def write(self, data: bytes) -> None:
        """Raises: EngineUnreachableError when the connection breaks."""
        if self._connection is not None:
            await self._connection.write(data)

    async def close_stdin(self) -> None:
        """End its input, as ^D would."""
        if self._connection is not None:
            await self._connection.close_stdin()

    async def resize(self, rows: int, columns: int) -> None:
        """Only with a terminal, and only while it runs."""
        path = path_of("exec", self._id, "resize")
        query = {"h": str(rows), "w": str(columns)}
        await self._api.call(Call("POST", path, self._what, self._api.deadlines.quick_s, query))

    async def exit_code(self) -> int:
        """Waits for its end, for however long it takes; 0 for a detached one, which nobody waits for."""
        if self._connection is None:
            return 0
        return await _exit_code(self._api, self._id, self._what)

    async def kill(self) -> None:
        """Only what surely is a process of that container on this very machine: the API has no way."""
        if not self._api.address.path:
            return
        with contextlib.suppress(EngineError):
            # One that was only just asked for may not have begun.
            while True:
                state = await self._api.read_fields(path_of("exec", self._id, "json"), self._what)
                if state.flag("Running") and state.number("Pid"):
                    _kill(state.number("Pid"), state.text("ContainerID"))
                    return
                if not state.flag("Running") and state.has("ExitCode"):
                    return
                await asyncio.sleep(_POLL_S)

    async def close(self) -> None:
        """Hang up; the command itself may go on."""
        if self._connection is not None:
            await self._connection.close()

    async def __aenter__(self) -> "DockerExec":
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.close()


def _kill(pid: int, container_id: str) -> None:
    """The number may have become another's meanwhile, so its group must be the container's."""
    with contextlib.suppress(OSError):
        if pid > 1 and container_id and container_id in Path(f"/proc/{pid}/cgroup").read_text():
            os.kill(pid, signal.SIGKILL)
