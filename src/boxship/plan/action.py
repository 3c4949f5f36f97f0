"""What can be done to an engine: a closed union of actions, each exactly one call, and the plan made of them."""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct, field

from boxship.spec.model import Check, Network, Service, Volume
from boxship.spec.model_files import Hidden
from boxship.spec.model_hooks import LifecycleHook


class Endpoint(Struct, frozen=True):
    """A container's end on one engine network. ``ipv4_address`` None: the engine picks from its dynamic range."""

    network: str
    aliases: tuple[str, ...] = ()
    ipv4_address: str | None = None
    ipv6_address: str | None = None
    mac_address: str | None = None
    link_local_ips: tuple[str, ...] = ()
    driver_opts: Mapping[str, str] = field(default_factory=dict)
    gw_priority: int | None = None
    interface_name: str | None = None
    links: tuple[str, ...] = ()
    """Containers of others, as "container:alias"."""


class EngineMount(Struct, frozen=True):
    """A mount with engine names: ``source`` is a volume's engine name, "" for an anonymous volume, or a host path."""

    kind: str
    target: str
    source: str = ""
    read_only: bool = False
    nocopy: bool = False
    subpath: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    recursive: str | None = None
    propagation: str | None = None
    create_host_path: bool = True
    selinux: str = ""
    tmpfs_size_bytes: int | None = None
    tmpfs_mode: int | None = None
    tmpfs_options: str | None = None


class CopiedFile(Struct, frozen=True):
    """A file to be put into a container that was made and not started yet. ``mode`` is that of chmod."""

    target: str
    content: Hidden
    uid: int = 0
    gid: int = 0
    mode: int = 0o444


class ContainerSpec(Struct, frozen=True):
    """All that one container is created from: the service as written, and what was resolved for it.

    ``service`` gives everything that needs no resolving (command, environment, limits...); its ``networks``,
    ``network_mode``, ``ipc``, ``pid``, ``mounts``, ``extra_hosts``, ``labels`` and ``restart`` are replaced by the
    fields here. ``labels`` holds the user's and Boxship's own. The namespaces are in the engine's form
    (``container:NAME``, ``host``...); None is the engine's default.
    """

    name: str
    service: Service
    image: str
    """Reference or id to create from."""
    endpoints: tuple[Endpoint, ...] = ()
    network_mode: str | None = None
    ipc: str | None = None
    pid: str | None = None
    mounts: tuple[EngineMount, ...] = ()
    extra_hosts: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    files: tuple[CopiedFile, ...] = ()
    """What a step of its own puts into it before it starts."""
    stdin_once: bool = False
    """Its standard input ends with the first who was attached to it."""
    auto_remove: bool = False
    """The engine removes it, and its anonymous volumes, as soon as it has ended."""


class NetworkSpec(Struct, frozen=True):
    """A network to create. ``subnet``, ``ip_range`` and ``gateway``: Boxship's choice where the file makes none."""

    name: str
    network: Network
    subnet: str | None = None
    ip_range: str | None = None
    gateway: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)


class VolumeSpec(Struct, frozen=True):
    """A named volume to create."""

    name: str
    volume: Volume
    labels: Mapping[str, str] = field(default_factory=dict)


class Ready(Struct, frozen=True):
    """Ready means: it runs, its health check passes when it has one, and so does ``check``.

    With neither, it must still be up a moment after its start.
    """

    check: Check | None = None
    needs_healthcheck: bool = False
    """A dependent asks for service_healthy: a container without any health check can never be that."""


class Completed(Struct, frozen=True):
    """Ready means: ended with status 0."""


Gate = Ready | Completed


class PullImage(Struct, frozen=True):
    reference: str
    platform: str | None = None


class PushImage(Struct, frozen=True):
    reference: str


class CreateNetwork(Struct, frozen=True):
    spec: NetworkSpec


class CreateVolume(Struct, frozen=True):
    spec: VolumeSpec


class CreateContainer(Struct, frozen=True):
    spec: ContainerSpec


class CopyFiles(Struct, frozen=True):
    """Secrets and configs that are no files of the host go into a container before it starts."""

    name: str
    files: tuple[CopiedFile, ...]


