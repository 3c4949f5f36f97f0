"""What the vendor wrote, as values: the output of reading, the input of deciding.

Everything is already resolved: variables are substituted, short forms are long, paths are absolute, durations are
seconds and sizes bytes. Absent means "the engine's default", never a guess. Mappings keep the file's order, sequences
are tuples, and nothing here is ever changed in place.
"""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Literal

from msgspec import Struct, field

from boxship.spec.model_boot import Boot
from boxship.spec.model_build import Base, Budget, ContextPart, Wheels
from boxship.spec.model_checks import CertificateProbe, HostChecks, HttpExpectation, Limits, ProgramProbe, SqlProbe
from boxship.spec.model_deploy import Deploy, DeviceRequest
from boxship.spec.model_files import Grant, SharedFile
from boxship.spec.model_hooks import Develop, LifecycleHook
from boxship.spec.model_limits import BlockIo
from boxship.spec.model_outside import CredentialSpec, LanguageModel, ModelUse, Provider
from boxship.spec.model_preflight import ContainerProbe
from boxship.spec.model_release import Keep, Rules
from boxship.spec.model_switch import OnSwitch
from boxship.where import Placed, Where


class Condition(StrEnum):
    """What a dependency must have reached before a dependent starts."""

    STARTED = "service_started"
    HEALTHY = "service_healthy"
    COMPLETED = "service_completed_successfully"
    READY = "service_ready"
    """Not of Compose: it runs, and what it is asked (its health check, if it has one) was answered well; or it was a
    plain command and has ended well. What ``boot.wait_for: ready`` makes of STARTED."""


class Dependency(Struct, frozen=True):
    """One edge of ``depends_on``. ``restart``: recreate the dependent when the dependency is recreated."""

    condition: Condition = Condition.STARTED
    restart: bool = False
    required: bool = True


class Ulimit(Struct, frozen=True):
    """A soft and a hard limit; -1 is unlimited."""

    soft: int
    hard: int
    is_single: bool = False
    """Written as one number."""


class Build(Struct, frozen=True):
    """How an image is made from a Dockerfile. ``dockerfile`` is relative to ``context`` unless it is absolute."""

    context: Path
    context_url: str | None = None
    """A git repository or archive in place of ``context``, which then is the appliance's directory."""
    dockerfile: str = "Dockerfile"
    dockerfile_inline: str | None = None
    args: Mapping[str, str | None] = field(default_factory=dict)
    target: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    network: str | None = None
    no_cache: bool = False
    pull: bool = False
    shm_size_bytes: int | None = None
    extra_hosts: tuple[str, ...] = ()
    cache_from: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    ulimits: Mapping[str, Ulimit] = field(default_factory=dict)
    isolation: str | None = None
    additional_contexts: Mapping[str, str] = field(default_factory=dict)
    """This and what follows only BuildKit obeys."""
    cache_to: tuple[str, ...] = ()
    entitlements: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    privileged: bool = False
    provenance: str | None = None
    sbom: str | None = None
    secrets: tuple[Grant, ...] = ()
    ssh: Mapping[str, str] = field(default_factory=dict)


class Port(Struct, frozen=True):
    """One published port. ``published`` is None for "any free one", or a port or a range ("8000-8010") as text."""

    target: int
    published: str | None = None
    protocol: str = "tcp"
    host_ip: str | None = None
    mode: str = "ingress"
    name: str | None = None
    app_protocol: str | None = None


class Mount(Struct, frozen=True):
    """One place in a container's file system.

    ``source`` is a key of ``volumes`` (kind "volume", None when anonymous), or an absolute path of the host ("bind"),
    or an image's reference ("image"), or None ("tmpfs"). No Linux engine has "npipe" and "cluster".
    """

    kind: Literal["volume", "bind", "tmpfs", "image", "npipe", "cluster"]
    target: str
    source: str | None = None
    read_only: bool = False
    nocopy: bool = False
    subpath: str | None = None
    propagation: str | None = None
    recursive: str | None = None
    """What becomes of mounts below a bind: enabled, disabled, writable or readonly."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Of an anonymous volume."""
    consistency: str | None = None
    create_host_path: bool = True
    selinux: Literal["", "z", "Z"] = ""
    tmpfs_size_bytes: int | None = None
    tmpfs_mode: int | None = None
    tmpfs_options: str | None = None
    """What a short ``tmpfs:`` entry says behind the target ("size=64m,uid=1000", maybe ""), as the engine takes it."""


