"""The pages of a fake box on a port of their own, in a thread, and an application that takes the port over."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar

from boxship.clock import SystemClock
from boxship.serve.closing import Closing
from boxship.serve.gate import Gate
from boxship.serve.limiter import Limiter
from boxship.serve.listeners import Inet, Listeners
from boxship.web.app import make_pages
from boxship.web.asked import Pages
from tests.fakes.access import FakeJournal, FakeTokens
from tests.fakes.box import FakeBox

T = TypeVar("T")
DEADLINE_S = 20


class PageServer:
    """``box`` may be changed by ``do`` only: it belongs to the thread's loop."""

    def __init__(self, port: int) -> None:
        self.port = port
        clock = SystemClock()
        self.box = FakeBox(clock)
        self.tokens = FakeTokens(clock)
        self.journal = FakeJournal()
        self._clock = clock
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._listeners: Listeners | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def do(self, change: Callable[[FakeBox], object]) -> None:
        async def work() -> None:
            change(self.box)

        self._run(work())

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        return self._run(work)

    def listen(self) -> None:
        async def work() -> None:
            closing = Closing()
            gate = Gate(self.tokens, self._clock, Limiter())
            pages = make_pages(Pages(self.box, gate, self.journal, self._clock, closing))
            self._listeners = Listeners(closing)
            assert await self._listeners.listen({Inet("127.0.0.1", self.port): pages}) == {}

        self._run(work())

    def stop(self) -> None:
        if self._listeners is not None:
            self._run(self._listeners.close())
            self._listeners = None

    def close(self) -> None:
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(DEADLINE_S)
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(DEADLINE_S)


class _Application(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/old":
            self.send_response(302)
            self.send_header("Location", "/files")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        is_page = self.path == "/files"
        body = b"<!doctype html><title>Share</title><h1>Your files</h1>" if is_page else b"no such page"
        self.send_response(200 if is_page else 404)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its name in the base class)
        return


@contextmanager
def application(port: int) -> Iterator[None]:
    """An application that knows /files and nothing of Boxship."""
    server = ThreadingHTTPServer(("127.0.0.1", port), _Application)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join(DEADLINE_S)
