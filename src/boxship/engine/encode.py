"""What is to be created, as the engine's JSON.

Absent values are left out, so that the engine's own defaults apply; the few that Boxship sets itself are named below.
"""

import math
from collections.abc import Iterator, Mapping

from boxship.engine.needs import ANNOTATIONS, MANY_ENDPOINTS, Api
from boxship.plan.action import ContainerSpec, Endpoint, EngineMount, NetworkSpec, VolumeSpec
from boxship.plan.containers import external_links
from boxship.spec.model import Healthcheck, IpamPool, Logging, Port, Service
from boxship.spec.model_deploy import DeviceRequest
from boxship.spec.model_limits import BlockIo, DeviceRate

Json = Mapping[str, object]

BOUNDED_LOG = {"max-size": "10m", "max-file": "3"}
"""30 MB per container at most: the engine's own default grows until the disk is full."""
_NANOSECONDS = 1_000_000_000
_CONTAINER = "container:"
_INTERFACE_OPTION = "com.docker.network.endpoint.ifname"
_RECURSIVE: Mapping[str, Mapping[str, bool]] = {
    "disabled": {"NonRecursive": True},
    "readonly": {"ReadOnlyForceRecursive": True},
    "writable": {"ReadOnlyNonRecursive": True},
}


def encode_container(spec: ContainerSpec, api: tuple[int, int]) -> Json:
    """The body of ``POST /containers/create``. Below API 1.44 it holds only the first endpoint."""
    service = spec.service
    takes_many = api >= MANY_ENDPOINTS
    endpoints = spec.endpoints if takes_many else spec.endpoints[:1]
    body = {
        "Image": spec.image,
        "Cmd": _list_or_none(service.command),
        "Entrypoint": _list_or_none(service.entrypoint),
        "Env": [f"{name}={value}" for name, value in service.environment.items()],
        "Labels": dict(spec.labels),
        "User": service.user,
        "WorkingDir": service.working_dir,
        "Hostname": service.hostname,
        "Domainname": service.domainname,
        "Tty": service.tty or None,
        "OpenStdin": service.stdin_open or None,
        "StdinOnce": spec.stdin_once or None,
        "StopSignal": service.stop_signal,
        "StopTimeout": _whole_seconds(service.stop_grace_period_s),
        "Healthcheck": _healthcheck(service.healthcheck, api) if service.healthcheck else None,
        "ExposedPorts": {port: {} for port in _exposed_ports(service)},
        "MacAddress": _mac_address(spec, takes_many=takes_many),
        "HostConfig": _host_config(spec, api),
        "NetworkingConfig": {"EndpointsConfig": {end.network: encode_endpoint(end, api) for end in endpoints}},
    }
    return _present(body)


def _mac_address(spec: ContainerSpec, *, takes_many: bool) -> str | None:
    """Of the only network of an old engine's create call, or of a network that has no endpoint of ours."""
    if not spec.endpoints:
        return spec.service.mac_address
    return None if takes_many else spec.endpoints[0].mac_address


def _host_config(spec: ContainerSpec, api: Api) -> Json:
    service = spec.service
    return _present(
        {
            "NetworkMode": spec.network_mode or next((end.network for end in spec.endpoints), None),
            "IpcMode": spec.ipc,
            "PidMode": spec.pid,
            "UTSMode": service.uts,
            "UsernsMode": service.userns_mode,
            "CgroupnsMode": service.cgroup,
            "CgroupParent": service.cgroup_parent,
            "Runtime": service.runtime,
            "Isolation": service.isolation,
            "Init": service.init,
            "RestartPolicy": _restart(service),
            "AutoRemove": spec.auto_remove or None,
            "LogConfig": _log_config(service.logging),
            "PortBindings": _port_bindings(service.ports),
            "Binds": [_bind(mount) for mount in spec.mounts if _wants_bind(mount)],
            "Mounts": [
                encode_mount(mount) for mount in spec.mounts if not _wants_bind(mount) and mount.tmpfs_options is None
            ],
            "Tmpfs": _tmpfs(spec.mounts),
            "VolumesFrom": [
                source.removeprefix(_CONTAINER) for source in service.volumes_from if source.startswith(_CONTAINER)
            ],
            "Links": [] if spec.endpoints else list(external_links(service)),
            "Annotations": dict(service.annotations) if api >= ANNOTATIONS else None,
            "StorageOpt": dict(service.storage_opt),
            "ExtraHosts": list(spec.extra_hosts),
            "Dns": list(service.dns),
            "DnsSearch": list(service.dns_search),
            "DnsOptions": list(service.dns_opt),
            **_security(service),
            **_resources(service),
        }
    )


