"""One connection of a door: who is at its other end, and how it is cut."""

import asyncio
import os
import socket
import struct
from collections.abc import Callable

from msgspec import Struct, field
from starlette.types import Scope

_CREDENTIALS = struct.Struct("3i")
"""struct ucred: pid, uid, gid (unix(7))."""
KEY = "connection"


def _nothing() -> None:
    return None


class Connection(Struct, frozen=True):
    """``uid`` is the peer's on a unix socket, as the kernel says, None elsewhere; ``owner_uid`` the socket file's.

    ``address``: the peer's IP address, "" on a unix socket. ``is_encrypted``: by TLS. ``abort`` drops it at once with
    what is not sent yet.
    ``has_peer_ended``: the peer sends nothing more; it may listen, or be gone.
    """

    address: str = ""
    is_encrypted: bool = False
    uid: int | None = None
    owner_uid: int | None = None
    abort: Callable[[], None] = _nothing
    has_peer_ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_trusted(self) -> bool:
        """Root, or whoever owns the socket: both could read the token file, too."""
        return self.uid is not None and self.uid in (0, self.owner_uid)

    @property
    def peer(self) -> str:
        """For records and limits."""
        return self.address or f"uid {self.uid}"


def connection_of(scope: Scope) -> Connection:
    """The connection that a request came on; without a server, as in tests, what the scope itself says."""
    found = scope.get("state", {}).get(KEY)
    if isinstance(found, Connection):
        return found
    client = scope.get("client")
    return Connection(address=str(client[0]) if client else "?")


def peer_uid(unix_socket: socket.socket) -> int:
    """Who connected, by the kernel's word. Source: SO_PEERCRED in unix(7)."""
    raw = unix_socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, uid, _ = _CREDENTIALS.unpack(raw)
    return int(uid)


def owner_uid(path: str) -> int | None:
    try:
        return os.stat(path).st_uid  # noqa: PTH116 (the path is a socket's own, and may be gone)
    except OSError:
        return None
