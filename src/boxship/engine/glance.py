"""One snapshot of what is there, for a command that only looks: without a loop, and without what a loop costs.

Importing asyncio, and what needs it, takes longer than the whole rest of ``ps``. What is asked and how failures are
told is the same as for ``DockerEngine.observe``. Only the bytes are moved by blocking sockets, and in HTTP/1.0, whose
answers end with their connection: there is so little to read in them that no library has to be imported for it.
"""

import math
import os
import socket
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from itertools import islice

from boxship.engine.address import Address, find_address
from boxship.engine.calls import OLDEST_API, Call, Deadlines, Dialect, Parts, Telling
from boxship.engine.faults import unreachable
from boxship.engine.fields import read_object
from boxship.engine.message import READ_BYTES, ConnectionBrokenError, Head, NotHttpError
from boxship.engine.observing import (
    image_answers,
    image_questions,
    info_of,
    may_be_missing,
    questions,
    snapshot,
)
from boxship.engine.port import EngineInfo
from boxship.errors import EngineNotFoundError, ImageMissingError
from boxship.plan.observed import Observed

_CALLS_AT_ONCE = 8
_BACKLOG_POLL_S = 0.02
_HTTP = b"HTTP/1."
_HEAD_END = b"\r\n\r\n"


def glance(images: Collection[str] | None = ()) -> Observed:
    """What ``Engine.observe`` gives, from the engine that DOCKER_HOST points to. Blocks.

    Raises: UsageError, EngineError as the engine's methods do.
    """
    return glance_at(find_address(None, os.environ), Deadlines.from_environment(os.environ), images)


def glance_at_images(images: Collection[str]) -> Observed:
    """As ``glance``, of these images alone."""
    address = find_address(None, os.environ)
    deadlines = Deadlines.from_environment(os.environ)
    bodies = _answers(image_questions(images, deadlines.quick_s), address, deadlines)
    return Observed(images=image_answers(images, bodies))


def engine_info() -> EngineInfo:
    """What ``Engine.info`` gives, as ``glance`` does."""
    address = find_address(None, os.environ)
    deadlines = Deadlines.from_environment(os.environ)
    dialect = Dialect(address)
    call = Call("GET", "/version", "ask for the version", deadlines.quick_s)
    with _asked(call, address, deadlines, dialect) as line:
        fields = read_object(line.answer(), call.what)
    # Known since its answer was judged.
    return info_of(fields, dialect.version or OLDEST_API)


def glance_at(address: Address, deadlines: Deadlines, images: Collection[str] | None = ()) -> Observed:
    """As ``glance``, of the engine at ``address``."""
    bodies = _answers(questions(images, deadlines.quick_s), address, deadlines)
    return snapshot(images, bodies, is_local=bool(address.path))


def _answers(calls: Iterable[Call], address: Address, deadlines: Deadlines) -> list[bytes]:
    dialect = Dialect(address)
    left = iter(calls)
    bodies: list[bytes] = []
    while batch := tuple(islice(left, _CALLS_AT_ONCE)):
        with ExitStack() as opened:
            # All are asked before the first answer is awaited, so that the engine works on them side by side.
            lines = [opened.enter_context(_asked(call, address, deadlines, dialect)) for call in batch]
            bodies += (line.answer() for line in lines)
    return bodies


@contextmanager
def _asked(call: Call, address: Address, deadlines: Deadlines, dialect: Dialect) -> Iterator["_Line"]:
    with closing(_connect(address, deadlines.connect_s)) as connection:
        line = _Line(connection, call, Telling(call, address, call.deadline_s), dialect)
        line.ask()
        yield line


def _connect(address: Address, within_s: float) -> socket.socket:
    try:
        if not address.path:
            return socket.create_connection((address.host, address.port), timeout=within_s)
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(within_s)
            _enter(connection, address.path, time.monotonic() + within_s)
        except BaseException:
            connection.close()
            raise
    except OSError as err:
        raise unreachable(str(address), err, within_s) from err
    return connection


def _enter(connection: socket.socket, path: str, end_s: float) -> None:
    while True:
        try:
            connection.connect(path)
        except BlockingIOError as err:
            # The backlog is full: the kernel says "try again" instead of waiting.
            if time.monotonic() > end_s:
                raise TimeoutError from err
            time.sleep(_BACKLOG_POLL_S)
        else:
            return


