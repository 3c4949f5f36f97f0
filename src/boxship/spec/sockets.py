"""Which services get the container engine's socket, and with it the whole machine: pure."""

from collections.abc import Iterator, Mapping
from posixpath import normpath
from typing import Final

from boxship.spec.model import Appliance, Service, Volume
from boxship.spec.secrets import granted

ENGINE_SOCKET: Final = "engine-socket"
"""The code of the warning, by which ``x-boxship`` allows it."""
_NAMES = ("docker.sock", "containerd.sock", "podman.sock")
_AROUND = ("/", "/run", "/var", "/var/run", "/run/containerd", "/run/podman", "/var/run/containerd", "/var/run/podman")
"""Folders of a host that have one in them."""


def has_engine_socket(path: str) -> bool:
    """Whether a path of the host is such a socket, or a folder with one in it."""
    clean = normpath(path).replace("//", "/")
    return clean in _AROUND or clean.rpartition("/")[2] in _NAMES


def sockets_of(service: Service, volumes: Mapping[str, Volume]) -> Iterator[str]:
    """The paths of the host by which it gets one; those of volumes that are places of the host as well."""
    if service.use_api_socket:
        yield "use_api_socket"
    for mount in service.mounts:
        source = mount.source or ""
        if mount.kind == "volume":
            volume = volumes.get(source)
            source = volume.driver_opts.get("device", "") if volume is not None else ""
        elif mount.kind != "bind":
            continue
        if source.startswith("/") and has_engine_socket(source):
            yield source


def refused_on_a_box(appliance: Appliance, names: frozenset[str]) -> tuple[str, ...]:
    """A sentence for each of these services that gets the engine's socket although its file doesn't allow that.

    ``volumes_from`` is no way around it: whoever takes another's mounts takes them all.
    """
    return tuple(
        f"{name} gets the engine's socket ({source}), and with it the whole machine: on a box only the Loader may, "
        f"unless its file says x-boxship: {{allow: [{ENGINE_SOCKET}]}}"
        for name in sorted(names - appliance.allowed_engine)
        for source in _all_sockets(appliance, name)
    )


def _all_sockets(appliance: Appliance, name: str) -> tuple[str, ...]:
    """Its own, and those of all from whom it takes volumes."""
    found: dict[str, None] = {}
    pending, seen = [name], set[str]()
    while pending:
        service = appliance.services.get(pending.pop())
        if service is None or service.name in seen:
            continue
        seen.add(service.name)
        found |= dict.fromkeys(sockets_of(service, appliance.volumes))
        files = (shared.file for _, shared in granted(service, appliance.secrets, appliance.configs))
        found |= dict.fromkeys(file for file in files if file is not None and has_engine_socket(file))
        pending += [text.partition(":")[0] for text in service.volumes_from]
    return tuple(found)
