"""From a service to the container it becomes: engine names, addresses, hosts entries, labels, digest."""

from collections.abc import Collection, Mapping
from itertools import chain, count

from msgspec import Struct, field
from msgspec.structs import replace

from boxship import names
from boxship.plan.access import token_mounts, with_url
from boxship.plan.action import ContainerSpec, Endpoint, EngineMount
from boxship.plan.digest import container_parts, digest_of_parts, format_parts, short_parts
from boxship.plan.files import copied_files, file_mounts, file_parts
from boxship.plan.hooks import encode_stop_hooks
from boxship.plan.observed import ObservedContainer
from boxship.plan.resolve import Desired, Replica, namespace_owner, namespace_owners
from boxship.spec.deploy import with_limits
from boxship.spec.model import Mount, Network, Service, Volume
from boxship.spec.model_switch import OnSwitch

LABEL_DEPENDS_ON = "boxship.depends_on"
"""Comma-separated names, so that a stop in reverse order works without the files."""
_ANONYMOUS_NAME_LENGTH = 64
_SOCKET = "/var/run/docker.sock"
API_SOCKET = EngineMount("bind", _SOCKET, _SOCKET, create_host_path=False)
"""What ``use_api_socket`` mounts."""


class Wiring(Struct, frozen=True):
    """What specs need beside the services: engine names, and addresses as network key -> service -> IPv4.

    ``gateways``: network key -> the host's own address on it, where the Loader of a box answers.
    """

    appliance: str
    networks: Mapping[str, str]
    volumes: Mapping[str, str]
    addresses: Mapping[str, Mapping[str, str]]
    gateways: Mapping[str, str] = field(default_factory=dict)


def final_name(appliance: str, replica: Replica, generation: int = 0) -> str:
    own = replica.service.container_name or names.container_name(appliance, replica.service.name)
    return names.of_generation(names.replica_name(own, replica.number), generation)


def temporary_name(final: str, digest: str, taken: Collection[str]) -> str:
    """The name of a container that isn't all it should be yet: a replacement, or one whose hooks have not run."""
    base = names.next_container_name(final, digest)
    free = chain([base], (f"{base}-{number}" for number in count(2)))
    return next(name for name in free if name not in taken)


def network_generation(network: Network, generation: int) -> int:
    """The generation that a network belongs to: none, where it is others' or where two can't be side by side."""
    has_given_subnet = any(pool.subnet for pool in network.ipam)
    return 0 if network.external or has_given_subnet else generation


def engine_network_name(appliance: str, network: Network, generation: int = 0) -> str:
    name = network.name or (network.key if network.external else names.network_name(appliance, network.key))
    return names.of_generation(name, network_generation(network, generation))


def volume_generation(volume: Volume, generation: int) -> int:
    """The generation that a volume belongs to: none, where it is others' or where all releases share it."""
    return 0 if volume.external or volume.on_switch is OnSwitch.SHARE else generation


def engine_volume_name(appliance: str, volume: Volume, generation: int = 0) -> str:
    name = volume.name or (volume.key if volume.external else names.volume_name(appliance, volume.key))
    return names.of_generation(name, volume_generation(volume, generation))


def image_reference(appliance: str, service: Service) -> str:
    """What the container is created from: the file's image, or the name its build is tagged with."""
    return service.image or f"{names.image_name(appliance, service.name)}:latest"


def shown_images(service: Service) -> tuple[str, ...]:
    """The references of images that it doesn't run but shows as mounts."""
    return tuple(mount.source for mount in service.mounts if mount.kind == "image" and mount.source)


