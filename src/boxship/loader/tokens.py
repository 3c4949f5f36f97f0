"""Who may ask this box for what: the tokens of its store, behind the port that the doors ask."""

import os
from collections.abc import Collection
from datetime import datetime
from pathlib import Path

from msgspec.structs import replace

from boxship.clock import Clock
from boxship.errors import HostError, NotFoundError
from boxship.loader.access import MONITORING, STATUS, Issued, check_new_token
from boxship.store.port import Store, Token
from boxship.store.tokens import make_token, recognise


class StoreTokens:
    """Implements ``Tokens``."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def recognise(self, presented: str) -> Token | None:
        return recognise(self._store.tokens(), presented, self._clock.now())

    def tokens(self) -> tuple[Token, ...]:
        return self._store.tokens()

    def issue(
        self, name: str, scopes: Collection[str], *, expires_at: datetime | None = None, service: str = ""
    ) -> Issued:
        check_new_token(name, scopes)
        made = make_token(name, tuple(scopes), self._clock.now(), expires_at=expires_at, service=service)
        self._store.put_token(made.token)
        return Issued(made.token, made.secret)

    def revoke(self, token_id: str) -> Token:
        token = next((each for each in self._store.tokens() if each.id == token_id), None)
        if token is None:
            raise NotFoundError(f"no token '{token_id}' on this box", hint="boxship box tokens lists them")
        if token.revoked_at is None:
            token = replace(token, revoked_at=self._clock.now())
            self._store.put_token(token)
        return token


def make_monitoring_password(tokens: StoreTokens, path: Path) -> None:
    """A box has one from its first start, in a file that only root may read. One that was revoked stays so.

    Raises: HostError when the file can't be written; then there is no password yet.
    """
    if any(each.name == MONITORING for each in tokens.tokens()):
        return
    issued = tokens.issue(MONITORING, [STATUS])
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "w") as file:
            file.write(f"{issued.secret}\n")
    except OSError as err:
        tokens.revoke(issued.token.id)
        raise HostError(f"cannot write {path}: {(err.strerror or str(err)).lower()}") from err
