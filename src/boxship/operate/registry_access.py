"""How a box gets into the registry of its releases: what its Loader, in a container, can't find by itself."""

from pathlib import Path

from msgspec import Struct

from boxship.errors import HostError
from boxship.host.box_logins import write_login
from boxship.host.places import Places, write_whole
from boxship.logins import Login, Logins
from boxship.registry.address import RegistryAddress
from boxship.registry.trust import Trust, authorities_of


class RegistryAccess(Struct, frozen=True):
    """``authorities``: certificates to believe, PEM; b"" for none. ``login`` is kept as that for ``registry``."""

    authorities: bytes = b""
    registry: str = ""
    login: Login | None = None


async def access_of(address: RegistryAddress | Path, logins: Logins, trust: Trust) -> RegistryAccess:
    """What this machine's docker, and who runs this, have for a registry; nothing for a folder.

    Raises: HostError when the files of either can't be read.
    """
    if isinstance(address, Path):
        return RegistryAccess()
    login = await logins.at(address.login_name)
    return RegistryAccess(authorities_of(trust, address.host), address.login_name, login)


def keep_access(places: Places, shown: Places, access: RegistryAccess) -> list[str]:
    """Have it beside the box's state, where each of its Loaders looks. What isn't given stays as it is there.

    Returns: a sentence for what is new, which calls the files as ``shown``.

    Raises: HostError when it can't be written.
    """
    notes = []
    try:
        if access.authorities and _content(places.registry_ca) != access.authorities:
            write_whole(places.registry_ca, access.authorities)
            notes.append(f"the Loader believes the authorities in {shown.registry_ca}")
        if access.login is not None and write_login(places.docker_config, access.registry, access.login):
            notes.append(f"the login for {access.registry} is kept in {shown.docker_config}, for root alone")
    except OSError as err:
        raise HostError(f"can't write {err.filename}: {err.strerror}", hint="run it as root: sudo boxship ...") from err
    return notes


def _content(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""
