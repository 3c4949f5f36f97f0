"""Who may ask this box for what: the tokens of its store, behind the port that the doors ask."""

from collections.abc import Collection
from datetime import datetime

from msgspec.structs import replace

from boxship.clock import Clock
from boxship.errors import NotFoundError
from boxship.loader.access import Issued, check_new_token
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
