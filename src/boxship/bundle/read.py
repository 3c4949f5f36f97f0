"""A release's files read again: on a box as on the vendor's machine, whatever the box's own environment is."""

from pathlib import Path

from msgspec.structs import replace

from boxship.spec.load import load
from boxship.spec.loaded import LoadOptions
from boxship.spec.model import Appliance, Mount, Service
from boxship.spec.release import Release


def read_release(folder: Path, release: Release) -> Appliance:
    """The model of a release whose files are in ``folder``. Raises: SpecError."""
    reading = release.reading
    start = folder / reading.directory
    options = LoadOptions(
        files=tuple(Path(each) for each in reading.files),
        appliance_name=release.appliance,
        profiles=reading.profiles,
        env_files=tuple(start / each for each in reading.env_files),
        directory=start,
        environ={},
        lax=reading.is_lax,
    )
    return replace(load(options).appliance, version=release.version)


def deployed(appliance: Appliance, release: Release, folder: Path) -> Appliance:
    """What a box runs of it: every image is the release's, by its id, and nothing is built or pulled.

    By id, so that no tag can be moved under a running appliance. The files' ``restart`` doesn't count: when a container
    ends, the Loader says what becomes of it.

    A service without an image in the release (of a profile that it wasn't made with) stays as it is. What is mounted
    from the release's own ``folder`` is read only: a release never changes.
    """
    services = {name: _deployed(service, release, folder) for name, service in appliance.services.items()}
    return replace(appliance, services=services)


def _deployed(service: Service, release: Release, folder: Path) -> Service:
    image = release.services.get(service.name)
    if image is None:
        return replace(service, restart=None)
    mounts = tuple(_read_only(mount, folder) for mount in service.mounts)
    return replace(service, image=image.id, build=None, pull_policy="never", restart=None, mounts=mounts)


def _read_only(mount: Mount, folder: Path) -> Mount:
    is_ours = mount.kind == "bind" and mount.source is not None and Path(mount.source).is_relative_to(folder)
    return replace(mount, read_only=True) if is_ours else mount