class Attachment(Struct, frozen=True):
    """A service's end on one network, keyed by the network's key."""

    aliases: tuple[str, ...] = ()
    ipv4_address: str | None = None
    ipv6_address: str | None = None
    mac_address: str | None = None
    link_local_ips: tuple[str, ...] = ()
    priority: int = 0
    gw_priority: int = 0
    interface_name: str | None = None
    driver_opts: Mapping[str, str] = field(default_factory=dict)


class Healthcheck(Struct, frozen=True):
    """Compose's health check; ``test`` begins with NONE, CMD or CMD-SHELL, or is empty for the image's own.

    Times are seconds; None is the engine's default (interval 30, timeout 30, retries 3, start_period 0).
    """

    test: tuple[str, ...] = ()
    interval_s: float | None = None
    timeout_s: float | None = None
    retries: int | None = None
    start_period_s: float | None = None
    start_interval_s: float | None = None
    disable: bool = False
    """The file's ``disable:`` flag; a test of NONE says the same, so ask ``is_disabled``."""

    @property
    def is_disabled(self) -> bool:
        return self.disable or self.test[:1] == ("NONE",)


class Restart(Struct, frozen=True):
    """What the engine does when the container ends. ``policy``: no, always, on-failure or unless-stopped."""

    policy: Literal["no", "always", "on-failure", "unless-stopped"] = "no"
    max_retries: int = 0


class HostHooks(Struct, frozen=True):
    """Commands of the vendor's own machine around what happens to one service; argv each, empty for none.

    They run in the files' directory and know the container's name from their environment; in an argument,
    ``${CRANE_HOOKED_CONTAINER}`` or ``${BOXSHIP_HOOKED_CONTAINER}`` is replaced by it.
    """

    pre_build: tuple[str, ...] = ()
    post_build: tuple[str, ...] = ()
    pre_start: tuple[str, ...] = ()
    post_start: tuple[str, ...] = ()
    pre_stop: tuple[str, ...] = ()
    post_stop: tuple[str, ...] = ()


class Logging(Struct, frozen=True):
    """The engine's log driver for one service; empty means the daemon's default, bounded by Boxship."""

    driver: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)


class HttpProbe(Struct, frozen=True):
    """GET must answer as expected. The host ``<service>.service``, ``<service>`` or localhost is the container itself.

    ``verify_tls`` is off by default: a probe asks whether the service is ready, not whether its name is right.
    """

    url: str
    verify_tls: bool = False
    expect: HttpExpectation = HttpExpectation()


class TcpProbe(Struct, frozen=True):
    """A connection to the container's own address and ``port`` must be accepted."""

    port: int


class ExecProbe(Struct, frozen=True):
    """``argv`` run inside the container must exit with one of ``exit_codes``."""

    argv: tuple[str, ...]
    exit_codes: tuple[int, ...] = (0,)


class LogProbe(Struct, frozen=True):
    """A line of the container's log since its start must match the regular expression ``pattern``.

    With ``last_s`` it is a question of ``status`` alone: one of the last so many seconds must match, or none
    (``is_absent``).
    """

    pattern: str
    last_s: float | None = None
    is_absent: bool = False


Probe = HttpProbe | TcpProbe | ExecProbe | LogProbe


class Check(Struct, frozen=True):
    """An appliance's own question to a service (``checks:``) that a boot waits for.

    ``timeout_s`` bounds one probe, ``within_s`` all of them from the container's start (None: the boot timeout).
    """

    probe: Probe
    timeout_s: float = 5.0
    within_s: float | None = None


class StatusCheck(Placed, frozen=True):
    """A question that ``status`` asks of each container of a service. ``is_soft``: a bad answer is only a warning."""

    name: str
    service: str
    probe: Probe | SqlProbe | CertificateProbe | ProgramProbe
    timeout_s: float = 5.0
    is_soft: bool = False
    where: Where | None = None


class PreflightCheck(Placed, frozen=True):
    """What the vendor asks before a boot or switch. A ``ProgramProbe`` runs on the machine, in the files' folder."""

    name: str
    probe: HttpProbe | ProgramProbe | ContainerProbe
    timeout_s: float = 30.0
    is_soft: bool = False
    where: Where | None = None


