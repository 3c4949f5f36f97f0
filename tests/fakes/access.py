"""Tokens, a journal and a machine for a box's doors, in memory."""

import hashlib
import hmac
from collections.abc import Collection
from datetime import datetime

from msgspec.structs import replace

from boxship.clock import Clock
from boxship.errors import NotFoundError, StateError, UnsupportedError
from boxship.loader.access import Issued
from boxship.loader.power import HostView
from boxship.store.port import AuditChain, AuditEntry, Token


class FakeTokens:
    """Implements ``Tokens``."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tokens: dict[str, Token] = {}
        self.looked_at = 0

    def recognise(self, presented: str) -> Token | None:
        self.looked_at += 1
        now, presented_hash = self._clock.now(), _hash(presented)
        for token in self._tokens.values():
            is_valid = token.revoked_at is None and (token.expires_at is None or token.expires_at > now)
            if hmac.compare_digest(token.secret_hash, presented_hash) and is_valid:
                return token
        return None

    def tokens(self) -> tuple[Token, ...]:
        return tuple(self._tokens.values())

    def issue(
        self, name: str, scopes: Collection[str], *, expires_at: datetime | None = None, service: str = ""
    ) -> Issued:
        number = len(self._tokens) + 1
        secret = f"secret-{number}-of-{name}"
        token = Token(f"t{number}", name, _hash(secret), tuple(scopes), self._clock.now(), expires_at, None, service)
        self._tokens[token.id] = token
        return Issued(token, secret)

    def revoke(self, token_id: str) -> Token:
        if token_id not in self._tokens:
            raise NotFoundError(f"no token '{token_id}'")
        token = self._tokens[token_id]
        if token.revoked_at is None:
            token = self._tokens[token_id] = replace(token, revoked_at=self._clock.now())
        return token


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


class FakeJournal:
    """Implements ``Journal``. ``is_full``: the disk is. ``first_wrong``: the entry that somebody changed."""

    def __init__(self) -> None:
        self.entries: list[AuditEntry] = []
        self.is_full = False
        self.first_wrong = 0

    def append_audit(self, at: datetime, who: str, action: str, subject: str = "", outcome: str = "") -> AuditEntry:
        if self.is_full:
            raise StateError("the disk is full")
        entry = AuditEntry(len(self.entries) + 1, at, who, action, subject, outcome)
        self.entries.append(entry)
        return entry

    def audit(self, after: int = 0, limit: int = 100) -> tuple[AuditEntry, ...]:
        return tuple(entry for entry in self.entries if entry.number > after)[:limit]

    def verify_audit(self) -> AuditChain:
        return AuditChain(0, "", len(self.entries), "", self.entries[0].at if self.entries else None, self.first_wrong)


class FakePower:
    """Implements ``HostPower``; ``can`` says what."""

    def __init__(self, *can: str) -> None:
        self.can = can
        self.done: list[str] = []

    async def look(self) -> HostView:
        return HostView("box", "Debian 12", "6.1", "20.10.24", "0.1.0", 0.0, 2, 2**31, ("192.0.2.7",), self.can)

    async def reboot(self) -> None:
        self._do("reboot")

    async def shut_down(self) -> None:
        self._do("shutdown")

    async def update_os(self) -> None:
        self._do("update")

    def _do(self, what: str) -> None:
        if what not in self.can:
            raise UnsupportedError(f"this box can't {what} its machine")
        self.done.append(what)
