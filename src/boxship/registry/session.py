"""Connections to one registry: the scheme it speaks, the login it wants, and every failure as a sentence.

Source: OCI distribution specification 1.1; Docker Registry "Token Authentication" and "OAuth2".
"""

import base64
import contextlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import NamedTuple

import httpx
import msgspec

from boxship.errors import RegistryError
from boxship.logins import Login, Logins
from boxship.registry.address import RegistryAddress
from boxship.registry.challenge import Challenge, parse_challenge
from boxship.registry.failures import refused, speaks_no_tls, told
from boxship.registry.trust import Trust, make_context

CONNECT_S, IDLE_S = 10.0, 60.0
"""Until a connection stands; until the next byte."""
ANSWER_BYTES = 8 * 1024 * 1024
_CLIENT_ID = "boxship"


class Answer(NamedTuple):
    """A whole answer that said yes."""

    status: int
    headers: httpx.Headers
    body: bytes


class _Token(msgspec.Struct, frozen=True):
    token: str = ""
    access_token: str = ""


class Session:
    """One registry's. It logs in when it is asked to, with what ``docker login`` left."""

    def __init__(self, address: RegistryAddress, logins: Logins, trust: Trust, *, idle_s: float = IDLE_S) -> None:
        self.address = address
        self._logins = logins
        self._may_be_plain = address.is_loopback or address.host in trust.insecure
        timeout = httpx.Timeout(idle_s, connect=min(CONNECT_S, idle_s))
        self._client = httpx.AsyncClient(
            verify=make_context(trust, address.host),
            timeout=timeout,
            headers={"User-Agent": _CLIENT_ID, "Accept-Encoding": "identity"},
            follow_redirects=True,
            max_redirects=5,
            trust_env=not address.is_loopback,  # a proxy can't reach this host's own loopback
        )
        self._base = ""
        self._authorization = ""

    async def call(
        self, method: str, path: str, what: str, *, headers: Mapping[str, str] | None = None, content: bytes = b""
    ) -> Answer:
        """A whole small answer. Raises: NotFoundError; RegistryError."""
        async with self.stream(method, path, what, headers=headers, content=content) as response:
            body = b""
            with told(what, self.address.host):
                async for chunk in response.aiter_raw():
                    body += chunk
                    if len(body) > ANSWER_BYTES:
                        raise RegistryError(f"cannot {what}: the answer is longer than {ANSWER_BYTES} bytes")
            return Answer(response.status_code, response.headers, body)

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        path: str,
        what: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | AsyncIterator[bytes] = b"",
    ) -> AsyncIterator[httpx.Response]:
        """An answer that said yes, its body unread. ``path`` may be a whole URL, as uploads are given one.

        A body that is a stream can't be sent twice, so such a call must come after others that have logged in.
        """
        response = await self._send(method, path, what, headers or {}, content)
        try:
            if response.status_code == httpx.codes.UNAUTHORIZED and isinstance(content, bytes):
                await response.aclose()
                await self._log_in(response, what)
                response = await self._send(method, path, what, headers or {}, content)
            if response.status_code >= 400:
                raise refused(what, self.address.host, response.status_code, await _short_body(response))
            yield response
        finally:
            await response.aclose()

    async def close(self) -> None:
        await self._client.aclose()

    async def _send(
        self, method: str, path: str, what: str, headers: Mapping[str, str], content: bytes | AsyncIterator[bytes]
    ) -> httpx.Response:
        url = httpx.URL(await self._find_base(what)).join(path)
        more = {"Authorization": self._authorization} if self._authorization and self._is_ours(url) else {}
        with told(what, self.address.host):
            request = self._client.build_request(method, url, headers={**headers, **more}, content=content or None)
            return await self._client.send(request, stream=True)

    def _is_ours(self, url: httpx.URL) -> bool:
        """A login goes to the registry itself alone; where it lets uploads go elsewhere, their URL holds a right."""
        base = httpx.URL(self._base)
        return (url.scheme, url.netloc) == (base.scheme, base.netloc)

    async def _find_base(self, what: str) -> str:
        """TLS, and plain HTTP only where that is allowed and nothing else is spoken."""
        if self._base:
            return self._base
        base = f"https://{self.address.host}/v2/"
        if self._may_be_plain:
            with told(what, self.address.host):
                try:
                    await self._client.get(base)
                except httpx.TransportError as err:
                    if not speaks_no_tls(err):
                        raise
                    base = f"http://{self.address.host}/v2/"
        self._base = base
        return base

    async def _log_in(self, response: httpx.Response, what: str) -> None:
        """Learn what to send as Authorization. Raises: RegistryError when there is nothing to send."""
        challenge = parse_challenge(response.headers.get("www-authenticate", ""))
        login = await self._logins.at(self.address.login_name)
        if challenge is not None and challenge.scheme == "bearer":
            self._authorization = f"Bearer {await self._ask_token(challenge, login, what)}"
        elif challenge is not None and challenge.scheme == "basic" and login is not None:
            self._authorization = _basic(login)
        else:
            host = self.address.host
            raise RegistryError(f"cannot {what}: {host} wants a login", hint=f"docker login {host}", status=401)

    async def _ask_token(self, challenge: Challenge, login: Login | None, what: str) -> str:
        realm = httpx.URL(challenge.realm)
        if realm.scheme != "https" and not self._base.startswith("http:"):
            raise RegistryError(f"cannot {what}: {self.address.host} wants the login to be sent without TLS")
        asked = {"service": challenge.service, "scope": challenge.scope}
        asked = {key: value for key, value in asked.items() if value}
        with told(what, realm.host or self.address.host):
            if login is not None and login.identity_token:
                secret = {"grant_type": "refresh_token", "refresh_token": login.identity_token, "client_id": _CLIENT_ID}
                answer = await self._client.post(realm, data={**asked, **secret})
            else:
                sent = {} if login is None else {"Authorization": _basic(login)}
                answer = await self._client.get(realm.copy_merge_params(asked), headers=sent)
        if answer.status_code >= 400:
            raise refused(what, realm.host, answer.status_code, answer.content[:ANSWER_BYTES])
        try:
            found = msgspec.json.decode(answer.content, type=_Token)
        except (msgspec.DecodeError, msgspec.ValidationError) as err:
            raise RegistryError(f"cannot {what}: {realm.host} gave no token") from err
        return found.token or found.access_token


def _basic(login: Login) -> str:
    return "Basic " + base64.b64encode(f"{login.username}:{login.password}".encode()).decode()


async def _short_body(response: httpx.Response) -> bytes:
    """As much of a refusal as came: docker-registry 2.8 tells a 416 a wrong length."""
    body = b""
    with contextlib.suppress(httpx.TransportError):
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > ANSWER_BYTES:
                break
    return body
