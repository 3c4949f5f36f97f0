"""What the Loader keeps on disk, as a port. Contract tests hold the file and the fake in memory to it.

All calls are short and block: whoever must not wait hands them to a thread.
"""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple, Protocol

from msgspec import Struct

from boxship.errors import ConflictError
from boxship.state.operation import Operation
from boxship.state.state import State


class Loaded(NamedTuple):
    """The state as it was kept. ``warning``: what was wrong with the file, and what was taken instead; or ""."""

    state: State
    warning: str = ""


class AuditEntry(Struct, frozen=True):
    """One thing that somebody asked for. ``digest`` chains it: sha256 over the one before and this one's own text."""

    number: int
    at: datetime
    who: str
    action: str
    subject: str = ""
    outcome: str = ""
    digest: str = ""


class AuditChain(Struct, frozen=True):
    """What is kept of the audit: the entries after ``dropped`` up to ``newest``, and whether they are what was written.

    A digest that was noted elsewhere is one of ``dropped``, of an entry or of ``newest`` as long as it is kept.
    """

    dropped: int
    """The number of the newest entry that gave way to later ones; 0: none has."""
    dropped_digest: str
    newest: int
    newest_digest: str
    since: datetime | None = None
    """When the oldest entry that is kept was written; None: there is none, or it can't be read."""
    first_wrong: int = 0
    """The number of the first entry that was changed, is missing, or stands after such a one; 0: the chain holds."""


class Token(Struct, frozen=True):
    """Who may ask for what. The secret itself is kept nowhere: ``secret_hash`` is what it is recognised by.

    ``scopes``: words such as ``admin``, ``read``, ``logs:web``. ``expires_at`` None: never.
    """

    id: str
    name: str
    secret_hash: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    service: str = ""
    """The service it was made for, "" for a person's."""


class Limits(NamedTuple):
    """How much is kept. Operations that run, and tokens that are valid, are never dropped."""

    operations: int = 500
    audit: int = 10_000
    """Usually 2.5 MiB of the file, never more than 40; ``AuditChain`` tells how the rest is proved."""
    tokens: int = 500


class Store(Protocol):
    """One box's memory."""

    def load(self) -> Loaded:
        """The last state, or an empty one for a new box. Raises: StateError when nothing that is kept can be read."""

    def save(self, state: State, operations: Collection[Operation] = ()) -> State:
        """Write both or nothing; the state returned has the next revision.

        Raises: ConflictError when ``state.revision`` is not that of the state kept.
        """

    def put_operation(self, operation: Operation) -> None:
        """Write one record; an older one of the same id is replaced."""

    def operation(self, operation_id: str) -> Operation | None:
        """One record; None when there is none of that id."""

    def operations(self, limit: int = 100) -> tuple[Operation, ...]:
        """The newest first."""

    def append_audit(self, at: datetime, who: str, action: str, subject: str = "", outcome: str = "") -> AuditEntry:
        """Add the next link of the chain. The oldest entries beyond a bound are dropped, the rest stays verifiable."""

    def audit(self, after: int = 0, limit: int = 100) -> tuple[AuditEntry, ...]:
        """Entries with a greater number than ``after``, oldest first."""

    def verify_audit(self) -> AuditChain:
        """Follow the digests from the newest entry that was dropped to the newest of all."""

    def put_token(self, token: Token) -> None:
        """Write one token; an older one of the same id is replaced.

        Raises: ConflictError when there are too many, and none of them was revoked or has expired.
        """

    def tokens(self) -> tuple[Token, ...]:
        """All of them, revoked ones too, the oldest first."""

    def trouble(self) -> str:
        """What is wrong with keeping, although it goes on: a sentence, "" for nothing."""

    def close(self) -> None:
        """Give up the file. Repeating is safe; any other call afterwards is a BugError."""


def conflict_of_revisions(kept: int, got: int) -> ConflictError:
    """The error of a save on top of what isn't kept any more."""
    return ConflictError(
        f"the state is at revision {kept}, and what was to be saved was made from revision {got}",
        hint="load it again, and decide again",
    )


def too_many_tokens(limit: int) -> ConflictError:
    """The error of a token too many."""
    return ConflictError(f"{limit} tokens are in use, and more are not kept", hint="revoke one that nobody needs")