class _Line:
    """One connection for one question."""

    def __init__(self, connection: socket.socket, call: Call, told: Telling, dialect: Dialect) -> None:
        self._connection = connection
        self._call = call
        self._told = told
        self._dialect = dialect
        self._end_s = time.monotonic() + call.deadline_s

    def ask(self) -> None:
        """Send the question."""
        request = self._dialect.request(self._call)
        head = [f"{request.method} {request.target} HTTP/1.0".encode()]
        head += (name + b": " + value for name, value in (*request.headers(), (b"Connection", b"close")))
        with self._told.failures(), _breaking(answered=False):
            self._connection.sendall(b"\r\n".join((*head, b"", b"")))

    def answer(self) -> bytes:
        """The body; empty when "not found" is an answer."""
        with self._told.failures():
            head, body = self._read()
        try:
            self._dialect.judge(self._call, head, body)
        except (ImageMissingError, EngineNotFoundError):
            if may_be_missing(self._call):
                return b""
            raise
        return body

    def _read(self) -> tuple[Head, bytes]:
        parts = Parts(self._call.what)
        with _breaking(answered=True):
            first = self._receive()
            left = _size(first) - len(first)
            is_more = parts.add(first)
            while is_more and left > 0:
                data = self._receive()
                left -= len(data)
                is_more = parts.add(data)
        return _read_answer(parts.joined())

    def _receive(self) -> bytes:
        left_s = self._end_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        self._connection.settimeout(left_s)
        return self._connection.recv(READ_BYTES)


@contextmanager
def _breaking(*, answered: bool) -> Iterator[None]:
    try:
        yield
    except TimeoutError:
        raise
    except OSError as err:
        raise ConnectionBrokenError(err.strerror or "it broke", answered=answered) from err


def _size(first: bytes) -> float:
    """The bytes of the answer that begins with ``first``, as far as it says so: its sender may wait for us."""
    if not first.startswith(_HTTP[: len(first)]):
        return 0
    text, end, _ = first.partition(_HEAD_END)
    length = _read_head(text).headers.get("content-length", "") if end else ""
    return len(text) + len(_HEAD_END) + int(length) if length.isdecimal() else math.inf


def _read_answer(data: bytes) -> tuple[Head, bytes]:
    """Raises: ConnectionBrokenError for half an answer, NotHttpError."""
    text, end, body = data.partition(_HEAD_END)
    if not data or (not end and data.startswith(_HTTP[: len(data)])):
        raise ConnectionBrokenError("it hung up", answered=bool(data))
    head = _read_head(text)
    if head.headers.get("transfer-encoding", "").lower() == "chunked":
        # Something between us and the engine doesn't know HTTP/1.0.
        return head, _unchunked(body)
    length = head.headers.get("content-length", "")
    if length.isdecimal() and len(body) < int(length):
        raise _cut_off()
    return head, body


def _unchunked(data: bytes) -> bytes:
    parts: list[bytes] = []
    while True:
        size, end, data = data.partition(b"\r\n")
        try:
            length = int(size.partition(b";")[0], 16)
        except ValueError as err:
            raise (NotHttpError(f"a chunk begins with {size[:40]!r}") if end else _cut_off()) from err
        if length == 0:
            return b"".join(parts)
        if length < 0 or len(data) < length:
            raise _cut_off()
        parts.append(data[:length])
        data = data[length:].removeprefix(b"\r\n")


def _cut_off() -> ConnectionBrokenError:
    return ConnectionBrokenError("it hung up", answered=True)


def _read_head(text: bytes) -> Head:
    """Raises: NotHttpError."""
    first, *lines = text.decode("latin-1").split("\r\n")
    version, _, rest = first.partition(" ")
    status = rest[:3]
    if not version.startswith("HTTP/1.") or not status.isdecimal():
        raise NotHttpError(f"it begins with {text[:40]!r}")
    headers = (line.partition(":") for line in lines)
    return Head(int(status), {name.strip().lower(): value.strip() for name, _, value in headers})
