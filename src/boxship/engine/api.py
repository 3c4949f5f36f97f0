"""Calls to the engine's API over a pool of connections, side by side; nothing here knows what a container is."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

from boxship.engine.address import Address
from boxship.engine.calls import Answer, Call, Deadlines, Dialect, Parts, Telling
from boxship.engine.faults import unreadable
from boxship.engine.fields import Fields, read_object
from boxship.engine.http import Connection, Pool
from boxship.engine.message import ConnectionBrokenError, Head


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

    async def whole(self) -> bytes:
        """All of it at once. Raises: as ``chunks``, and EngineError when it is longer than any answer is."""
        return await _gathered(self._next, self._told.call.what)

    async def _next(self) -> bytes:
        with self._told.failures():
            async with self._idle.waiting():
                return await self._connection.receive_body()


class Api:
    """One engine's API over a pool of connections."""

    def __init__(self, address: Address, deadlines: Deadlines) -> None:
        self.deadlines = deadlines
        self._pool = Pool(address, deadlines.connect_s)
        self._dialect = Dialect(address)

    @property
    def address(self) -> Address:
        """Where it was found."""
        return self._pool.address

    async def version(self) -> tuple[int, int]:
        """The negotiated version. Asks the engine only when no call has done so yet."""
        while self._dialect.version is None:
            await self.call(Call("GET", "/_ping", "ping", self.deadlines.quick_s))
        return self._dialect.version

    async def call(self, call: Call) -> Answer:
        """The whole answer.

        Raises: EngineUnreachableError, EngineTimeoutError, and what ``faults.refusal`` makes of an error status.
        """
        if not call.is_safe:
            await self.version()
        with self._telling(call).failures():
            async with asyncio.timeout(call.deadline_s):
                head, body = await self._exchange(call)
        self._dialect.judge(call, head, body)
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
        sending = asyncio.ensure_future(connection.send(self._dialect.request(call), idle.touch))
        # A body that can't be read on ends the wait for an answer.
        sending.add_done_callback(lambda task: None if _went_well(task) else connection.abort())
        try:
            with self._telling(call).failures():
                async with idle.waiting():
                    head = await connection.receive_head()
                    refused = await _read_all(connection, call.what) if head.status >= 400 else b""
            self._dialect.judge(call, head, refused)
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
                    await connection.send(self._dialect.request(call), _nothing)
                    head = await connection.receive_head()
                    refused = await _read_all(connection, call.what) if head.status >= 400 else b""
            self._dialect.judge(call, head, refused)
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
            await connection.send(self._dialect.request(call), _nothing)
            head = await connection.receive_head()
            body = await _read_all(connection, call.what)
        except BaseException:
            connection.abort()
            raise
        self._pool.give_back(connection)
        return head, body

    def _telling(self, call: Call) -> Telling:
        return Telling(call, self.address, call.deadline_s)


def _demand_switch(call: Call, head: Head) -> None:
    if head.status != 101:
        raise unreadable(call.what, f"status {head.status} in place of a raw connection")


async def _read_all(connection: Connection, what: str) -> bytes:
    return await _gathered(connection.receive_body, what)


async def _gathered(take: Callable[[], Awaitable[bytes]], what: str) -> bytes:
    parts = Parts(what)
    while parts.add(await take()):
        pass
    return parts.joined()


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
