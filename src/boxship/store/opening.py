"""Open a box's memory: take the file when it is whole, its copy when it isn't, and never begin anew unasked."""

import sqlite3
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from boxship.clock import Clock
from boxship.errors import StateError
from boxship.state.state import State
from boxship.store.database import create, open_checked
from boxship.store.failures import is_damage, telling
from boxship.store.holder import Holder
from boxship.store.places import Places
from boxship.store.port import Limits
from boxship.store.records import Content, DamageError, Heads, decode_state, encode
from boxship.store.sqlite import SqliteStore
from boxship.store.state_copy import read_copy

_LOST_HINT = (
    "put the folder back from a backup; or, to begin as a new box, move all of it away: volumes stay, "
    "but which release and which of them were current is lost"
)
_EMPTY = Content(Heads(), encode(State()), (), (), ())


class _Opened(NamedTuple):
    connection: sqlite3.Connection
    content: Content


class _Damaged(NamedTuple):
    why: str


class _Absent(NamedTuple):
    pass


def open_store(path: Path, clock: Clock, limits: Limits | None = None) -> SqliteStore:
    """The memory in ``path`` (``.../state.db``), made when neither it nor its copy is there.

    Raises: ConflictError when another Loader holds it; StateError when neither can be read, or a newer Boxship wrote
    it, with both left as they are; HostError for a disk that is full, read-only or denied.
    """
    places = Places(path)
    with telling(path):
        places.prepare()
        holder = Holder.take(places.lock)
        try:
            copy = _look_at_copy(places)
            connection, warning = _open(places, copy, clock.now())
            return SqliteStore(places, connection, holder, limits or Limits(), copy, warning)
        except BaseException:
            holder.release()
            raise


def _open(places: Places, copy: Content | _Damaged | _Absent, now: datetime) -> tuple[sqlite3.Connection, str]:
    found = _look_at_file(places, copy)
    match found, copy:
        case _Opened(connection, _), _Damaged(why):
            return connection, f"the copy {places.copy} was damaged ({why}); it is written anew"
        case _Opened(connection, _), _:
            return connection, ""
        case _Absent(), _Absent():
            create(places.new, _EMPTY)
            places.publish()
            return open_checked(places.path)[0], ""
        case _, Content():
            return _restore(places, copy, found, now)
        case _:
            raise StateError(f"{places.path} {_wrong(found)}, and its copy {_wrong(copy)}", hint=_LOST_HINT)


def _look_at_copy(places: Places) -> Content | _Damaged | _Absent:
    try:
        return read_copy(places.copy) or _Absent()
    except DamageError as err:
        return _Damaged(str(err))
    except OSError as err:
        return _Damaged(err.strerror or str(err))


def _look_at_file(places: Places, copy: Content | _Damaged | _Absent) -> _Opened | _Damaged | _Absent:
    if not places.path.exists():
        return _Damaged("only its log is there") if places.wal.exists() else _Absent()
    try:
        opened = _Opened(*open_checked(places.path))
    except DamageError as err:
        return _Damaged(str(err))
    except (sqlite3.Error, UnicodeDecodeError) as err:
        if not is_damage(err):
            raise
        return _Damaged(f"SQLite says: {err}")
    why = _disagreement(opened.content, copy) if isinstance(copy, Content) else ""
    if why:
        opened.connection.close()
        return _Damaged(why)
    return opened


def _disagreement(content: Content, copy: Content) -> str:
    """What is wrong with a file that is whole in itself, "" when nothing is.

    A log that broke in the middle leaves an older state, well-formed and wrong: the copy was written after the commit,
    so it is never ahead.
    """
    if content.heads.serial < copy.heads.serial:
        return "what was written last is missing"
    is_same = (content.state, content.tokens) == (copy.state, copy.tokens)
    if content.heads.serial == copy.heads.serial and not is_same:
        return "it differs from its copy, which has a checksum over all"
    return ""


def _restore(
    places: Places, copy: Content, found: _Opened | _Damaged | _Absent, now: datetime
) -> tuple[sqlite3.Connection, str]:
    create(places.new, copy)
    aside = places.set_aside(now)
    places.publish()
    kept = f", and was set aside as {aside.name}" if aside.exists() else ""
    return open_checked(places.path)[0], (
        f"{places.path} {_wrong(found)}{kept}; its copy was taken, with the state of revision "
        f"{decode_state(copy.state).revision}: what is older of the operations and the audit isn't in it"
    )


def _wrong(what: object) -> str:
    match what:
        case _Damaged(why):
            return f"is damaged ({why})"
        case _:
            return "is gone"
