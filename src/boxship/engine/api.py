"""Calls to the engine's API: version, deadlines, errors; nothing here knows what a container is.

The version costs no round trip of its own when the first call can do without one: the engine answers an unversioned
call in its newest version, and every answer names that version in a header.

The records of this room are named tuples where they can be: each costs 0.15 ms at import, a frozen dataclass 0.9 ms.
"""

import asyncio
import contextlib
import json
import math
from collections.abc import AsyncIterator, Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import quote, urlencode

from boxship.engine.address import Address
from boxship.engine.faults import broken_off, message_of, not_an_engine, refusal, timed_out, unreadable
from boxship.engine.fields import Fields, read_object
from boxship.engine.http import Connection, ConnectionBrokenError, Head, NotHttpError, Pool, Request
from boxship.errors import EngineError, UsageError

OLDEST_API = (1, 40)
"""Docker 19.03: the oldest whose networks, health checks and filters are what is relied on."""
NEWEST_API = (1, 49)
"""Docker 28.1: the newest whose requests encode.py was written for; newer engines still speak it."""
ANSWER_BYTES = 64 * 1024 * 1024
"""No list of any engine comes near this."""
TIMEOUT_VARIABLE = "BOXSHIP_ENGINE_TIMEOUT"
"""The environment variable with the seconds for a quick call; the other deadlines grow and shrink with it."""
_LEAST_QUICK_S, _MOST_QUICK_S = 0.1, 3600.0


class Deadlines(NamedTuple):
    """Seconds that each kind of call may take. Tests shrink them, and so can BOXSHIP_ENGINE_TIMEOUT."""

    connect_s: float = 5.0
    """A local socket is accepted in microseconds; a deadlocked engine with a full backlog never does it."""
    quick_s: float = 30.0
    """Lists and inspections take milliseconds; under a load of 20 they have taken seconds."""
    create_s: float = 120.0
    """A create may copy an image's directories into a new volume."""
    start_s: float = 120.0
    """A start is 0.3 CPU seconds, times all the starts that wait beside it on a slow machine."""
    stop_extra_s: float = 30.0
    """On top of the grace time: to kill, and to take the network down."""
    remove_s: float = 60.0
    """Deleting a large writable layer from a slow disk."""
    idle_s: float = 600.0
    """Pulls, builds and loads: this long without one byte (a quiet compile in a RUN line is legitimate)."""

    @staticmethod
    def from_environment(environment: Mapping[str, str]) -> "Deadlines":
        """For a machine that is much slower or faster than most.

        All but ``idle_s``, which is the work's own, in the proportion of BOXSHIP_ENGINE_TIMEOUT to ``quick_s``.

        Raises: UsageError when that is no number of seconds.
        """
        text = environment.get(TIMEOUT_VARIABLE, "")
        usual = Deadlines()
        if not text:
            return usual
        try:
            quick_s = float(text)
        except ValueError:
            quick_s = math.nan
        if not _LEAST_QUICK_S <= quick_s <= _MOST_QUICK_S:
            raise UsageError(
                f"{TIMEOUT_VARIABLE} is '{text}', and has to be a number of seconds",
                hint=f"from {_LEAST_QUICK_S:g} to {_MOST_QUICK_S:g}, or leave it unset for {usual.quick_s:g}",
            )
        scaled = [seconds * quick_s / usual.quick_s for seconds in usual]
        return Deadlines(*scaled)._replace(idle_s=usual.idle_s)


class Call(NamedTuple):
    """One call. ``what`` says it in words, for errors: "stop share.web"."""

    method: str
    path: str
    what: str
    deadline_s: float
    query: Mapping[str, str | tuple[str, ...]] = MappingProxyType({})
    """A tuple repeats the parameter."""
    body: object = None
    """Sent as JSON when it isn't None."""
    chunks: AsyncIterator[bytes] | None = None
    content_type: str = "application/json"
    length: int | None = None
    upgrade: bool = False
    headers: Mapping[str, str] = MappingProxyType({})

    @property
    def is_safe(self) -> bool:
        """Whether it changes nothing, so that it may be repeated."""
        return self.method in ("GET", "HEAD")


class Answer(NamedTuple):
    """An answer that said yes."""

    status: int
    body: bytes
    headers: Mapping[str, str] = MappingProxyType({})
    """Their names in lower case."""


