"""A fake box's API on a unix socket, in a thread, for clients that block."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from starlette.types import Receive, Scope, Send

from boxship.api.app import make_api
from boxship.api.route import Doors
from boxship.clock import SystemClock
from boxship.serve.closing import Closing
from boxship.serve.gate import Gate
from boxship.serve.limiter import Limiter
from boxship.serve.listeners import Inet, Listeners, Unix
from tests.fakes.access import FakeJournal, FakePower, FakeTokens
from tests.fakes.box import FakeBox

T = TypeVar("T")
DEADLINE_S = 20
TCP = Inet("127.0.0.1", 0)


class BoxThread:
    """``box`` belongs to the thread's loop: ``do`` changes it, ``later`` after a while."""

    def __init__(self, folder: Path) -> None:
        self.socket = str(folder / "loader.sock")
        self.clock = SystemClock()
        self.box, self.tokens, self.journal = FakeBox(self.clock), FakeTokens(self.clock), FakeJournal()
        self.power = FakePower("reboot", "shutdown")
        self.asked: list[tuple[str, str]] = []
        """Method and path of every request."""
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._listeners: Listeners | None = None
        self._restarting: Future[None] | None = None

    def listen(self) -> None:
        self._run(self._listen())

    def stop(self) -> None:
        self._run(self._stop())

    def do(self, change: Callable[[FakeBox], object]) -> None:
        async def work() -> None:
            change(self.box)

        self._run(work())

    def later(self, delay_s: float, change: Callable[[FakeBox], object]) -> None:
        self._loop.call_soon_threadsafe(lambda: self._loop.call_later(delay_s, lambda: change(self.box)))

    def restart_later(self, delay_s: float, away_s: float) -> None:
        """As when another Loader takes over."""

        async def work() -> None:
            await asyncio.sleep(delay_s)
            await self._stop()
            await asyncio.sleep(away_s)
            await self._listen()

        self._restarting = asyncio.run_coroutine_threadsafe(work(), self._loop)

    def close(self) -> None:
        if self._restarting is not None:
            self._restarting.result(DEADLINE_S)
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(DEADLINE_S)
        self._loop.close()

    async def _listen(self) -> None:
        closing = Closing()
        doors = Doors(self.box, self.power, self.tokens, self.journal, self.clock, closing)
        made = make_api(doors, Gate(self.tokens, self.clock, Limiter()))

        async def api(scope: Scope, receive: Receive, send: Send) -> None:
            self.asked.append((scope["method"], scope["path"]))
            await made(scope, receive, send)

        self._listeners = Listeners(closing)
        assert await self._listeners.listen({Unix(self.socket): api, TCP: api}) == {}
        self.port = self._listeners.port_of(TCP)

    async def _stop(self) -> None:
        if self._listeners is not None:
            await self._listeners.close()
            self._listeners = None

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(DEADLINE_S)
