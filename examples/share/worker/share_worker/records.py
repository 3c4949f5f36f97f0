"""The worker's columns of the files table."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

import psycopg
from psycopg.conninfo import make_conninfo


@dataclass(frozen=True, slots=True)
class Record:
    """A file that waits to be looked at."""

    id: UUID
    name: str
    size_bytes: int


@dataclass(slots=True)
class Records:
    """One connection, made again when it broke. Every method raises psycopg.Error when the database is away."""

    conninfo: str
    password: str
    _connection: psycopg.Connection | None = field(default=None, repr=False)

    def ping(self) -> None:
        with self._open() as db:
            db.execute("SELECT count(*) FROM (SELECT id FROM files LIMIT 1) AS one")

    def waiting(self, file_id: UUID) -> Record | None:
        """The file, unless it was deleted or is done."""
        with self._open() as db:
            row = db.execute(
                "SELECT id, name, size_bytes FROM files WHERE id = %s AND state = 'waiting'", [file_id]
            ).fetchone()
        return None if row is None else Record(*row)

    def forgotten(self, older_than: timedelta) -> list[UUID]:
        """Files that have waited so long that their job must have been lost."""
        with self._open() as db:
            rows = db.execute(
                "SELECT id FROM files WHERE state = 'waiting' AND created_at < now() - %s"
                " ORDER BY created_at LIMIT 100",
                [older_than],
            ).fetchall()
        return [row[0] for row in rows]

    def mark_ready(self, file_id: UUID, sha256: str, *, has_thumbnail: bool) -> None:
        with self._open() as db:
            db.execute(
                "UPDATE files SET state = 'ready', sha256 = %s, has_thumbnail = %s, problem = NULL WHERE id = %s",
                [sha256, has_thumbnail, file_id],
            )

    def mark_failed(self, file_id: UUID, problem: str) -> None:
        with self._open() as db:
            db.execute("UPDATE files SET state = 'failed', problem = %s WHERE id = %s", [problem, file_id])

    @contextmanager
    def _open(self) -> Iterator[psycopg.Connection]:
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(
                make_conninfo(
                    self.conninfo,
                    password=self.password,
                    connect_timeout=3,
                    application_name="share-worker",
                    # A dead peer is noticed in seconds, not in the kernel's quarter of an hour.
                    tcp_user_timeout=10_000,
                ),
                autocommit=True,
            )
        try:
            yield self._connection
        except psycopg.OperationalError:
            self._connection.close()
            raise
