"""A session inside a container of the fake engine."""

import asyncio
from collections.abc import AsyncIterator

from boxship.clock import Clock
from boxship.engine.port import ExecRequest, ExecResult
from tests.fakes.behaviour import run_command


class FakeExec:
    """Implements ``ExecSession``. ``cat`` gives back what is written to it; others behave as their command says."""

    def __init__(self, request: ExecRequest, scripted: ExecResult | None, clock: Clock) -> None:
        self.argv = request.argv
        self._request = request
        self._scripted = scripted
        self._clock = clock
        self._input: asyncio.Queue[bytes] = asyncio.Queue()
        self.size: tuple[int, int] = (0, 0)
        self.is_closed = False
        self.is_killed = False

    async def output(self) -> AsyncIterator[tuple[str, bytes]]:
        if self._request.detach or self.is_killed:
            return
        if self._scripted is not None:
            yield "stdout", self._scripted.output.encode()
            return
        run = run_command(self._request.argv)
        for line in run.lines:
            ending = "\r\n" if self._request.tty else "\n"
            yield "stdout" if self._request.tty else line.stream, f"{line.text}{ending}".encode()
        if self._request.argv[0] == "cat" and self._request.interactive:
            while data := await self._input.get():
                yield "stdout", data
        elif run.is_known and run.duration_s:
            await self._clock.sleep(run.duration_s)

    async def write(self, data: bytes) -> None:
        self._input.put_nowait(data)

    async def close_stdin(self) -> None:
        self._input.put_nowait(b"")

    async def resize(self, rows: int, columns: int) -> None:
        self.size = (rows, columns)

    async def exit_code(self) -> int:
        if self._request.detach:
            return 0
        if self.is_killed:
            return 137
        if self._scripted is not None:
            return self._scripted.exit_code
        return run_command(self._request.argv).exit_code

    async def kill(self) -> None:
        self.is_killed = True

    async def close(self) -> None:
        self.is_closed = True
