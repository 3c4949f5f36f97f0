"""HTTP/1.1 connections to one engine and their reuse; nothing here knows about containers. asyncio moves the bytes."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import TypeVar

from boxship.engine.address import Address
from boxship.engine.exchange import Exchanges, Reading
from boxship.engine.faults import unreachable
from boxship.engine.message import READ_BYTES, ConnectionBrokenError, Head, Request

T = TypeVar("T")
IDLE_CONNECTIONS = 8
"""As many are kept for reuse: what observing and a wide plan use at once."""
_BACKLOG_POLL_S = 0.02


class Connection:
    """One connection, used for one exchange at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._exchanges = Exchanges()

    @property
    def is_open(self) -> bool:
        """As far as this side has noticed."""
        return not self._reader.at_eof() and not self._writer.is_closing()

    @property
    def is_reused(self) -> bool:
        return self._exchanges.is_reused

    async def send(self, request: Request, on_progress: Callable[[], None]) -> None:
        """Send all of ``request``. ``on_progress`` is called after each chunk of a long body.

        A connection that breaks meanwhile is not reported here: the engine may have answered before it hung up.
        """
        self._writer.write(self._exchanges.begin(request))
        if request.chunks is not None:
            async for chunk in request.chunks:
                self._writer.write(self._exchanges.part(chunk))
                if not await self._flush():
                    return
                on_progress()
        self._writer.write(self._exchanges.end())
        await self._flush()

    async def _flush(self) -> bool:
        """Whether the other side still listens."""
        try:
            await self._writer.drain()
        except OSError:
            return False
        return True

    async def receive_head(self) -> Head:
        """Raises: ConnectionBrokenError, NotHttpError."""
        return await self._feed(self._exchanges.head())

    async def receive_body(self) -> bytes:
        """The next part of the body, b"" after the last. Raises: ConnectionBrokenError, NotHttpError."""
        return await self._feed(self._exchanges.body())

    async def _feed(self, reading: Reading[T]) -> T:
        try:
            next(reading)
            while True:
                reading.send(await self._read())
        except StopIteration as end:
            result: T = end.value
            return result

    async def _read(self) -> bytes:
        try:
            return await self._reader.read(READ_BYTES)
        except OSError as err:
            raise ConnectionBrokenError(err.strerror or "it broke", answered=self._exchanges.is_answered) from err

    def take_raw(self) -> tuple[bytes, asyncio.StreamReader, asyncio.StreamWriter]:
        """After a switch of protocols: what was read too far, and the bare streams."""
        return self._exchanges.early(), self._reader, self._writer

    def renew(self) -> bool:
        """Whether it is ready for another exchange."""
        return self.is_open and self._exchanges.renew()

    def abort(self) -> None:
        """Drop it without a word: what is still under way is lost."""
        self._writer.transport.abort()

    async def close(self) -> None:
        """Close it in good order."""
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()


class Pool:
    """Connections to one address, kept for reuse."""

    def __init__(self, address: Address, connect_s: float) -> None:
        self.address = address
        self._connect_s = connect_s
        self._idle: list[Connection] = []

    async def take(self, *, fresh: bool = False) -> Connection:
        """A connection for one exchange: ``give_back`` or ``abort`` it.

        Raises: EngineUnreachableError saying why nobody answers.
        """
        while self._idle and not fresh:
            connection = self._idle.pop()
            if connection.is_open:
                return connection
            connection.abort()
        return await self._connect()

    def give_back(self, connection: Connection) -> None:
        """Keep it for reuse if its exchange is complete and there is room; otherwise drop it."""
        if len(self._idle) < IDLE_CONNECTIONS and connection.renew():
            self._idle.append(connection)
        else:
            connection.abort()

    async def close(self) -> None:
        """Close the kept ones; those in use belong to their exchange."""
        while self._idle:
            await self._idle.pop().close()

    async def _connect(self) -> Connection:
        try:
            async with asyncio.timeout(self._connect_s):
                return Connection(*await self._open())
        except OSError as err:
            raise unreachable(str(self.address), err, self._connect_s) from err

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self.address.path:
            return await _open_unix(self.address.path)
        return await asyncio.open_connection(self.address.host, self.address.port)


async def _open_unix(path: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    while True:
        reader, writer = await asyncio.open_unix_connection(path)
        if writer.get_extra_info("peername") is not None:
            return reader, writer
        # The backlog is full: the kernel says "try again", which asyncio takes for "connected" (Python 3.11).
        writer.transport.abort()
        await asyncio.sleep(_BACKLOG_POLL_S)
