"""A Loader's parts in memory: releases, data, the gate. Together with the fake engine and store, a whole box."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ParamSpec, TypeVar

from boxship.bundle.read import deployed
from boxship.checks.report import Result
from boxship.errors import CancelledError, HostError, NotFoundError, StateError, UsageError
from boxship.execute.generations import Room, VolumePair
from boxship.execute.race import race
from boxship.host.gate import Closed, GateReport, GateState, Opened
from boxship.loader.heartbeats import Heartbeats
from boxship.loader.parts import Copied, EngineRestart, Parts, Tell, nobody_restarts
from boxship.loader.ring import Ring
from boxship.loader.service_tokens import ServiceTokens
from boxship.loader.supervisor import Supervisor
from boxship.loader.tokens import StoreTokens
from boxship.plan.gated import GatedPort
from boxship.spec.model import Appliance
from boxship.spec.release import Release, ReleaseImage
from boxship.state.operation import Operation, OperationStatus
from boxship.state.verify import Verify
from boxship.store.port import Store
from tests.fakes.clock import FakeClock
from tests.fakes.engine import FakeEngine
from tests.fakes.machine import FakeMachine
from tests.fakes.store import MemoryStore

P = ParamSpec("P")
T = TypeVar("T")


class FakeReleases:
    """Implements ``Releases``: what the vendor wrote, kept as values."""

    def __init__(self) -> None:
        self.kept: dict[str, tuple[Release, Appliance]] = {}
        self.records: dict[str, Release] = {}
        self.damaged: set[str] = set()
        """Ids of those whose files are not what they were."""
        self.has_begun = False
        """Whether a pull that was cut off left something."""

    def add(self, release: Release, appliance: Appliance) -> None:
        self.kept[release.id] = (release, appliance)
        self.records[release.id] = release
        self.damaged.discard(release.id)

    def ids(self) -> tuple[str, ...]:
        return tuple(self.kept)

    def release(self, release_id: str) -> Release:
        return self._find(release_id)[0]

    def appliance(self, release_id: str) -> Appliance:
        release, appliance = self._find(release_id)
        return deployed(appliance, release, appliance.directory)

    def verify(self, release_id: str) -> Release:
        release = self._find(release_id)[0]
        if release_id in self.damaged or release_id not in self.records:
            raise StateError(f"compose.yaml of {release.version} was changed", hint="pull the release again")
        return release

    def record(self, release_id: str) -> Release:
        if release_id not in self.records and release_id in self.kept:
            raise StateError("release.json can't be read", hint="pull the release again")
        if release_id not in self.records:
            raise NotFoundError(f"no release {release_id}")
        return self.records[release_id]

    def removed(self) -> tuple[str, ...]:
        return tuple(self.records.keys() - self.kept.keys())

    def remove(self, release_id: str) -> None:
        self.kept.pop(release_id, None)

    def forget(self, release_id: str) -> None:
        self.records.pop(release_id, None)

    def drop_begun(self) -> None:
        self.has_begun = False

    def _find(self, release_id: str) -> tuple[Release, Appliance]:
        if release_id not in self.kept:
            raise NotFoundError(f"no release {release_id}")
        return self.kept[release_id]


class FakeCopier:
    """Implements ``Copier``: what is in a volume is one text, by its engine name."""

    def __init__(self) -> None:
        self.data: dict[str, str] = {}
        self.missing = 0
        """How many bytes the copies lack."""
        self.verified: list[Verify] = []
        """How much each last pass was to compare."""
        self.breaks = ""
        """Why the last pass fails, "" when it doesn't."""
        self.holds: asyncio.Event | None = None
        """What a pre-copy waits for."""

    async def needed_room(self, pairs: Sequence[VolumePair]) -> Sequence[Room]:
        return [Room(str(DATA_ROOT / "volumes"), self.missing, 0, 0, None)] if pairs else []

    async def precopy(self, pairs: Sequence[VolumePair], tell: Tell, cancel: asyncio.Event) -> "FakeCopying":
        if self.holds is not None:
            async with race(self.holds.wait(), cancel.wait()):
                if cancel.is_set():
                    raise CancelledError("the copy was given up")
        return FakeCopying(self, pairs)


