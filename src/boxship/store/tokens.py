"""Secrets that programs show at the API: how they are made, and recognised without being kept.

A plain SHA-256 is enough for them: 256 random bits can't be guessed, however fast a guess is tried. A slow hash
protects what people choose, which has few; here it would only make every request slow.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import NamedTuple

from boxship.errors import UsageError
from boxship.store.port import Token

PREFIX = "bxs_"
"""By this people, and programs that look for leaked secrets, know one when they see it."""
ADMIN = "admin"
"""The scope that holds all others."""

_RANDOM_BYTES = 32
_ID_BYTES = 6
_SCOPE = re.compile(r"[a-z][a-z0-9-]{0,31}(:[A-Za-z0-9][A-Za-z0-9._-]{0,127})?")


class NewToken(NamedTuple):
    """``secret`` is shown once, and kept nowhere."""

    token: Token
    secret: str

    def __repr__(self) -> str:
        return f"NewToken(token={self.token!r}, secret='****')"


def make_token(
    name: str, scopes: Iterable[str], now: datetime, *, expires_at: datetime | None = None, service: str = ""
) -> NewToken:
    """Raises: UsageError for a scope that is none, for no scopes at all, and for an end before the beginning."""
    wanted = tuple(sorted(set(scopes)))
    for scope in wanted:
        if not _SCOPE.fullmatch(scope):
            raise UsageError(f"'{scope}' is not a scope", hint="a word such as read, or a word and a service: logs:web")
    if not wanted:
        raise UsageError(f"token '{name}' has no scopes, so it could do nothing")
    if expires_at is not None and expires_at <= now:
        raise UsageError(f"token '{name}' would have expired at {expires_at:%Y-%m-%d %H:%M} UTC already")
    secret = PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
    token = Token(secrets.token_hex(_ID_BYTES), name, hash_of(secret), wanted, now, expires_at, service=service)
    return NewToken(token, secret)


def hash_of(secret: str) -> str:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode(errors="surrogateescape")).hexdigest()


def recognise(tokens: Collection[Token], presented: str, now: datetime) -> Token | None:
    """The valid token of that secret. Takes as long for a wrong secret as for a right one, whichever token it is of."""
    presented_hash = hash_of(presented)
    found: Token | None = None
    for token in tokens:
        if hmac.compare_digest(token.secret_hash.encode(), presented_hash.encode()):
            found = token
    return found if found is not None and is_valid(found, now) else None


def is_valid(token: Token, now: datetime) -> bool:
    """Neither revoked nor expired."""
    return token.revoked_at is None and (token.expires_at is None or now < token.expires_at)


def allows(token: Token, scope: str) -> bool:
    """Whether it may do what needs that scope; ``logs`` holds every ``logs:<service>``."""
    return not {ADMIN, scope, scope.partition(":")[0]}.isdisjoint(token.scopes)
