"""What goes out to an engine and how its answers begin, as values; and the two ways in which HTTP itself fails."""

from collections.abc import AsyncIterator, Mapping
from types import MappingProxyType

from msgspec import Struct

READ_BYTES = 65536
HOST_HEADER = b"engine"
"""HTTP demands one; the engine ignores it."""


class ConnectionBrokenError(Exception):
    """The connection ended before the answer did. ``answered``: after at least one byte of it."""

    def __init__(self, reason: str, *, answered: bool) -> None:
        super().__init__(reason)
        self.answered = answered


class NotHttpError(Exception):
    """What came back isn't HTTP."""


class Request(Struct, frozen=True):
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


class Head(Struct, frozen=True):
    """How an answer begins. Header names are in lower case."""

    status: int
    headers: dict[str, str]
