"""The engine's answers as records. Dicts stop here."""

import re

from boxship.engine.fields import Fields
from boxship.engine.port import ContainerDetail, ContainerStats, EngineEvent
from boxship.engine.streams import unix_time
from boxship.errors import UsageError
from boxship.names import (
    LABEL_APPLIANCE,
    LABEL_DIGEST,
    LABEL_KEY,
    LABEL_PARTS,
    LABEL_SERVICE,
    generation_of,
    replica_number,
)
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
from boxship.spec.model import Healthcheck

_EXIT = re.compile(r"(?:Exited|Restarting|Dead) \((-?\d+)\)")
_NANOSECONDS = 1_000_000_000
_NEVER = "0001-01-01T00:00:00Z"
"""Go's zero time: it has not happened yet."""
_NO_TAG = "<none>:<none>"
_NO_DIGEST = "<none>@<none>"


def decode_container(item: Fields) -> ObservedContainer:
    """One item of ``GET /containers/json``."""
    labels = item.labels("Labels")
    status = item.text("Status")
    networks = dict(item.child("NetworkSettings").child("Networks").named_children())
    return ObservedContainer(
        id=item.text("Id"),
        name=_own_name(item.texts("Names")),
        image=item.text("Image"),
        image_id=item.text("ImageID"),
        state=decode_state(item.text("State")),
        appliance=labels.get(LABEL_APPLIANCE, ""),
        service=labels.get(LABEL_SERVICE, ""),
        digest=labels.get(LABEL_DIGEST, ""),
        parts=labels.get(LABEL_PARTS, ""),
        status=status,
        health=health_in(status),
        exit_code=exit_code_in(status),
        created_at_s=item.number("Created"),
        network_mode=item.child("HostConfig").text("NetworkMode"),
        networks={name: network.text("IPAddress") for name, network in networks.items()},
        addresses={
            name: address
            for name, network in networks.items()
            if (address := network.child("IPAMConfig").text("IPv4Address"))
        },
        addresses_v6={
            name: address
            for name, network in networks.items()
            if (address := network.text("GlobalIPv6Address") or network.child("IPAMConfig").text("IPv6Address"))
        },
        mounts=tuple(_decode_mount(mount) for mount in item.children("Mounts")),
        ports=tuple(_decode_port(port) for port in item.children("Ports")),
        labels=labels,
    )


def _own_name(names: tuple[str, ...]) -> str:
    """Its own of the names: those with a second slash are links from other containers."""
    own = [name for name in names if name.count("/") == 1]
    return (own or [""])[0].removeprefix("/")


def decode_state(word: str) -> ContainerState:
    """DEAD for a word that no engine is known to use."""
    try:
        return ContainerState(word)
    except ValueError:
        return ContainerState.DEAD


def health_in(status: str) -> Health:
    """What the list's sentence says: "Up 2 hours (healthy)", "Up 3 seconds (health: starting)"."""
    if status.endswith("(healthy)"):
        return Health.HEALTHY
    if status.endswith("(unhealthy)"):
        return Health.UNHEALTHY
    if status.endswith("(health: starting)"):
        return Health.STARTING
    return Health.NONE


def exit_code_in(status: str) -> int | None:
    """What the list's sentence says: "Exited (137) 3 minutes ago". None unless it has ended."""
    found = _EXIT.match(status)
    return int(found[1]) if found else None


def _decode_mount(mount: Fields) -> ObservedMount:
    kind = mount.text("Type")
    return ObservedMount(
        kind=kind,
        source=mount.text("Name") if kind == "volume" else mount.text("Source"),
        target=mount.text("Destination"),
        read_only=not mount.flag("RW"),
    )


def _decode_port(port: Fields) -> ObservedPort:
    return ObservedPort(
        target=port.number("PrivatePort"),
        published=port.number("PublicPort") or None,
        protocol=port.text("Type", "tcp"),
        host_ip=port.text("IP"),
    )


def decode_network(item: Fields) -> ObservedNetwork:
    """One item of ``GET /networks``."""
    labels = item.labels("Labels")
    pools = list(item.child("IPAM").children("Config"))
    return ObservedNetwork(
        id=item.text("Id"),
        name=item.text("Name"),
        driver=item.text("Driver"),
        subnets=tuple(subnet for pool in pools if (subnet := pool.text("Subnet"))),
        ip_ranges=tuple(ip_range for pool in pools if (ip_range := pool.text("IPRange"))),
        gateways=tuple(gateway for pool in pools if (gateway := pool.text("Gateway"))),
        appliance=labels.get(LABEL_APPLIANCE, ""),
        key=labels.get(LABEL_KEY, ""),
        digest=labels.get(LABEL_DIGEST, ""),
        generation=generation_of(labels),
    )


def decode_volume(item: Fields) -> ObservedVolume:
    """One item of ``GET /volumes``."""
    labels = item.labels("Labels")
    return ObservedVolume(
        name=item.text("Name"),
        driver=item.text("Driver"),
        appliance=labels.get(LABEL_APPLIANCE, ""),
        key=labels.get(LABEL_KEY, ""),
        digest=labels.get(LABEL_DIGEST, ""),
        mountpoint=item.text("Mountpoint"),
        generation=generation_of(labels),
    )


def decode_image(item: Fields) -> ObservedImage:
    """One item of ``GET /images/json``."""
    return ObservedImage(
        id=item.text("Id"),
        tags=tuple(tag for tag in item.texts("RepoTags") if tag != _NO_TAG),
        digests=tuple(digest for digest in item.texts("RepoDigests") if digest != _NO_DIGEST),
        size_bytes=item.number("Size"),
        created_at_s=item.number("Created"),
        labels=item.labels("Labels"),
    )


