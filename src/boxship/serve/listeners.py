"""Where a box's doors listen: any number of addresses, each with its app, changed while others are served.

uvicorn's protocol does the HTTP. Its ``Server`` is left out: each would wake ten times a second, take the signals, and
serve for its whole life the addresses that it began with.
"""

import asyncio
import contextlib
import os
import socket
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct
from starlette.types import ASGIApp

from boxship.errors import HostError
from boxship.serve.closing import Closing
from boxship.serve.connection import owner_uid
from boxship.serve.protocol import HEAD_S, DoorProtocol
from boxship.serve.uvicorn_parts import Config, ServerState

MOST_CONNECTIONS = 2000
"""Of one address; more are answered with 503. 1,000 who look at a page, and as many again who poll."""
_BACKLOG = 256
_LARGEST_HEAD_BYTES = 16 * 1024
_CUT_S = 0.3
_HANDSHAKE_S = 10.0
_FAREWELL_S = 1.0
"""How long TLS waits for the peer to say goodbye, too."""
_TURNS = 4
"""Of the loop, until what was accepted last has met the closed doors and every socket is closed."""
END_S = 1.5
"""What is not answered after so long is cut; a Loader has two seconds to end."""


class Inet(Struct, frozen=True):
    """An IP address of this machine. ``port`` 0: any free one. ``context``: for TLS; None is plain HTTP."""

    host: str
    port: int
    context: ssl.SSLContext | None = None

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Unix(Struct, frozen=True):
    """A socket file; who may connect is decided by ``mode``, the owner and the group."""

    path: str
    mode: int = 0o660

    def __str__(self) -> str:
        return self.path


Address = Inet | Unix


class Bounds(Struct, frozen=True):
    """What one address bears."""

    most_connections: int = MOST_CONNECTIONS
    head_s: float = HEAD_S


class _Open(NamedTuple):
    server: asyncio.Server
    app: ASGIApp
    state: ServerState


