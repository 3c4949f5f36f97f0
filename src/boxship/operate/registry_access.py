"""How a box gets into the registry of its releases: what its Loader, in a container, can't find by itself."""

from pathlib import Path

from msgspec import Struct

from boxship.errors import HostError
from boxship.host.box_logins import CONFIG, write_login
from boxship.host.places import Places, write_private, write_whole
from boxship.logins import Login, Logins
from boxship.registry.address import RegistryAddress
from boxship.registry.trust import ClientCertificate, Trust, authorities_of, client_certificates_of


class RegistryAccess(Struct, frozen=True):
    """``authorities``: certificates to believe, PEM; b"" for none. ``login`` is kept as that for ``registry``.

    ``clients`` are shown to ``host``.
    """

    authorities: bytes = b""
    registry: str = ""
    login: Login | None = None
    host: str = ""
    clients: tuple[ClientCertificate, ...] = ()


async def access_of(address: RegistryAddress | Path, logins: Logins, trust: Trust) -> RegistryAccess:
    """What this machine's docker, and who runs this, have for a registry; nothing for a folder.

    Raises: HostError when the files of either can't be read.
    """
    if isinstance(address, Path):
        return RegistryAccess()
    login = await logins.at(address.login_name)
    clients = client_certificates_of(trust, address.host)
    return RegistryAccess(authorities_of(trust, address.host), address.login_name, login, address.host, clients)


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
        if access.clients and _keep_clients(places.registry_clients / access.host, access.clients):
            where = shown.registry_clients / access.host
            notes.append(f"what {access.host} wants to be shown is kept in {where}, for root alone")
    except OSError as err:
        raise HostError(f"can't write {err.filename}: {err.strerror}", hint="run it as root: sudo boxship ...") from err
    return notes


def _keep_clients(folder: Path, clients: tuple[ClientCertificate, ...]) -> bool:
    """Those and no others. Whether it is a change."""
    for each in (folder.parent, folder):
        each.mkdir(mode=0o700, exist_ok=True)
    wanted = {folder / f"{client.name}.pem": client.pem for client in clients}
    old = [path for path in folder.iterdir() if path not in wanted]
    new = [path for path, pem in wanted.items() if _content(path) != pem]
    for path in new:
        write_private(path, wanted[path])
    for path in old:
        path.unlink()
    return bool(old or new)


def kept_access(places: Places, shown: Places) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """The files that ``keep_access`` may have written, and the folders that were made for them."""
    folder, name = places.registry_clients, shown.registry_clients
    clients = [name / path.relative_to(folder) for path in sorted(folder.glob("*/*"))]
    hosts = [path.parent for path in clients]
    files = (shown.registry_ca, shown.docker_config / CONFIG, *clients)
    return files, tuple(dict.fromkeys((shown.docker_config, name, *hosts)))


def _content(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""
