"""Who may ask a box for what: scopes, decided without looking anywhere, and the port to those who know tokens.

Scopes are words: ``admin`` may do everything, ``read`` may see everything but tokens and audit, ``status`` may ask
how the box is, ``logs:web`` may read the logs of the service web, ``heartbeat:web`` may say that web is at work.
"""

import re
from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple, Protocol

from boxship.errors import UsageError
from boxship.names import SERVICE_PATTERN
from boxship.store.port import AuditChain, AuditEntry, Token

ADMIN = "admin"
READ = "read"
STATUS = "status"
LOGS = "logs"
HEARTBEAT = "heartbeat"
MONITORING = "monitoring"
"""The name of the token that monitors and the status page use."""
_SCOPES = "admin, read, status, logs:SERVICE or heartbeat:SERVICE"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._@-]{0,63}")


class Issued(NamedTuple):
    """A new token and its secret, which is told this once."""

    token: Token
    secret: str


class Tokens(Protocol):
    """Short calls that block; whoever must not wait hands them to a thread."""

    def recognise(self, presented: str) -> Token | None:
        """The valid token that this is the secret of, found in constant time; None: unknown, expired or revoked."""

    def tokens(self) -> tuple[Token, ...]:
        """All of them, revoked ones too."""

    def issue(
        self, name: str, scopes: Collection[str], *, expires_at: datetime | None = None, service: str = ""
    ) -> Issued:
        """Make one with a random secret."""

    def revoke(self, token_id: str) -> Token:
        """From now on it is unknown; revoking again changes nothing. Raises: NotFoundError."""


class Journal(Protocol):
    """Where it is written who asked for what; a ``Store`` is one. The calls block."""

    def append_audit(self, at: datetime, who: str, action: str, subject: str = "", outcome: str = "") -> AuditEntry:
        """Add an entry."""

    def audit(self, after: int = 0, limit: int = 100) -> tuple[AuditEntry, ...]:
        """Entries with a greater number than ``after``, oldest first."""

    def verify_audit(self) -> AuditChain:
        """How far back it reaches, and whether it is what was written."""


def allows(scopes: Collection[str], wanted: str) -> bool:
    """Whether one of ``scopes`` covers ``wanted``, which is a scope; "" is covered by any token."""
    if ADMIN in scopes or not wanted or wanted in scopes:
        return True
    return READ in scopes and wanted != ADMIN and not wanted.startswith(f"{HEARTBEAT}:")


def check_new_token(name: str, scopes: Collection[str]) -> None:
    """Raises: UsageError for what can't be a name or a scope."""
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"'{name[:64]}' can't be a token's name", hint="up to 64 letters, digits, blanks, dots, dashes and @"
        )
    if not scopes:
        raise UsageError("a token needs a scope", hint=_SCOPES)
    for scope in scopes:
        if not _is_scope(scope):
            raise UsageError(f"'{scope[:64]}' is not a scope", hint=_SCOPES)


def _is_scope(scope: str) -> bool:
    kind, colon, service = scope.partition(":")
    if colon:
        return kind in (LOGS, HEARTBEAT) and SERVICE_PATTERN.fullmatch(service) is not None
    return scope in (ADMIN, READ, STATUS)