@dataclass
class FakeCopying:
    """Implements ``Copying``."""

    copier: FakeCopier
    pairs: Sequence[VolumePair]

    async def finish(self, tell: Tell, verify: Verify) -> Copied:
        self.copier.verified.append(verify)
        if self.copier.breaks:
            raise HostError(self.copier.breaks)
        for pair in self.pairs:
            source, destination = pair.source.parent.name, pair.destination.parent.name
            self.copier.data[destination] = self.copier.data.get(source, "")
        return Copied({pair.key: "copied" for pair in self.pairs})


class FakeGate:
    """Implements ``Gate``."""

    def __init__(self) -> None:
        self.closed: frozenset[GatedPort] = frozenset()
        self.history: list[str] = []
        self.flushed: tuple[str, ...] = ()
        """What somebody else changed of it."""
        self.breaks = ""
        """Why it can't be closed or opened, "" when it can."""
        self.rules_of_others: tuple[str, ...] = ()
        self.is_there = True
        """Whether this host can have one."""

    async def close(self, ports: Collection[GatedPort], page_port: int) -> GateReport:
        if not self.is_there:
            return GateReport(is_closed=False, holes=("trials are not closed to the outside here",))
        self._expect_whole()
        self.closed = frozenset(ports)
        self.history.append("close")
        return GateReport(is_closed=True, by="fake")

    async def open(self) -> None:
        self._expect_whole()
        self.closed = frozenset()
        self.history.append("open")

    async def state(self) -> GateState:
        return Closed() if self.closed else Opened()

    async def others(self, port: int) -> tuple[str, ...]:
        return self.rules_of_others

    async def is_intact(self) -> bool:
        return not self.flushed

    async def mend(self) -> tuple[str, ...]:
        if self.flushed:
            self.history.append("mend")
            self._expect_whole()
        damage, self.flushed = self.flushed, ()
        return damage

    def _expect_whole(self) -> None:
        if self.breaks:
            raise HostError(self.breaks)


class FakeVendor:
    """Implements ``Vendor``: what was published becomes a release of the box."""

    def __init__(self, releases: FakeReleases) -> None:
        self._releases = releases
        self.published: dict[str, tuple[Release, Appliance]] = {}
        self.holds: asyncio.Event | None = None
        """What a pull waits for when all is here."""
        self.breaks: Exception | None = None
        """What being asked for versions fails with."""
        self.hangs: asyncio.Event | None = None
        """What being asked for versions waits for."""
        self.asked = 0

    def expect_source(self, source: str) -> None:
        if not source:
            raise UsageError("'' is no place with releases")

    async def versions(self, source: str) -> tuple[str, ...]:
        self.expect_source(source)
        self.asked += 1
        if self.hangs is not None:
            await self.hangs.wait()
        if self.breaks is not None:
            raise self.breaks
        return tuple(self.published)

    async def pull(self, source: str, version: str, tell: Tell, cancel: asyncio.Event) -> Release:
        self.expect_source(source)
        if version not in self.published:
            raise NotFoundError(f"no release {version} at {source}")
        release, appliance = self.published[version]
        self._releases.add(release, appliance)
        if self.holds is not None:
            await self.holds.wait()
        return release


class FakeDoor:
    """Implements ``Door``."""

    def __init__(self) -> None:
        self.is_open = False

    async def open(self) -> bool:
        self.is_open = True
        return True

    async def close(self) -> None:
        self.is_open = False


