"""What a Loader is made of, each behind a port: nothing in this room asks for anything else."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import ParamSpec, Protocol, TypeVar

from msgspec import Struct, field

from boxship.checks.report import Result
from boxship.clock import Clock
from boxship.engine.port import Engine
from boxship.errors import UnsupportedError
from boxship.execute.generations import Room, VolumePair
from boxship.host.gate import Gate
from boxship.host.machine import Machine
from boxship.loader.clock_look import ClockLook
from boxship.loader.heartbeats import Heartbeats
from boxship.loader.ring import Ring
from boxship.loader.service_tokens import ServiceTokens
from boxship.spec.model import Appliance
from boxship.spec.release import Release
from boxship.state.operation import Progress
from boxship.state.verify import Verify
from boxship.store.port import Store

P = ParamSpec("P")
T = TypeVar("T")
Tell = Callable[[Progress], None]


class Releases(Protocol):
    """The releases that are on this box: their records and files."""

    def ids(self) -> tuple[str, ...]:
        """All of them, in no order."""

    def release(self, release_id: str) -> Release:
        """Raises: NotFoundError; StateError when its files are not what the record says."""

    def appliance(self, release_id: str) -> Appliance:
        """What its files say, as a box runs it (``bundle.read.deployed``). Raises: as ``release``, and SpecError."""

    def verify(self, release_id: str) -> Release:
        """As ``release``, from the disk anew: what was whole when it was first read may not be now. May block."""

    def record(self, release_id: str) -> Release:
        """The record alone, which says what images came with it; also of one that is damaged, or removed.

        Raises: NotFoundError; StateError when nothing is left of it that can be read.
        """

    def removed(self) -> tuple[str, ...]:
        """The ids of those that were removed and not forgotten."""

    def remove(self, release_id: str) -> None:
        """All but its record. Nothing happens when it isn't there."""

    def forget(self, release_id: str) -> None:
        """The record of one that was removed: none of its images needs to be found any more."""

    def drop_begun(self) -> None:
        """Take away what pulls that were cut off left. Only while none is under way."""


class Copied(Struct, frozen=True):
    """What went over, per volume in words, and in numbers over all."""

    volumes: Mapping[str, str]
    files: int = 0
    size_bytes: int = 0
    last_pass_bytes: int = 0
    """What was copied after the stop."""
    last_pass_s: float = 0.0


class Copying(Protocol):
    """One generation of volumes being filled."""

    async def finish(self, tell: Tell, verify: Verify) -> Copied:
        """The last pass: whoever wrote has stopped. On disk, and verified, when it returns.

        Raises: HostError, also for a copy that isn't like its source.
        """


class Copier(Protocol):
    """Fills a generation of volumes from another."""

    async def needed_room(self, pairs: Sequence[VolumePair]) -> Sequence[Room]:
        """What the copies need of each file system that they go to, and what is free there. Raises: HostError."""

    async def precopy(self, pairs: Sequence[VolumePair], tell: Tell, cancel: asyncio.Event) -> Copying:
        """Copy while others still write. Raises: HostError; CancelledError soon after ``cancel`` was set."""


class Vendor(Protocol):
    """Where releases come from. ``source``: a place as State keeps it, a registry's repository or ``dir:FOLDER``."""

    def expect_source(self, source: str) -> None:
        """Raises: UsageError for what is no place."""

    async def versions(self, source: str) -> tuple[str, ...]:
        """What there is, the oldest first. Raises: UsageError, RegistryError, HostError."""

    async def pull(self, source: str, version: str, tell: Tell, cancel: asyncio.Event) -> Release:
        """The whole release: its files, and its images in the engine. What is here already isn't fetched again.

        Raises: NotFoundError, RegistryError, EngineError, HostError, CancelledError; what is whole stays in any case.
        """


class Aside(Protocol):
    """Calls a function where it may block, and gives what it gives."""

    async def __call__(self, function: Callable[P, T], /, *arguments: P.args, **named: P.kwargs) -> T:
        """Raises: what the function raises."""


class EngineRestart(Protocol):
    """Has the host start its container engine anew, which ends all containers, and the Loader's with them."""

    async def __call__(self) -> None:
        """Returns when it is under way. Raises: UnsupportedError with the reason; HostError when it was refused."""


async def nobody_restarts() -> None:
    """Implements ``EngineRestart`` for a Loader that was started by hand."""
    raise UnsupportedError("no sail started this Loader, and without one it leaves the engine alone")


class Parts(Struct, frozen=True):
    """All of them.

    ``boot_id`` changes with every start of the Loader. ``page_port``: where the progress page is served on all
    addresses of the host. ``own_image``: the id of the image that the Loader runs from, "" for one that runs natively.
    """

    appliance: str
    engine: Engine
    store: Store
    releases: Releases
    vendor: Vendor
    copier: Copier
    gate: Gate
    machine: Machine
    clock: Clock
    feed: Ring
    boot_id: str
    page_port: int
    heartbeats: Heartbeats
    service_tokens: ServiceTokens
    own_image: str = ""
    default_source: str = ""
    """Where a box that remembers none gets its releases from, from now on."""
    beside: Callable[[datetime], Collection[Result]] = lambda _: ()
    """What the status shows besides the appliance: how this Loader was started, and who may reach it."""
    loader_images: Callable[[], Collection[str]] = tuple
    """The image ids of the Loaders that sail may start: no gc removes them."""
    update_check_s: float = 0.0
    """How often the source is asked whether there is a newer release; 0: never."""
    clock_look: ClockLook = field(default_factory=ClockLook)
    restart_engine: EngineRestart = nobody_restarts
    aside: Aside = asyncio.to_thread
    """How short calls that block are made without holding up all others."""
