"""The state of the fake engine, and what time does to it. No I/O, no waiting: every method takes the time."""

import hashlib
import ipaddress
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

from boxship.engine.faults import refusal
from boxship.engine.port import EngineEvent, HistoryItem
from boxship.names import LABEL_APPLIANCE, LABEL_SERVICE, generation_of, replica_number
from boxship.plan.action import ContainerSpec, CopiedFile, Endpoint, NetworkSpec
from boxship.plan.observed import ContainerState, Health
from boxship.spec.model import Healthcheck, Restart
from tests.fakes.behaviour import FOREVER, Behaviour, run_command

DEFAULT_POOLS = tuple(f"172.{number}.0.0/16" for number in range(18, 32))
RUNNING_STATES = (ContainerState.RUNNING, ContainerState.PAUSED, ContainerState.RESTARTING)
_FIRST_BACKOFF_S = 0.1
_LAST_BACKOFF_S = 60.0
_HEALTH_DEFAULT_S = 30.0
_HEALTH_RETRIES = 3


@dataclass(slots=True)
class FakeImage:
    """``volumes`` are its declared anonymous ones."""

    id: str
    tags: set[str] = field(default_factory=set)
    volumes: tuple[str, ...] = ()
    healthcheck: Healthcheck | None = None
    labels: dict[str, str] = field(default_factory=dict)
    created_at_s: int = 0
    items: tuple[HistoryItem, ...] = ()
    diff_ids: tuple[str, ...] = ()
    config: bytes = b""
    """What its id is the digest of; empty for what was built, which can't be saved."""

    @property
    def size_bytes(self) -> int:
        return sum(item.size_bytes for item in self.items)


@dataclass(slots=True)
class FakeNetwork:
    id: str
    name: str
    driver: str
    subnet: ipaddress.IPv4Network
    ip_range: ipaddress.IPv4Network | None
    labels: dict[str, str]
    is_subnet_given: bool = True
    given_gateway: str | None = None

    @property
    def gateway(self) -> ipaddress.IPv4Address:
        if self.given_gateway:
            return ipaddress.IPv4Address(self.given_gateway)
        # [M] Docker 20.10: the first of the range, when there is one.
        return next(self.subnet.hosts()) if self.ip_range is None else self.ip_range[0]

    def dynamic(self) -> Iterator[str]:
        pool = self.ip_range or self.subnet
        edges = {self.subnet.network_address, self.subnet.broadcast_address, self.gateway}
        return (str(address) for address in pool if address not in edges)


@dataclass(slots=True)
class FakeVolume:
    name: str
    driver: str = "local"
    labels: dict[str, str] = field(default_factory=dict)
    is_anonymous: bool = False


@dataclass(frozen=True, slots=True)
class LoggedLine:
    text: str
    stream: str
    at_s: float
    run: int


@dataclass(slots=True)
class FakeContainer:
    id: str
    name: str
    spec: ContainerSpec
    image_id: str
    created_s: float
    healthcheck: Healthcheck | None = None
    volumes: dict[str, FakeVolume] = field(default_factory=dict)
    """Target -> volume."""
    files: dict[str, CopiedFile] = field(default_factory=dict)
    """Target -> what was copied in."""
    state: ContainerState = ContainerState.CREATED
    behaviour: Behaviour = field(default_factory=Behaviour)
    addresses: dict[str, str] = field(default_factory=dict)
    log: list[LoggedLine] = field(default_factory=list)
    run: int = 0
    started_s: float | None = None
    ended_s: float | None = None
    exit_code: int = 0
    error: str = ""
    health: Health = Health.NONE
    restart_count: int = 0
    restart_at_s: float = FOREVER
    was_stopped: bool = False
    restart: Restart | None = None
    """Set after it was made; None: as it was made."""

    @property
    def is_up(self) -> bool:
        return self.state in RUNNING_STATES

    @property
    def appliance(self) -> str:
        return self.spec.labels.get(LABEL_APPLIANCE, "")

    @property
    def service(self) -> str:
        return self.spec.labels.get(LABEL_SERVICE, "")

    @property
    def has_healthcheck(self) -> bool:
        return self.healthcheck is not None and not self.healthcheck.is_disabled