@dataclass
class FakeBoxWorld:
    """A box whose engine, disk and vendor outlive its Loaders."""

    appliance: str = "app"
    clock: FakeClock = field(default_factory=FakeClock)
    store: Store = field(default_factory=MemoryStore)
    gate: FakeGate = field(default_factory=FakeGate)
    door: FakeDoor = field(default_factory=FakeDoor)
    machine: FakeMachine = field(default_factory=FakeMachine)
    front_port: int = 0
    copier: FakeCopier = field(default_factory=FakeCopier)
    releases: FakeReleases = field(default_factory=FakeReleases)
    starts: int = 0
    platforms: dict[str, str] = field(default_factory=dict)
    """Version -> reference of the platform image that its release brings."""
    default_source: str = ""
    """What its Loaders are started with."""
    update_check_s: float = 0.0
    outdated: tuple[Result, ...] = ()
    """What is found of how its Loaders are started."""
    tokens_folder: Path = Path("/nowhere/tokens")
    """Where the tokens of services are written; a test whose services have any names a folder."""
    aside_s: float = 0.0
    """How long each short call that blocks takes: then others run meanwhile."""
    restart_engine: EngineRestart = nobody_restarts
    """What the host does when a Loader asks for another start of the engine."""
    parts: Parts | None = None
    """Those of the Loader that was started last."""

    def __post_init__(self) -> None:
        self.engine = FakeEngine(self.clock)
        self.machine.clock = self.clock
        self.vendor = FakeVendor(self.releases)

    def publish(self, appliance: Appliance, content: str = "", **images: str) -> Release:
        """A release of this appliance that can be pulled; ``images``: service -> reference, there once pulled.

        ``content``: another one makes other images, to which the references move, as for a version published again.
        """
        made: Mapping[str, ReleaseImage] = {
            service: ReleaseImage(reference, self.engine.add_image(reference, content=content))
            for service, reference in images.items()
        }
        reference = self.platforms.get(appliance.version, "")
        platform = ReleaseImage(reference, self.engine.add_image(reference)) if reference else None
        release = Release(appliance.name, appliance.version, made, {}, platform=platform)
        self.vendor.published[appliance.version] = (release, appliance)
        return release

    async def _aside(self, function: Callable[P, T], /, *arguments: P.args, **named: P.kwargs) -> T:
        """Implements ``Aside``: time is the fake clock's, which real threads don't know."""
        if self.aside_s:
            await self.clock.sleep(self.aside_s)
        return await at_once(function, *arguments, **named)

    def start_loader(self, own_image: str = "") -> Supervisor:
        """A new Loader, of that image; the one before must have ended."""
        self.starts += 1
        feed = Ring(lambda: self.clock.now().timestamp())
        self.parts = Parts(
            appliance=self.appliance,
            engine=self.engine,
            store=self.store,
            releases=self.releases,
            vendor=self.vendor,
            copier=self.copier,
            gate=self.gate,
            machine=self.machine,
            clock=self.clock,
            feed=feed,
            page_port=8480,
            heartbeats=Heartbeats(self.clock),
            service_tokens=ServiceTokens(StoreTokens(self.store, self.clock), self.tokens_folder, 8481),
            boot_id=f"boot-{self.starts}",
            aside=self._aside,
            own_image=own_image,
            beside=lambda _: self.outdated,
            default_source=self.default_source,
            update_check_s=self.update_check_s,
            loader_images=lambda: (own_image,),
            restart_engine=self.restart_engine,
        )
        supervisor = Supervisor(self.parts, self.door, self.front_port)
        feed.tap(supervisor.hear)
        return supervisor


async def at_once(function: Callable[P, T], /, *arguments: P.args, **named: P.kwargs) -> T:
    """Implements ``Aside``, too."""
    return function(*arguments, **named)


async def ended(box: Supervisor, clock: FakeClock, operation: Operation) -> Operation:
    """The operation once it is over."""
    for _ in range(10_000):
        now = box.operation(operation.id)
        if now.status is not OperationStatus.RUNNING:
            return now
        await clock.sleep(0.1)
    raise AssertionError(f"{operation} does not end")


DATA_ROOT = Path("/var/lib/docker")
