"""How an engine is told who pulls: it keeps no logins itself, each call carries them.

Source: Docker Engine API, "Authentication" (X-Registry-Auth, X-Registry-Config).
"""

import base64
import json
from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct

HUB = "https://index.docker.io/v1/"
"""Docker Hub's name in files and calls about logins, for historical reasons."""


class Login(Struct, frozen=True):
    """Who somebody is at a registry: a name with a password, or an ``identity_token``. Never shown or logged."""

    username: str = ""
    password: str = ""
    identity_token: str = ""

    def __repr__(self) -> str:
        return f"Login({self.username!r}, ...)"


class Logins(Protocol):
    """Where logins are kept."""

    async def at(self, registry: str) -> Login | None:
        """The login for one registry (``host[:port]``, or ``HUB``), None when there is none.

        Raises: HostError when it can't be read.
        """
        ...

    async def everywhere(self) -> Mapping[str, Login]:
        """Registry -> login, for every one that is known. Raises: HostError as above."""
        ...


class NoLogins:
    """Implements ``Logins`` for who has none."""

    async def at(self, registry: str) -> Login | None:
        return None

    async def everywhere(self) -> Mapping[str, Login]:
        return {}


def registry_of(reference: str) -> str:
    """Where an image comes from: ``host[:port]``, or ``HUB`` when the reference names no host."""
    host, slash, _ = reference.partition("/")
    is_host = bool(slash) and ("." in host or ":" in host or host == "localhost")
    return HUB if not is_host or host in {"docker.io", "index.docker.io", "registry-1.docker.io"} else host


def pull_headers(login: Login | None, registry: str) -> dict[str, str]:
    """Of a pull."""
    return {} if login is None else {"X-Registry-Auth": _encoded({"serveraddress": registry, **_fields(login)})}


def push_headers(login: Login | None, registry: str) -> dict[str, str]:
    """Of a push, which the engine refuses without any: of nobody, then."""
    return pull_headers(login or Login(), registry)


def build_headers(logins: Mapping[str, Login]) -> dict[str, str]:
    """Of a build, which may begin from images of several registries."""
    if not logins:
        return {}
    return {"X-Registry-Config": _encoded({registry: _fields(login) for registry, login in logins.items()})}


def _fields(login: Login) -> dict[str, str]:
    if login.identity_token:
        return {"identitytoken": login.identity_token}
    return {"username": login.username, "password": login.password}


def _encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()