def container_spec(replica: Replica, desired: Desired, wiring: Wiring) -> ContainerSpec:
    """The whole container, under its final name, with its digest in its labels."""
    access = desired.access.get(replica.service.name)
    service = with_url(with_limits(replica.service), access)
    spec = ContainerSpec(
        name=final_name(desired.appliance, replica, desired.generation),
        service=service,
        image=image_reference(desired.appliance, service),
        endpoints=_endpoints(replica, desired, wiring),
        network_mode=_namespace(service.network_mode, desired) or (None if service.networks else "none"),
        ipc=_namespace(service.ipc, desired),
        pid=_namespace(service.pid, desired),
        mounts=(
            *(_engine_mount(mount, wiring) for mount in service.mounts),
            *file_mounts(service, desired),
            *((API_SOCKET,) if service.use_api_socket else ()),
            *token_mounts(access),
        ),
        extra_hosts=_extra_hosts(service, desired, wiring),
        files=copied_files(service, desired),
    )
    parts = container_parts(spec, service.labels) | short_parts(file_parts(service, desired))
    for owner in sorted(namespace_owners(service)):
        # A namespace dies with its container, so who lives in it can't outlive a change of its owner.
        parts[f"namespace of {owner}"] = _owner_digest(desired.everything[owner], desired, wiring)
    labels = {
        **service.labels,
        names.LABEL_APPLIANCE: desired.appliance,
        names.LABEL_SERVICE: service.name,
        names.LABEL_DIGEST: digest_of_parts(parts),
        names.LABEL_PARTS: format_parts(parts),
        LABEL_DEPENDS_ON: ",".join(sorted(service.depends_on)),
        **names.generation_labels(desired.generation),
    }
    if replica.number > 1:
        labels[names.LABEL_REPLICA] = str(replica.number)
    if service.pre_stop:
        labels[names.LABEL_PRE_STOP] = encode_stop_hooks(service)
    if desired.is_whole:
        labels[names.LABEL_TARGET] = desired.target
    return replace(spec, labels=labels)


def _owner_digest(owner: Service, desired: Desired, wiring: Wiring) -> str:
    return container_spec(Replica(owner), desired, wiring).labels[names.LABEL_DIGEST][:8]


def in_namespaces_of(spec: ContainerSpec, owners: Mapping[str, str]) -> ContainerSpec:
    """The spec with ``container:NAME`` namespaces pointing elsewhere: final name -> name or id of the real owner.

    The engine resolves a name when the sharer is created, and a replacement has its final name only later.
    """

    def pointed(mode: str | None) -> str | None:
        kind, _, name = (mode or "").partition(":")
        return f"container:{owners[name]}" if kind == "container" and name in owners else mode

    return replace(spec, network_mode=pointed(spec.network_mode), ipc=pointed(spec.ipc), pid=pointed(spec.pid))


def with_anonymous_volumes(spec: ContainerSpec, old: ObservedContainer | None) -> ContainerSpec:
    """The spec of a replacement: anonymous volumes of the container it replaces go on in it, as with docker compose."""
    if old is None:
        return spec
    found = {
        mount.target: mount.source
        for mount in old.mounts
        if mount.kind == "volume" and len(mount.source) == _ANONYMOUS_NAME_LENGTH and mount.source.isalnum()
    }
    kept = tuple(
        replace(mount, source=found.pop(mount.target))
        if mount.kind == "volume" and not mount.source and mount.target in found
        else mount
        for mount in spec.mounts
    )
    declared = {mount.target for mount in spec.mounts}
    from_image = tuple(
        EngineMount(kind="volume", target=target, source=source)
        for target, source in sorted(found.items())
        if target not in declared
    )
    return replace(spec, mounts=kept + from_image)


def _endpoints(replica: Replica, desired: Desired, wiring: Wiring) -> tuple[Endpoint, ...]:
    """Only the first of several has an address of its own: it may have had it before there were more."""
    service = replica.service
    if service.network_mode is not None:
        return ()
    # The engine's default route goes through the first; a higher priority means earlier.
    ordered = sorted(service.networks.items(), key=lambda item: -item[1].priority)
    first = ordered[0][0] if ordered else ""
    return tuple(
        Endpoint(
            network=wiring.networks[key],
            aliases=_aliases(service, key, desired),
            ipv4_address=None
            if replica.number > 1
            else wiring.addresses.get(key, {}).get(service.name) or attachment.ipv4_address,
            ipv6_address=attachment.ipv6_address,
            mac_address=attachment.mac_address or (service.mac_address if key == first else None),
            link_local_ips=attachment.link_local_ips,
            driver_opts=attachment.driver_opts,
            gw_priority=attachment.gw_priority or None,
            interface_name=attachment.interface_name,
            links=external_links(service),
        )
        for key, attachment in ordered
    )


