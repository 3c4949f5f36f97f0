"""An appliance as JSON: in the shape of ``docker compose config --format json``, and in our own."""

from collections.abc import Mapping
from enum import Enum
from pathlib import Path

from msgspec import Struct

from boxship.spec.load import Loaded, active_services
from boxship.spec.model import (
    Appliance,
    Attachment,
    Build,
    Healthcheck,
    Mount,
    Network,
    Port,
    Restart,
    Service,
    Ulimit,
    Volume,
)
from boxship.units import format_duration
from boxship.where import Where

Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]


def to_compose(loaded: Loaded) -> dict[str, Json]:
    """The active services and what they use, as docker compose 2.40.3 prints it; ``$`` stays a single ``$``."""
    appliance = loaded.appliance
    active = active_services(appliance, loaded.active_profiles)
    services = [service for name, service in appliance.services.items() if name in active]
    networks = {key for service in services for key in service.networks}
    volumes = {mount.source for service in services for mount in service.mounts if mount.kind == "volume"}
    return _without_nothing(
        {
            "name": appliance.name,
            "services": {service.name: _service(service) for service in services},
            "networks": {k: _network(n, appliance.name) for k, n in appliance.networks.items() if k in networks}
            or None,
            "volumes": {k: _volume(v, appliance.name) for k, v in appliance.volumes.items() if k in volumes} or None,
        }
    )


def _without_nothing(values: Mapping[str, Json]) -> dict[str, Json]:
    return {key: value for key, value in values.items() if value is not None}


def _filled(values: Mapping[str, Json]) -> dict[str, Json]:
    """Without what is empty, zero or false: docker compose doesn't print those."""
    return {key: value for key, value in values.items() if value or (isinstance(value, dict) and key == "healthcheck")}


def _service(service: Service) -> dict[str, Json]:
    environment: dict[str, Json] = {**service.environment, **dict.fromkeys(service.unset_environment)}
    rendered = _filled(
        {
            "build": _build(service.build) if service.build else None,
            "cap_add": list(service.cap_add),
            "cap_drop": list(service.cap_drop),
            "cgroup": service.cgroup,
            "cgroup_parent": service.cgroup_parent,
            "container_name": service.container_name,
            "cpu_shares": service.cpu_shares,
            "cpus": service.cpus,
            "cpuset": service.cpuset,
            "depends_on": {
                name: {"condition": str(edge.condition), "required": edge.required, "restart": edge.restart}
                for name, edge in service.depends_on.items()
            },
            "devices": [_device(text) for text in service.devices],
            "dns": list(service.dns),
            "dns_opt": list(service.dns_opt),
            "dns_search": list(service.dns_search),
            "domainname": service.domainname,
            "environment": environment,
            "expose": list(service.expose),
            "extra_hosts": [*sorted(host.replace(":", "=", 1) for host in service.extra_hosts)],
            "group_add": list(service.group_add),
            "healthcheck": _healthcheck(service.healthcheck) if service.healthcheck else None,
            "hostname": service.hostname,
            "image": service.image,
            "ipc": service.ipc,
            "isolation": service.isolation,
            "labels": dict(service.labels),
            "links": [*service.links],
            "logging": _filled({"driver": service.logging.driver, "options": dict(service.logging.options)}),
            "mem_limit": _size(service.mem_limit_bytes),
            "mem_reservation": _size(service.mem_reservation_bytes),
            "memswap_limit": _size(service.memswap_limit_bytes),
            "network_mode": service.network_mode,
            "networks": {key: _attachment(attachment) for key, attachment in service.networks.items()},
            "oom_kill_disable": service.oom_kill_disable,
            "oom_score_adj": service.oom_score_adj,
            "pid": service.pid,
            "pids_limit": service.pids_limit,
            "platform": service.platform,
            "ports": [_port(port) for port in service.ports],
            "privileged": service.privileged,
            "profiles": list(service.profiles),
            "pull_policy": service.pull_policy,
            "read_only": service.read_only,
            "restart": _restart(service.restart) if service.restart else None,
            "runtime": service.runtime,
            "security_opt": list(service.security_opt),
            "shm_size": _size(service.shm_size_bytes),
            "stdin_open": service.stdin_open,
            "stop_signal": service.stop_signal,
            "sysctls": dict(service.sysctls),
            "tmpfs": [_short_tmpfs(mount) for mount in service.mounts if mount.tmpfs_options is not None],
            "tty": service.tty,
            "ulimits": {name: _ulimit(limit) for name, limit in service.ulimits.items()},
            "user": service.user,
            "userns_mode": service.userns_mode,
            "uts": service.uts,
            "volumes": [_mount(mount) for mount in service.mounts if mount.tmpfs_options is None],
            "working_dir": service.working_dir,
        }
    )
    return rendered | _without_nothing(
        {
            "command": None if service.command is None else list(service.command),
            "entrypoint": None if service.entrypoint is None else list(service.entrypoint),
            "init": service.init,
            "stop_grace_period": _duration(service.stop_grace_period_s),
        }
    )


def _size(size_bytes: int | None) -> str | None:
    return str(size_bytes) if size_bytes else None


def _duration(seconds: float | None) -> str | None:
    return None if seconds is None else format_duration(seconds)


def _restart(restart: Restart) -> str:
    return f"{restart.policy}:{restart.max_retries}" if restart.max_retries else restart.policy