def _security(service: Service) -> Json:
    return {
        "Privileged": service.privileged or None,
        "ReadonlyRootfs": service.read_only or None,
        "CapAdd": list(service.cap_add),
        "CapDrop": list(service.cap_drop),
        "SecurityOpt": list(service.security_opt),
        "GroupAdd": list(service.group_add),
        "Sysctls": dict(service.sysctls),
        "Devices": [_device(device) for device in service.devices],
        "DeviceCgroupRules": list(service.device_cgroup_rules),
        "DeviceRequests": [_device_request(request) for request in service.gpus],
    }


def _resources(service: Service) -> Json:
    return {
        "ShmSize": service.shm_size_bytes,
        "Memory": service.mem_limit_bytes,
        "MemoryReservation": service.mem_reservation_bytes,
        "MemorySwap": service.memswap_limit_bytes,
        "NanoCpus": None if service.cpus is None else round(service.cpus * _NANOSECONDS),
        "CpuShares": service.cpu_shares,
        "CpusetCpus": service.cpuset,
        "CpuPeriod": service.cpu_period_us,
        "CpuQuota": service.cpu_quota_us,
        "CpuRealtimePeriod": service.cpu_rt_period_us,
        "CpuRealtimeRuntime": service.cpu_rt_runtime_us,
        "MemorySwappiness": service.mem_swappiness,
        **(_block_io(service.blkio_config) if service.blkio_config else {}),
        "PidsLimit": service.pids_limit,
        "OomScoreAdj": service.oom_score_adj,
        "OomKillDisable": service.oom_kill_disable,
        "Ulimits": [{"Name": name, "Soft": limit.soft, "Hard": limit.hard} for name, limit in service.ulimits.items()],
    }


def _block_io(block_io: BlockIo) -> Json:
    return {
        "BlkioWeight": block_io.weight,
        "BlkioWeightDevice": [{"Path": each.path, "Weight": each.weight} for each in block_io.weight_device],
        "BlkioDeviceReadBps": _rates(block_io.device_read_bps),
        "BlkioDeviceReadIOps": _rates(block_io.device_read_iops),
        "BlkioDeviceWriteBps": _rates(block_io.device_write_bps),
        "BlkioDeviceWriteIOps": _rates(block_io.device_write_iops),
    }


def _rates(rates: tuple[DeviceRate, ...]) -> list[Json]:
    return [{"Path": each.path, "Rate": each.rate} for each in rates]


def _device_request(request: DeviceRequest) -> Json:
    """``gpus`` may leave the capability out that gives it its name."""
    return _present(
        {
            "Driver": request.driver,
            "Count": request.count,
            "DeviceIDs": list(request.device_ids),
            "Capabilities": [list(request.capabilities) or ["gpu"]],
            "Options": dict(request.options),
        }
    )


def _present(values: Json) -> dict[str, object]:
    """Without what is absent. An empty list of words stays only where it means something (``Cmd``, ``Entrypoint``)."""
    kept = {"Cmd", "Entrypoint"}
    return {key: value for key, value in values.items() if value is not None and (key in kept or value not in ([], {}))}


def _list_or_none(words: tuple[str, ...] | None) -> list[str] | None:
    return None if words is None else list(words)


def _whole_seconds(seconds: float | None) -> int | None:
    return None if seconds is None else math.ceil(seconds)


def _healthcheck(check: Healthcheck, api: tuple[int, int]) -> Json:
    if check.is_disabled:
        return {"Test": ["NONE"]}
    return _present(
        {
            "Test": list(check.test),
            "Interval": _nanoseconds(check.interval_s),
            "Timeout": _nanoseconds(check.timeout_s),
            "Retries": check.retries,
            "StartPeriod": _nanoseconds(check.start_period_s),
            "StartInterval": _nanoseconds(check.start_interval_s) if api >= MANY_ENDPOINTS else None,
        }
    )


def _nanoseconds(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * _NANOSECONDS)


def _exposed_ports(service: Service) -> Iterator[str]:
    for port in service.ports:
        yield f"{port.target}/{port.protocol}"
    for entry in service.expose:
        ports, _, protocol = entry.partition("/")
        first, _, last = ports.partition("-")
        for number in range(int(first), int(last or first) + 1):
            yield f"{number}/{protocol or 'tcp'}"


def _port_bindings(ports: tuple[Port, ...]) -> dict[str, list[Json]]:
    bindings: dict[str, list[Json]] = {}
    for port in ports:
        binding = {"HostIp": port.host_ip or "", "HostPort": port.published or ""}
        bindings.setdefault(f"{port.target}/{port.protocol}", []).append(binding)
    return bindings


def _restart(service: Service) -> Json | None:
    if service.restart is None:
        return None
    policy: dict[str, object] = {"Name": service.restart.policy}
    if service.restart.policy == "on-failure" and service.restart.max_retries:
        policy["MaximumRetryCount"] = service.restart.max_retries
    return policy


def _log_config(logging: Logging) -> Json:
    driver = logging.driver or "json-file"
    bounds = BOUNDED_LOG if driver == "json-file" else {}
    return {"Type": driver, "Config": {**bounds, **logging.options}}


