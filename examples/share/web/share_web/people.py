"""Users and their invitations, as the database keeps them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncCursor
from psycopg.errors import UniqueViolation
from psycopg.rows import RowMaker, class_row

from share_web.database import Pool
from share_web.invitations import VALID_FOR, Invitation, Kind, refusal
from share_web.tokens import fingerprint, new_token


@dataclass(frozen=True, slots=True)
class User:
    """An account; ``password`` is its sealed form."""

    id: UUID
    email: str
    password: str
    is_admin: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Pending:
    """An invitation that waits to be used."""

    id: UUID
    email: str
    expires_at: datetime


def _invitation_row(cursor: AsyncCursor[Invitation]) -> RowMaker[Invitation]:
    del cursor

    def make(values: Sequence[Any]) -> Invitation:
        kind, email, expires_at, used_at = values
        return Invitation(Kind(kind), email, expires_at, used_at)

    return make


class RegistrationError(Exception):
    """An account wasn't made; the message says why, to the person who tried."""


@dataclass(frozen=True, slots=True)
class People:
    """Accounts in PostgreSQL. Every method raises psycopg.Error when the database is away."""

    pool: Pool

    async def exist(self) -> bool:
        async with self.pool.connection() as db:
            found = await (await db.execute("SELECT 1 FROM users LIMIT 1")).fetchone()
        return found is not None

    async def by_id(self, user_id: UUID) -> User | None:
        async with self.pool.connection() as db, db.cursor(row_factory=class_row(User)) as cursor:
            await cursor.execute("SELECT id, email, password, is_admin, created_at FROM users WHERE id = %s", [user_id])
            return await cursor.fetchone()

    async def by_email(self, email: str) -> User | None:
        async with self.pool.connection() as db, db.cursor(row_factory=class_row(User)) as cursor:
            await cursor.execute(
                "SELECT id, email, password, is_admin, created_at FROM users WHERE email = %s", [email]
            )
            return await cursor.fetchone()

    async def everybody(self) -> list[User]:
        async with self.pool.connection() as db, db.cursor(row_factory=class_row(User)) as cursor:
            await cursor.execute("SELECT id, email, password, is_admin, created_at FROM users ORDER BY email")
            return await cursor.fetchall()

    async def set_password(self, user_id: UUID, sealed: str) -> None:
        async with self.pool.connection() as db:
            await db.execute("UPDATE users SET password = %s WHERE id = %s", [sealed, user_id])

    async def remove(self, user_id: UUID) -> list[UUID]:
        """Removes a member with all that they own; returns the files whose contents are now nobody's."""
        async with self.pool.connection() as db:
            rows = await (await db.execute("SELECT id FROM files WHERE owner_id = %s", [user_id])).fetchall()
            await db.execute("DELETE FROM users WHERE id = %s AND NOT is_admin", [user_id])
        return [row[0] for row in rows]

    async def pending(self) -> list[Pending]:
        async with self.pool.connection() as db, db.cursor(row_factory=class_row(Pending)) as cursor:
            await cursor.execute(
                "SELECT id, email, expires_at FROM invitations"
                " WHERE used_at IS NULL AND expires_at > now() ORDER BY email"
            )
            return await cursor.fetchall()

    async def withdraw(self, invitation_id: UUID) -> None:
        async with self.pool.connection() as db:
            await db.execute("DELETE FROM invitations WHERE id = %s AND used_at IS NULL", [invitation_id])

    async def invite(self, kind: Kind, email: str) -> str:
        """Makes a link's token; earlier unused ones for the address (or for the first user) stop working.

        Raises:
            RegistrationError: the address has an account, or the first user exists already.
        """
        token = new_token()
        async with self.pool.connection() as db:
            if kind is Kind.FIRST:
                taken = await (await db.execute("SELECT 1 FROM users LIMIT 1")).fetchone()
                problem = "there are users already; an administrator invites more on the People page"
            else:
                taken = await (await db.execute("SELECT 1 FROM users WHERE email = %s", [email])).fetchone()
                problem = f"{email} has an account already."
            if taken is not None:
                raise RegistrationError(problem)
            await db.execute(
                "DELETE FROM invitations WHERE used_at IS NULL AND (email = %s OR (%s = 'first' AND kind = 'first'))",
                [email, kind],
            )
            await db.execute(
                "INSERT INTO invitations (kind, email, fingerprint, expires_at) VALUES (%s, %s, %s, %s)",
                [kind, email, fingerprint(token), datetime.now(UTC) + VALID_FOR],
            )
        return token

    async def refusal(self, kind: Kind, email: str, token: str) -> str | None:
        """Why the link can't be used (now), or None; nothing is changed."""
        async with self.pool.connection() as db, db.cursor(row_factory=_invitation_row) as cursor:
            await cursor.execute(
                "SELECT kind, email, expires_at, used_at FROM invitations WHERE fingerprint = %s AND kind = %s",
                [fingerprint(token), kind],
            )
            invitation = await cursor.fetchone()
            users = await (await db.execute("SELECT 1 FROM users LIMIT 1")).fetchone()
        return refusal(invitation, email, datetime.now(UTC), has_users=users is not None)

    async def register(self, kind: Kind, email: str, token: str, sealed: str) -> User:
        """Uses the link up and makes its account, both or neither.

        Raises:
            RegistrationError: the link can't be used (any more).
        """
        try:
            async with self.pool.connection() as db, db.cursor(row_factory=_invitation_row) as cursor:
                # One registration at a time, so that "no users yet" stays true until the commit.
                await db.execute("SELECT pg_advisory_xact_lock(1)")
                await cursor.execute(
                    "SELECT kind, email, expires_at, used_at FROM invitations"
                    " WHERE fingerprint = %s AND kind = %s FOR UPDATE",
                    [fingerprint(token), kind],
                )
                invitation = await cursor.fetchone()
                users = await (await db.execute("SELECT 1 FROM users LIMIT 1")).fetchone()
                problem = refusal(invitation, email, datetime.now(UTC), has_users=users is not None)
                if problem is not None:
                    raise RegistrationError(problem)
                await db.execute("UPDATE invitations SET used_at = now() WHERE fingerprint = %s", [fingerprint(token)])
                async with db.cursor(row_factory=class_row(User)) as made:
                    await made.execute(
                        "INSERT INTO users (email, password, is_admin) VALUES (%s, %s, %s)"
                        " RETURNING id, email, password, is_admin, created_at",
                        [email, sealed, kind is Kind.FIRST],
                    )
                    user = await made.fetchone()
                if user is None:
                    raise RegistrationError("The account was not made. Try again.")
                return user
        except UniqueViolation as error:
            raise RegistrationError(f"{email} has an account already. Log in with it.") from error
