"""HTTP/1.1 connections to one engine and their reuse; nothing here knows about containers.

h11 frames the messages, asyncio moves the bytes. A full HTTP client costs three times as much to import as the whole
rest of a short command takes.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import h11

from boxship.engine.address import Address
from boxship.errors import EngineUnreachableError

READ_BYTES = 65536
IDLE_CONNECTIONS = 8
"""As many are kept for reuse: what observing and a wide plan use at once."""
_HTTP = b"HTTP/"
_BACKLOG_POLL_S = 0.02
HOST_HEADER = b"engine"
"""HTTP demands one; the engine ignores it."""


class ConnectionBrokenError(Exception):
    """The connection ended before the answer did. ``answered``: after at least one byte of it."""

    def __init__(self, reason: str, *, answered: bool) -> None:
        super().__init__(reason)
        self.answered = answered


class NotHttpError(Exception):
    """What came back isn't HTTP."""


class Request(NamedTuple):
    """What goes out. ``chunks`` replace ``body`` when it is long; ``upgrade`` asks for a raw connection."""

    method: str
    target: str
    body: bytes = b""
    content_type: str = "application/json"
    chunks: AsyncIterator[bytes] | None = None
    length: int | None = None
    """The size of all ``chunks`` in bytes, when it is known."""
    upgrade: bool = False
    more: Mapping[str, str] = MappingProxyType({})
    """Further headers."""

    def headers(self) -> list[tuple[bytes, bytes]]:
        """In the order in which they are sent."""
        headers = [(b"Host", HOST_HEADER)]
        if self.upgrade:
            headers += [(b"Connection", b"Upgrade"), (b"Upgrade", b"tcp")]
        if self.body or self.chunks is not None:
            headers.append((b"Content-Type", self.content_type.encode()))
        if self.chunks is not None and self.length is None:
            headers.append((b"Transfer-Encoding", b"chunked"))
        elif self.method != "GET" or self.body:
            headers.append((b"Content-Length", str(self.length or len(self.body)).encode()))
        headers += [(name.encode(), value.encode()) for name, value in self.more.items()]
        return headers


class Head(NamedTuple):
    """How an answer begins. Header names are in lower case."""

    status: int
    headers: dict[str, str]


class Connection:
    """One connection, used for one exchange at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.CLIENT)
        self._answered = False
        self._ended = False
        self.is_reused = False

    @property
    def is_open(self) -> bool:
        """As far as this side has noticed."""
        return not self._reader.at_eof() and not self._writer.is_closing()

    async def send(self, request: Request, on_progress: Callable[[], None]) -> None:
        """Send all of ``request``. ``on_progress`` is called after each chunk of a long body.

        A connection that breaks meanwhile is not reported here: the engine may have answered before it hung up.
        """
        head = h11.Request(method=request.method, target=request.target, headers=request.headers())
        self._write(self._http.send(head))
        if request.body:
            self._write(self._http.send(h11.Data(data=request.body)))
        if request.chunks is not None:
            async for chunk in request.chunks:
                self._write(self._http.send(h11.Data(data=chunk)))
                if not await self._flush():
                    return
                on_progress()
        self._write(self._http.send(h11.EndOfMessage()))
        await self._flush()

    def _write(self, data: bytes | None) -> None:
        if data:
            self._writer.write(data)

    async def _flush(self) -> bool:
        """Whether the other side still listens."""
        try:
            await self._writer.drain()
        except OSError:
            return False
        return True

    async def receive_head(self) -> Head:
        """Raises: ConnectionBrokenError, NotHttpError."""
        while True:
            event = await self._next_event()
            if isinstance(event, h11.Response) or (isinstance(event, h11.InformationalResponse) and _is_switch(event)):
                return Head(
                    event.status_code, {name.decode(): value.decode("latin-1") for name, value in event.headers}
                )

    async def receive_body(self) -> bytes:
        """The next part of the body, b"" after the last. Raises: ConnectionBrokenError, NotHttpError."""
        event = await self._next_event()
        if isinstance(event, h11.Data):
            return bytes(event.data)
        return b""

    async def _next_event(self) -> object:
        try:
            while (event := self._http.next_event()) is h11.NEED_DATA:
                data = await self._read()
                self._http.receive_data(data)
        except h11.RemoteProtocolError as err:
            if self._ended:
                raise ConnectionBrokenError("it hung up", answered=self._answered) from err
            raise NotHttpError(str(err)) from err
        return event

    async def _read(self) -> bytes:
        try:
            data = await self._reader.read(READ_BYTES)
        except OSError as err:
            raise ConnectionBrokenError(err.strerror or "it broke", answered=self._answered) from err
        if data and not self._answered and not data.startswith(_HTTP[: len(data)]):
            raise NotHttpError(f"it begins with {data[:40]!r}")
        self._answered = self._answered or bool(data)
        self._ended = not data
        return data

    def take_raw(self) -> tuple[bytes, asyncio.StreamReader, asyncio.StreamWriter]:
        """After a switch of protocols: what was read too far, and the bare streams."""
        early, _closed = self._http.trailing_data
        return early, self._reader, self._writer

    def renew(self) -> bool:
        """Whether it is ready for another exchange: not when more came than was promised, which answers nothing."""
        if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE or not self.is_open:
            return False
        surplus, _ = self._http.trailing_data
        if surplus:
            return False
        self._http.start_next_cycle()
        self._answered = False
        self.is_reused = True
        return True

    def abort(self) -> None:
        """Drop it without a word: what is still under way is lost."""
        self._writer.transport.abort()

    async def close(self) -> None:
        """Close it in good order."""
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()


def _is_switch(event: h11.InformationalResponse) -> bool:
    return event.status_code == 101


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
        except TimeoutError as err:
            reason = f"it did not accept a connection within {self._connect_s:g} s"
            raise _unreachable(self.address, reason, "it may be overloaded or stuck: restart it") from err
        except FileNotFoundError as err:
            hint = "start it (systemctl start docker), or set DOCKER_HOST to where it listens"
            raise _unreachable(self.address, "no such file", hint) from err
        except PermissionError as err:
            hint = "run as root, or add yourself to the group 'docker' and log in again"
            raise _unreachable(self.address, "permission denied", hint) from err
        except ConnectionRefusedError as err:
            hint = "it has stopped: start it (systemctl start docker), or set DOCKER_HOST to where it listens"
            raise _unreachable(self.address, "nobody listens there", hint) from err
        except OSError as err:
            raise _unreachable(self.address, err.strerror or str(err), "check DOCKER_HOST") from err

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


def _unreachable(address: Address, reason: str, hint: str) -> EngineUnreachableError:
    return EngineUnreachableError(f"cannot reach the container engine at {address}: {reason}", hint=hint)