class Service(Placed, frozen=True):
    """One workload. Names, forms and meanings follow the Compose Specification's service element."""

    name: str
    image: str | None = None
    build: Build | None = None
    command: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    unset_environment: tuple[str, ...] = ()
    """Variables that were to come from the shell, which doesn't set them; the container doesn't see them."""
    ports: tuple[Port, ...] = ()
    expose: tuple[str, ...] = ()
    mounts: tuple[Mount, ...] = ()
    networks: Mapping[str, Attachment] = field(default_factory=dict)
    network_mode: str | None = None
    """none, host, bridge, "service:NAME" or "container:NAME"; None when ``networks`` say it."""
    ipc: str | None = None
    pid: str | None = None
    uts: str | None = None
    userns_mode: str | None = None
    cgroup: str | None = None
    cgroup_parent: str | None = None
    depends_on: Mapping[str, Dependency] = field(default_factory=dict)
    """Every edge, also those implied by links, volumes_from and ``service:`` namespaces."""
    links: tuple[str, ...] = ()
    """As written: "service" or "service:alias"; ``link_aliases`` reads them. Each is also a dependency."""
    external_links: tuple[str, ...] = ()
    """Containers of others, as written: "container" or "container:alias"."""
    volumes_from: tuple[str, ...] = ()
    """As written: "service[:ro]" or "container:NAME[:ro]". Each service is also a dependency."""
    secrets: tuple[Grant, ...] = ()
    configs: tuple[Grant, ...] = ()
    healthcheck: Healthcheck | None = None
    restart: Restart | None = None
    user: str | None = None
    group_add: tuple[str, ...] = ()
    working_dir: str | None = None
    hostname: str | None = None
    domainname: str | None = None
    container_name: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    """Those of ``label_file`` as well."""
    annotations: Mapping[str, str] = field(default_factory=dict)
    init: bool | None = None
    read_only: bool = False
    privileged: bool = False
    tty: bool = False
    stdin_open: bool = False
    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    security_opt: tuple[str, ...] = ()
    sysctls: Mapping[str, str] = field(default_factory=dict)
    ulimits: Mapping[str, Ulimit] = field(default_factory=dict)
    devices: tuple[str, ...] = ()
    device_cgroup_rules: tuple[str, ...] = ()
    gpus: tuple[DeviceRequest, ...] = ()
    dns: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()
    dns_opt: tuple[str, ...] = ()
    mac_address: str | None = None
    """Of its end on the first network."""
    extra_hosts: tuple[str, ...] = ()
    """"name:address" entries, as the engine takes them."""
    stop_signal: str | None = None
    stop_grace_period_s: float | None = None
    shm_size_bytes: int | None = None
    mem_limit_bytes: int | None = None
    mem_reservation_bytes: int | None = None
    memswap_limit_bytes: int | None = None
    cpus: float | None = None
    cpu_shares: int | None = None
    cpuset: str | None = None
    cpu_period_us: int | None = None
    cpu_quota_us: int | None = None
    cpu_rt_period_us: int | None = None
    cpu_rt_runtime_us: int | None = None
    cpu_count: int | None = None
    cpu_percent: int | None = None
    mem_swappiness: int | None = None
    blkio_config: BlockIo | None = None
    storage_opt: Mapping[str, str] = field(default_factory=dict)
    pids_limit: int | None = None
    oom_score_adj: int | None = None
    oom_kill_disable: bool | None = None
    platform: str | None = None
    runtime: str | None = None
    isolation: str | None = None
    pull_policy: str | None = None
    logging: Logging = Logging()
    scale: int = 1
    """How many containers: ``scale`` or ``deploy.replicas``; 0 is none."""
    deploy: Deploy | None = None
    """As written; ``spec.limits.with_limits`` makes of it what the engine is asked for."""
    pre_start: tuple[LifecycleHook, ...] = ()
    """Kept only: newer than what Boxship follows."""
    post_start: tuple[LifecycleHook, ...] = ()
    pre_stop: tuple[LifecycleHook, ...] = ()
    attach: bool | None = None
    """Whether an attached ``up`` shows its lines; None is yes."""
    develop: Develop | None = None
    use_api_socket: bool = False
    credential_spec: CredentialSpec | None = None
    provider: Provider | None = None
    models: Mapping[str, ModelUse] = field(default_factory=dict)
    pull_refresh_after: str | None = None
    profiles: tuple[str, ...] = ()
    where: Mapping[str, Where] = field(default_factory=dict)
    """Where each key was written; "" is the service itself."""

    @property
    def link_aliases(self) -> dict[str, str]:
        """The names by which this service alone knows others: {alias: service}."""
        pairs = (text.partition(":") for text in self.links)
        return {alias or service: service for service, _, alias in pairs}


