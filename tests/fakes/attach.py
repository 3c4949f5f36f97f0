"""Being attached to a container of the fake engine."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing

from boxship.engine.port import LogLine


class FakeAttach:
    """Implements ``Session``. What the container writes comes from its log; input is kept, and has no effect."""

    def __init__(
        self, lines: Callable[[], AsyncGenerator[LogLine, None]], end: Callable[[], Awaitable[int]], *, tty: bool
    ) -> None:
        self._lines = lines
        self._end = end
        self._tty = tty
        self.written = b""
        self.is_stdin_closed = False
        self.is_closed = False
        self.size: tuple[int, int] = (0, 0)

    async def output(self) -> AsyncGenerator[tuple[str, bytes], None]:
        async with aclosing(self._lines()) as lines:
            async for line in lines:
                ending = "\r\n" if self._tty else "\n"
                yield "stdout" if self._tty else line.stream, f"{line.text}{ending}".encode()

    async def write(self, data: bytes) -> None:
        self.written += data

    async def close_stdin(self) -> None:
        self.is_stdin_closed = True

    async def resize(self, rows: int, columns: int) -> None:
        self.size = (rows, columns)

    async def exit_code(self) -> int:
        return await self._end()

    async def close(self) -> None:
        self.is_closed = True
