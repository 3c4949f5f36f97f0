"""Passes over volumes in a thread, beside the event loop: progress comes out, stopping goes in."""

import asyncio
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from msgspec.structs import replace

from boxship.clock import Clock
from boxship.errors import CancelledError
from boxship.host.volumes.doubts import STAMPING, Doubts
from boxship.host.volumes.faults import StoppedError, cannot
from boxship.host.volumes.folders import open_root
from boxship.host.volumes.kernel import Cloner, sync_file_system
from boxship.host.volumes.memory import Memory
from boxship.host.volumes.mirror import Mirror
from boxship.host.volumes.mounts import file_system_type
from boxship.host.volumes.passes import Manner, Tally
from boxship.host.volumes.room import measure
from boxship.state.operation import Progress

T = TypeVar("T")
_PUBLISH_EVERY_S = 0.1


class Worker:
    """Runs work that blocks in a thread. When the task that waits is cancelled, the work is stopped before it ends."""

    def __init__(self, cancel: threading.Event) -> None:
        self._cancel = cancel
        self._given_up = threading.Event()

    def check(self) -> None:
        """For the thread. Raises: StoppedError when it is to stop."""
        if self._cancel.is_set() or self._given_up.is_set():
            raise StoppedError

    async def run(self, work: Callable[[Callable[[], None]], T]) -> T:
        """What ``work`` returns, which is handed ``check``. Raises: CancelledError, and what ``work`` raises."""
        working = asyncio.ensure_future(asyncio.to_thread(work, self.check))
        try:
            return await asyncio.shield(working)
        except StoppedError:
            raise CancelledError(
                "copying the volumes was cancelled", hint="the half copy is not used; the volumes are as they were"
            ) from None
        finally:
            if not working.done():
                self._given_up.set()
                await asyncio.wait([working])
                working.exception()  # it is told that it was heard


class Meter:
    """Sums up what threads did and publishes it on the loop: not too often, never less than before."""

    def __init__(
        self, publish: Callable[[Progress], None], clock: Clock, total_bytes: int, *, total_items: int = 0
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._publish = publish
        self._clock = clock
        self._total_bytes = total_bytes
        self._total_items = total_items
        self._bytes = 0
        self._items = 0
        self._item = ""
        self._published_s = -_PUBLISH_EVERY_S

    def begin(self, item: str) -> None:
        """What is worked at from now on. For the loop."""
        self._item = item
        self._publish(self._progress())

    def add(self, count_bytes: int, count: int) -> None:
        """For a thread."""
        self._bytes += count_bytes
        self._items += count
        now_s = self._clock.monotonic_s()
        if now_s - self._published_s >= _PUBLISH_EVERY_S:
            self._published_s = now_s
            self._loop.call_soon_threadsafe(self._publish, self._progress())

    def _progress(self) -> Progress:
        # Files grow while they are copied, and are copied again: more than all isn't shown.
        done_bytes = min(self._bytes, self._total_bytes) if self._total_bytes else self._bytes
        done_items = min(self._items, self._total_items) if self._total_items else self._items
        return Progress(done_bytes, self._total_bytes, done_items, self._total_items, self._item)


class VolumeCopy:
    """One volume's copy over several passes: what is remembered, and what each pass did."""

    def __init__(self, source: Path, destination: Path) -> None:
        self._source = source
        self._destination = destination
        self.trusts_stamps = file_system_type(source) in STAMPING
        self.total_bytes = 0
        self.memory = Memory()
        self.cloner = Cloner()
        self.passes: list[tuple[Tally, float]] = []
        """With the seconds that each took."""

    def measure(self) -> int:
        """What it takes on disk, in bytes; for a thread. Raises: HostError."""
        self.total_bytes = measure(self._source).allocated_bytes
        return self.total_bytes

    async def make_pass(
        self, key: str, manner: Manner, doubts: Doubts, worker: Worker, meter: Meter, clock: Clock
    ) -> Tally:
        """Raises: HostError, CancelledError."""
        meter.begin(key)
        began_s = clock.monotonic_s()
        tally = await worker.run(lambda check: self._mirror(manner, doubts, meter, check))
        self.passes.append((tally, clock.monotonic_s() - began_s))
        return tally

    def _mirror(self, manner: Manner, doubts: Doubts, meter: Meter, check: Callable[[], None]) -> Tally:
        def watch(count_bytes: int, count: int) -> None:
            check()
            meter.add(count_bytes, count)

        total_bytes = 0 if self.passes else self.total_bytes
        manner = replace(manner, trusts_stamps=self.trusts_stamps, total_bytes=total_bytes)
        return Mirror(self._source, self._destination, self.memory, doubts, manner, self.cloner, watch).run()

    def device(self) -> int:
        """Tells the file systems of copies apart. Raises: HostError."""
        try:
            return self._destination.stat().st_dev
        except OSError as err:
            raise cannot("look at", str(self._destination), err) from err

    def sync(self) -> None:
        """Return when the copy's whole file system is on disk. Raises: HostError."""
        try:
            fd = open_root(self._destination)
            try:
                sync_file_system(fd)
            finally:
                os.close(fd)
        except OSError as err:
            raise cannot("write out", str(self._destination), err) from err
