"""Answers that go on: server-sent events (HTML Living Standard, "Server-sent events") and lines of text.

A stream ends when its source does, when the reader goes away, when the doors close, or when the reader doesn't take
what is sent: then its connection is cut, as it would otherwise keep what was sent for ever. A reader that has closed
its own side gets what there is; it may be gone as well, so the stream ends as soon as nothing comes.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from contextlib import aclosing
from typing import Any

from starlette.types import Receive, Scope, Send

from boxship.serve.closing import Closing
from boxship.serve.connection import connection_of

HEARTBEAT_S = 15.0
"""Shorter than the minute after which proxies give up an idle connection."""
SEND_S = 10.0
"""A reader takes what is sent within this time, or is dropped."""
QUIET_S = 1.0
"""Nothing came for so long: there is nothing more for who may be gone."""
EVENT_STREAM = "text/event-stream"
_HEARTBEAT = b": \n\n"


def event(data: bytes, *, name: str = "", number: str = "") -> bytes:
    """One event; ``data`` is JSON, which holds no line breaks."""
    head = (f"id: {number}\n" if number else "") + (f"event: {name}\n" if name else "")
    return head.encode() + b"data: " + data + b"\n\n"


class Stream:
    """An answer, as an ASGI app. ``parts`` is closed in any case. Heartbeats go to readers of events only."""

    def __init__(
        self,
        parts: AsyncGenerator[bytes, None],
        closing: Closing,
        *,
        media_type: str = EVENT_STREAM,
        last_words: bytes = b"",
        heartbeat_s: float = HEARTBEAT_S,
        send_s: float = SEND_S,
    ) -> None:
        self.status_code = 200
        self._parts = parts
        self._closing = closing
        self._media_type = media_type
        self._last_words = last_words
        self._heartbeat = _HEARTBEAT if media_type == EVENT_STREAM else b""
        self._heartbeat_s = heartbeat_s
        self._send_s = send_s
        self._sent = 0
        self._is_sending = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [
            (b"content-type", f"{self._media_type}; charset=utf-8".encode()),
            (b"cache-control", b"no-store"),
            (b"x-accel-buffering", b"no"),  # nginx would collect events until its buffer is full
        ]
        async with aclosing(self._parts) as parts:
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            if scope["method"] == "HEAD":
                await send({"type": "http.response.body", "body": b""})
                return
            try:
                quiet = self._until_quiet(connection_of(scope).has_peer_ended)
                async with _watching(_until_gone(receive), self._closing.wait(), quiet) as over:
                    await self._send_all(parts, send, over)
            except TimeoutError:
                connection_of(scope).abort()
                await asyncio.sleep(0)  # uvicorn notices first, and doesn't call this answer unfinished

    async def _send_all(self, parts: AsyncIterator[bytes], send: Send, over: "asyncio.Future[None]") -> None:
        """Raises: TimeoutError when the reader doesn't take it."""
        while True:
            coming = asyncio.ensure_future(anext(parts, None))
            try:
                part = await self._next(coming, send, over)
            finally:
                if not coming.done():
                    coming.cancel()
                    with contextlib.suppress(asyncio.CancelledError):
                        await coming
            if part is None:
                break
            await self._send(send, part)
        if not self._closing.has_begun:
            self._last_words = b""
        await self._send(send, self._last_words, is_last=True)

    async def _next(
        self, coming: "asyncio.Future[bytes | None]", send: Send, over: "asyncio.Future[None]"
    ) -> bytes | None:
        """The next part; None when there is none, or nobody who wants it. Beats in the meantime."""
        while True:
            done, _ = await asyncio.wait((coming, over), timeout=self._heartbeat_s, return_when=asyncio.FIRST_COMPLETED)
            if over in done:
                return None
            if coming in done:
                return coming.result()
            if self._heartbeat:
                await self._send(send, self._heartbeat)

    async def _send(self, send: Send, body: bytes, *, is_last: bool = False) -> None:
        self._is_sending = True
        async with asyncio.timeout(self._send_s):
            await send({"type": "http.response.body", "body": body, "more_body": not is_last})
        self._is_sending = False
        self._sent += 1

    async def _until_quiet(self, has_peer_ended: asyncio.Event) -> None:
        """From the end of what the peer says on, until nothing was sent for a while."""
        await has_peer_ended.wait()
        seen = -1
        while self._is_sending or seen != self._sent:
            seen = self._sent
            await asyncio.sleep(QUIET_S)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


@contextlib.asynccontextmanager
async def _watching(*ends: Coroutine[Any, Any, None]) -> AsyncIterator["asyncio.Future[None]"]:
    """A future that is done as soon as one of ``ends`` is; none of them outlives the block."""
    over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def end(_: "asyncio.Task[None]") -> None:
        if not over.done():
            over.set_result(None)

    tasks = [asyncio.ensure_future(each) for each in ends]
    for task in tasks:
        task.add_done_callback(end)
    try:
        yield over
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
