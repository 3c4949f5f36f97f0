"""The logins that ``docker login`` left: in its configuration file, or with a credential helper that it names.

Source: Docker's reference of config.json and of the credential helpers' protocol.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from pathlib import Path

from boxship.errors import HostError
from boxship.logins import HUB, Login

HELPER_TIMEOUT_S = 30.0
"""A helper may wait for somebody to unlock a key ring."""
_INSTEAD_OF_A_NAME = "<token>"
_NOTHING_STORED = ("credentials not found", "no credentials")


class DockerLogins:
    """Implements ``Logins``. The file is read when it is first asked for; a missing one holds nothing."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        folder = environ.get("DOCKER_CONFIG")
        self._path = Path(folder) if folder else Path(environ.get("HOME") or "/root", ".docker")
        self._path /= "config.json"
        self._read: Mapping[str, object] | None = None

    async def at(self, registry: str) -> Login | None:
        helper = self._helpers().get(registry) or self._text("credsStore")
        if helper:
            return await self._ask(helper, registry)
        return self._stored().get(registry)

    async def everywhere(self) -> Mapping[str, Login]:
        registries = dict.fromkeys((*self._stored(), *self._helpers()))
        found = {registry: await self.at(registry) for registry in registries}
        return {registry: login for registry, login in found.items() if login is not None}

    async def _ask(self, helper: str, registry: str) -> Login | None:
        from boxship.host.proc import run  # noqa: PLC0415  # only who has a helper pays for subprocesses at start-up

        program = f"docker-credential-{helper}"
        finished = await run(
            [program, "get"],
            timeout_s=HELPER_TIMEOUT_S,
            stdin=registry.encode(),
            hint=f"{self._path} names it; install it, or log in again without it",
        )
        if finished.status != 0:
            # Helpers say on stdout that they have nothing.
            said = f"{finished.stdout_tail} {finished.stderr_tail}".strip()
            if any(words in said for words in _NOTHING_STORED):
                return None
            raise HostError(f"{program} has no login for {registry}: {said[:200]}", hint=f"docker login {registry}")
        answer = _object(finished.stdout_tail, program)
        username, secret = str(answer.get("Username", "")), str(answer.get("Secret", ""))
        return Login(identity_token=secret) if username == _INSTEAD_OF_A_NAME else Login(username, secret)

    def _stored(self) -> dict[str, Login | None]:
        """Registry -> its login; None where the file has the registry's name only, as with a helper."""
        entries = self._file().get("auths")
        if not isinstance(entries, dict):
            return {}
        return {_registry(key): self._login(key, entry) for key, entry in entries.items() if isinstance(entry, dict)}

    def _login(self, key: str, entry: Mapping[str, object]) -> Login | None:
        token, encoded = entry.get("identitytoken"), entry.get("auth")
        if isinstance(token, str) and token:
            return Login(identity_token=token)
        if not isinstance(encoded, str) or not encoded:
            return None
        try:
            plain = base64.b64decode(encoded, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            plain = ""
        username, colon, password = plain.partition(":")
        if not colon:
            raise HostError(f"{self._path}: the login for {key} can't be read", hint=f"docker login {key}")
        return Login(username, password.rstrip("\0"))

    def _helpers(self) -> dict[str, str]:
        entries = self._file().get("credHelpers")
        return {_registry(key): str(value) for key, value in entries.items()} if isinstance(entries, dict) else {}

    def _text(self, key: str) -> str:
        value = self._file().get(key)
        return value if isinstance(value, str) else ""

    def _file(self) -> Mapping[str, object]:
        if self._read is None:
            try:
                text = self._path.read_text(encoding="utf-8", errors="replace")
            except (FileNotFoundError, NotADirectoryError):
                text = "{}"
            except OSError as err:
                raise HostError(f"{self._path} can't be read: {err.strerror}", hint="check its owner and mode") from err
            self._read = _object(text, str(self._path))
        return self._read


def _object(text: str, source: str) -> Mapping[str, object]:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise HostError(f"{source}: not a JSON object", hint="log in again with docker login")
    return value


def _registry(key: str) -> str:
    """``https://registry.example.com/v2/`` and the bare host are the same registry."""
    if key.startswith(HUB.removesuffix("v1/")):
        return HUB
    return key.removeprefix("https://").removeprefix("http://").partition("/")[0]
