"""uvicorn's HTTP protocol, with what it leaves out: who is at the other end, and an end for those who say nothing."""

import asyncio

from boxship.serve.closing import Closing
from boxship.serve.connection import KEY, Connection, peer_uid
from boxship.serve.uvicorn_parts import Config, H11Protocol, ServerState

HEAD_S = 10.0
"""A request's head takes no longer; a connection that is idle is closed after the same time, or soon after."""


class DoorProtocol(H11Protocol):
    """One connection."""

    def __init__(
        self, config: Config, server_state: ServerState, closing: Closing, *, owner_uid: int | None, head_s: float
    ) -> None:
        super().__init__(config, server_state, app_state={})
        self._closing = closing
        self._owner_uid = owner_uid
        self._head_s = head_s
        self._requests_seen = -1
        self._requests = 0
        self._has_peer_ended = asyncio.Event()
        self._alarm: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(transport)
        if self._closing.has_begun:
            # It was accepted just before, and nobody would close it.
            transport.abort()
            return
        made = transport.get_extra_info("socket")
        is_unix = self._owner_uid is not None
        self.app_state = {
            KEY: Connection(
                address="" if is_unix or self.client is None else self.client[0],
                is_encrypted=self._is_encrypted(),
                uid=peer_uid(made) if is_unix else None,
                owner_uid=self._owner_uid,
                abort=transport.abort,
                has_peer_ended=self._has_peer_ended,
            )
        }
        self._look_again()

    def eof_received(self) -> bool:  # type: ignore[override]  # uvicorn has nothing to keep open, and says None
        """A peer that has said all may still listen, as `nc -N` does: what it asked as a whole is answered.

        Nothing tells it from one that is gone, before something is written to it: streams take that into account.
        """
        if self._is_encrypted() or not self._is_answering() or self.cycle.more_body:
            # Who ends TLS has ended both directions.
            return False
        self._has_peer_ended.set()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        self._requests += 1
        super().on_response_complete()
        if self._has_peer_ended.is_set() and not self._is_answering():
            self.transport.close()

    def _is_encrypted(self) -> bool:
        return self.transport.get_extra_info("ssl_object") is not None

    def _is_answering(self) -> bool:
        # None before the first request, whatever the types say.
        return self.cycle is not None and not self.cycle.response_complete  # type: ignore[redundant-expr]

    def _look_again(self) -> None:
        """Close it when since the last look nothing was asked or answered."""
        if not self._is_answering() and self._requests_seen == self._requests:
            self.transport.abort()
            return
        self._requests_seen = self._requests
        self._alarm = self.loop.call_later(self._head_s, self._look_again)