def _aliases(service: Service, network: str, desired: Desired) -> tuple[str, ...]:
    """The names it answers to; those by which others link it as well, when only DNS can find all its containers."""
    aliases = [service.name, f"{service.name}.service", *service.networks[network].aliases]
    if desired.generation and service.container_name:
        # The engine itself answers for a container's name only, which has the generation in it.
        aliases.append(service.container_name)
    if service.scale > 1:
        others = (other for other in desired.everything.values() if network in other.networks)
        linked = [alias for other in others for alias, to in other.link_aliases.items() if to == service.name]
        aliases += sorted(linked)
    return tuple(dict.fromkeys(aliases))


def external_links(service: Service) -> tuple[str, ...]:
    """Links to containers of others, as the engine takes them: "container:alias"."""
    return tuple(text if ":" in text else f"{text}:{text}" for text in service.external_links)


def _namespace(mode: str | None, desired: Desired) -> str | None:
    owner = namespace_owner(mode)
    if owner is None:
        return mode
    return f"container:{final_name(desired.appliance, Replica(desired.everything[owner]), desired.generation)}"


def _engine_mount(mount: Mount, wiring: Wiring) -> EngineMount:
    source = mount.source or ""
    return EngineMount(
        kind=mount.kind,
        target=mount.target,
        source=wiring.volumes[source] if mount.kind == "volume" and source else source,
        read_only=mount.read_only,
        nocopy=mount.nocopy,
        subpath=mount.subpath,
        labels=mount.labels if mount.source is None else {},
        recursive=mount.recursive,
        propagation=mount.propagation,
        create_host_path=mount.create_host_path,
        selinux=mount.selinux,
        tmpfs_size_bytes=mount.tmpfs_size_bytes,
        tmpfs_mode=mount.tmpfs_mode,
        tmpfs_options=mount.tmpfs_options,
    )


def _extra_hosts(service: Service, desired: Desired, wiring: Wiring) -> tuple[str, ...]:
    """The file's own entries, and the declared peers: name, ``<name>.service`` and aliases at their stable address.

    A peer with several containers isn't there: only DNS can tell all of their addresses.
    """
    if service.network_mode is not None:
        return service.extra_hosts if namespace_owner(service.network_mode) is None else ()
    lines = dict.fromkeys(service.extra_hosts)
    gateways = [wiring.gateways[key] for key in service.networks if key in wiring.gateways]
    if desired.generation and gateways:
        lines[f"{names.LOADER_HOST}:{gateways[0]}"] = None
    for name in sorted(service.depends_on):
        peer = _addressed_as(name, desired.everything)
        shared = next((key for key in service.networks if peer and key in peer.networks), None)
        address = wiring.addresses.get(shared, {}).get(peer.name) if peer and shared is not None else None
        if peer is not None and peer.name == name and peer.scale > 1:
            continue
        if peer is not None and shared is not None and address is not None:
            aliases = peer.networks[shared].aliases if peer.name == name else ()
            own = (alias for alias, linked in service.link_aliases.items() if linked == name)
            for host in dict.fromkeys((name, f"{name}.service", *aliases, *own)):
                lines[f"{host}:{address}"] = None
    return tuple(lines)


def _addressed_as(name: str, services: Mapping[str, Service]) -> Service | None:
    """The service whose address a name has: itself, or the one whose network namespace it lives in."""
    seen: set[str] = set()
    while name in services and name not in seen:
        seen.add(name)
        owner = namespace_owner(services[name].network_mode)
        if owner is None:
            return services[name]
        name = owner
    return None
