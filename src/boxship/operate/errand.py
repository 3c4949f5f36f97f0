"""Who may change an appliance now: the lock's place, and whether anybody holds it."""

import os
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from boxship.engine.address import find_address
from boxship.hashing import blake2b
from boxship.host.filelock import FileLock


class Errand(Struct, frozen=True):
    """What is to be done: a verb on one appliance of the engine at ``engine`` (its address)."""

    verb: str
    appliance: str
    engine: str


def lock_path(errand: Errand, environ: Mapping[str, str]) -> Path:
    """In the user's runtime folder, else in a folder of the user's own beside other temporary files."""
    runtime = environ.get("XDG_RUNTIME_DIR")
    folder = Path(runtime, "boxship") if runtime else Path(environ.get("TMPDIR") or "/tmp", f"boxship-{os.getuid()}")  # noqa: S108  # its owner is looked at
    engine = blake2b(errand.engine.encode(), digest_size=6).hexdigest()
    return folder / f"{errand.appliance}-{engine}.lock"


def unusable(path: Path) -> str:
    """Why no lock can be kept there, or "". A full disk must not keep anybody from stopping an appliance."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        is_ours = path.parent.stat().st_uid == os.getuid()
    except OSError as err:
        return err.strerror or str(err)
    return "" if is_ours else "it belongs to somebody else"


def errand_of(verb: str, name: str, environ: Mapping[str, str] = os.environ) -> Errand:
    """A verb on one appliance of this environment's engine. Raises: UsageError for an address that isn't one."""
    return Errand(verb, name, str(find_address(None, environ)))


def ready_path(errand: Errand, environ: Mapping[str, str]) -> Path:
    """Beside the lock: what ``operate.doubts`` remembers of the last ``up``."""
    return lock_path(errand, environ).with_suffix(".ready")


def is_anybody_at_it(errand: Errand, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether somebody of this user changes the appliance just now."""
    path = lock_path(errand, environ)
    if unusable(path):
        return False
    with FileLock(path) as lock:
        return not lock.try_acquire()
