"""Bytes between the event loop and a thread that reads or writes files: bounded, and over when either side is."""

import asyncio
import io
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from concurrent.futures import CancelledError as FutureCancelledError
from concurrent.futures import Future
from typing import Any, BinaryIO, Generic, TypeVar, cast

T = TypeVar("T")
_CHUNKS = 4
_BUFFER_BYTES = 128 * 1024


class _Line:
    """A thread's way to ask something of the loop and wait for it; cut, it raises at once and for ever."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._asking: Future[Any] | None = None
        self._is_cut = False

    def ask(self, work: Coroutine[Any, Any, T]) -> T:
        """Raises: BrokenPipeError when nobody is on the other side any more."""
        with self._lock:
            if self._is_cut:
                work.close()
                raise BrokenPipeError
            asking = self._asking = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            answer: T = asking.result()
        except FutureCancelledError as err:
            raise BrokenPipeError from err
        return answer

    def cut(self) -> None:
        with self._lock:
            self._is_cut = True
            if self._asking is not None:
                self._asking.cancel()


class _Reader(io.RawIOBase):
    def __init__(self, chunks: AsyncIterator[bytes], line: _Line) -> None:
        super().__init__()
        self._chunks = chunks
        self._line = line
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            chunk = self._line.ask(_next(self._chunks))
            if chunk is None:
                return 0
            self._rest = chunk
        count = min(len(buffer), len(self._rest))
        buffer[:count], self._rest = self._rest[:count], self._rest[count:]
        return count


async def _next(chunks: AsyncIterator[bytes]) -> bytes | None:
    return await anext(chunks, None)


class _Writer(io.RawIOBase):
    def __init__(self, queue: "asyncio.Queue[bytes]", line: _Line) -> None:
        super().__init__()
        self._queue = queue
        self._line = line
        self._is_over = False

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        # Told once: tarfile writes its last block when it is collected, and could only complain to nobody.
        if not self._is_over:
            try:
                self._line.ask(self._queue.put(bytes(data)))
            except BrokenPipeError:
                self._is_over = True
                raise
        return len(data)


async def feed_thread(chunks: AsyncIterator[bytes], work: Callable[[BinaryIO], T]) -> T:
    """What ``work`` makes of the chunks in a thread. It has ended when this has, whatever happens."""
    line = _Line()
    reader = io.BufferedReader(_Reader(chunks, line), _BUFFER_BYTES)
    working = asyncio.ensure_future(asyncio.to_thread(work, reader))
    try:
        return await asyncio.shield(working)
    finally:
        line.cut()
        await asyncio.wait([working])


class ThreadStream(Generic[T]):
    """Chunks that ``work`` writes in a thread; ``result`` is what it returned, None before its end."""

    def __init__(self, work: Callable[[BinaryIO], T]) -> None:
        self._work = work
        self.result: T | None = None

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Raises: what ``work`` raises. The thread has ended when this has, whatever happens."""
        line = _Line()
        queue: asyncio.Queue[bytes] = asyncio.Queue(_CHUNKS)
        writer = cast("BinaryIO", _Writer(queue, line))
        working = asyncio.ensure_future(asyncio.to_thread(self._work, writer))
        getting: asyncio.Future[bytes] = asyncio.ensure_future(queue.get())
        try:
            while not (working.done() and queue.empty() and not getting.done()):
                waits: set[asyncio.Future[Any]] = {working, getting}
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
                if getting.done():
                    yield getting.result()
                    getting = asyncio.ensure_future(queue.get())
                elif working.done():
                    # What it put last may be on its way from the queue to us.
                    await asyncio.sleep(0)
            self.result = working.result()
        finally:
            getting.cancel()
            line.cut()
            await asyncio.wait([working])
