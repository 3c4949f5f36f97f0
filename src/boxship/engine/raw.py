"""A raw connection to a process: what it writes, and what is written to it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from boxship.engine.faults import broken_off
from boxship.engine.message import READ_BYTES
from boxship.engine.streams import Demultiplexer, RawStream

LEAVE_S = 5.0
"""To hang up on a command with a terminal. The engine takes milliseconds for its part."""
Streams = tuple[bytes, asyncio.StreamReader, asyncio.StreamWriter]
"""What was read too far, and both directions."""


class RawConnection:
    """Both directions of a process. With ``tty`` what it writes comes without frames. ``what`` is for errors.

    ``leave_s``: how long the engine may take to let go of one with a terminal; tests shrink it.
    """

    def __init__(self, streams: Streams, what: str, *, tty: bool, leave_s: float = LEAVE_S) -> None:
        self._early, self._reader, self._writer = streams
        self._what = what
        self._has_terminal = tty
        self._leave_s = leave_s
        self._frames: Demultiplexer | RawStream = RawStream() if tty else Demultiplexer(what)

    async def output(self) -> AsyncIterator[tuple[str, bytes]]:
        """Chunks as they come. Raises: EngineUnreachableError when the connection breaks."""
        data, self._early = self._early, b""
        while data or (data := await self._read()):
            for chunk in self._frames.feed(data):
                yield chunk.stream, chunk.data
            data = b""

    async def _read(self) -> bytes:
        try:
            return await self._reader.read(READ_BYTES)
        except OSError as err:
            raise broken_off(self._what, err.strerror or "it broke", takes_effect=True) from err

    async def write(self, data: bytes) -> None:
        """Raises: EngineUnreachableError when the connection breaks."""
        try:
            self._writer.write(data)
            await self._writer.drain()
        except OSError as err:
            raise broken_off(self._what, err.strerror or "it broke", takes_effect=True) from err

    async def close_stdin(self) -> None:
        """End its input, as ^D would."""
        if not self._writer.is_closing():
            # The process, and the engine's end with it, may be gone already.
            with contextlib.suppress(OSError):
                self._writer.write_eof()

    async def close(self) -> None:
        """Hang up; a process that has a terminal goes on. Nobody may be waiting for its output."""
        try:
            if self._has_terminal:
                await self._take_leave()
        finally:
            self._writer.close()
            with contextlib.suppress(OSError):
                await self._writer.wait_closed()

    async def _take_leave(self) -> None:
        """End the input, and read on until the engine has hung up.

        [M] dockerd 20.10 gives an exec up whose output it can't pass on ("exec attach failed: ... broken pipe", exit
        code 126) and closes its terminal: the process gets SIGHUP, though it only said something just then, and be it
        the echo of a key. At the end of the input it lets go first; that ends no process that has a terminal.
        """
        with contextlib.suppress(TimeoutError, OSError):
            async with asyncio.timeout(self._leave_s):
                await self.close_stdin()
                while await self._reader.read(READ_BYTES):
                    pass
