"""The engine's byte streams taken apart: frames of stdout and stderr, lines, JSON documents."""

import re
from collections.abc import AsyncIterator, Iterator
from datetime import datetime

from msgspec import Struct

from boxship.engine.faults import unreadable
from boxship.engine.fields import Fields, parse_json
from boxship.engine.port import LogLine
from boxship.errors import UsageError

_HEADER_BYTES = 8
_STREAMS = {0: "stdout", 1: "stdout", 2: "stderr"}
LINE_BYTES = 64 * 1024
"""A longer line comes in pieces of at least this size: who writes no newline must not fill the memory."""
DOCUMENT_BYTES = 4 * 1024 * 1024
"""A longer JSON line is no progress message."""
_UNIX_TIME = re.compile(r"\d+(\.\d{1,9})?")
_FRACTION = re.compile(r"\.(\d{1,9})\d*")


class Chunk(Struct, frozen=True):
    """Bytes of one stream. ``ends``: they are the last of a frame, and a frame is one log message."""

    stream: str
    data: bytes
    ends: bool = True


class Demultiplexer:
    """Takes bytes as they come, gives chunks of stdout and stderr.

    Source: Engine API, "Attach to a container": 1 byte stream, 3 zero bytes, 4 bytes length (big endian), the bytes.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._header = b""
        self._stream = ""
        self._left = 0

    def feed(self, data: bytes) -> Iterator[Chunk]:
        """Raises: EngineError when a header isn't one."""
        while data:
            if self._left == 0:
                data = self._feed_header(data)
                continue
            part, data = data[: self._left], data[self._left :]
            self._left -= len(part)
            yield Chunk(self._stream, part, ends=self._left == 0)

    def _feed_header(self, data: bytes) -> bytes:
        missing = _HEADER_BYTES - len(self._header)
        self._header += data[:missing]
        if len(self._header) == _HEADER_BYTES:
            stream = _STREAMS.get(self._header[0])
            if stream is None or self._header[1:4] != b"\0\0\0":
                raise unreadable(self._what, "its frames are broken")
            self._stream = stream
            self._left = int.from_bytes(self._header[4:], "big")
            self._header = b""
        return data[missing:]


class RawStream:
    """What a container with a terminal writes: everything is stdout, without frames."""

    def feed(self, data: bytes) -> Iterator[Chunk]:
        """The bytes as they are."""
        yield Chunk("stdout", data)


class _OpenLine:
    __slots__ = ("at", "data")

    def __init__(self) -> None:
        self.data = bytearray()
        self.at = ""


class LineSplitter:
    """Makes lines of the chunks of both streams.

    With ``timestamps``, each message (``framed``) or each line (of a terminal) begins with one; it is split off.
    """

    def __init__(self, *, timestamps: bool, framed: bool) -> None:
        self._stamped_messages = timestamps and framed
        self._stamped_lines = timestamps and not framed
        self._message = bytearray()
        self._lines: dict[str, _OpenLine] = {}

    def feed(self, chunk: Chunk) -> Iterator[LogLine]:
        """The lines that ``chunk`` completes."""
        if not self._stamped_messages:
            yield from self._split(chunk.stream, "", chunk.data)
            return
        self._message += chunk.data
        if chunk.ends:
            at, text = _split_stamp(bytes(self._message))
            self._message.clear()
            yield from self._split(chunk.stream, at, text)

    def _split(self, stream: str, at: str, data: bytes) -> Iterator[LogLine]:
        line = self._lines.setdefault(stream, _OpenLine())
        *complete, rest = data.split(b"\n")
        for part in complete:
            line.at = line.at or at
            line.data += part
            yield self._take(stream)
        line.data += rest
        if rest:
            line.at = line.at or at
        if len(line.data) >= LINE_BYTES:
            yield self._take(stream)

    def finish(self) -> Iterator[LogLine]:
        """What was written without a newline at the end."""
        for stream, line in self._lines.items():
            if line.data:
                yield self._take(stream)

    def _take(self, stream: str) -> LogLine:
        line = self._lines[stream]
        data, at = bytes(line.data).removesuffix(b"\r"), line.at
        if self._stamped_lines:
            at, data = _split_stamp(data)
        line.data.clear()
        line.at = ""
        return LogLine(stream, data.decode(errors="replace"), at)


def _split_stamp(message: bytes) -> tuple[str, bytes]:
    stamp, _, text = message.partition(b" ")
    return stamp.decode(errors="replace"), text


async def read_documents(chunks: AsyncIterator[bytes], what: str) -> AsyncIterator[Fields]:
    """The JSON objects of a stream, one a line. Raises: EngineError when a line isn't one."""
    rest = b""
    async for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line.strip():
                yield _document(line, what)
        if len(rest) > DOCUMENT_BYTES:
            raise unreadable(what, f"a line is longer than {DOCUMENT_BYTES} bytes")
    if rest.strip():
        yield _document(rest, what)


def _document(line: bytes, what: str) -> Fields:
    document = parse_json(line, what)
    if not isinstance(document, dict):
        raise unreadable(what, "a line is not an object")
    return Fields(document, what)


def unix_time(text: str) -> str:
    """A time as the log call wants it: unix seconds stay, RFC 3339 is converted without losing nanoseconds.

    Raises: UsageError when it is neither.
    """
    if _UNIX_TIME.fullmatch(text):
        return text
    fraction = _FRACTION.search(text)
    try:
        moment = datetime.fromisoformat(_FRACTION.sub("", text))
    except ValueError as err:
        hint = "write it as 2026-01-31T08:00:00Z, or as seconds since 1970"
        raise UsageError(f"cannot understand the time '{text}'", hint=hint) from err
    seconds = int(moment.timestamp()) if moment.tzinfo else int(moment.astimezone().timestamp())
    return f"{seconds}.{fraction[1]:0<9}" if fraction else str(seconds)
