"""What the page shows now, made once for everybody who looks, however many they are.

A reader who is slow skips what came in between: only the newest matters, so nobody has a queue.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from msgspec import json
from msgspec.structs import replace

from boxship.loader.box import Box, Sequenced
from boxship.serve.streams import event
from boxship.web.parts import announcement, parts
from boxship.web.public import PublicView, public_view
from boxship.web.words import headline, tone_of

LEAST_GAP_S = 0.2
"""Five times a second is as fast as anybody reads."""
LOOK_S = 1.0
"""What isn't told by an event (bytes of a pull) is seen so soon."""


class Live:
    """Belongs to one event loop. It looks only while somebody listens."""

    def __init__(self, box: Box, now_s: Callable[[], float]) -> None:
        self._box = box
        self._now_s = now_s
        self._seen: PublicView | None = None
        self._latest = b""
        self._version = 0
        self._news = asyncio.Event()
        self._readers = 0
        self._looking: asyncio.Task[None] | None = None

    def view(self) -> PublicView:
        """As it is at this moment."""
        return public_view(self._box.progress(), self._now_s())

    async def follow(self) -> AsyncGenerator[bytes, None]:
        """Events for one reader: how it is now, and then every change, or the last of several."""
        self._readers += 1
        try:
            if self._looking is None:
                events = self._box.events()
                self._look()
                self._looking = asyncio.ensure_future(self._keep_looking(events))
            yield b"retry: 1000\n\n"
            sent = 0
            while True:
                news = self._news
                if sent == self._version:
                    await news.wait()
                    continue
                sent = self._version
                yield self._latest
        finally:
            self._readers -= 1
            if self._readers == 0 and self._looking is not None:
                self._looking.cancel()
                self._looking = None

    def _look(self) -> None:
        view = self.view()
        if self._seen is not None and _still(view) == _still(self._seen):
            return
        self._seen = view
        self._latest = event(json.encode(change(view)), name="progress")
        self._version += 1
        self._news.set()
        self._news = asyncio.Event()

    async def _keep_looking(self, told: AsyncGenerator[Sequenced, None]) -> None:
        async with aclosing(told) as events:
            coming = asyncio.ensure_future(anext(events))
            try:
                while True:
                    done, _ = await asyncio.wait((coming,), timeout=LOOK_S)
                    if done:
                        coming.result()
                        coming = asyncio.ensure_future(anext(events))
                    self._look()
                    await asyncio.sleep(LEAST_GAP_S)
            finally:
                coming.cancel()
                with contextlib.suppress(asyncio.CancelledError, StopAsyncIteration):
                    await coming


def change(view: PublicView) -> dict[str, object]:
    """What the page's script is sent."""
    return {
        "parts": parts(view),
        "title": f"{headline(view)} · {view.appliance}",
        "tone": str(tone_of(view.phase)),
        "said": announcement(view),
        "isReady": view.is_ready,
    }


def _still(view: PublicView) -> PublicView:
    """Without what changes by itself: the page counts on its own."""
    operation = view.operation
    return replace(
        view,
        age_s=0.0,
        next_try_in_s=min(0.0, view.next_try_in_s),
        operation=None if operation is None else replace(operation, age_s=0.0),
    )
