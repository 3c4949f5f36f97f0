"""The login for a registry that a box keeps beside its state, in the form of ``docker login``.

A Loader runs in a container, where the logins of the host's people aren't. Who logs in again, with
``DOCKER_CONFIG=/var/lib/boxship/NAME/docker docker login``, is understood at the next question.
"""

import base64
import json
from collections.abc import Mapping
from pathlib import Path

from boxship.host.logins import DockerLogins
from boxship.host.places import write_private
from boxship.logins import Login

CONFIG = "config.json"


class BoxLogins:
    """Implements ``Logins``: those in ``folder``; while there is no file, those that ``environ`` leads to."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self._folder = folder
        self._environ = environ

    async def at(self, registry: str) -> Login | None:
        return await self._today().at(registry)

    async def everywhere(self) -> Mapping[str, Login]:
        return await self._today().everywhere()

    def _today(self) -> DockerLogins:
        own = {"DOCKER_CONFIG": str(self._folder)} if (self._folder / CONFIG).exists() else {}
        return DockerLogins({**self._environ, **own})


def write_login(folder: Path, registry: str, login: Login) -> bool:
    """The whole file or none of it, and nobody's but root's at any moment. Whether it is a change. Raises: OSError."""
    folder.mkdir(mode=0o700, exist_ok=True)
    plain = base64.b64encode(f"{login.username}:{login.password}".encode()).decode()
    entry = {"identitytoken": login.identity_token} if login.identity_token else {"auth": plain}
    text, path = json.dumps({"auths": {registry: entry}}), folder / CONFIG
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    write_private(path, text.encode())
    return True
