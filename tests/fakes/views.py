"""The fake world as the engine would show it."""

from boxship.engine.port import ContainerDetail
from boxship.names import LABEL_APPLIANCE, LABEL_DIGEST, LABEL_KEY, LABEL_PARTS, generation_of
from boxship.plan.observed import (
    ContainerState,
    Health,
    ObservedContainer,
    ObservedImage,
    ObservedMount,
    ObservedNetwork,
    ObservedPort,
    ObservedVolume,
)
from tests.fakes.world import FakeContainer, FakeImage, FakeNetwork, FakeVolume, published_ports

# Above the kernel's PID_MAX_LIMIT: whoever looks into /proc must not find a process of this machine.
_FIRST_PID = 1 << 22
_HEALTH_WORDS = {
    Health.NONE: "",
    Health.STARTING: " (health: starting)",
    Health.HEALTHY: " (healthy)",
    Health.UNHEALTHY: " (unhealthy)",
}


def view_container(container: FakeContainer, now_s: float, offset_s: float) -> ObservedContainer:
    labels = dict(container.spec.labels)
    endpoints = container.spec.endpoints
    has_ended = container.state in (ContainerState.EXITED, ContainerState.RESTARTING)
    return ObservedContainer(
        id=container.id,
        name=container.name,
        image=container.spec.image,
        image_id=container.image_id,
        state=container.state,
        appliance=container.appliance,
        service=container.service,
        digest=labels.get(LABEL_DIGEST, ""),
        parts=labels.get(LABEL_PARTS, ""),
        status=_status(container, now_s),
        health=container.health if container.state is ContainerState.RUNNING else Health.NONE,
        exit_code=container.exit_code if has_ended else None,
        created_at_s=int(container.created_s + offset_s),
        network_mode=container.spec.network_mode or next((each.network for each in endpoints), "default"),
        networks={each.network: container.addresses.get(each.network, "") for each in endpoints},
        addresses={each.network: each.ipv4_address for each in endpoints if each.ipv4_address},
        mounts=_mounts(container),
        ports=_ports(container),
        labels=labels,
    )


def _status(container: FakeContainer, now_s: float) -> str:
    match container.state:
        case ContainerState.CREATED:
            return "Created"
        case ContainerState.RUNNING:
            return f"Up {int(now_s - (container.started_s or 0.0))} seconds{_HEALTH_WORDS[container.health]}"
        case ContainerState.PAUSED:
            return f"Up {int(now_s - (container.started_s or 0.0))} seconds (Paused)"
        case ContainerState.RESTARTING:
            return f"Restarting ({container.exit_code}) {int(now_s - (container.ended_s or 0.0))} seconds ago"
        case _:
            return f"Exited ({container.exit_code}) {int(now_s - (container.ended_s or 0.0))} seconds ago"


def _mounts(container: FakeContainer) -> tuple[ObservedMount, ...]:
    written = {mount.target: mount for mount in container.spec.mounts}
    volumes = [
        ObservedMount("volume", volume.name, target, target in written and written[target].read_only)
        for target, volume in container.volumes.items()
    ]
    others = [
        ObservedMount(mount.kind, mount.source, mount.target, mount.read_only)
        for mount in container.spec.mounts
        if mount.kind != "volume"
    ]
    return tuple(volumes + others)


def _ports(container: FakeContainer) -> tuple[ObservedPort, ...]:
    if container.state is not ContainerState.RUNNING:
        return ()
    targets = {port.published: port.target for port in container.spec.service.ports}
    return tuple(
        ObservedPort(targets[str(published)], published, protocol, host_ip)
        for published, host_ip, protocol in published_ports(container)
    )


def view_detail(container: FakeContainer, started_at: str, finished_at: str) -> ContainerDetail:
    spec = container.spec
    mode = spec.network_mode or next((end.network for end in spec.endpoints), "default")
    return ContainerDetail(
        id=container.id,
        name=container.name,
        state=container.state,
        pid=_FIRST_PID + container.run if container.state in (ContainerState.RUNNING, ContainerState.PAUSED) else 0,
        exit_code=container.exit_code,
        error=container.error,
        started_at=started_at,
        finished_at=finished_at,
        restart_count=container.restart_count,
        health=container.health,
        healthcheck=container.healthcheck,
        network_mode=mode,
        addresses=dict(container.addresses),
        image=spec.image,
        tty=spec.service.tty,
        labels=dict(spec.labels),
        user=spec.service.user or "",
        health_exit_code={Health.HEALTHY: 0, Health.UNHEALTHY: 1}.get(container.health),
    )


def view_network(network: FakeNetwork) -> ObservedNetwork:
    return ObservedNetwork(
        id=network.id,
        name=network.name,
        driver=network.driver,
        subnets=(str(network.subnet),),
        ip_ranges=(str(network.ip_range),) if network.ip_range else (),
        appliance=network.labels.get(LABEL_APPLIANCE, ""),
        key=network.labels.get(LABEL_KEY, ""),
        digest=network.labels.get(LABEL_DIGEST, ""),
        generation=generation_of(network.labels),
        # [M] Docker 20.10 tells only what it was told, unless it chose the subnet as well.
        gateways=(network.given_gateway,) if network.given_gateway else (),
    )


def view_volume(volume: FakeVolume) -> ObservedVolume:
    return ObservedVolume(
        name=volume.name,
        driver=volume.driver,
        appliance=volume.labels.get(LABEL_APPLIANCE, ""),
        key=volume.labels.get(LABEL_KEY, ""),
        digest=volume.labels.get(LABEL_DIGEST, ""),
        mountpoint=f"/var/lib/docker/volumes/{volume.name}/_data",
        generation=generation_of(volume.labels),
    )


def view_image(image: FakeImage) -> ObservedImage:
    return ObservedImage(
        id=image.id,
        tags=tuple(sorted(image.tags)),
        size_bytes=1_000_000,
        created_at_s=image.created_at_s,
        labels=dict(image.labels),
        volumes=image.volumes,
    )
