"""One snapshot of an engine: everything that is there, nothing chosen early.

The lists hold what belongs to others as well; ``appliance`` is "" for those. Deciding code filters by it, so that what
Boxship didn't make can be avoided (addresses, names, ports) but never touched.
"""

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct, field
from msgspec.structs import replace

from boxship import names


class ContainerState(StrEnum):
    """The engine's own words."""

    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    RESTARTING = "restarting"
    REMOVING = "removing"
    EXITED = "exited"
    DEAD = "dead"


class Health(StrEnum):
    """The engine's verdict; NONE when the container has no health check."""

    NONE = "none"
    STARTING = "starting"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"


class ObservedMount(Struct, frozen=True):
    """``source`` is a volume's name (kind "volume") or a host path (kind "bind")."""

    kind: str
    source: str
    target: str
    read_only: bool = False


class ObservedPort(Struct, frozen=True):
    """One published port as the engine reports it; ``published`` is None while it is only exposed."""

    target: int
    published: int | None
    protocol: str
    host_ip: str


class ObservedContainer(Struct, frozen=True):
    """``exit_code`` is None unless the container has ended. ``networks``: network name -> IPv4 address or ""."""

    id: str
    name: str
    image: str
    """The reference it was created from."""
    image_id: str
    state: ContainerState
    appliance: str = ""
    service: str = ""
    digest: str = ""
    parts: str = ""
    status: str = ""
    """The engine's sentence, for people: "Up 3 minutes (healthy)"."""
    health: Health = Health.NONE
    exit_code: int | None = None
    created_at_s: int = 0
    """Unix time, seconds."""
    network_mode: str = ""
    """The engine's: a network's name, host, none, or "container:ID" ([M] resolved to the id at create)."""
    networks: Mapping[str, str] = field(default_factory=dict)
    addresses: Mapping[str, str] = field(default_factory=dict)
    """The addresses it was created with (network name -> IPv4), also while it doesn't run."""
    addresses_v6: Mapping[str, str] = field(default_factory=dict)
    """Network name -> IPv6: the one that it has, else the one that it was created with."""
    mounts: tuple[ObservedMount, ...] = ()
    ports: tuple[ObservedPort, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def number(self) -> int:
        """Which of its service's containers it is, from 1."""
        return names.replica_number(self.labels)

    @property
    def generation(self) -> int:
        """The generation of a box that it belongs to; 0 for what ``up`` made."""
        return names.generation_of(self.labels)

    @property
    def is_one_off(self) -> bool:
        """Whether ``run`` made it: it is no part of what should run, and only `down` and `rm` take it away."""
        return names.LABEL_ONE_OFF in self.labels

    @property
    def replica(self) -> str:
        """What it is called beside its siblings: ``web``, ``web.2``..., or ``web.run-4f2a9c01``."""
        if self.is_one_off:
            return names.one_off_name(self.service, self.labels[names.LABEL_ONE_OFF])
        return names.replica_name(self.service, self.number)


class ObservedNetwork(Struct, frozen=True):
    """``subnets`` in CIDR notation. ``containers`` isn't known from a list and isn't asked."""

    id: str
    name: str
    driver: str
    subnets: tuple[str, ...] = ()
    ip_ranges: tuple[str, ...] = ()
    appliance: str = ""
    key: str = ""
    digest: str = ""
    generation: int = 0
    gateways: tuple[str, ...] = ()
    """The host's own addresses on it, as far as the engine was told."""


class ObservedVolume(Struct, frozen=True):
    """A volume by its name. ``mountpoint``: where the engine's host has its files, "" when that isn't told."""

    name: str
    driver: str
    appliance: str = ""
    key: str = ""
    digest: str = ""
    mountpoint: str = ""
    generation: int = 0


class ObservedImage(Struct, frozen=True):
    """``id`` is the engine's (``sha256:...``); ``tags`` and ``digests`` are full references."""

    id: str
    tags: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()
    size_bytes: int = 0
    created_at_s: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)
    volumes: tuple[str, ...] = ()
    """The places that it declares as volumes; empty when it was only listed."""


class Observed(Struct, frozen=True):
    """The whole snapshot. ``host_subnets``: what this host already routes, in CIDR notation."""

    containers: tuple[ObservedContainer, ...] = ()
    networks: tuple[ObservedNetwork, ...] = ()
    volumes: tuple[ObservedVolume, ...] = ()
    images: tuple[ObservedImage, ...] = ()
    host_subnets: tuple[str, ...] = ()

    def loader_of(self, appliance: str) -> ObservedContainer | None:
        """The container of the appliance's Loader, if it runs."""
        for each in self.containers:
            is_its = each.name == names.loader_name(appliance) and each.labels.get(names.LABEL_LOADER) == appliance
            if is_its and each.state is ContainerState.RUNNING:
                return each
        return None

    def containers_of(self, appliance: str) -> tuple[ObservedContainer, ...]:
        """The containers of its services; not those that ``run`` made."""
        return tuple(each for each in self.containers if each.appliance == appliance and not each.is_one_off)

    def of_generation(self, appliance: str, generation: int) -> "Observed":
        """The same without the appliance's containers of other generations, as if they were not there."""
        kept = tuple(each for each in self.containers if each.appliance != appliance or each.generation == generation)
        return replace(self, containers=kept)

    def one_offs_of(self, appliance: str) -> tuple[ObservedContainer, ...]:
        """The containers that ``run`` made."""
        return tuple(each for each in self.containers if each.appliance == appliance and each.is_one_off)

    def image(self, reference: str) -> ObservedImage | None:
        """The image a reference means here: a tag (``latest`` when it has none), a digest or an id."""
        wanted = with_default_tag(reference)
        for image in self.images:
            if wanted in image.tags or reference in image.digests or reference == image.id:
                return image
        return None


def with_default_tag(reference: str) -> str:
    """``nginx`` -> ``nginx:latest``; a reference that has a tag or a digest as it is.

    The engine's default registry prefixes are dropped, as the engine itself shows names without them.
    """
    for prefix in ("docker.io/library/", "docker.io/"):
        reference = reference.removeprefix(prefix)
    last = reference.rsplit("/", 1)[-1]
    return reference if ":" in last or "@" in last else f"{reference}:latest"
