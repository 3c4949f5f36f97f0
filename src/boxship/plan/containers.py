"""From a service to the container it becomes: engine names, addresses, hosts entries, labels, digest."""

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from boxship import names
from boxship.plan.action import ContainerSpec, Endpoint, EngineMount
from boxship.plan.digest import container_parts, digest_of_parts, format_parts
from boxship.plan.observed import ObservedContainer
from boxship.plan.resolve import Desired, namespace_owner, namespace_owners
from boxship.spec.model import Mount, Network, Service, Volume

LABEL_DEPENDS_ON = "boxship.depends_on"
"""Comma-separated names, so that a stop in reverse order works without the files."""
_ANONYMOUS_NAME_LENGTH = 64


class Wiring(Struct, frozen=True):
    """What specs need beside the services: engine names, and addresses as network key -> service -> IPv4."""

    appliance: str
    networks: Mapping[str, str]
    volumes: Mapping[str, str]
    addresses: Mapping[str, Mapping[str, str]]


def final_name(appliance: str, service: Service) -> str:
    return service.container_name or names.container_name(appliance, service.name)


def engine_network_name(appliance: str, network: Network) -> str:
    return network.name or (network.key if network.external else names.network_name(appliance, network.key))


def engine_volume_name(appliance: str, volume: Volume) -> str:
    return volume.name or (volume.key if volume.external else names.volume_name(appliance, volume.key))


def image_reference(appliance: str, service: Service) -> str:
    """What the container is created from: the file's image, or the name its build is tagged with."""
    return service.image or f"{names.image_name(appliance, service.name)}:latest"


def container_spec(service: Service, desired: Desired, wiring: Wiring) -> ContainerSpec:
    """The whole container, under its final name, with its digest in its labels."""
    spec = ContainerSpec(
        name=final_name(desired.appliance, service),
        service=service,
        image=image_reference(desired.appliance, service),
        endpoints=_endpoints(service, wiring),
        network_mode=_namespace(service.network_mode, desired) or (None if service.networks else "none"),
        ipc=_namespace(service.ipc, desired),
        pid=_namespace(service.pid, desired),
        mounts=tuple(_engine_mount(mount, wiring) for mount in service.mounts),
        extra_hosts=_extra_hosts(service, desired, wiring),
    )
    parts = container_parts(spec, service.labels)
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
    }
    return replace(spec, labels=labels)


def _owner_digest(owner: Service, desired: Desired, wiring: Wiring) -> str:
    return container_spec(owner, desired, wiring).labels[names.LABEL_DIGEST][:8]


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


def _endpoints(service: Service, wiring: Wiring) -> tuple[Endpoint, ...]:
    if service.network_mode is not None:
        return ()
    # The engine's default route goes through the first; a higher priority means earlier.
    ordered = sorted(service.networks.items(), key=lambda item: -item[1].priority)
    return tuple(
        Endpoint(
            network=wiring.networks[key],
            aliases=tuple(dict.fromkeys((service.name, f"{service.name}.service", *attachment.aliases))),
            ipv4_address=wiring.addresses.get(key, {}).get(service.name) or attachment.ipv4_address,
            ipv6_address=attachment.ipv6_address,
            mac_address=attachment.mac_address,
            link_local_ips=attachment.link_local_ips,
            driver_opts=attachment.driver_opts,
        )
        for key, attachment in ordered
    )


def _namespace(mode: str | None, desired: Desired) -> str | None:
    owner = namespace_owner(mode)
    if owner is None:
        return mode
    return f"container:{final_name(desired.appliance, desired.everything[owner])}"


def _engine_mount(mount: Mount, wiring: Wiring) -> EngineMount:
    source = mount.source or ""
    return EngineMount(
        kind=mount.kind,
        target=mount.target,
        source=wiring.volumes[source] if mount.kind == "volume" and source else source,
        read_only=mount.read_only,
        nocopy=mount.nocopy,
        propagation=mount.propagation,
        create_host_path=mount.create_host_path,
        selinux=mount.selinux,
        tmpfs_size_bytes=mount.tmpfs_size_bytes,
        tmpfs_mode=mount.tmpfs_mode,
        tmpfs_options=mount.tmpfs_options,
    )


def _extra_hosts(service: Service, desired: Desired, wiring: Wiring) -> tuple[str, ...]:
    """The file's own entries, and the declared peers: name, ``<name>.service`` and aliases at their stable address."""
    if service.network_mode is not None:
        return service.extra_hosts if namespace_owner(service.network_mode) is None else ()
    lines = dict.fromkeys(service.extra_hosts)
    for name in sorted(service.depends_on):
        peer = _addressed_as(name, desired.everything)
        shared = next((key for key in service.networks if peer and key in peer.networks), None)
        address = wiring.addresses.get(shared, {}).get(peer.name) if peer and shared is not None else None
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