def decode_image_detail(item: Fields) -> ObservedImage:
    """``GET /images/NAME/json``."""
    return ObservedImage(
        id=item.text("Id"),
        tags=item.texts("RepoTags"),
        digests=item.texts("RepoDigests"),
        size_bytes=item.number("Size"),
        created_at_s=_unix_seconds(item.text("Created")),
        labels=item.child("Config").labels("Labels"),
        volumes=tuple(sorted(place for place, _ in item.child("Config").child("Volumes").named_children())),
    )


def _unix_seconds(text: str) -> int:
    try:
        return int(float(unix_time(text)))
    except UsageError:
        return 0


def decode_detail(item: Fields) -> ContainerDetail:
    """``GET /containers/NAME/json``."""
    state = item.child("State")
    config = item.child("Config")
    health = state.child("Health")
    host_config = item.child("HostConfig")
    networks = item.child("NetworkSettings").child("Networks").named_children()
    return ContainerDetail(
        id=item.text("Id"),
        name=item.text("Name").removeprefix("/"),
        state=decode_state(state.text("Status")),
        pid=state.number("Pid"),
        exit_code=state.number("ExitCode"),
        oom_killed=state.flag("OOMKilled"),
        error=state.text("Error"),
        started_at=_time(state.text("StartedAt")),
        finished_at=_time(state.text("FinishedAt")),
        restart_count=item.number("RestartCount"),
        health=_decode_health(health.text("Status", "none")),
        health_output=_last_output(health),
        healthcheck=_decode_healthcheck(config.child("Healthcheck")) if config.has("Healthcheck") else None,
        network_mode=host_config.text("NetworkMode"),
        addresses={name: address for name, network in networks if (address := network.text("IPAddress"))},
        image=config.text("Image"),
        tty=config.flag("Tty"),
        labels=config.labels("Labels"),
        health_exit_code=_last_exit_code(health),
        user=config.text("User"),
    )


def _time(text: str) -> str:
    return "" if text == _NEVER else text


def _decode_health(word: str) -> Health:
    try:
        return Health(word)
    except ValueError:
        return Health.NONE


def _last_output(health: Fields) -> str:
    outputs = [probe.text("Output") for probe in health.children("Log")]
    return outputs[-1].strip() if outputs else ""


def _last_exit_code(health: Fields) -> int | None:
    codes = [probe.number("ExitCode") for probe in health.children("Log")]
    return codes[-1] if codes else None


def _decode_healthcheck(item: Fields) -> Healthcheck:
    return Healthcheck(
        test=item.texts("Test"),
        interval_s=_seconds(item.number("Interval")),
        timeout_s=_seconds(item.number("Timeout")),
        retries=item.number("Retries") or None,
        start_period_s=_seconds(item.number("StartPeriod")),
        start_interval_s=_seconds(item.number("StartInterval")),
    )


def _seconds(nanoseconds: int) -> float | None:
    return nanoseconds / _NANOSECONDS if nanoseconds else None


def decode_event(item: Fields) -> EngineEvent:
    """One line of ``GET /events`` about a container."""
    actor = item.child("Actor")
    attributes = actor.labels("Attributes")
    exit_code = attributes.get("exitCode", "")
    return EngineEvent(
        action=item.text("Action"),
        container_id=actor.text("ID"),
        name=attributes.get("name", ""),
        appliance=attributes.get(LABEL_APPLIANCE, ""),
        service=attributes.get(LABEL_SERVICE, ""),
        exit_code=int(exit_code) if exit_code.lstrip("-").isdecimal() else None,
        at_s=item.number("timeNano") / _NANOSECONDS or float(item.number("time")),
        image=attributes.get("image", ""),
        number=replica_number(attributes),
        generation=generation_of(attributes),
    )


def decode_stats(item: Fields) -> ContainerStats | None:
    """``GET /containers/NAME/stats``; None when there is nothing to measure."""
    read_at = item.text("read", _NEVER)
    if read_at == _NEVER or not item.child("pids_stats").has("current"):
        return None
    memory = item.child("memory_stats")
    kept = memory.child("stats")
    networks = [network for _, network in item.child("networks").named_children()]
    blocks = list(item.child("blkio_stats").children("io_service_bytes_recursive"))
    return ContainerStats(
        cpu_percent=_cpu_percent(item, read_at),
        # cgroup 1 calls it total_inactive_file, cgroup 2 inactive_file.
        memory_bytes=max(0, memory.number("usage") - kept.number("total_inactive_file", kept.number("inactive_file"))),
        memory_limit_bytes=memory.number("limit"),
        received_bytes=sum(network.number("rx_bytes") for network in networks),
        sent_bytes=sum(network.number("tx_bytes") for network in networks),
        read_bytes=sum(block.number("value") for block in blocks if block.text("op").lower() == "read"),
        written_bytes=sum(block.number("value") for block in blocks if block.text("op").lower() == "write"),
        pids=item.child("pids_stats").number("current"),
    )


def _cpu_percent(item: Fields, read_at: str) -> float | None:
    before_at = item.text("preread", _NEVER)
    if before_at == _NEVER:
        return None
    used_ns = item.child("cpu_stats").child("cpu_usage").number("total_usage")
    before_ns = item.child("precpu_stats").child("cpu_usage").number("total_usage")
    passed_s = float(unix_time(read_at)) - float(unix_time(before_at))
    return max(0.0, (used_ns - before_ns) / _NANOSECONDS / passed_s * 100) if passed_s > 0 else None
