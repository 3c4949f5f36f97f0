"""Files that change, as they change. Only ``watch`` imports this: watchdog costs 15 ms of CPU."""

import asyncio
from collections.abc import AsyncGenerator, Collection
from pathlib import Path

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

from boxship.errors import HostError
from boxship.execute.race import race

_QUIET_S = 0.1
"""Changes that follow each other within this time belong together: an editor's save, a checkout."""
_AT_MOST_S = 2.0
"""However long they go on."""
_READING = frozenset({"opened", "closed_no_write"})


async def changed_paths(paths: Collection[str], stop: asyncio.Event) -> AsyncGenerator[frozenset[str], None]:
    """What changed below the paths, batch by batch, until ``stop``; an empty batch first, once they are watched.

    Raises: HostError when the kernel watches no more.
    """
    queue: asyncio.Queue[str] = asyncio.Queue()
    observer: BaseObserver = Observer()
    listener = _Listener(asyncio.get_running_loop(), queue)
    try:
        await asyncio.to_thread(_begin, observer, listener, paths)
        yield frozenset()
        while not stop.is_set():
            async with race(queue.get(), stop.wait()) as (first, _):
                if not first.done():
                    return
                batch = await _batch(await first, queue)
            yield batch
    finally:
        observer.stop()
        if observer.is_alive():
            await asyncio.to_thread(observer.join)


def _begin(observer: BaseObserver, listener: "_Listener", paths: Collection[str]) -> None:
    try:
        for folder, is_recursive in _folders(paths).items():
            observer.schedule(listener, folder, recursive=is_recursive)
        # What happens from here on is heard: the kernel is asked before this returns.
        observer.start()
    except OSError as err:
        raise HostError(
            f"the files can't be watched: {err.strerror or err}",
            hint="if it is a limit: sysctl -w fs.inotify.max_user_watches=524288 fs.inotify.max_user_instances=1024",
        ) from err


def _folders(paths: Collection[str]) -> dict[str, bool]:
    """Folder -> with all below. A file is watched by its folder: editors put another one in its place."""
    whole = {path for path in paths if Path(path).is_dir()}
    whole -= {path for path in whole if any(str(parent) in whole for parent in Path(path).parents)}
    alone = {str(Path(path).parent) for path in paths if not Path(path).is_dir()}
    alone -= {path for path in alone if path in whole or any(str(parent) in whole for parent in Path(path).parents)}
    return dict.fromkeys(sorted(whole), True) | dict.fromkeys(sorted(alone), False)


async def _batch(first: str, queue: "asyncio.Queue[str]") -> frozenset[str]:
    """All until nothing more comes for a moment."""
    found = {first}
    loop = asyncio.get_running_loop()
    end_s = loop.time() + _AT_MOST_S
    try:
        while (left_s := end_s - loop.time()) > 0:
            async with asyncio.timeout(min(_QUIET_S, left_s)):
                found.add(await queue.get())
    except TimeoutError:
        pass
    return frozenset(found)


class _Listener(FileSystemEventHandler):
    """Hears in a thread of the observer's."""

    def __init__(self, loop: asyncio.AbstractEventLoop, queue: "asyncio.Queue[str]") -> None:
        self._loop = loop
        self._queue = queue

    def on_any_event(self, event: FileSystemEvent) -> None:
        # A folder's own change is told by what changed in it.
        if event.event_type in _READING or (event.is_directory and event.event_type == "modified"):
            return
        for path in (event.src_path, event.dest_path):
            if path:
                text = path if isinstance(path, str) else path.decode(errors="surrogateescape")
                self._loop.call_soon_threadsafe(self._queue.put_nowait, text)
