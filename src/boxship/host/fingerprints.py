"""Fingerprints of the content of secrets and configs, by which a plan sees that it changed without knowing it.

A fingerprint ends up in a container's label, and labels end up in logs and support archives. So it is a keyed hash:
without this machine's key, which no label holds, nobody can try out passwords on it. Another machine has another key,
and recreates what it finds once.
"""

import contextlib
import os
import stat
from collections.abc import Mapping
from pathlib import Path

from msgspec.structs import replace

from boxship.errors import HostError
from boxship.hashing import blake2b
from boxship.spec.model import Appliance
from boxship.spec.model_files import SharedFile

KEY_BYTES = 32
_DIGEST_BYTES = 12
_READ_BYTES = 1024 * 1024


def fingerprinted(appliance: Appliance, environ: Mapping[str, str] = os.environ) -> Appliance:
    """The appliance with a fingerprint for the content of every secret and config that is there.

    Raises: HostError when this machine's key can be neither read nor made.
    """
    if not appliance.secrets and not appliance.configs:
        return appliance
    key = _read_key(_key_path(environ))
    return replace(
        appliance,
        secrets={name: _with_fingerprint(shared, key) for name, shared in appliance.secrets.items()},
        configs={name: _with_fingerprint(shared, key) for name, shared in appliance.configs.items()},
    )


def _with_fingerprint(shared: SharedFile, key: bytes) -> SharedFile:
    digest = blake2b(key=key, digest_size=_DIGEST_BYTES)
    if shared.value is not None:
        digest.update(shared.value.reveal().encode("utf-8", "surrogateescape"))
    elif shared.file is None or not _add_file(digest, shared.file):
        return shared
    return replace(shared, fingerprint=digest.hexdigest())


def _add_file(digest: blake2b, path: str) -> bool:
    """Whether it is a regular file that can be read; what else may be mounted has no content of its own."""
    try:
        # A FIFO must not block.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return False
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return False
    with os.fdopen(descriptor, "rb") as file:
        while data := file.read(_READ_BYTES):
            digest.update(data)
    return True


def _key_path(environ: Mapping[str, str]) -> Path:
    state = environ.get("XDG_STATE_HOME", "")
    home = environ.get("HOME", "")
    base = Path(state) if state else Path(home, ".local/state") if home else Path("/var/lib")
    return base / "boxship" / "fingerprint.key"


def _read_key(path: Path) -> bytes:
    try:
        if not path.exists():
            _make_key(path)
        key = path.read_bytes()
    except OSError as err:
        raise HostError(
            f"the key for fingerprints of secrets, {path}, can't be read or made: {err.strerror}",
            hint="let XDG_STATE_HOME name a folder that can be written",
        ) from err
    if len(key) != KEY_BYTES:
        raise HostError(f"{path} is no key of {KEY_BYTES} bytes", hint="remove it; the next run makes another one")
    return key


def _make_key(path: Path) -> None:
    """Whole or not at all, and the first of several that do it at once wins."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(os.urandom(KEY_BYTES))
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(draft)
    finally:
        draft.unlink()
