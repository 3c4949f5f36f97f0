"""One that changes an appliance at a time: two plans made from the same snapshot would undo each other's steps.

The lock is a file of this user on this machine, so it ends with its holder, however that ends. It keeps apart two
terminals, or a terminal and a job, not two machines that share one engine.
"""

import asyncio
import contextlib
import json
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from boxship.build.locks import acquire
from boxship.errors import CancelledError
from boxship.events import Event, Notice
from boxship.execute.race import race
from boxship.host.filelock import FileLock
from boxship.operate.errand import Errand, lock_path, unusable


@asynccontextmanager
async def alone(
    errand: Errand,
    publish: Callable[[Event], None],
    interrupt: asyncio.Event,
    environ: Mapping[str, str] = os.environ,
) -> AsyncIterator[None]:
    """Inside, nobody else of this user changes the appliance; whoever does is told of and waited for.

    Where no lock can be kept, that is told, and nobody is waited for.

    Raises: CancelledError when ``interrupt`` is set while waiting.
    """
    path = lock_path(errand, environ)
    if reason := unusable(path):
        text = f"{path.parent} can't hold a lock ({reason}): nothing keeps another boxship from interfering"
        publish(Notice(text, is_warning=True))
        yield
        return
    with FileLock(path) as lock:
        if not lock.try_acquire():
            publish(Notice(f"{_holder(path)} works on {errand.appliance}: waiting until it has ended (^C gives up)"))
            async with race(acquire(lock), interrupt.wait()) as (acquiring, _):
                if not acquiring.done():
                    raise CancelledError(
                        f"gave up waiting for {_holder(path)}", hint=f"{errand.appliance} is unchanged"
                    )
                await acquiring
        _sign(path, errand)
        yield


def _sign(path: Path, errand: Errand) -> None:
    """Leave a word for who comes next. On a full disk it only knows that somebody is there."""
    with contextlib.suppress(OSError):
        path.write_text(json.dumps({"pid": os.getpid(), "verb": errand.verb, "since": time.time()}))


def _holder(path: Path) -> str:
    try:
        said = json.loads(path.read_text())
        return f"boxship {said['verb']} (pid {said['pid']}, for {max(0.0, time.time() - said['since']):.0f} s)"
    except (OSError, ValueError, KeyError, TypeError):
        return "another boxship"