class World:
    """All that the engine keeps on disk: it survives the engine's death."""

    def __init__(self) -> None:
        self.containers: dict[str, FakeContainer] = {}
        self.networks: dict[str, FakeNetwork] = {}
        self.volumes: dict[str, FakeVolume] = {}
        self.images: dict[str, FakeImage] = {}
        self.layers: dict[str, bytes] = {}
        """Diff id -> the plain tar, of images that were loaded."""
        self.wants_whole_archives = False
        """Whether loading needs the content of layers that are here, as an engine with a store of another kind does."""
        self.events: list[EngineEvent] = []
        self.daemon_starts = 1
        self.kept_ports: set[int] = set()
        """Ports that are in its books for nobody, until its next start."""
        self._serial = itertools.count(1)

    def new_id(self) -> str:
        return hashlib.sha256(f"{next(self._serial)}".encode()).hexdigest()

    def find(self, name: str, what: str) -> FakeContainer:
        for container in self.containers.values():
            if name in (container.name, container.id):
                return container
        raise refusal(what, 404, f"No such container: {name}")

    def find_image(self, reference: str) -> FakeImage | None:
        wanted = reference if ":" in reference.rsplit("/", 1)[-1] else f"{reference}:latest"
        return next((each for each in self.images.values() if reference == each.id or wanted in each.tags), None)

    def settle(self, now_s: float) -> None:
        """Let happen, in order, what is due until ``now_s``."""
        while (due := self.next_change(now_s)) is not None:
            at_s, container = due
            if at_s > now_s:
                return
            self._change(container, at_s)

    def next_change(self, now_s: float) -> tuple[float, FakeContainer] | None:
        """When something will happen by itself next, and to whom."""
        changes = [(self._due_s(each), index, each) for index, each in enumerate(self.containers.values())]
        due = [change for change in changes if change[0] < FOREVER]
        if not due:
            return None
        at_s, _, container = min(due, key=lambda change: change[:2])
        return at_s, container

    def _due_s(self, container: FakeContainer) -> float:
        if container.state is ContainerState.RESTARTING:
            return container.restart_at_s
        if container.state is not ContainerState.RUNNING:
            return FOREVER
        started_s = container.started_s or 0.0
        return started_s + min(container.behaviour.exits_after_s, self._health_change(container)[0])

    def _health_change(self, container: FakeContainer) -> tuple[float, Health]:
        """The next verdict, and how long after the start it comes."""
        if container.health is not Health.STARTING:
            return FOREVER, container.health
        healthy_s, unhealthy_s = _verdicts(container)
        return min((healthy_s, Health.HEALTHY), (unhealthy_s, Health.UNHEALTHY), key=lambda verdict: verdict[0])

    def _change(self, container: FakeContainer, at_s: float) -> None:
        if container.state is ContainerState.RESTARTING:
            container.restart_count += 1
            self.run(container, at_s)
            return
        after_s, health = self._health_change(container)
        if after_s < container.behaviour.exits_after_s:
            container.health = health
            self.tell(container, f"health_status: {health.value}", at_s)
        else:
            self.end(container, container.behaviour.exit_code, at_s)

    def start(self, container: FakeContainer, behaviour: Behaviour, now_s: float) -> None:
        what = f"start {container.name}"
        if behaviour.start_error:
            container.error = behaviour.start_error
            raise refusal(what, 400, behaviour.start_error)
        self._check_owner(container, what)
        self._check_ports(container, what)
        self._take_addresses(container, what)
        container.behaviour = behaviour
        container.was_stopped = False
        container.restart_count = 0
        container.error = ""
        self.run(container, now_s)

    def run(self, container: FakeContainer, now_s: float) -> None:
        container.state = ContainerState.RUNNING
        container.started_s = now_s
        container.exit_code = 0
        container.run += 1
        container.health = Health.STARTING if container.has_healthcheck else Health.NONE
        for line in container.behaviour.lines:
            container.log.append(LoggedLine(line.text, line.stream, now_s + line.after_s, container.run))
        self.tell(container, "start", now_s)

    def end(self, container: FakeContainer, exit_code: int, now_s: float) -> None:
        """The process is gone: for good, or until the engine starts it again."""
        container.exit_code = exit_code
        container.ended_s = now_s
        container.log = [each for each in container.log if each.run < container.run or each.at_s <= now_s]
        self.tell(container, "die", now_s, exit_code)
        if self._restarts(container):
            container.state = ContainerState.RESTARTING
            backoff_s = _FIRST_BACKOFF_S * 2.0 ** min(container.restart_count, 10)
            container.restart_at_s = now_s + min(backoff_s, _LAST_BACKOFF_S)
        else:
            container.state = ContainerState.EXITED
            container.addresses = {}
            if container.spec.auto_remove:
                self.remove(container, volumes=True, now_s=now_s)

    def _restarts(self, container: FakeContainer) -> bool:
        restart = container.restart or container.spec.service.restart or Restart()
        if container.was_stopped or restart.policy == "no":
            return False
        if restart.policy == "on-failure":
            is_left = restart.max_retries == 0 or container.restart_count < restart.max_retries
            return container.exit_code != 0 and is_left
        return True

    def tell(self, container: FakeContainer, action: str, now_s: float, exit_code: int | None = None) -> None:
        names = (container.name, container.appliance, container.service)
        about = (container.spec.image, replica_number(container.spec.labels), generation_of(container.spec.labels))
        self.events.append(EngineEvent(action, container.id, *names, exit_code, now_s, *about))

    def remove(self, container: FakeContainer, *, volumes: bool, now_s: float) -> None:
        if container.is_up:
            container.was_stopped = True
            self.end(container, 137, now_s)
        if self.containers.pop(container.id, None) is None:
            return
        if volumes:
            for volume in container.volumes.values():
                if volume.is_anonymous and not self.users_of(volume.name):
                    self.volumes.pop(volume.name, None)
        self.tell(container, "destroy", now_s)

    def users_of(self, volume: str) -> list[FakeContainer]:
        return [each for each in self.containers.values() if volume in {v.name for v in each.volumes.values()}]

    def _check_owner(self, container: FakeContainer, what: str) -> None:
        kind, _, owner_name = (container.spec.network_mode or "").partition(":")
        if kind == "container" and not (owner := self.find(owner_name, what)).is_up:
            raise refusal(what, 409, f"cannot join network of a non running container: {owner.id}")

    def _check_ports(self, container: FakeContainer, what: str) -> None:
        taken = {port for each in self.containers.values() if each.is_up for port in published_ports(each)}
        for port, host_ip, protocol in published_ports(container):
            wildcard = {"0.0.0.0", host_ip}
            if port in self.kept_ports or any(
                port == other_port and protocol == other_protocol and (other_ip in wildcard or host_ip == "0.0.0.0")
                for other_port, other_ip, other_protocol in taken
            ):
                message = (
                    f"driver failed programming external connectivity on endpoint {container.name} (abc): "
                    f"Bind for {host_ip}:{port} failed: port is already allocated"
                )
                container.error = message
                raise refusal(what, 500, message)

    def _take_addresses(self, container: FakeContainer, what: str) -> None:
        addresses = {}
        for endpoint in container.spec.endpoints:
            network = self.networks.get(endpoint.network)
            if network is None:
                raise refusal(what, 404, f"network {endpoint.network} not found")
            addresses[network.name] = self._address(container, network, endpoint, what)
        container.addresses = addresses

    def _address(self, container: FakeContainer, network: FakeNetwork, endpoint: Endpoint, what: str) -> str:
        others = [each for each in self.containers.values() if each.is_up and each is not container]
        held = {each.addresses.get(network.name) for each in others}
        if endpoint.ipv4_address is None:
            free = next((address for address in network.dynamic() if address not in held), None)
            if free is None:
                raise refusal(what, 403, f"no available IPv4 addresses on this network's address pools: {network.name}")
            return free
        if ipaddress.IPv4Address(endpoint.ipv4_address) not in network.subnet:
            message = f"Invalid address {endpoint.ipv4_address}: It does not belong to any of this network's subnets"
            raise refusal(what, 500, message)
        if endpoint.ipv4_address in held or endpoint.ipv4_address == str(network.gateway):
            container.error = "Address already in use"
            raise refusal(what, 403, "Address already in use")
        return endpoint.ipv4_address

    def add_network(self, spec: NetworkSpec) -> None:
        what = f"create network {spec.name}"
        if spec.name in self.networks:
            raise refusal(what, 409, f"network with name {spec.name} already exists")
        pool = spec.network.ipam[0] if spec.network.ipam else None
        subnet_text = (pool.subnet if pool else None) or spec.subnet
        range_text = (pool.ip_range if pool else None) or spec.ip_range
        taken = [network.subnet for network in self.networks.values()]
        if subnet_text is None:
            free = (ipaddress.IPv4Network(text) for text in DEFAULT_POOLS)
            subnet = next((each for each in free if not any(each.overlaps(other) for other in taken)), None)
            if subnet is None:
                raise refusal(what, 500, "could not find an available, non-overlapping IPv4 address pool")
        else:
            subnet = ipaddress.IPv4Network(subnet_text)
            if any(subnet.overlaps(other) for other in taken):
                raise refusal(what, 403, "Pool overlaps with other one on this address space")
        ip_range = ipaddress.IPv4Network(range_text) if range_text else None
        gateway = (pool.gateway if pool else None) or spec.gateway
        driver = spec.network.driver or "bridge"
        self.networks[spec.name] = FakeNetwork(
            self.new_id(), spec.name, driver, subnet, ip_range, dict(spec.labels), subnet_text is not None, gateway
        )


def published_ports(container: FakeContainer) -> list[tuple[int, str, str]]:
    """(port, host address, protocol) of each fixed one."""
    return [
        (int(port.published), port.host_ip or "0.0.0.0", port.protocol)
        for port in container.spec.service.ports
        if port.published and port.published.isdecimal()
    ]


def _verdicts(container: FakeContainer) -> tuple[float, float]:
    """Seconds after the start at which it becomes healthy and unhealthy: as scripted, else as its own test would go."""
    behaviour, check = container.behaviour, container.healthcheck
    if behaviour.healthy_after_s is not None or behaviour.unhealthy_after_s is not None or check is None:
        return _or_forever(behaviour.healthy_after_s), _or_forever(behaviour.unhealthy_after_s)
    interval_s = check.interval_s or _HEALTH_DEFAULT_S
    words = check.test[1:] if check.test[:1] == ("CMD",) else ("sh", "-c", *check.test[1:])
    if run_command(words).exit_code == 0:
        return interval_s, FOREVER
    return FOREVER, (check.start_period_s or 0.0) + interval_s * (check.retries or _HEALTH_RETRIES)


def _or_forever(seconds: float | None) -> float:
    return FOREVER if seconds is None else seconds
