"""Who takes volumes from another service (``volumes_from``) gets its mounts, and they outlive both containers.

The engine would share the anonymous volumes of one container, which are lost with it. Here what a service holds for
others has a name: of the service and the place in it, also where only its image declares the place. So both can be
recreated, taken down and brought up again, and find their data.
"""

from collections.abc import Mapping

from msgspec.structs import replace

from boxship.names import held_volume_key
from boxship.plan.containers import image_reference
from boxship.plan.observed import Observed
from boxship.plan.resolve import Desired
from boxship.spec.model import Mount, Service, Volume


def volume_holders(services: Mapping[str, Service]) -> frozenset[str]:
    """The services that others take volumes from."""
    named = (text.partition(":")[0] for service in services.values() for text in service.volumes_from)
    return frozenset(name for name in named if name in services)


def with_shared_volumes(desired: Desired, observed: Observed) -> Desired:
    """The same with every mount spelled out; an image that isn't here yet declares nothing yet.

    On a box all data goes over to the next release, so there every service holds what has no name of its own.
    """
    holders = frozenset(desired.everything) if desired.generation else volume_holders(desired.everything)
    if not holders:
        return desired
    sharing = _Sharing(desired, observed, holders)
    everything = {name: sharing.service(name) for name in desired.everything}
    services = tuple(everything[service.name] for service in desired.services)
    used = {mount.source for service in services for mount in service.mounts if mount.kind == "volume"}
    made = {key: Volume(key) for key in sharing.keys if key in used and key not in desired.volumes}
    return replace(desired, services=services, everything=everything, volumes={**desired.volumes, **made})


class _Sharing:
    def __init__(self, desired: Desired, observed: Observed, holders: frozenset[str]) -> None:
        self._appliance = desired.appliance
        # What runs is what counts: of a service that was narrowed (another pull policy), that one.
        self._services = {**desired.everything, **{service.name: service for service in desired.services}}
        self._observed = observed
        self._holders = holders
        self._done: dict[str, Service] = {}
        self.keys: dict[str, None] = {}

    def service(self, name: str) -> Service:
        """The service with its own mounts named and those of others added. The files hold no cycle."""
        if name not in self._done:
            service = self._services[name]
            mounts = self._held(service) if name in self._holders else service.mounts
            taken = {mount.target for mount in mounts}
            for text in service.volumes_from:
                for mount in self._lent(text):
                    if mount.target not in taken:
                        taken.add(mount.target)
                        mounts = (*mounts, mount)
            self._done[name] = replace(service, mounts=mounts)
        return self._done[name]

    def _held(self, service: Service) -> tuple[Mount, ...]:
        mounts = tuple(
            self._named(service, mount) if mount.kind == "volume" and mount.source is None else mount
            for mount in service.mounts
        )
        declared = {mount.target for mount in mounts}
        image = self._observed.image(image_reference(self._appliance, service))
        places = sorted(set(image.volumes) - declared) if image is not None else ()
        return (*mounts, *(self._named(service, Mount(kind="volume", target=place)) for place in places))

    def _named(self, service: Service, mount: Mount) -> Mount:
        key = held_volume_key(service.name, mount.target)
        self.keys[key] = None
        return replace(mount, source=key)

    def _lent(self, text: str) -> tuple[Mount, ...]:
        """The mounts of the service that ``NAME[:ro]`` means. Only the holder fills a volume from its image."""
        name, _, mode = text.partition(":")
        if name not in self._holders:
            return ()
        return tuple(
            replace(mount, nocopy=mount.kind == "volume", read_only=mount.read_only or mode == "ro")
            for mount in self.service(name).mounts
            if mount.kind != "tmpfs"
        )
