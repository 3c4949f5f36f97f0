"""An appliance as JSON: in the shape of ``docker compose config --format json``, and in our own."""

from collections.abc import Mapping
from enum import Enum
from pathlib import Path

from msgspec import Struct

from boxship.spec.loaded import Loaded, active_services
from boxship.spec.model import (
    Appliance,
    Attachment,
    Build,
    Condition,
    Dependency,
    Healthcheck,
    Mount,
    Network,
    Port,
    Restart,
    Service,
    Ulimit,
    Volume,
)
from boxship.spec.model_files import Grant, Hidden
from boxship.spec.render_more import (
    Json,
    duration,
    filled,
    full_name,
    render_grant,
    render_more,
    render_shared,
    size,
    without_nothing,
)
from boxship.where import Where


def to_compose(loaded: Loaded) -> dict[str, Json]:
    """The active services and what they use, as docker compose 2.40.3 prints it; ``$`` stays a single ``$``."""
    appliance = loaded.appliance
    active = active_services(appliance, loaded.active_profiles)
    services = [service for name, service in appliance.services.items() if name in active]
    secrets = {grant.source for service in services for grant in (*service.secrets, *_build_secrets(service))}
    configs = {grant.source for service in services for grant in service.configs}
    networks = {key for service in services for key in service.networks}
    volumes = {mount.source for service in services for mount in service.mounts if mount.kind == "volume"}
    return without_nothing(
        {
            "name": appliance.name,
            "services": {service.name: _service(service) for service in services},
            "networks": {k: _network(n, appliance.name) for k, n in appliance.networks.items() if k in networks}
            or None,
            "volumes": {k: _volume(v, appliance.name) for k, v in appliance.volumes.items() if k in volumes} or None,
            "secrets": render_shared(appliance.secrets, secrets, appliance.name) or None,
            "configs": render_shared(appliance.configs, configs, appliance.name) or None,
        }
    )


def _build_secrets(service: Service) -> tuple[Grant, ...]:
    return service.build.secrets if service.build else ()


def _service(service: Service) -> dict[str, Json]:
    environment: dict[str, Json] = {**service.environment, **dict.fromkeys(service.unset_environment)}
    rendered = filled(
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
                name: {"condition": _condition(edge), "required": edge.required, "restart": edge.restart}
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
            "logging": filled({"driver": service.logging.driver, "options": dict(service.logging.options)}),
            "mem_limit": size(service.mem_limit_bytes),
            "mem_reservation": size(service.mem_reservation_bytes),
            "memswap_limit": size(service.memswap_limit_bytes),
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
            "shm_size": size(service.shm_size_bytes),
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
    return (
        rendered
        | render_more(service)
        | without_nothing(
            {
                "command": None if service.command is None else list(service.command),
                "entrypoint": None if service.entrypoint is None else list(service.entrypoint),
                "init": service.init,
                "stop_grace_period": duration(service.stop_grace_period_s),
            }
        )
    )


def _condition(edge: Dependency) -> str:
    """In Compose's words, which have none for READY."""
    return str(Condition.STARTED if edge.condition is Condition.READY else edge.condition)


def _restart(restart: Restart) -> str:
    return f"{restart.policy}:{restart.max_retries}" if restart.max_retries else restart.policy


def _build(build: Build) -> dict[str, Json]:
    return filled(
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
            "shm_size": size(build.shm_size_bytes),
            "extra_hosts": [*sorted(host.replace(":", "=", 1) for host in build.extra_hosts)],
            "cache_from": list(build.cache_from),
            "tags": list(build.tags),
            "ulimits": {name: _ulimit(limit) for name, limit in build.ulimits.items()},
            "isolation": build.isolation,
            "additional_contexts": dict(build.additional_contexts),
            "cache_to": list(build.cache_to),
            "entitlements": list(build.entitlements),
            "platforms": list(build.platforms),
            "privileged": build.privileged,
            "provenance": build.provenance,
            "sbom": build.sbom,
            "secrets": [render_grant(grant) for grant in build.secrets],
            "ssh": [f"{name}={path}" if path else name for name, path in build.ssh.items()],
        }
    )


def _healthcheck(check: Healthcheck) -> dict[str, Json]:
    rendered = without_nothing(
        {
            "test": list(check.test) or None,
            "interval": duration(check.interval_s),
            "timeout": duration(check.timeout_s),
            "retries": check.retries,
            "start_period": duration(check.start_period_s),
            "start_interval": duration(check.start_interval_s),
        }
    )
    return {**rendered, "disable": True} if check.disable else rendered


def _device(text: str) -> dict[str, Json]:
    source, target, permissions = text.rsplit(":", 2)
    return {"source": source, "target": target, "permissions": permissions}


def _ulimit(limit: Ulimit) -> Json:
    return limit.soft if limit.is_single else {"soft": limit.soft, "hard": limit.hard}


def _port(port: Port) -> dict[str, Json]:
    return without_nothing(
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
    bind |= filled({"propagation": mount.propagation, "selinux": mount.selinux, "recursive": mount.recursive})
    is_image = mount.kind == "image"
    return filled(
        {
            "type": mount.kind,
            "source": mount.source,
            "target": mount.target,
            "read_only": mount.read_only,
            "bind": bind,
            "consistency": mount.consistency,
            "volume": {}
            if is_image
            else filled({"nocopy": mount.nocopy, "subpath": mount.subpath, "labels": dict(mount.labels)}),
            "image": filled({"subpath": mount.subpath}) if is_image else None,
            "tmpfs": filled({"size": size(mount.tmpfs_size_bytes), "mode": mount.tmpfs_mode})
            if mount.kind == "tmpfs"
            else None,
        }
    )


def _attachment(attachment: Attachment) -> dict[str, Json] | None:
    rendered = filled(
        {
            "aliases": list(attachment.aliases),
            "ipv4_address": attachment.ipv4_address,
            "ipv6_address": attachment.ipv6_address,
            "mac_address": attachment.mac_address,
            "link_local_ips": list(attachment.link_local_ips),
            "priority": attachment.priority,
            "gw_priority": attachment.gw_priority,
            "interface_name": attachment.interface_name,
            "driver_opts": dict(attachment.driver_opts),
        }
    )
    return rendered or None


def _network(network: Network, appliance: str) -> dict[str, Json]:
    ipam = filled(
        {
            "driver": network.ipam_driver,
            "config": [
                filled(
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
    rendered = filled(
        {
            "name": full_name(network.key, network.name, appliance, is_external=network.external),
            "driver": network.driver,
            "driver_opts": dict(network.driver_opts),
            "ipam": ipam,
            "external": network.external,
            "internal": network.internal,
            "attachable": network.attachable,
            "labels": dict(network.labels),
        }
    )
    return rendered | without_nothing({"enable_ipv4": network.enable_ipv4, "enable_ipv6": network.enable_ipv6})


def _volume(volume: Volume, appliance: str) -> dict[str, Json]:
    return filled(
        {
            "name": full_name(volume.key, volume.name, appliance, is_external=volume.external),
            "driver": volume.driver,
            "driver_opts": dict(volume.driver_opts),
            "external": volume.external,
            "labels": dict(volume.labels),
        }
    )


def to_json(appliance: Appliance) -> dict[str, Json]:
    """Every field of the model under its own name; units are in the names, paths and places are text."""
    return {name: _plain(getattr(appliance, name)) for name in appliance.__struct_fields__}


def _plain(value: object) -> Json:
    match value:
        case Enum():
            return str(value.value)
        case str() | int() | float() | None:
            return value
        case Path() | Where() | Hidden():
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
