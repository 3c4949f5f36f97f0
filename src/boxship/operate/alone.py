"""One that changes an appliance at a time: two plans made from the same snapshot would undo each other's steps.

The lock is a file of this user on this machine, so it ends with its holder, however that ends. It keeps apart two
terminals, or a terminal and a job, not two machines that share one engine.
"""

import asyncio
import contextlib
import hashlib
import json
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from msgspec import Struct

from boxship.build.locks import FileLock, acquire
from boxship.errors import CancelledError
from boxship.events import Event, Notice
from boxship.execute.race import race


class Errand(Struct, frozen=True):
    """What is to be done: a verb on one appliance of the engine at ``engine`` (its address)."""

    verb: str
    appliance: str
    engine: str


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
    if reason := _unusable(path):
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


def lock_path(errand: Errand, environ: Mapping[str, str]) -> Path:
    """In the user's runtime folder, else in a folder of the user's own beside other temporary files."""
    runtime = environ.get("XDG_RUNTIME_DIR")
    folder = Path(runtime, "boxship") if runtime else Path(environ.get("TMPDIR") or "/tmp", f"boxship-{os.getuid()}")  # noqa: S108  # its owner is looked at
    engine = hashlib.blake2b(errand.engine.encode(), digest_size=6).hexdigest()
    return folder / f"{errand.appliance}-{engine}.lock"


def ready_path(errand: Errand, environ: Mapping[str, str]) -> Path:
    """Beside the lock: what ``operate.status`` remembers of the last ``up``."""
    return lock_path(errand, environ).with_suffix(".ready")


def _unusable(path: Path) -> str:
    """Why no lock can be kept there, or "". A full disk must not keep anybody from stopping an appliance."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        is_ours = path.parent.stat().st_uid == os.getuid()
    except OSError as err:
        return err.strerror or str(err)
    return "" if is_ours else "it belongs to somebody else"


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
