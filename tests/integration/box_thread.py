"""A fake box's API on a unix socket, in a thread, for clients that block."""

import asyncio
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from starlette.types import Receive, Scope, Send

from boxship.api.app import make_api
from boxship.api.route import Doors
from boxship.clock import Clock, SystemClock
from boxship.loader.box import Sequenced, ServiceLine
from boxship.serve.closing import Closing
from boxship.serve.gate import Gate
from boxship.serve.limiter import Limiter
from boxship.serve.listeners import Inet, Listeners, Unix
from boxship.state.operation import Operation
from tests.fakes.access import FakeJournal, FakePower, FakeTokens
from tests.fakes.box import FakeBox

T = TypeVar("T")
DEADLINE_S = 60
TCP = Inet("127.0.0.1", 0)


class FollowedBox(FakeBox):
    """Goes on by being followed: once somebody got an operation, an event or a line, the next of ``to_come`` happens.

    So a client misses nothing, however slow it is.
    """

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.to_come: deque[Callable[[], object]] = deque()

    def operation(self, operation_id: str) -> Operation:
        found = super().operation(operation_id)
        self._go_on()
        return found

    def events(self, after: int | None = None) -> AsyncGenerator[Sequenced, None]:
        return self._followed(super().events(after))

    def logs(self, service: str, *, follow: bool = False, tail: int | None = None) -> AsyncGenerator[ServiceLine, None]:
        return self._followed(super().logs(service, follow=follow, tail=tail))

    async def _followed(self, parts: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
        async with aclosing(parts):
            async for part in parts:
                yield part
                # Whoever asks for the next one has sent this one.
                self._go_on()

    def _go_on(self) -> None:
        if self.to_come:
            self.to_come.popleft()()


class BoxThread:
    """``box`` belongs to the thread's loop: ``do`` changes it at once, ``then`` as it is followed."""

    def __init__(self, folder: Path) -> None:
        self.socket = str(folder / "loader.sock")
        self.clock = SystemClock()
        self.box, self.tokens, self.journal = FollowedBox(self.clock), FakeTokens(self.clock), FakeJournal()
        self.power = FakePower("reboot", "shutdown")
        self.asked: list[tuple[str, str]] = []
        """Method and path of every request."""
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._listeners: Listeners | None = None
        self._restarting: asyncio.Task[None] | None = None

    def listen(self) -> None:
        self._run(self._listen())

    def stop(self) -> None:
        self._run(self._stop())

    def do(self, change: Callable[[FakeBox], object]) -> None:
        async def work() -> None:
            change(self.box)

        self._run(work())

    def then(self, *changes: Callable[[FakeBox], object]) -> None:
        """What happens once somebody has got something of the box, one after the other."""
        self.do(lambda box: self.box.to_come.extend(partial(change, box) for change in changes))

    def then_restart(self, change: Callable[[FakeBox], object]) -> None:
        """As when another Loader takes over: ``change`` is to come once a client found nobody, and then it."""

        async def restart() -> None:
            await self._stop()
            await self._turn_one_away()
            await self._listen()
            self.box.to_come.append(partial(change, self.box))

        self.then(lambda _: self._begin(restart()))

    def then_stop(self) -> None:
        """The doors close for good."""
        self.then(lambda _: self._begin(self._stop()))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        self._restarting = self._loop.create_task(work)

    async def _turn_one_away(self) -> None:
        has_come = asyncio.Event()

        async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.close()
            has_come.set()

        server = await asyncio.start_unix_server(hang_up, self.socket)
        async with server, asyncio.timeout(DEADLINE_S):
            await has_come.wait()

    def close(self) -> None:
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(DEADLINE_S)
        self._loop.close()

    async def _end(self) -> None:
        if self._restarting is not None:
            await self._restarting
        await self._stop()

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
