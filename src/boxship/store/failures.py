"""What SQLite and the file system complain about, as sentences."""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from boxship.errors import BoxshipError, BugError, HostError, StateError
from boxship.store.records import DamageError

DAMAGED_HINT = "restart the Loader: it takes the copy of the state, and says so"
_FULL_HINT = "make room on that disk; what was kept before is still there"
_READ_ONLY_HINT = "is the disk broken, or mounted read-only? see dmesg and mount"
_DENIED_HINT = "the Loader needs a folder that it owns"

_UNREADABLE = (sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_SHORT_READ, sqlite3.SQLITE_IOERR_CORRUPTFS)
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_SCHEMA)
_HOST = {
    sqlite3.SQLITE_FULL: ("no space left on the disk", _FULL_HINT),
    sqlite3.SQLITE_READONLY: ("it is read-only", _READ_ONLY_HINT),
    sqlite3.SQLITE_PERM: ("permission denied", _DENIED_HINT),
    sqlite3.SQLITE_CANTOPEN: ("it can't be opened", _DENIED_HINT),
    sqlite3.SQLITE_BUSY: ("another program has it open", "close what reads it; the Loader needs it for itself"),
    sqlite3.SQLITE_IOERR: ("the disk failed", _READ_ONLY_HINT),
}
_ERRNO_HINTS = {
    errno.ENOSPC: _FULL_HINT,
    errno.EDQUOT: _FULL_HINT,
    errno.EROFS: _READ_ONLY_HINT,
    errno.EIO: _READ_ONLY_HINT,
    errno.EACCES: _DENIED_HINT,
    errno.EPERM: _DENIED_HINT,
}


def is_damage(err: sqlite3.Error | UnicodeDecodeError) -> bool:
    """Whether the file is at fault, not the disk's space or who may write."""
    if isinstance(err, UnicodeDecodeError):  # by SQLite's own message, when it quotes a table's damaged text
        return True
    code = _code(err)
    if code == 0:  # the module's own: text that isn't UTF-8, but not a call that we made wrongly
        return not isinstance(err, sqlite3.ProgrammingError | sqlite3.InterfaceError)
    return code in _UNREADABLE or code & 0xFF in _DAMAGE


def told(err: sqlite3.Error | OSError, path: Path) -> BoxshipError:
    """The error for people."""
    if isinstance(err, OSError):
        at = err.filename or path
        return HostError(f"{at}: {err.strerror or err}", hint=_ERRNO_HINTS.get(err.errno or 0, ""))
    if is_damage(err):
        return StateError(f"{path} is damaged: {err}", hint=DAMAGED_HINT)
    code = _code(err) & 0xFF
    if code in _HOST:
        why, hint = _HOST[code]
        return HostError(f"{path} can't be read or written: {why} ({err})", hint=hint)
    return BugError(f"{path}: {err}")


@contextmanager
def telling(path: Path) -> Iterator[None]:
    """Inside, complaints become errors for people. Raises: HostError, StateError, BugError."""
    try:
        yield
    except (DamageError, UnicodeDecodeError) as err:
        raise StateError(f"{path} is damaged: {err}", hint=DAMAGED_HINT) from err
    except (sqlite3.Error, OSError) as err:
        raise told(err, path) from err


def _code(err: sqlite3.Error) -> int:
    code: object = getattr(err, "sqlite_errorcode", 0)
    return code if isinstance(code, int) else 0