def _build(build: Build) -> dict[str, Json]:
    return _filled(
        {
            "context": build.context_url or str(build.context),
            "dockerfile": None if build.dockerfile_inline is not None else build.dockerfile,
            "dockerfile_inline": build.dockerfile_inline,
            "args": {name: value for name, value in build.args.items() if value is not None},
            "target": build.target,
            "labels": dict(build.labels),
            "network": build.network,
            "no_cache": build.no_cache,
            "pull": build.pull,
            "shm_size": _size(build.shm_size_bytes),
            "extra_hosts": [*sorted(host.replace(":", "=", 1) for host in build.extra_hosts)],
            "cache_from": list(build.cache_from),
            "tags": list(build.tags),
        }
    )


def _healthcheck(check: Healthcheck) -> dict[str, Json]:
    rendered = _without_nothing(
        {
            "test": list(check.test) or None,
            "interval": _duration(check.interval_s),
            "timeout": _duration(check.timeout_s),
            "retries": check.retries,
            "start_period": _duration(check.start_period_s),
            "start_interval": _duration(check.start_interval_s),
        }
    )
    return {**rendered, "disable": True} if check.disable else rendered


def _device(text: str) -> dict[str, Json]:
    source, target, permissions = text.rsplit(":", 2)
    return {"source": source, "target": target, "permissions": permissions}


def _ulimit(limit: Ulimit) -> Json:
    return limit.soft if limit.is_single else {"soft": limit.soft, "hard": limit.hard}


def _port(port: Port) -> dict[str, Json]:
    return _without_nothing(
        {
            "name": port.name,
            "mode": port.mode,
            "host_ip": port.host_ip,
            "target": port.target,
            "published": port.published,
            "protocol": port.protocol,
            "app_protocol": port.app_protocol,
        }
    )


def _short_tmpfs(mount: Mount) -> str:
    return f"{mount.target}:{mount.tmpfs_options}" if mount.tmpfs_options else mount.target


def _mount(mount: Mount) -> dict[str, Json]:
    bind: dict[str, Json] = {"create_host_path": True} if mount.create_host_path and mount.kind == "bind" else {}
    bind |= _filled({"propagation": mount.propagation, "selinux": mount.selinux})
    return _filled(
        {
            "type": mount.kind,
            "source": mount.source,
            "target": mount.target,
            "read_only": mount.read_only,
            "bind": bind,
            "volume": _filled({"nocopy": mount.nocopy, "subpath": mount.subpath}),
            "tmpfs": _filled({"size": _size(mount.tmpfs_size_bytes), "mode": mount.tmpfs_mode})
            if mount.kind == "tmpfs"
            else None,
        }
    )


def _attachment(attachment: Attachment) -> dict[str, Json] | None:
    rendered = _filled(
        {
            "aliases": list(attachment.aliases),
            "ipv4_address": attachment.ipv4_address,
            "ipv6_address": attachment.ipv6_address,
            "mac_address": attachment.mac_address,
            "link_local_ips": list(attachment.link_local_ips),
            "priority": attachment.priority,
            "driver_opts": dict(attachment.driver_opts),
        }
    )
    return rendered or None


def _network(network: Network, appliance: str) -> dict[str, Json]:
    ipam = _filled(
        {
            "driver": network.ipam_driver,
            "config": [
                _filled(
                    {
                        "subnet": pool.subnet,
                        "ip_range": pool.ip_range,
                        "gateway": pool.gateway,
                        "aux_addresses": dict(pool.aux_addresses),
                    }
                )
                for pool in network.ipam
            ],
        }
    )
    rendered = _filled(
        {
            "name": _full_name(network.key, network.name, appliance, is_external=network.external),
            "driver": network.driver,
            "driver_opts": dict(network.driver_opts),
            "ipam": ipam,
            "external": network.external,
            "internal": network.internal,
            "attachable": network.attachable,
            "labels": dict(network.labels),
        }
    )
    return rendered if network.enable_ipv6 is None else {**rendered, "enable_ipv6": network.enable_ipv6}


def _volume(volume: Volume, appliance: str) -> dict[str, Json]:
    return _filled(
        {
            "name": _full_name(volume.key, volume.name, appliance, is_external=volume.external),
            "driver": volume.driver,
            "driver_opts": dict(volume.driver_opts),
            "external": volume.external,
            "labels": dict(volume.labels),
        }
    )


def _full_name(key: str, name: str | None, appliance: str, *, is_external: bool) -> str:
    return name or (key if is_external else f"{appliance}_{key}")


def to_json(appliance: Appliance) -> dict[str, Json]:
    """Every field of the model under its own name; units are in the names, paths and places are text."""
    return {name: _plain(getattr(appliance, name)) for name in appliance.__struct_fields__}


def _plain(value: object) -> Json:
    match value:
        case Enum():
            return str(value.value)
        case str() | int() | float() | None:
            return value
        case Path() | Where():
            return str(value)
        case Mapping():
            return {str(key): _plain(inner) for key, inner in value.items()}
        case tuple() | list() | frozenset():
            return [_plain(inner) for inner in value]
        case Struct():
            named = {name: _plain(getattr(value, name)) for name in value.__struct_fields__}
            return {"kind": type(value).__name__, **named} if type(value).__name__.endswith("Probe") else named
        case _:
            return str(value)
