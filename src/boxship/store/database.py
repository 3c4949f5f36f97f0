"""The SQLite file: its tables, how it is opened and made, and how its rows are read with their checksums.

Raises sqlite3.Error and DamageError; ``failures.py`` makes sentences of them.
"""

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from msgspec.structs import replace

from boxship.errors import StateError
from boxship.store.audit import link
from boxship.store.places import new_file
from boxship.store.records import (
    Content,
    DamageError,
    Heads,
    Link,
    OperationKey,
    TokenKey,
    checksum,
    decode,
    decode_state,
    encode,
    expect_whole,
)

APPLICATION_ID = 0x42587374
"""``BXst`` in the file's header: what ``file`` and we recognise it by."""
SCHEMA = 1
"""Of the tables. A change that the release before can't live with gets another number, and is refused by it."""
COPIED_OPERATIONS = 20
COPIED_AUDIT = 20

_MAGIC = b"SQLite format 3\0"
_HEADER_BYTES = 100
_APPLICATION_ID_AT = slice(68, 72)
_BUSY_S = 2.0
_CACHE_KIB = 512
"""SQLite keeps 2 MiB of pages unless told otherwise, and the audit fills them. What every save reads, all operations,
is some 400 KiB: with 256 a save takes 0.1 ms of CPU more, with 1024 no less (2026-11-29)."""
_WAL_PAGES = 100
"""The log is folded into the file after so many; it is read whole at each start."""

_TABLES = """
CREATE TABLE state (one INTEGER PRIMARY KEY, revision INTEGER, record BLOB, checksum TEXT);
CREATE TABLE heads (one INTEGER PRIMARY KEY, record BLOB, checksum TEXT);
CREATE TABLE operations (number INTEGER PRIMARY KEY, id TEXT UNIQUE, status TEXT, began_at REAL, record BLOB,
    checksum TEXT);
CREATE TABLE audit (number INTEGER PRIMARY KEY, record BLOB, digest TEXT);
CREATE TABLE tokens (id TEXT PRIMARY KEY, record BLOB, checksum TEXT) WITHOUT ROWID;
"""


def create(path: Path, content: Content) -> None:
    """A new file, with ``path`` a temporary name: it takes its own when it is whole. Raises: also OSError."""
    os.close(new_file(path))
    connection = _connect(path)
    try:
        connection.execute("PRAGMA journal_mode=MEMORY")  # a half file is never taken, so nothing need undo it
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("BEGIN IMMEDIATE")
        for statement in _TABLES.split(";"):
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version={SCHEMA}")
        _fill(connection, content)
        connection.execute("COMMIT")
    finally:
        connection.close()


def open_checked(path: Path) -> tuple[sqlite3.Connection, Content]:
    """A connection to a file that was read and found whole. Raises: StateError for tables of a newer release."""
    _expect_header(path)
    connection = _connect(path)
    try:
        # Alone in the file SQLite keeps the log's index in memory: one file less that a full disk could refuse.
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        connection.execute(f"PRAGMA cache_size={-_CACHE_KIB}")
        connection.execute("PRAGMA cell_size_check=ON")
        connection.execute("PRAGMA trusted_schema=OFF")
        _expect_schema(connection, path)
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA wal_autocheckpoint={_WAL_PAGES}")
        _expect_whole_tables(connection)
        content = read_content(connection)
        decode_state(content.state)
    except BaseException:
        connection.close()
        raise
    return connection, content


def read_content(connection: sqlite3.Connection) -> Content:
    """What the copy is made of. Raises: DamageError."""
    rows = connection.execute(
        "SELECT id, record, checksum FROM operations ORDER BY began_at DESC, number DESC LIMIT ?", (COPIED_OPERATIONS,)
    )
    operations = tuple(expect_whole("operations", *row) for row in rows)
    heads, audit = _newest_audit(connection, read_heads(connection))
    return Content(heads, read_state(connection)[1], operations, read_tokens(connection), audit)


def read_state(connection: sqlite3.Connection) -> tuple[int, bytes]:
    """Its revision and its record."""
    row = connection.execute("SELECT revision, record, checksum FROM state WHERE one = 1").fetchone()
    if row is None or not isinstance(row[0], int):
        raise DamageError("the state's row is gone")
    return row[0], expect_whole("state", str(row[0]), row[1], row[2])


def write_state(connection: sqlite3.Connection, revision: int, data: bytes) -> None:
    """In place of the one before."""
    row = (revision, data, checksum("state", str(revision), data))
    connection.execute("INSERT OR REPLACE INTO state (one, revision, record, checksum) VALUES (1, ?, ?, ?)", row)


def read_heads(connection: sqlite3.Connection) -> Heads:
    """How far everything is."""
    row = connection.execute("SELECT record, checksum FROM heads WHERE one = 1").fetchone()
    if row is None:
        raise DamageError("the row of heads is gone")
    return decode(expect_whole("heads", "", row[0], row[1]), Heads)


def write_heads(connection: sqlite3.Connection, heads: Heads) -> None:
    """In place of those before."""
    data = encode(heads)
    row = (data, checksum("heads", "", data))
    connection.execute("INSERT OR REPLACE INTO heads (one, record, checksum) VALUES (1, ?, ?)", row)