class Idle:
    """A deadline that moves on with every byte; None never passes."""

    def __init__(self, limit_s: float | None) -> None:
        self._limit_s = limit_s
        self._timeout: asyncio.Timeout | None = None

    def touch(self) -> None:
        """Something moved: begin to wait anew."""
        if self._timeout is not None and self._limit_s is not None:
            self._timeout.reschedule(asyncio.get_running_loop().time() + self._limit_s)

    @contextlib.asynccontextmanager
    async def waiting(self) -> AsyncIterator[None]:
        """Raises: TimeoutError when the limit passes without a ``touch``."""
        async with asyncio.timeout(self._limit_s) as timeout:
            self._timeout = timeout
            try:
                yield
            finally:
                self._timeout = None


class Telling(NamedTuple):
    """How the failures of one call are told."""

    call: Call
    address: Address
    limit_s: float

    @contextlib.contextmanager
    def failures(self) -> Iterator[None]:
        """Turns what the connection raises into errors for people."""
        try:
            yield
        except TimeoutError as err:
            raise timed_out(self.call.what, self.limit_s) from err
        except ConnectionBrokenError as err:
            raise broken_off(self.call.what, str(err), takes_effect=not self.call.is_safe) from err
        except NotHttpError as err:
            raise not_an_engine(self.call.what, str(self.address), str(err)) from err


class Body:
    """The body of a streaming answer, while it comes."""

    def __init__(self, connection: Connection, told: Telling, idle: Idle) -> None:
        self._connection = connection
        self._told = told
        self._idle = idle

    async def chunks(self) -> AsyncIterator[bytes]:
        """Raises: EngineTimeoutError when idle for too long, EngineUnreachableError when it breaks off."""
        while chunk := await self._next():
            yield chunk

    async def _next(self) -> bytes:
        with self._told.failures():
            async with self._idle.waiting():
                return await self._connection.receive_body()


