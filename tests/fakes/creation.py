"""How the fake engine makes a container, and what it refuses."""

from pathlib import Path

from msgspec.structs import replace

from boxship.engine.faults import refusal
from boxship.plan.action import ContainerSpec
from boxship.plan.observed import with_default_tag
from boxship.spec.model import Healthcheck
from tests.fakes.world import FakeContainer, FakeImage, FakeVolume, World

NO_SUBNET = "user specified IP address is supported only when connecting to networks with user configured subnets"


def create_container(world: World, spec: ContainerSpec, now_s: float) -> FakeContainer:
    """Raises: what the real engine raises, in its order: image, mounts, name, networks but the first."""
    image = _image(world, spec)
    _check_mounts(spec)
    _check_name(world, spec)
    _check_later_endpoints(world, spec)
    kind, _, owner = (spec.network_mode or "").partition(":")
    if kind == "container":
        # [M] Docker 20.10 resolves the name when the sharer is created.
        found = world.find(owner, f"create container {spec.name}")
        spec = replace(spec, network_mode=f"container:{found.id}")
    container = FakeContainer(world.new_id(), spec.name, spec, image.id, now_s)
    container.healthcheck = _effective(spec.service.healthcheck, image.healthcheck)
    _add_volumes(world, container, image)
    world.containers[container.id] = container
    world.tell(container, "create", now_s)
    return container


def _image(world: World, spec: ContainerSpec) -> FakeImage:
    image = world.find_image(spec.image)
    if image is None:
        message = f"No such image: {with_default_tag(spec.image)}"
        raise refusal(f"create container {spec.name}", 404, message)
    return image


def _check_mounts(spec: ContainerSpec) -> None:
    for mount in spec.mounts:
        if mount.kind == "bind" and not mount.create_host_path and not Path(mount.source).exists():
            message = f'invalid mount config for type "bind": bind source path does not exist: {mount.source}'
            raise refusal(f"create container {spec.name}", 400, message)


def _check_name(world: World, spec: ContainerSpec) -> None:
    for other in world.containers.values():
        if other.name == spec.name:
            message = f'Conflict. The container name "/{spec.name}" is already in use by container "{other.id}"'
            raise refusal(f"create container {spec.name}", 409, message)


def _check_later_endpoints(world: World, spec: ContainerSpec) -> None:
    """A missing network is no error yet: the real engine finds out at the start."""
    for endpoint in spec.endpoints[1:]:
        network = world.networks.get(endpoint.network)
        if network is not None and endpoint.ipv4_address and not network.is_subnet_given:
            raise refusal(f"connect {spec.name} to network {endpoint.network}", 400, NO_SUBNET)


def _add_volumes(world: World, container: FakeContainer, image: FakeImage) -> None:
    for mount in container.spec.mounts:
        if mount.kind == "volume":
            container.volumes[mount.target] = _volume(world, mount.source)
    for target in image.volumes:
        if target not in {mount.target for mount in container.spec.mounts}:
            container.volumes[target] = _volume(world, "")


def _volume(world: World, name: str) -> FakeVolume:
    volume = FakeVolume(name or world.new_id(), is_anonymous=not name)
    return world.volumes.setdefault(volume.name, volume)


def _effective(own: Healthcheck | None, images: Healthcheck | None) -> Healthcheck | None:
    """A service's health check replaces the image's, or only its times."""
    if own is None:
        return images
    if own.is_disabled:
        return Healthcheck(test=("NONE",))
    return replace(own, test=own.test or (images.test if images else ()))
