"""Registries that give out tokens, as the large public ones do: one of them, played by a few lines."""

import base64
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import aclosing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest

from boxship.clock import SystemClock
from boxship.errors import RegistryError
from boxship.logins import Login, NoLogins
from boxship.registry.address import RegistryAddress
from boxship.registry.challenge import Challenge, parse_challenge
from boxship.registry.client import Registry
from boxship.registry.port import Blob
from boxship.registry.session import Session
from boxship.registry.trust import Trust
from tests.contracts.test_repositories import OneLogin

TOKEN = "a-token"
SCOPE = "repository:share:pull"


class _Handler(BaseHTTPRequestHandler):
    """Wants a token of its own realm. ``asked``: the fields of each request for one, and who asked."""

    asked: ClassVar[list[dict[str, str]]] = []

    def do_GET(self) -> None:
        place = urlsplit(self.path)
        if place.path == "/token":
            self._give_token(place.query, self.headers.get("Authorization", ""))
        elif place.path.startswith("/elsewhere/"):
            self.asked.append({"authorization": self.headers.get("Authorization", "")})
            self._answer(200, "content")
        elif self.headers.get("Authorization") != f"Bearer {TOKEN}":
            realm = f"http://{self.headers['Host']}/token"
            self._answer(401, {}, {"WWW-Authenticate": f'Bearer realm="{realm}",service="tests",scope="{SCOPE}"'})
        elif "/blobs/" in place.path:
            # The same server, under a name that is another host's to the client.
            port = self.headers["Host"].rpartition(":")[2]
            self._answer(307, {}, {"Location": f"http://localhost:{port}/elsewhere/blob"})
        elif "last=" in place.query:
            self._answer(200, {"name": "share", "tags": ["2.0.0"]})
        else:
            self._answer(200, {"tags": ["1.0.0"]}, {"Link": '</v2/share/tags/list?last=1.0.0>; rel="next"'})

    def do_POST(self) -> None:
        self._give_token(self.rfile.read(int(self.headers["Content-Length"])).decode(), "")

    def _give_token(self, query: str, authorization: str) -> None:
        fields = {key: values[0] for key, values in parse_qs(query).items()}
        self.asked.append({**fields, "authorization": authorization})
        is_refused = "wrong" in base64.b64decode(authorization.removeprefix("Basic ")).decode()
        self._answer(401 if is_refused else 200, {} if is_refused else {"token": TOKEN})

    def _answer(self, status: int, body: object, headers: Mapping[str, str] = MappingProxyType({})) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class calls it so)
        """Nobody reads it."""


@pytest.fixture
def host() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    serving.start()
    _Handler.asked.clear()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    serving.join()
    server.server_close()


async def tags(host: str, login: Login | None) -> tuple[str, ...]:
    logins = NoLogins() if login is None else OneLogin(login)
    place = Registry(Session(RegistryAddress(host, "share"), logins, Trust()), SystemClock())
    try:
        return await place.tags("")
    finally:
        await place.close()


async def test_anybody_gets_a_token_where_none_needs_a_login(host: str) -> None:
    assert await tags(host, None) == ("1.0.0", "2.0.0")
    assert _Handler.asked == [{"service": "tests", "scope": SCOPE, "authorization": ""}]


async def test_a_name_and_password_get_a_token(host: str) -> None:
    assert await tags(host, Login("me", "secret")) == ("1.0.0", "2.0.0")
    assert _Handler.asked[0]["authorization"] == "Basic " + base64.b64encode(b"me:secret").decode()


async def test_an_identity_token_gets_a_token(host: str) -> None:
    assert await tags(host, Login(identity_token="of-mine")) == ("1.0.0", "2.0.0")
    assert (_Handler.asked[0]["grant_type"], _Handler.asked[0]["refresh_token"]) == ("refresh_token", "of-mine")


async def test_a_refused_login_is_told(host: str) -> None:
    with pytest.raises(RegistryError, match="refuses the login"):
        await tags(host, Login("me", "wrong"))


async def test_a_login_does_not_follow_to_another_host(host: str) -> None:
    place = Registry(Session(RegistryAddress(host, "share"), OneLogin(Login("me", "secret")), Trust()), SystemClock())
    async with aclosing(place.blob(Blob("", f"sha256:{'0' * 64}", 9))) as chunks:
        assert b"".join([chunk async for chunk in chunks]) == b'"content"'
    await place.close()
    assert _Handler.asked[-1] == {"authorization": ""}


@pytest.mark.parametrize(
    ("header", "challenge"),
    [
        ('Basic realm="tests"', Challenge("basic", "tests")),
        ('Bearer realm="https://a/t",service=b, scope="x:y,z"', Challenge("bearer", "https://a/t", "b", "x:y,z")),
        ("", None),
    ],
)
def test_a_challenge_is_read(header: str, challenge: Challenge | None) -> None:
    assert parse_challenge(header) == challenge
