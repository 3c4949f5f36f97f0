"""A proxy between Boxship and a real engine: it spoils chosen answers, and holds a call while a test does something.

Everything else passes unchanged, so that what an abused verb leaves behind is what the engine really did.
"""

import asyncio
import contextlib
import re
import tempfile
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TypeVar

_DEADLINE_S = 60
_PART_BYTES = 65536
_SLOW_S = 0.5

# Kinds of calls, as Boxship's own errors name them where they can.
_KINDS = (
    ("ping", "GET", r"/_ping"),
    ("list containers", "GET", r"/containers/json"),
    ("list networks", "GET", r"/networks"),
    ("list volumes", "GET", r"/volumes"),
    ("look up image", "GET", r"/images/.+/json"),
    ("create container", "POST", r"/containers/create"),
    ("create network", "POST", r"/networks/create"),
    ("create volume", "POST", r"/volumes/create"),
    ("copy", "PUT", r"/containers/[^/]+/archive"),
    ("stat path", "HEAD", r"/containers/[^/]+/archive"),
    ("read archive", "GET", r"/containers/[^/]+/archive"),
    ("attach", "POST", r"/containers/[^/]+/attach"),
    ("top", "GET", r"/containers/[^/]+/top"),
    ("stats", "GET", r"/containers/[^/]+/stats"),
    ("kill", "POST", r"/containers/[^/]+/kill"),
    ("start", "POST", r"/containers/[^/]+/start"),
    ("inspect", "GET", r"/containers/[^/]+/json"),
    ("wait", "POST", r"/containers/[^/]+/wait"),
    ("exec create", "POST", r"/containers/[^/]+/exec"),
    ("exec start", "POST", r"/exec/[^/]+/start"),
    ("exec inspect", "GET", r"/exec/[^/]+/json"),
    ("logs", "GET", r"/containers/[^/]+/logs"),
    ("events", "GET", r"/events"),
    ("stop", "POST", r"/containers/[^/]+/stop"),
    ("rename", "POST", r"/containers/[^/]+/rename"),
    ("remove container", "DELETE", r"/containers/[^/]+"),
    ("remove network", "DELETE", r"/networks/[^/]+"),
    ("remove volume", "DELETE", r"/volumes/[^/]+"),
    ("build", "POST", r"/build"),
    ("pull", "POST", r"/images/create"),
    ("load", "POST", r"/images/load"),
    ("tag", "POST", r"/images/.+/tag"),
    ("remove image", "DELETE", r"/images/.+"),
)
KINDS = tuple(kind for kind, _, _ in _KINDS)
OTHER = "other"
OTHER_READING = "read something"


class How(Enum):
    """What happens to a call. Those of ``NOT_PASSED`` never reach the engine; of the others only the answer suffers."""

    SLOW = "answered late"
    NEVER = "never answered"
    SWALLOWED = "done, never answered"
    HUNG_UP = "hung up on"
    CUT_HEAD = "half a head"
    CUT_BODY = "half a body"
    GARBAGE = "garbage"
    STATUS_500 = "500"
    STATUS_503 = "503 of a web server"
    LONGER = "a length that is too long"
    SHORTER = "a length that is too short"
    ENDLESS_HEAD = "endless headers"
    ENDLESS_BODY = "an endless body"
    NOT_JSON = "not JSON"
    DEEP_JSON = "JSON 100,000 levels deep"
    WRONG_JSON = "JSON of another shape"


NOT_PASSED = frozenset(
    {How.NEVER, How.HUNG_UP, How.GARBAGE, How.STATUS_500, How.STATUS_503, How.ENDLESS_HEAD, How.ENDLESS_BODY}
)
# What was promised never comes, or what comes is nobody's answer.
_STAYS_OPEN = frozenset({How.SWALLOWED, How.LONGER, How.SHORTER})


@dataclass(frozen=True, slots=True)
class Fault:
    """The calls of ``kind`` from the ``first`` on (counted from 1), ``count`` of them, None: all.

    ``is_passed``: the engine gets the call, where that makes a difference; its answer is what is spoiled.
    """

    kind: str
    how: How
    first: int = 1
    count: int | None = 1
    is_passed: bool = True

    def hits(self, kind: str, number: int) -> bool:
        is_late = self.count is not None and number >= self.first + self.count
        return kind == self.kind and number >= self.first and not is_late


@dataclass(frozen=True, slots=True)
class Moment:
    """When the ``number``-th call of ``kind`` comes in, or, ``is_answered``, when the engine has answered it."""

    kind: str
    number: int = 1
    is_answered: bool = False


@dataclass(frozen=True, slots=True)
class _Head:
    """The first lines of a message, as bytes and as what its framing needs."""

    raw: bytes
    first: str
    headers: dict[str, str]

    @staticmethod
    async def read(reader: asyncio.StreamReader) -> "_Head":
        raw = await reader.readuntil(b"\r\n\r\n")
        first, *lines = raw.decode("latin-1").rstrip("\r\n").split("\r\n")
        pairs = (line.partition(":") for line in lines)
        return _Head(raw, first, {name.strip().lower(): value.strip() for name, _, value in pairs})

    @property
    def length(self) -> int | None:
        text = self.headers.get("content-length")
        return None if text is None else int(text)

    @property
    def is_chunked(self) -> bool:
        return self.headers.get("transfer-encoding", "") == "chunked"

    @property
    def status(self) -> int:
        return int(self.first.split(" ")[1])