class HandOver(Struct, frozen=True):
    """The user of a container becomes the owner of a folder of the host that it is shown, and of the files in it."""

    name: str
    folder: str


class StartContainer(Struct, frozen=True):
    """``remove_on_failure``: this plan made it, so a start that the engine refuses must leave nothing behind."""

    name: str
    remove_on_failure: bool = False


class PauseContainer(Struct, frozen=True):
    name: str


class UnpauseContainer(Struct, frozen=True):
    name: str


class KillContainer(Struct, frozen=True):
    """``signal``: a name as SIGHUP, or a number."""

    name: str
    signal: str = "SIGKILL"


class RunHook(Struct, frozen=True):
    """A command of the appliance's own inside a container. ``title`` for people: "post_start hook 1 of web"."""

    name: str
    kind: Literal["post_start", "pre_stop"]
    title: str
    hook: LifecycleHook
    within_s: float


class RunHostHook(Struct, frozen=True):
    """A command of the vendor's own on this machine. ``environment`` is added to Boxship's. ``title`` for people."""

    argv: tuple[str, ...]
    title: str
    directory: str
    environment: Mapping[str, str]
    within_s: float


class SetRestart(Struct, frozen=True):
    """What the engine does from now on when the container ends. Nothing happens to one that isn't there."""

    name: str
    policy: Literal["no", "on-failure"]


class WaitReady(Struct, frozen=True):
    """``within_s`` counts from the container's start. ``is_fresh``: it was just started, so every crash counts."""

    name: str
    gate: Gate
    within_s: float
    is_fresh: bool = True


class StopContainer(Struct, frozen=True):
    """``grace_s`` None: the container's own stop_grace_period."""

    name: str
    grace_s: float | None = None


class RenameContainer(Struct, frozen=True):
    name: str
    new_name: str


class RemoveContainer(Struct, frozen=True):
    """``volumes``: its anonymous volumes go too."""

    name: str
    volumes: bool = False
    network: str = ""
    """One of its networks: removals on one network are capped, as the engine can deadlock."""


class RemoveNetwork(Struct, frozen=True):
    """``may_stay``: when the engine has miscounted who is on it, as nobody needs its name or its options."""

    name: str
    may_stay: bool = False


class RemoveVolume(Struct, frozen=True):
    name: str


Action = (
    PullImage
    | PushImage
    | CreateNetwork
    | CreateVolume
    | CreateContainer
    | CopyFiles
    | HandOver
    | StartContainer
    | PauseContainer
    | UnpauseContainer
    | KillContainer
    | RunHook
    | RunHostHook
    | SetRestart
    | WaitReady
    | StopContainer
    | RenameContainer
    | RemoveContainer
    | RemoveNetwork
    | RemoveVolume
)


class Step(Struct, frozen=True):
    """One action, the ids of the steps that must have succeeded before it, and why it is there.

    ``after_ended``: ids that must have ended, in whatever way. ``subject`` is what it is about, for people
    ("service:web", "network:default"). ``best_effort``: its failure is reported but fails nothing else. ``rank``: the
    longest way from here to the end of the plan; greater goes first.
    """

    id: int
    action: Action
    subject: str
    cause: str
    after: tuple[int, ...] = ()
    after_ended: tuple[int, ...] = ()
    best_effort: bool = False
    rank: int = 0

    def __str__(self) -> str:
        best_effort = " (best effort)" if self.best_effort else ""
        ids = sorted([(step_id, "") for step_id in self.after] + [(step_id, "~") for step_id in self.after_ended])
        after = ",".join(f"{step_id}{mark}" for step_id, mark in ids)
        return f"[{after}] -> #{self.id} {self.subject}, {type(self.action).__name__}, {self.cause}{best_effort}"


class Plan(Struct, frozen=True):
    """Steps in an order in which each follows what it waits for. ``str()`` is deterministic."""

    appliance: str
    steps: tuple[Step, ...] = ()
    kept: Mapping[str, str] = field(default_factory=dict)
    """Services that need nothing, and why."""

    def __str__(self) -> str:
        return "\n".join(str(step) for step in self.steps)
