"""The tokens of services: one for each service and generation, in a folder that only its containers are shown.

The box itself keeps a hash. The file stays until its generation is removed, so that neither a Loader nor a container
that starts again needs another one; what was lost or revoked is made anew by the next boot.
"""

import contextlib
import os
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path

from boxship.errors import HostError
from boxship.loader.access import Tokens
from boxship.names import LOADER_HOST
from boxship.plan.access import FILE_NAME, Access
from boxship.spec.model import Appliance
from boxship.spec.model_boot import scopes_of
from boxship.store.places import sync_folder
from boxship.store.port import Token

_NAME = "generation "
_LONGEST = 256


class ServiceTokens:
    """``folder``: of this box, at the same path for its engine. ``port``: where containers reach the API."""

    def __init__(self, tokens: Tokens, folder: Path, port: int) -> None:
        self._tokens = tokens
        self._folder = folder
        self._url = f"http://{LOADER_HOST}:{port}"

    def access(self, appliance: Appliance, generation: int) -> Mapping[str, Access]:
        """What the containers of each service that may ask are given."""
        return {
            service: Access(self._url, str(self._place(generation, service)))
            for service, allowed in appliance.api.items()
            if allowed
        }

    def provide(self, appliance: Appliance, generation: int) -> None:
        """Every service that may ask has a valid token afterwards; one that has keeps it.

        Blocks. Raises: HostError when a file can't be written, ConflictError when the box has too many tokens.
        """
        for service, allowed in appliance.api.items():
            if allowed:
                self._provide(generation, service, scopes_of(service, allowed))

    def withdraw(self, generation: int) -> None:
        """Its containers are gone, and so are their tokens. Blocks."""
        for token in self._of_generations():
            if token.name == _name(generation):
                self._tokens.revoke(token.id)
        shutil.rmtree(self._folder / str(generation), ignore_errors=True)

    def withdraw_others(self, kept: Collection[int]) -> None:
        """Those of all other generations. Blocks."""
        names = {_name(each) for each in kept}
        gone = {token.name.removeprefix(_NAME) for token in self._of_generations() if token.name not in names}
        with contextlib.suppress(OSError):
            gone |= {each.name for each in self._folder.iterdir() if _name(each.name) not in names}
        for number in gone:
            if number.isdecimal():
                self.withdraw(int(number))

    def _provide(self, generation: int, service: str, scopes: tuple[str, ...]) -> None:
        place = self._place(generation, service)
        has = self._tokens.recognise(_read(place / FILE_NAME))
        if has is None or has.service != service or set(has.scopes) != set(scopes):
            issued = self._tokens.issue(_name(generation), scopes, service=service)
            try:
                _write(place, issued.secret)
            except OSError as err:
                self._tokens.revoke(issued.token.id)
                raise HostError(
                    f"cannot write the token of {service} into {place}: {(err.strerror or str(err)).lower()}"
                ) from err
            has = issued.token
        for other in self._of_generations():
            # Of a Loader that was cut off before it had written the secret down, or of other scopes.
            if (other.name, other.service) == (_name(generation), service) and other.id != has.id:
                self._tokens.revoke(other.id)

    def _of_generations(self) -> list[Token]:
        """The valid ones that were made here; nobody else's name a service and a generation."""
        return [
            token
            for token in self._tokens.tokens()
            if token.service and token.name.startswith(_NAME) and token.revoked_at is None
        ]

    def _place(self, generation: int, service: str) -> Path:
        # A service may be called "..".
        return self._folder / str(generation) / f"{service}.d"


def _name(generation: int | str) -> str:
    return f"{_NAME}{generation}"


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_LONGEST).decode("ascii", errors="replace").strip()
    except OSError:
        return ""


def _write(place: Path, secret: str) -> None:
    """The whole file or none, for whoever has the folder: the container's user, once it was handed over."""
    for folder in (place.parent.parent, place.parent):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    place.mkdir(mode=0o700, exist_ok=True)
    owner = place.stat()
    draft = place.parent / f".{place.name}.new"
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o400), "w") as file:
        file.write(f"{secret}\n")
        file.flush()
        os.fsync(file.fileno())
        os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
    draft.replace(place / FILE_NAME)
    for folder in (place, place.parent, place.parent.parent):
        sync_folder(folder)