class IpamPool(Struct, frozen=True):
    """One address pool of a network, in CIDR notation."""

    subnet: str | None = None
    ip_range: str | None = None
    gateway: str | None = None
    aux_addresses: Mapping[str, str] = field(default_factory=dict)


class Network(Placed, frozen=True):
    """A network by its key. ``external``: made by somebody else, only used. ``name``: its exact name on the engine."""

    key: str
    name: str | None = None
    external: bool = False
    driver: str | None = None
    driver_opts: Mapping[str, str] = field(default_factory=dict)
    ipam_driver: str | None = None
    ipam: tuple[IpamPool, ...] = ()
    ipam_options: Mapping[str, str] = field(default_factory=dict)
    internal: bool = False
    attachable: bool = False
    enable_ipv4: bool | None = None
    enable_ipv6: bool | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    where: Where | None = None


class Volume(Placed, frozen=True):
    """A named volume by its key. ``external`` and ``name`` as for networks."""

    key: str
    name: str | None = None
    external: bool = False
    driver: str | None = None
    driver_opts: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    on_switch: OnSwitch = OnSwitch.COPY
    where: Where | None = None


class Target(Placed, frozen=True):
    """A named set of services that can be booted; only ``roots`` are listed, dependencies follow."""

    name: str
    roots: tuple[str, ...]
    where: Where | None = None


class Host(Struct, frozen=True):
    """What the machine must have: kernel settings that can't be set per container, and sizes (None: not stated)."""

    sysctl: Mapping[str, str] = field(default_factory=dict)
    ram_bytes: int | None = None
    disk_bytes: int | None = None
    cpus: int | None = None
    kernel: str | None = None
    """The oldest that will do, as all versions here: "5.10"."""
    engine: str | None = None
    modules: tuple[str, ...] = ()
    """Of the kernel: loaded, built in, or to be loaded."""
    checks: HostChecks = HostChecks()


class Appliance(Struct, frozen=True):
    """The whole product as its vendor wrote it."""

    name: str
    version: str
    directory: Path
    files: tuple[Path, ...] = ()
    services: Mapping[str, Service] = field(default_factory=dict)
    """Every service of the files, also those of profiles that are not active."""
    networks: Mapping[str, Network] = field(default_factory=dict)
    volumes: Mapping[str, Volume] = field(default_factory=dict)
    secrets: Mapping[str, SharedFile] = field(default_factory=dict)
    configs: Mapping[str, SharedFile] = field(default_factory=dict)
    models: Mapping[str, LanguageModel] = field(default_factory=dict)
    targets: Mapping[str, Target] = field(default_factory=dict)
    """Empty when no appliance.yaml names any: then "default" means every service."""
    boot: Boot = Boot()
    checks: Mapping[str, Check] = field(default_factory=dict)
    """By service: what a boot waits for."""
    status_checks: Mapping[str, StatusCheck] = field(default_factory=dict)
    """By name: everything that ``status`` asks, also what a boot waits for."""
    preflight: Mapping[str, PreflightCheck] = field(default_factory=dict)
    """By name: what the vendor asks before a boot or switch."""
    disk_limits: Mapping[str, Limits] = field(default_factory=dict)
    """By volume, where it has limits of its own."""
    host: Host = Host()
    bases: Mapping[str, Base] = field(default_factory=dict)
    wheels: Mapping[str, Wheels] = field(default_factory=dict)
    contexts: Mapping[str, tuple[ContextPart, ...]] = field(default_factory=dict)
    """What is laid over the build contexts of services."""
    budgets: Mapping[str, Budget] = field(default_factory=dict)
    """By service or base."""
    hooks: Mapping[str, HostHooks] = field(default_factory=dict)
    """By service."""
    registry: str = ""
    """Where its releases are kept: ``registry.example.com/share``; "" when nothing is said."""
    rules: Rules = Rules()
    keep: Keep = Keep()
    api: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Service -> what it may ask of the box that runs it (``model_boot.API_SCOPES``)."""
    allowed_engine: frozenset[str] = frozenset()
    """Services that may have the engine's socket on a box: the warning about it is allowed for them."""