def read_tokens(connection: sqlite3.Connection) -> tuple[bytes, ...]:
    """All of them, by id."""
    rows = connection.execute("SELECT id, record, checksum FROM tokens ORDER BY id")
    return tuple(expect_whole("tokens", *row) for row in rows)


def write_token(connection: sqlite3.Connection, data: bytes) -> None:
    """In place of the one of the same id."""
    token_id = decode(data, TokenKey).id
    row = (token_id, data, checksum("tokens", token_id, data))
    connection.execute("INSERT OR REPLACE INTO tokens (id, record, checksum) VALUES (?, ?, ?)", row)


def write_link(connection: sqlite3.Connection, number: int, entry: Link) -> None:
    """The next entry of the audit."""
    connection.execute(
        "INSERT INTO audit (number, record, digest) VALUES (?, ?, ?)", (number, entry.text, entry.digest)
    )


def read_links(connection: sqlite3.Connection, after: int, limit: int = -1) -> Iterator[tuple[int, object, object]]:
    """Number, text and digest, both bytes in an entry that is whole, in the order of the numbers.

    Digests as bytes: one that was damaged need not be text any more, and the entries around it can still be shown.
    """
    return connection.execute(
        "SELECT number, record, CAST(digest AS BLOB) FROM audit WHERE number > ? ORDER BY number LIMIT ?",
        (after, limit),
    )


def write_operation(connection: sqlite3.Connection, data: bytes) -> None:
    """In place of the one of the same id; that keeps its number."""
    key = decode(data, OperationKey)
    connection.execute(
        "INSERT INTO operations (id, status, began_at, record, checksum) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO "
        "UPDATE SET status = excluded.status, began_at = excluded.began_at, record = excluded.record, "
        "checksum = excluded.checksum",
        (key.id, key.status, key.began_at.timestamp(), data, checksum("operations", key.id, data)),
    )


def _connect(path: Path) -> sqlite3.Connection:
    # Transactions are begun and ended in words; threads take turns by the store's own lock.
    return sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)


def _fill(connection: sqlite3.Connection, content: Content) -> None:
    write_state(connection, decode_state(content.state).revision, content.state)
    write_heads(connection, content.heads)
    for operation in reversed(content.operations):
        write_operation(connection, operation)
    for token in content.tokens:
        write_token(connection, token)
    for number, entry in enumerate(content.audit, content.heads.anchor_number + 1):
        write_link(connection, number, entry)


def _newest_audit(connection: sqlite3.Connection, heads: Heads) -> tuple[Heads, tuple[Link, ...]]:
    """The newest entries, with heads whose anchor is before them; none where their chain is broken."""
    anchor = max(heads.anchor_number, heads.audit_number - COPIED_AUDIT)
    digest = heads.anchor_digest
    if anchor > heads.anchor_number:
        row = next(read_links(connection, anchor - 1, 1), None)
        digest = row[2].decode(errors="replace") if row is not None and isinstance(row[2], bytes) else ""
    links, last = [], digest
    for _, text, its_digest in read_links(connection, anchor):
        if not isinstance(text, bytes) or link(last, text).encode() != its_digest:
            break
        last = link(last, text)
        links.append(Link(text, last))
    if last != heads.audit_digest:
        return replace(heads, anchor_number=heads.audit_number, anchor_digest=heads.audit_digest), ()
    return replace(heads, anchor_number=anchor, anchor_digest=digest), tuple(links)


def _expect_header(path: Path) -> None:
    """Before SQLite sees it: an empty file is a new database to it, and so is one cut to nothing."""
    with path.open("rb") as stream:
        header = stream.read(_HEADER_BYTES)
    if len(header) < _HEADER_BYTES:
        raise DamageError(f"it has only {len(header)} bytes")
    if not header.startswith(_MAGIC) or int.from_bytes(header[_APPLICATION_ID_AT], "big") != APPLICATION_ID:
        raise DamageError("it doesn't begin as a Loader's memory does")


def _expect_schema(connection: sqlite3.Connection, path: Path) -> None:
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    if found > SCHEMA:
        raise StateError(
            f"{path} was written by a newer Boxship (tables {found}, this one knows {SCHEMA})",
            hint="start the Loader of the newer release; nothing was changed",
        )
    if found < 1:
        raise DamageError("its tables have no number")


def _expect_whole_tables(connection: sqlite3.Connection) -> None:
    # More than quick_check: it also holds indexes to their tables. With 10,000 audit entries it takes 1 ms.
    answers = connection.execute("PRAGMA integrity_check(1)").fetchall()
    if answers != [("ok",)]:
        raise DamageError(f"SQLite says: {answers[0][0]}")
    # All columns are named once, here or by read_content: the texts that define tables are in no table's checksum.
    connection.execute("SELECT number, record, digest FROM audit LIMIT 0")
    connection.execute("SELECT number, status, began_at FROM operations LIMIT 0")
    for row in connection.execute("SELECT id, record, checksum FROM operations"):
        expect_whole("operations", *row)