def _wants_bind(mount: EngineMount) -> bool:
    """Only ``Binds`` creates a missing host path and relabels for SELinux; it can't hold a path with a colon."""
    if mount.selinux:
        return True
    is_plain = mount.create_host_path and mount.recursive in {None, "enabled"}
    return mount.kind == "bind" and is_plain and ":" not in mount.source + mount.target


def _bind(mount: EngineMount) -> str:
    options = [
        "ro" if mount.read_only else "rw",
        mount.selinux,
        mount.propagation or "",
        "nocopy" if mount.nocopy else "",
    ]
    return f"{mount.source}:{mount.target}:{','.join(option for option in options if option)}"


def _tmpfs(mounts: tuple[EngineMount, ...]) -> dict[str, str]:
    """Only ``Tmpfs`` takes options such as uid and noexec."""
    return {mount.target: mount.tmpfs_options for mount in mounts if mount.tmpfs_options is not None}


def encode_mount(mount: EngineMount) -> Json:
    """One entry of ``Mounts``."""
    bind = {"Propagation": mount.propagation, **_RECURSIVE.get(mount.recursive or "", {})}
    volume = {"NoCopy": mount.nocopy or None, "Subpath": mount.subpath, "Labels": dict(mount.labels)}
    tmpfs = _present({"SizeBytes": mount.tmpfs_size_bytes, "Mode": mount.tmpfs_mode})
    return _present(
        {
            "Type": mount.kind,
            "Source": mount.source or None,
            "Target": mount.target,
            "ReadOnly": mount.read_only or None,
            "BindOptions": _present(bind) if mount.kind == "bind" else None,
            "VolumeOptions": _present(volume) if mount.kind == "volume" else None,
            "ImageOptions": _present({"Subpath": mount.subpath}) if mount.kind == "image" else None,
            "TmpfsOptions": tmpfs if mount.kind == "tmpfs" else None,
        }
    )


def _device(text: str) -> Json:
    on_host, _, rest = text.partition(":")
    inside, _, permissions = rest.partition(":")
    return {
        "PathOnHost": on_host,
        "PathInContainer": inside or on_host,
        "CgroupPermissions": permissions or "rwm",
    }


def encode_endpoint(endpoint: Endpoint, api: tuple[int, int]) -> Json:
    """One network's settings of one container."""
    addresses = _present(
        {
            "IPv4Address": endpoint.ipv4_address,
            "IPv6Address": endpoint.ipv6_address,
            "LinkLocalIPs": list(endpoint.link_local_ips),
        }
    )
    name = {_INTERFACE_OPTION: endpoint.interface_name} if endpoint.interface_name else {}
    return _present(
        {
            "Aliases": list(endpoint.aliases),
            "Links": list(endpoint.links),
            "IPAMConfig": addresses,
            "MacAddress": endpoint.mac_address if api >= MANY_ENDPOINTS else None,
            "DriverOpts": {**endpoint.driver_opts, **name},
            "GwPriority": endpoint.gw_priority or None,
        }
    )


def later_endpoints(spec: ContainerSpec, api: tuple[int, int]) -> tuple[Endpoint, ...]:
    """Those that the create call could not take."""
    return () if api >= MANY_ENDPOINTS else spec.endpoints[1:]


def encode_network(spec: NetworkSpec) -> Json:
    """The body of ``POST /networks/create``."""
    network = spec.network
    pools = network.ipam or (IpamPool(),)
    chosen = {"Subnet": spec.subnet, "IPRange": spec.ip_range, "Gateway": spec.gateway}
    configs = [_pool(pool) for pool in pools]
    configs[0] = {**_present(chosen), **configs[0]}
    return _present(
        {
            "Name": spec.name,
            "CheckDuplicate": True,
            "Driver": network.driver or "bridge",
            "Options": dict(network.driver_opts),
            "Internal": network.internal or None,
            "Attachable": network.attachable or None,
            "EnableIPv4": network.enable_ipv4,
            "EnableIPv6": network.enable_ipv6,
            "IPAM": _present(
                {
                    "Driver": network.ipam_driver,
                    "Config": [config for config in configs if config],
                    "Options": dict(network.ipam_options),
                }
            ),
            "Labels": dict(spec.labels),
        }
    )


def _pool(pool: IpamPool) -> Json:
    return _present(
        {
            "Subnet": pool.subnet,
            "IPRange": pool.ip_range,
            "Gateway": pool.gateway,
            "AuxiliaryAddresses": dict(pool.aux_addresses),
        }
    )


def encode_volume(spec: VolumeSpec) -> Json:
    """The body of ``POST /volumes/create``."""
    return _present(
        {
            "Name": spec.name,
            "Driver": spec.volume.driver or "local",
            "DriverOpts": dict(spec.volume.driver_opts),
            "Labels": dict(spec.labels),
        }
    )