class Listeners:
    """``closing`` is told first when all ends, so that streams end by themselves."""

    def __init__(self, closing: Closing, bounds: Bounds | None = None) -> None:
        self._closing = closing
        self._bounds = bounds or Bounds()
        self._open: dict[Address, _Open] = {}
        self._left: list[ServerState] = []
        """Of addresses that are closed, as long as connections to them are open."""
        self._inodes: dict[Address, int] = {}

    @property
    def addresses(self) -> tuple[Address, ...]:
        return tuple(self._open)

    def port_of(self, address: Address) -> int:
        """The port that a listener got. Raises: KeyError when it is not open."""
        return int(self._open[address].server.sockets[0].getsockname()[1])

    async def listen(self, wanted: Mapping[Address, ASGIApp]) -> Mapping[Address, HostError]:
        """Open what is missing, stop what isn't wanted any more, and leave the rest alone.

        Connections that are open are served to their end. Returns: what could not be opened, and why: an address
        that isn't there yet may be there the next time.
        """
        self._left = [state for state in self._left if state.connections]
        for address, found in tuple(self._open.items()):
            if wanted.get(address) is not found.app:
                await self._stop(address)
        failed: dict[Address, HostError] = {}
        for address, app in wanted.items():
            if address in self._open:
                continue
            try:
                self._open[address] = await self._start(address, app)
            except OSError as err:
                hint = "another program may have it: ss -ltnp shows who" if isinstance(address, Inet) else ""
                failed[address] = HostError(f"cannot listen on {address}: {err.strerror or err}", hint=hint)
        return failed

    async def close(self, within_s: float = END_S) -> None:
        """End all: streams at once, answers within ``within_s``, then whatever is left is cut."""
        self._closing.begin()
        for address in tuple(self._open):
            await self._stop(address)
        for state in self._left:
            for connection in tuple(state.connections):
                connection.shutdown()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while tasks := self._tasks():
                    await asyncio.wait(tasks)
        for task in self._tasks():
            task.cancel()
        if tasks := self._tasks():
            await asyncio.wait(tasks, timeout=_CUT_S)
        for state in self._left:
            for connection in tuple(state.connections):
                connection.transport.abort()
        for _ in range(_TURNS):
            await asyncio.sleep(0)

    def _tasks(self) -> tuple[asyncio.Task[None], ...]:
        return tuple(task for state in self._left for task in state.tasks)

    async def _stop(self, address: Address) -> None:
        server, _, state = self._open.pop(address)
        self._left.append(state)
        for listening in server.sockets:
            asyncio.get_running_loop().remove_reader(listening.fileno())
        # What was just accepted gets its transport in the next turn, and asyncio loses it when the server is gone by
        # then (Python 3.11: AssertionError in Server._attach, and the peer waits for ever).
        await asyncio.sleep(0)
        server.close()
        if isinstance(address, Unix) and _inode(address) == self._inodes.pop(address):
            # Otherwise it is the next Loader's by now.
            Path(address.path).unlink(missing_ok=True)  # noqa: ASYNC240 (one entry of a folder in memory)

    async def _start(self, address: Address, app: ASGIApp) -> _Open:
        config = Config(
            app,
            http=DoorProtocol,
            interface="asgi3",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            limit_concurrency=self._bounds.most_connections,
            h11_max_incomplete_event_size=_LARGEST_HEAD_BYTES,
        )
        # Not by ``config.load``: it would import the package that uvicorn_parts does without, for a lifespan that is
        # off, and call the app to see whether it makes one.
        config.loaded_app, config.ws_protocol_class, config.loaded = app, None, True
        bound = _bind(address)
        owner = None
        if isinstance(address, Unix):
            owner = owner_uid(address.path)
            self._inodes[address] = _inode(address)

        # One per address, so that whoever takes all connections of one door can't close the others.
        state = ServerState()

        def make_protocol() -> asyncio.Protocol:
            return DoorProtocol(config, state, self._closing, owner_uid=owner, head_s=self._bounds.head_s)

        loop = asyncio.get_running_loop()
        try:
            if isinstance(address, Unix):
                server = await loop.create_unix_server(make_protocol, sock=bound, backlog=_BACKLOG)
            else:
                server = await _serve(make_protocol, bound, address.context)
        except BaseException:
            bound.close()
            raise
        return _Open(server, app, state)


async def _serve(
    make_protocol: Callable[[], asyncio.Protocol], bound: socket.socket, context: ssl.SSLContext | None
) -> asyncio.Server:
    loop = asyncio.get_running_loop()
    if context is None:
        return await loop.create_server(make_protocol, sock=bound, backlog=_BACKLOG)
    return await loop.create_server(
        make_protocol,
        sock=bound,
        backlog=_BACKLOG,
        ssl=context,
        ssl_handshake_timeout=_HANDSHAKE_S,
        ssl_shutdown_timeout=_FAREWELL_S,
    )


def _inode(address: Unix) -> int:
    """0 when it is gone."""
    try:
        return Path(address.path).stat().st_ino
    except OSError:
        return 0


def _bind(address: Address) -> socket.socket:
    if isinstance(address, Unix):
        return _bind_unix(address)
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # The same port of IPv4 is a listener of its own.
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind((address.host, address.port))
    except BaseException:
        made.close()
        raise
    return made


def _bind_unix(address: Unix) -> socket.socket:
    """It gets its mode before its name, so there is no moment in which others can connect, or nobody."""
    path, new = Path(address.path), Path(f"{address.path}.new")
    path.parent.mkdir(parents=True, exist_ok=True)
    new.unlink(missing_ok=True)
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        made.bind(str(new))
        new.chmod(address.mode)
        # Whoever has the folder is trusted: root's on a box, in an emulation that of the person who runs it.
        if os.geteuid() == 0:
            os.chown(new, path.parent.stat().st_uid, -1)
        os.replace(new, path)  # noqa: PTH105 (renaming over what an earlier Loader left)
    except BaseException:
        made.close()
        new.unlink(missing_ok=True)
        raise
    return made