_ANSWER = _Head(b"HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\n\r\n", "HTTP/1.1 200 OK", {"content-length": "0"})


class HostileProxy:
    """Listens at ``address``; lives in a loop and a thread of its own. Made by ``hostile_proxy``."""

    def __init__(self, engine: str, path: Path) -> None:
        self.address = f"unix://{path}"
        self.engine = engine
        self._path = path
        self._fault: Fault | None = None
        self._moment: Moment | None = None
        self._hold = asyncio.Event()
        self._reached = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.seen: Counter[str] = Counter()
        """Kind -> calls since the last ``misbehave`` or ``stop_at``."""
        self.spoiled = 0

    def misbehave(self, fault: Fault | None) -> None:
        """From now on; None: pass everything."""
        self._fault = fault
        self.spoiled = 0
        self.seen.clear()

    def stop_at(self, moment: Moment) -> None:
        """Hold the call of this moment, once, until ``go_on``."""
        self.seen.clear()
        self._reached.clear()
        self._call(self._hold.clear)
        self._moment = moment

    def is_reached(self, within_s: float) -> bool:
        """Whether the moment has come; waits for it so long."""
        return self._reached.wait(within_s)

    def go_on(self) -> None:
        self._moment = None
        self._call(self._hold.set)

    def _call(self, function: Callable[[], object]) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(function)

    async def serve(self, is_listening: threading.Event) -> None:
        """Until cancelled."""
        self._loop = asyncio.get_running_loop()
        server = await asyncio.start_unix_server(self._client, self._path)
        is_listening.set()
        try:
            await server.serve_forever()
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        writers = [writer]
        try:
            with contextlib.suppress(asyncio.IncompleteReadError, asyncio.CancelledError, OSError):
                behind, behind_writer = await asyncio.open_unix_connection(self.engine.removeprefix("unix://"))
                writers.append(behind_writer)
                while await self._exchange(reader, writer, behind, behind_writer):
                    pass
        finally:
            self._tasks.discard(task)
            for each in writers:
                each.transport.abort()

    async def _exchange(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        behind: asyncio.StreamReader,
        behind_writer: asyncio.StreamWriter,
    ) -> bool:
        """One call and its answer; whether another may follow."""
        request = await _Head.read(reader)
        kind = kind_of(request.first)
        self.seen[kind] += 1
        number = self.seen[kind]
        fault = self._fault
        how = fault.how if fault and fault.hits(kind, number) else None
        self.spoiled += how is not None
        await self.hold_at(Moment(kind, number))
        if how is not None and (how in NOT_PASSED or (fault and not fault.is_passed)):
            await _answer_in_its_place(how, reader, writer)
            return False
        behind_writer.write(request.raw)
        sending = asyncio.ensure_future(_pass_body(request, reader, behind_writer))
        try:
            answer = await _Head.read(behind)
            await self.hold_at(Moment(kind, number, is_answered=True))
            if answer.status == 101:
                if how is not None:
                    await _spoil(how, answer, behind, reader, writer)
                    return False
                writer.write(answer.raw)
                await asyncio.gather(_pass_rest(reader, behind_writer), _pass_rest(behind, writer))
                return False
            if how is not None:
                return await _spoil(how, answer, behind, reader, writer)
            writer.write(answer.raw)
            return await _pass_body(answer, behind, writer, is_answer=True)
        finally:
            sending.cancel()

    async def hold_at(self, moment: Moment) -> None:
        """Called at each moment of each call, and waited for. Raises OSError to hang up on both sides."""
        if moment == self._moment:
            self._moment = None
            self._reached.set()
            await self._hold.wait()


def kind_of(first_line: str) -> str:
    """The kind of call that a request's first line makes."""
    method, target, _ = first_line.split(" ")
    path = re.sub(r"^/v1\.\d+", "", target.partition("?")[0])
    other = OTHER_READING if method in ("GET", "HEAD") else OTHER
    return next((kind for kind, verb, form in _KINDS if verb == method and re.fullmatch(form, path)), other)


async def _pass_body(
    head: _Head, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_answer: bool = False
) -> bool:
    """Whether another message may follow on the same connection."""
    if head.is_chunked:
        while (size := await _pass_line(reader, writer)).strip() != b"0":
            await _pass_bytes(reader, writer, int(size, 16) + 2)
        await _pass_line(reader, writer)
    elif head.length is not None:
        await _pass_bytes(reader, writer, head.length)
    elif is_answer and head.status not in (204, 304):
        await _pass_rest(reader, writer)
        return False
    await writer.drain()
    return True


