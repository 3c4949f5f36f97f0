"""Who has signed in with a browser. They are kept in memory only: with the Loader's end all of them end.

A session is a right to use a token, not the token: it ends with the token, and the browser never gets that back.
"""

import hashlib
import secrets
from collections import OrderedDict

from msgspec import Struct
from msgspec.structs import replace

from boxship.clock import Clock

IDLE_S = 15 * 60.0
LONGEST_S = 8 * 3600.0
_MOST = 64
_RANDOM_BYTES = 32


class Session(Struct, frozen=True):
    """``proof`` stands in each form of its pages: a page of somebody else can't know it. Times are monotonic."""

    token_id: str
    proof: str
    began_s: float
    used_s: float


class Sessions:
    """A bounded number of them; the one that was idle for longest is forgotten first."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: OrderedDict[str, Session] = OrderedDict()

    def begin(self, token_id: str) -> str:
        """Returns: what the browser shows from now on."""
        secret, now_s = secrets.token_urlsafe(_RANDOM_BYTES), self._clock.monotonic_s()
        self._kept[_key(secret)] = Session(token_id, secrets.token_urlsafe(_RANDOM_BYTES), now_s, now_s)
        if len(self._kept) > _MOST:
            self._kept.popitem(last=False)
        return secret

    def find(self, secret: str) -> Session | None:
        """The one that is shown, unless it is over; it is used with that."""
        key, now_s = _key(secret), self._clock.monotonic_s()
        found = self._kept.pop(key, None)
        if found is None or now_s - found.used_s >= IDLE_S or now_s - found.began_s >= LONGEST_S:
            return None
        found = self._kept[key] = replace(found, used_s=now_s)
        return found

    def end(self, secret: str) -> None:
        self._kept.pop(_key(secret), None)


def _key(secret: str) -> str:
    """Looked up by its hash, so that how long that takes says nothing about what is right in it."""
    return hashlib.sha256(secret.encode(errors="surrogateescape")).hexdigest()
