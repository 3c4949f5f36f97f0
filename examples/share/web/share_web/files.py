"""Files and their share links, as the database keeps them; contents are the store's."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from share_web.database import Pool


@dataclass(frozen=True, slots=True)
class File:
    """An uploaded file. ``state``: waiting (the worker hasn't seen it), ready or failed; ``problem`` says why."""

    id: UUID
    owner_id: UUID
    name: str
    size_bytes: int
    state: str
    sha256: str | None
    has_thumbnail: bool
    problem: str | None
    created_at: datetime
    links: int


@dataclass(frozen=True, slots=True)
class Share:
    """A link that gives one file to whoever has it; ``expires_at`` None: until it is revoked."""

    id: UUID
    file_id: UUID
    expires_at: datetime | None
    downloads: int
    created_at: datetime


_FILE = """
    SELECT files.id, owner_id, name, size_bytes, state, sha256, has_thumbnail, problem, files.created_at,
           (SELECT count(*) FROM shares
            WHERE file_id = files.id AND (expires_at IS NULL OR expires_at > now())) AS links
    FROM files
"""
_SHARE = "SELECT id, file_id, expires_at, downloads, created_at FROM shares"


@dataclass(frozen=True, slots=True)
class Files:
    """Files in PostgreSQL. Every method raises psycopg.Error when the database is away."""

    pool: Pool

    async def of(self, owner_id: UUID) -> list[File]:
        """The owner's files, newest first."""
        async with self.pool.connection() as db, db.cursor(row_factory=class_row(File)) as cursor:
            await cursor.execute(_FILE + "WHERE owner_id = %s ORDER BY files.created_at DESC, id", [owner_id])
            return await cursor.fetchall()

    async def one_of(self, owner_id: UUID, file_id: UUID) -> File | None:
        """The file, when it is the owner's."""
        async with self.pool.connection() as db, db.cursor(row_factory=class_row(File)) as cursor:
            await cursor.execute(_FILE + "WHERE owner_id = %s AND files.id = %s", [owner_id, file_id])
            return await cursor.fetchone()

    async def add(self, file_id: UUID, owner_id: UUID, name: str, size_bytes: int) -> None:
        async with self.pool.connection() as db:
            await db.execute(
                "INSERT INTO files (id, owner_id, name, size_bytes) VALUES (%s, %s, %s, %s)",
                [file_id, owner_id, name, size_bytes],
            )

    async def remove(self, owner_id: UUID, file_id: UUID) -> None:
        async with self.pool.connection() as db:
            await db.execute("DELETE FROM files WHERE owner_id = %s AND id = %s", [owner_id, file_id])

    async def known(self) -> set[UUID]:
        """Every file's id, for finding contents that belong to none."""
        async with self.pool.connection() as db:
            rows = await (await db.execute("SELECT id FROM files")).fetchall()
        return {row[0] for row in rows}

    async def share(self, share_id: UUID, file_id: UUID, fingerprint: str, expires_at: datetime | None) -> None:
        async with self.pool.connection() as db:
            await db.execute(
                "INSERT INTO shares (id, file_id, fingerprint, expires_at) VALUES (%s, %s, %s, %s)",
                [share_id, file_id, fingerprint, expires_at],
            )

    async def shares_of(self, file_id: UUID) -> list[Share]:
        """The links that work, newest first."""
        async with self.pool.connection() as db, db.cursor(row_factory=class_row(Share)) as cursor:
            await cursor.execute(
                _SHARE + " WHERE file_id = %s AND (expires_at IS NULL OR expires_at > now()) ORDER BY created_at DESC",
                [file_id],
            )
            return await cursor.fetchall()

    async def revoke(self, owner_id: UUID, share_id: UUID) -> UUID | None:
        """Ends a link of the owner's; returns its file, or None when there was none."""
        async with self.pool.connection() as db:
            row = await (
                await db.execute(
                    "DELETE FROM shares USING files WHERE shares.id = %s AND files.id = file_id AND owner_id = %s"
                    " RETURNING file_id",
                    [share_id, owner_id],
                )
            ).fetchone()
        return None if row is None else row[0]

    async def shared(self, fingerprint: str) -> tuple[File, Share] | None:
        """What a link's token leads to while it works."""
        async with self.pool.connection() as db:
            async with db.cursor(row_factory=class_row(Share)) as cursor:
                await cursor.execute(
                    _SHARE + " WHERE fingerprint = %s AND (expires_at IS NULL OR expires_at > now())", [fingerprint]
                )
                share = await cursor.fetchone()
            if share is None:
                return None
            async with db.cursor(row_factory=class_row(File)) as cursor:
                await cursor.execute(_FILE + "WHERE files.id = %s", [share.file_id])
                file = await cursor.fetchone()
        return None if file is None else (file, share)

    async def count_download(self, share_id: UUID) -> None:
        async with self.pool.connection() as db:
            await db.execute("UPDATE shares SET downloads = downloads + 1 WHERE id = %s", [share_id])
