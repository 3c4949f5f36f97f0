"""The memory of a box in one SQLite file; ``opening.py`` opens it."""

import sqlite3
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from msgspec.structs import replace

from boxship.state.operation import Operation, OperationStatus
from boxship.state.state import State
from boxship.store.audit import link, text_of
from boxship.store.database import (
    read_content,
    read_heads,
    read_links,
    read_state,
    read_tokens,
    write_heads,
    write_link,
    write_operation,
    write_state,
    write_token,
)
from boxship.store.failures import telling
from boxship.store.holder import Holder
from boxship.store.places import Places
from boxship.store.port import AuditChain, AuditEntry, Limits, Loaded, Token, conflict_of_revisions, too_many_tokens
from boxship.store.records import Heads, Link, TokenKey, decode, decode_known, decode_state, encode, expect_whole
from boxship.store.state_copy import write_copy

_UNREADABLE = AuditEntry(0, datetime.fromtimestamp(0, UTC), "?", "(unreadable)")


class SqliteStore:
    """Implements ``Store``. Threads take turns."""

    def __init__(
        self,
        places: Places,
        connection: sqlite3.Connection,
        holder: Holder,
        limits: Limits,
        copied: object,
        warning: str,
    ) -> None:
        """``copied``: the content of the copy, if there is one."""
        self._places = places
        self._connection = connection
        self._holder = holder
        self._limits = limits
        self._warning = warning
        self._trouble = ""
        self._turn = threading.Lock()
        with self._asking():
            if copied != read_content(connection):
                self._follow()

    def load(self) -> Loaded:
        with self._asking() as connection:
            return Loaded(decode_state(read_state(connection)[1]), self._warning)

    def save(self, state: State, operations: Collection[Operation] = ()) -> State:
        saved = replace(state, revision=state.revision + 1)
        with self._asking() as connection:
            with _transaction(connection):
                kept = read_state(connection)[0]
                if kept != state.revision:
                    raise conflict_of_revisions(kept, state.revision)
                write_state(connection, saved.revision, encode(saved))
                for operation in operations:
                    self._put_operation(operation)
                self._count()
            self._follow()
        return saved

    def put_operation(self, operation: Operation) -> None:
        with self._asking() as connection, _transaction(connection):
            self._put_operation(operation)

    def operation(self, operation_id: str) -> Operation | None:
        with self._asking() as connection:
            row = connection.execute(
                "SELECT id, record, checksum FROM operations WHERE id = ?", (operation_id,)
            ).fetchone()
            return None if row is None else decode_known(expect_whole("operations", *row), Operation)

    def operations(self, limit: int = 100) -> tuple[Operation, ...]:
        with self._asking() as connection:
            rows = connection.execute(
                "SELECT id, record, checksum FROM operations ORDER BY began_at DESC, number DESC LIMIT ?", (limit,)
            ).fetchall()
            found = (decode_known(expect_whole("operations", *row), Operation) for row in rows)
            return tuple(operation for operation in found if operation is not None)

    def append_audit(self, at: datetime, who: str, action: str, subject: str = "", outcome: str = "") -> AuditEntry:
        with self._asking() as connection:
            with _transaction(connection):
                entry = self._append(AuditEntry(0, at, who, action, subject, outcome))
                self._count()
            self._follow()
        return entry

    def audit(self, after: int = 0, limit: int = 100) -> tuple[AuditEntry, ...]:
        with self._asking() as connection:
            return tuple(_entry(*row) for row in read_links(connection, after, limit))

    def verify_audit(self) -> AuditChain:
        with self._asking() as connection:
            heads = read_heads(connection)
            oldest = next((_entry(*row) for row in read_links(connection, heads.anchor_number, 1)), _UNREADABLE)
            return AuditChain(
                dropped=heads.anchor_number,
                dropped_digest=heads.anchor_digest,
                newest=heads.audit_number,
                newest_digest=heads.audit_digest,
                since=None if oldest.at == _UNREADABLE.at else oldest.at,
                first_wrong=_first_wrong(connection, heads),
            )

    def put_token(self, token: Token) -> None:
        with self._asking() as connection:
            with _transaction(connection):
                self._make_room_for(token)
                write_token(connection, encode(token))
                self._count()
            self._follow()

    def tokens(self) -> tuple[Token, ...]:
        with self._asking() as connection:
            found = (decode_known(data, Token) for data in read_tokens(connection))
            return tuple(sorted((token for token in found if token is not None), key=lambda token: token.created_at))

    def trouble(self) -> str:
        return self._trouble

    def close(self) -> None:
        with self._turn:
            with telling(self._places.path):
                self._connection.close()
            self._holder.release()

    @contextmanager
    def _asking(self) -> Iterator[sqlite3.Connection]:
        with self._turn, telling(self._places.path):
            yield self._connection

    def _count(self) -> None:
        """Inside a transaction: one more write that the copy has to follow."""
        heads = read_heads(self._connection)
        write_heads(self._connection, replace(heads, serial=heads.serial + 1))

    def _follow(self) -> None:
        """Bring the copy up to date, after the commit: it is never ahead of the file.

        The change was made, so what hinders the copy is no failure of it: it is told as trouble.
        """
        try:
            write_copy(self._places.copy, read_content(self._connection))
            self._trouble = ""
        except OSError as err:
            self._trouble = (
                f"the copy {self._places.copy} can't be written ({err.strerror}): "
                "should the file be damaged now, the latest changes would be lost"
            )

    def _append(self, entry: AuditEntry) -> AuditEntry:
        heads = read_heads(self._connection)
        entry = replace(entry, number=heads.audit_number + 1)
        text = text_of(entry)
        entry = replace(entry, digest=link(heads.audit_digest, text))
        write_link(self._connection, entry.number, Link(text, entry.digest))
        heads = replace(heads, audit_number=entry.number, audit_digest=entry.digest)
        oldest_gone = entry.number - self._limits.audit
        if oldest_gone > heads.anchor_number:
            heads = replace(heads, anchor_number=oldest_gone, anchor_digest=_digest_of(self._connection, oldest_gone))
            self._connection.execute("DELETE FROM audit WHERE number <= ?", (oldest_gone,))
        write_heads(self._connection, heads)
        return entry

    def _put_operation(self, operation: Operation) -> None:
        write_operation(self._connection, encode(operation))
        # Those that run stay, however old: somebody will end them.
        self._connection.execute(
            "DELETE FROM operations WHERE status != ? AND number IN (SELECT number FROM operations "
            "ORDER BY began_at DESC, number DESC LIMIT -1 OFFSET ?)",
            (OperationStatus.RUNNING, self._limits.operations),
        )

    def _make_room_for(self, token: Token) -> None:
        known = [decode(data, TokenKey) for data in read_tokens(self._connection)]
        if len(known) < self._limits.tokens or any(other.id == token.id for other in known):
            return
        over = [
            other
            for other in known
            if other.revoked_at is not None or (other.expires_at is not None and other.expires_at <= token.created_at)
        ]
        if not over:
            raise too_many_tokens(self._limits.tokens)
        oldest = min(over, key=lambda other: other.created_at)
        self._connection.execute("DELETE FROM tokens WHERE id = ?", (oldest.id,))


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # SQLite has taken some failures back already
            connection.execute("ROLLBACK")
        raise


def _first_wrong(connection: sqlite3.Connection, heads: Heads) -> int:
    number, digest = heads.anchor_number, heads.anchor_digest
    for found, text, its_digest in read_links(connection, 0):
        number += 1
        if found != number or not isinstance(text, bytes):
            return number
        digest = link(digest, text)
        if its_digest != digest.encode():
            return number
    # What was cut off at the end leaves no gap.
    return 0 if (number, digest) == (heads.audit_number, heads.audit_digest) else number + 1


def _digest_of(connection: sqlite3.Connection, number: int) -> str:
    row = connection.execute("SELECT digest FROM audit WHERE number = ?", (number,)).fetchone()
    return "" if row is None else str(row[0])


def _entry(number: int, text: object, digest: object) -> AuditEntry:
    """One that can't be read still stands in its place: verify_audit tells which."""
    entry = decode_known(text, AuditEntry) if isinstance(text, bytes) else None
    shown = digest.decode(errors="replace") if isinstance(digest, bytes) else ""
    return replace(_UNREADABLE if entry is None else entry, number=number, digest=shown)