async def _pass_line(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    line = await reader.readuntil(b"\r\n")
    writer.write(line)
    return line


async def _pass_bytes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, count: int) -> None:
    while count:
        part = await reader.read(min(count, _PART_BYTES))
        if not part:
            raise asyncio.IncompleteReadError(b"", count)
        count -= len(part)
        writer.write(part)
        await writer.drain()


async def _pass_rest(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while part := await reader.read(_PART_BYTES):
        writer.write(part)
        await writer.drain()
    with contextlib.suppress(OSError):
        writer.write_eof()


def _message(status: str, body: bytes, length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    return f"HTTP/1.1 {status}\r\nApi-Version: 1.41\r\nContent-Length: {size}\r\n\r\n".encode() + body


async def _answer_in_its_place(how: How, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    match how:
        case How.GARBAGE:
            writer.write(b"SSH-2.0-OpenSSH_9.2p1\r\n\0\xff\x16\x03\x01" * 20)
        case How.STATUS_500:
            writer.write(_message("500 Internal Server Error", b'{"message": "the disk has caught fire"}\n'))
        case How.STATUS_503:
            writer.write(_message("503 Service Unavailable", b"<html><h1>503 Service Unavailable</h1></html>\n"))
        case How.ENDLESS_HEAD:
            writer.write(b"HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\n")
            await _write_for_ever(writer, b"X-Padding: " + b"x" * 80 + b"\r\n")
        case How.ENDLESS_BODY:
            writer.write(b"HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nConnection: close\r\n\r\n")
            await _write_for_ever(writer, b" " * _PART_BYTES)
        case How.NEVER:
            await _until_gone(reader)
        case How.HUNG_UP:
            pass
        case _:
            writer.write(_changed(how, _ANSWER, b'{"Id": "a"}'))
    await writer.drain()
    if how in _STAYS_OPEN:
        await _until_gone(reader)
    writer.close()


async def _write_for_ever(writer: asyncio.StreamWriter, part: bytes) -> None:
    while True:
        writer.write(part)
        await writer.drain()


async def _until_gone(reader: asyncio.StreamReader) -> None:
    while await reader.read(_PART_BYTES):
        pass


async def _spoil(
    how: How, head: _Head, behind: asyncio.StreamReader, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> bool:
    """What the engine said, changed. Whether another call may follow."""
    if how is How.SLOW:
        await asyncio.sleep(_SLOW_S)
        writer.write(head.raw)
        return head.status != 101 and await _pass_body(head, behind, writer, is_answer=True)
    if how is How.SWALLOWED:
        await _until_gone(reader)
        return False
    writer.write(_changed(how, head, await _first_part(head, behind)))
    await writer.drain()
    if how in _STAYS_OPEN:
        await _until_gone(reader)
    writer.close()
    return False


def _changed(how: How, head: _Head, body: bytes) -> bytes:
    status = head.first.partition(" ")[2]
    match how:
        case How.CUT_HEAD:
            return head.raw[: len(head.raw) // 2]
        case How.CUT_BODY:
            return _message(status, body[: len(body) // 2], length=len(body) + 1)
        case How.LONGER:
            return _message("200 OK" if head.status == 204 else status, body, length=len(body) + 100)
        case How.SHORTER:
            return (
                _message("200 OK" if head.status == 204 else status, body, length=max(0, len(body) - 3)) + b"0\r\n\r\n"
            )
        case How.NOT_JSON:
            return _message("200 OK", b"<html>It works!</html>")
        case How.DEEP_JSON:
            return _message("200 OK", b'{"a":' * 100_000)
        case _:
            return _message("200 OK", b'{"Id": {"a": [1, null]}, "State": 7, "Volumes": "none", "StatusCode": 1e999}')


async def _first_part(head: _Head, behind: asyncio.StreamReader) -> bytes:
    """The body, or of one that comes in parts the first."""
    if head.is_chunked:
        size = int(await behind.readuntil(b"\r\n"), 16)
        return await behind.readexactly(size)
    if head.length is not None:
        return await behind.readexactly(head.length)
    return b"" if head.status in (204, 304) else await behind.read(_PART_BYTES)


@contextmanager
def hostile_proxy(engine: str) -> Iterator[HostileProxy]:
    """A running one, in front of the engine at ``engine`` (unix://...)."""
    with running(lambda path: HostileProxy(engine, path)) as proxy:
        yield proxy


P = TypeVar("P", bound=HostileProxy)


@contextmanager
def running(make: Callable[[Path], P]) -> Iterator[P]:
    """The proxy that ``make`` makes for a socket's path, in a thread of its own."""
    with tempfile.TemporaryDirectory(prefix="boxship-proxy-") as folder:
        proxy = make(Path(folder, "s"))
        is_listening = threading.Event()
        with _thread_of(proxy.serve(is_listening)):
            assert is_listening.wait(_DEADLINE_S)
            yield proxy


@contextmanager
def _thread_of(work: Awaitable[None]) -> Iterator[None]:
    """A loop in a thread that runs ``work``, and cancels it at the end."""
    loop = asyncio.new_event_loop()
    task = asyncio.ensure_future(work, loop=loop)

    def run() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            loop.run_until_complete(task)
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join(_DEADLINE_S)