class Api:
    """One engine's API over a pool of connections."""

    def __init__(self, address: Address, deadlines: Deadlines) -> None:
        self.deadlines = deadlines
        self._pool = Pool(address, deadlines.connect_s)
        self._version: tuple[int, int] | None = None

    @property
    def address(self) -> Address:
        """Where it was found."""
        return self._pool.address

    async def version(self) -> tuple[int, int]:
        """The negotiated version. Asks the engine only when no call has done so yet."""
        while self._version is None:
            await self.call(Call("GET", "/_ping", "ping", self.deadlines.quick_s))
        return self._version

    async def call(self, call: Call) -> Answer:
        """The whole answer.

        Raises: EngineUnreachableError, EngineTimeoutError, and what ``faults.refusal`` makes of an error status.
        """
        if not call.is_safe:
            await self.version()
        with self._telling(call).failures():
            async with asyncio.timeout(call.deadline_s):
                head, body = await self._exchange(call)
        self._judge(call, head, body)
        return Answer(head.status, body, head.headers)

    async def read(self, path: str, what: str, query: Mapping[str, str] | None = None) -> bytes:
        """The body of a quick GET."""
        return (await self.call(Call("GET", path, what, self.deadlines.quick_s, query or {}))).body

    async def read_fields(self, path: str, what: str) -> Fields:
        """The JSON object of a quick GET."""
        return read_object(await self.read(path, what), what)

    @contextlib.asynccontextmanager
    async def stream(self, call: Call, *, idle_s: float | None) -> AsyncIterator[Body]:
        """A streaming answer. ``call.deadline_s`` bounds the time to its head, ``idle_s`` each wait for a part."""
        await self.version()
        connection = await self._pool.take(fresh=True)
        idle = Idle(call.deadline_s)
        sending = asyncio.ensure_future(connection.send(self._request(call), idle.touch))
        # A body that can't be read on ends the wait for an answer.
        sending.add_done_callback(lambda task: None if _went_well(task) else connection.abort())
        try:
            with self._telling(call).failures():
                async with idle.waiting():
                    head = await connection.receive_head()
                    refused = await _read_all(connection, call.what) if head.status >= 400 else b""
            self._judge(call, head, refused)
            yield Body(connection, Telling(call, self.address, idle_s or 0), Idle(idle_s))
        finally:
            await _settle(sending)
            self._pool.give_back(connection)

    async def hijack(self, call: Call) -> tuple[bytes, asyncio.StreamReader, asyncio.StreamWriter]:
        """A raw connection to a process: early bytes, and both streams. The caller closes the writer."""
        await self.version()
        connection = await self._pool.take(fresh=True)
        try:
            with self._telling(call).failures():
                async with asyncio.timeout(call.deadline_s):
                    await connection.send(self._request(call), _nothing)
                    head = await connection.receive_head()
                    refused = await _read_all(connection, call.what) if head.status >= 400 else b""
            self._judge(call, head, refused)
            _demand_switch(call, head)
        except BaseException:
            connection.abort()
            raise
        return connection.take_raw()

    async def close(self) -> None:
        """Give up the connections kept for reuse."""
        await self._pool.close()

    async def _exchange(self, call: Call) -> tuple[Head, bytes]:
        connection = await self._pool.take()
        try:
            return await self._exchange_on(connection, call)
        except ConnectionBrokenError as err:
            # An engine that was restarted has closed the connections kept for reuse.
            if not (call.is_safe and connection.is_reused and not err.answered):
                raise
        return await self._exchange_on(await self._pool.take(fresh=True), call)

    async def _exchange_on(self, connection: Connection, call: Call) -> tuple[Head, bytes]:
        try:
            await connection.send(self._request(call), _nothing)
            head = await connection.receive_head()
            body = await _read_all(connection, call.what)
        except BaseException:
            connection.abort()
            raise
        self._pool.give_back(connection)
        return head, body

    def _telling(self, call: Call) -> Telling:
        return Telling(call, self.address, call.deadline_s)

    def _request(self, call: Call) -> Request:
        prefix = f"/v{self._version[0]}.{self._version[1]}" if self._version else ""
        query = f"?{urlencode(call.query, doseq=True)}" if call.query else ""
        body = b"" if call.body is None else json.dumps(call.body).encode()
        return Request(
            call.method,
            f"{prefix}{call.path}{query}",
            body=body,
            content_type=call.content_type,
            chunks=call.chunks,
            length=call.length,
            upgrade=call.upgrade,
            more=call.headers,
        )

    def _judge(self, call: Call, head: Head, body: bytes) -> None:
        if head.status >= 400:
            raise refusal(call.what, head.status, message_of(body))
        if self._version is None:
            self._version = self._agree(call, head.headers.get("api-version", ""))

    def _agree(self, call: Call, offered: str) -> tuple[int, int]:
        major, _, minor = offered.partition(".")
        if not (major.isdecimal() and minor.isdecimal()):
            raise not_an_engine(call.what, str(self.address), "no API version in the answer")
        newest = (int(major), int(minor))
        if newest < OLDEST_API:
            raise EngineError(
                f"the container engine at {self.address} is too old: it speaks API {offered}, "
                f"and {OLDEST_API[0]}.{OLDEST_API[1]} is needed",
                hint="upgrade it to Docker 19.03 or newer",
            )
        return min(newest, NEWEST_API)


def path_of(*parts: str) -> str:
    """A path whose ``parts`` are quoted: ``("images", "a/b:1", "json")`` -> ``/images/a/b:1/json``."""
    return "".join(f"/{quote(part, safe='/:@')}" for part in parts)


def _demand_switch(call: Call, head: Head) -> None:
    if head.status != 101:
        raise unreadable(call.what, f"status {head.status} in place of a raw connection")


async def _read_all(connection: Connection, what: str) -> bytes:
    parts = []
    size = 0
    while part := await connection.receive_body():
        parts.append(part)
        size += len(part)
        if size > ANSWER_BYTES:
            raise unreadable(what, f"it is longer than {ANSWER_BYTES} bytes")
    return b"".join(parts)


async def _settle(sending: asyncio.Future[None]) -> None:
    """End the sender of a body, and pass on what went wrong with the body itself."""
    sending.cancel()
    await asyncio.wait([sending])
    if not sending.cancelled():
        sending.result()


def _went_well(task: asyncio.Future[None]) -> bool:
    return task.cancelled() or task.exception() is None


def _nothing() -> None:
    """No progress to report."""
