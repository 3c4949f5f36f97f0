"""Who asks: the one place that looks at tokens and passwords, for the API and for the status page alike."""

import asyncio
import base64
import binascii
import math

from msgspec import Struct
from starlette.requests import Request

from boxship.clock import Clock
from boxship.errors import AccessError, TooManyTriesError, UnauthenticatedError
from boxship.loader.access import ADMIN, Tokens, allows
from boxship.serve.connection import Connection, connection_of
from boxship.serve.limiter import Limiter
from boxship.store.port import Token
from boxship.store.tokens import is_valid

_LONGEST_SECRET = 256
_LIST = "boxship box tokens list, on the box"


class Caller(Struct, frozen=True):
    """Whoever asked, for records, and what they may. ``token_id`` "": by the kernel's word, without any."""

    who: str
    scopes: tuple[str, ...]
    token_id: str = ""

    def require(self, scope: str) -> None:
        """Raises: AccessError."""
        if not allows(self.scopes, scope):
            raise AccessError(
                f"{self.who} has no scope '{scope}'", hint="on the box: boxship box tokens create --scope"
            )


class Gate:
    """``limiter`` is shared by all doors of a box, so that nobody tries at each of them."""

    def __init__(self, tokens: Tokens, clock: Clock, limiter: Limiter) -> None:
        self._tokens = tokens
        self._clock = clock
        self._limiter = limiter

    async def caller(self, request: Request) -> Caller:
        """By a bearer token, or trusted by the kernel's word. Raises: UnauthenticatedError, TooManyTriesError.

        A password is not taken: browsers send those by themselves, also for a page of somebody else.
        """
        connection = connection_of(request.scope)
        scheme, _, presented = request.headers.get("authorization", "").partition(" ")
        if not scheme and connection.is_trusted:
            return Caller("root" if connection.uid == 0 else f"uid {connection.uid}", (ADMIN,))
        if scheme.lower() != "bearer" or not presented.strip():
            raise UnauthenticatedError(
                "this needs a token", hint="Authorization: Bearer TOKEN; on the box: boxship box tokens create NAME"
            )
        return await self.recognise(connection, presented.strip())

    async def looker(self, request: Request) -> Caller:
        """By the password of HTTP basic, for pages that change nothing. Raises as ``caller`` does."""
        connection = connection_of(request.scope)
        scheme, _, presented = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic" and presented:
            return await self.recognise(connection, _password(presented))
        return await self.caller(request)

    async def holder(self, token_id: str) -> Caller:
        """Whoever was recognised by that token before, if it is valid still. Raises: UnauthenticatedError."""
        for token in await asyncio.to_thread(self._tokens.tokens):
            if token.id == token_id and is_valid(token, self._clock.now()):
                return _caller(token)
        raise UnauthenticatedError("the token is not valid any more", hint=_LIST)

    async def recognise(self, connection: Connection, secret: str) -> Caller:
        """By the secret of a token. Raises: UnauthenticatedError, TooManyTriesError."""
        now_s = self._clock.monotonic_s()
        wait_s = self._limiter.wait_s(connection.peer, now_s)
        if wait_s > 0:
            raise TooManyTriesError(f"too many wrong tokens from {connection.peer}", retry_after_s=math.ceil(wait_s))
        token = None
        if 0 < len(secret) <= _LONGEST_SECRET:
            token = await asyncio.to_thread(self._tokens.recognise, secret)
        if token is None:
            self._limiter.failed(connection.peer, now_s)
            raise UnauthenticatedError("this token is not known here, or not any more", hint=_LIST)
        self._limiter.succeeded(connection.peer)
        return _caller(token)


def _caller(token: Token) -> Caller:
    who = f"service {token.service}, token" if token.service else "token"
    return Caller(f"{who} {token.name} ({token.id})", token.scopes, token.id)


def _password(presented: str) -> str:
    """Of HTTP basic; the user's name doesn't matter, as a password is a token. "" for what is none."""
    try:
        text = base64.b64decode(presented.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
    return text.partition(":")[2]
