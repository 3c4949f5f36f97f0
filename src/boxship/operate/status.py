"""``status``: ask everything, or show what was found a moment ago.

Whoever asks in a loop, and every monitor, gets the last answers while they are fresh, and of several at once only one
asks. What was found lies in a file of the user's, for each appliance and engine one; it is a convenience: where it
can't be kept or read, everything is asked anew.
"""

import asyncio
import contextlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from boxship.build.locks import acquire
from boxship.checks.host import ClockSeen
from boxship.checks.report import Report
from boxship.checks.run import Asked, Checker
from boxship.checks.tasks import WHOLE_DEADLINE_S
from boxship.clock import Clock
from boxship.hashing import blake2b
from boxship.host.filelock import FileLock

FRESH_S = 5.0
"""How old what was found may be, unless a person says otherwise."""
_FORMAT = 1
_MOST_BYTES = 8 * 1024 * 1024


class Kept(Struct, frozen=True):
    """What one look leaves behind. ``question`` tells what was asked: other questions have other answers."""

    format: int
    question: str
    report: Report
    clock: ClockSeen | None = None


async def find_status(
    asked: Asked,
    make_checker: Callable[[ClockSeen | None], Checker],
    clock: Clock,
    path: Path | None,
    fresh_s: float = FRESH_S,
) -> Report:
    """The report on all that is asked, at most ``fresh_s`` old.

    Args:
        asked: What is to be known.
        make_checker: Who finds it out, given the clock's last look.
        clock: When it is.
        path: Where it is kept between two looks; None: nowhere.
        fresh_s: 0 always asks.

    Raises: EngineUnreachableError when nobody answers on the engine's socket.
    """
    question = question_of(asked)
    began_s = clock.now().timestamp()
    if (kept := _fresh(path, question, clock, fresh_s)) is not None:
        return kept.report
    lock = await _locked(path)
    try:
        # Whoever held the lock has asked it for us as well, if that was not begun before.
        before = _read(path)
        now_s = clock.now().timestamp()
        if fresh_s and before is not None and before.question == question and began_s <= before.report.at_s <= now_s:
            return before.report
        checker = make_checker(before.clock if before is not None else None)
        report = await checker.check()
        _write(path, Kept(_FORMAT, question, report, checker.clock_seen))
    finally:
        if lock is not None:
            lock.release()
    return report


def status_path(appliance: str, engine: str, environ: Mapping[str, str]) -> Path | None:
    """In the user's state folder; None when there is neither that nor a home."""
    state, home = environ.get("XDG_STATE_HOME", ""), environ.get("HOME", "")
    if not state and not home:
        return None
    base = Path(state) if state else Path(home, ".local/state")
    where = blake2b(engine.encode(), digest_size=6).hexdigest()
    return base / "boxship" / "status" / f"{appliance}-{where}.json"


def question_of(asked: Asked) -> str:
    """A digest of everything that decides about the answers, except the world."""
    desired = asked.desired
    said = (
        [(service.name, service.scale, service.restart) for service in desired.services],
        desired.target,
        asked.checks,
        asked.host,
        asked.disk_limits,
        asked.version,
        asked.directory,
        sorted(asked.ignored),
        sorted(asked.services),
    )
    return blake2b(msgspec.json.encode(said, enc_hook=str), digest_size=16).hexdigest()


def _fresh(path: Path | None, question: str, clock: Clock, fresh_s: float) -> Kept | None:
    kept = _read(path) if fresh_s else None
    if kept is None or kept.question != question:
        return None
    # One from the future is the trace of a clock that was set back.
    age_s = clock.now().timestamp() - kept.report.at_s - kept.report.took_s
    return kept if 0 <= age_s <= fresh_s else None


def _read(path: Path | None) -> Kept | None:
    """What was kept, if it is whole, ours and of this format."""
    if path is None:
        return None
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            is_ours = os.fstat(descriptor).st_uid == os.geteuid()
            data = file.read(_MOST_BYTES) if is_ours else b""
        kept = msgspec.json.decode(data, type=Kept)
    except (OSError, msgspec.DecodeError):
        return None
    return kept if kept.format == _FORMAT else None


def _write(path: Path | None, kept: Kept) -> None:
    """Whole or not at all. A full disk is for the report to tell, not a reason to have none."""
    if path is None:
        return
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.encode(kept))
        draft.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            draft.unlink()


async def _locked(path: Path | None) -> FileLock | None:
    """A held lock, or None where none can be had within the time that asking everything may take."""
    if path is None:
        return None
    lock = FileLock(path.with_suffix(".lock"))
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        async with asyncio.timeout(WHOLE_DEADLINE_S + 10):
            await acquire(lock)
    except (OSError, TimeoutError):
        return None
    return lock
