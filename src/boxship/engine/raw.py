"""A raw connection to a process: what it writes, and what is written to it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from boxship.engine.faults import broken_off
from boxship.engine.message import READ_BYTES
from boxship.engine.streams import Demultiplexer, RawStream

Streams = tuple[bytes, asyncio.StreamReader, asyncio.StreamWriter]
"""What was read too far, and both directions."""


class RawConnection:
    """Both directions of a process. With ``tty`` what it writes comes without frames. ``what`` is for errors."""

    def __init__(self, streams: Streams, what: str, *, tty: bool) -> None:
        self._early, self._reader, self._writer = streams
        self._what = what
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
        """Hang up."""
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()
