"""The box as its doors see it: REST API, pages and console ask this and nothing else of the Loader."""

from collections.abc import AsyncGenerator, Mapping
from typing import Protocol

from msgspec import Struct, field

from boxship.checks.report import Report
from boxship.loader.happened import BoxEvent
from boxship.state.deployment import Deployment
from boxship.state.operation import Failure, Operation, Unpacking
from boxship.state.state import State
from boxship.state.verify import Verify


class BootView(Struct, frozen=True):
    """``id`` changes exactly once per start of the Loader. ``version`` "" before the first deployment."""

    id: str
    appliance: str
    source: str
    version: str
    target: str
    is_ready: bool
    began_at_s: float


class ServiceView(Struct, frozen=True):
    """One container of the deployment that is booted or on trial, for pages. ``phase`` is an ``events.Phase``."""

    name: str
    phase: str
    detail: str = ""
    needs: tuple[str, ...] = ()
    image: str = ""
    health: str = ""


MISSING = "missing"
"""The state of a container that isn't there."""


class ContainerView(Struct, frozen=True):
    """``image``: a reference. ``state``: the engine's word, or ``missing``. ``is_wanted``: the booted target has it."""

    service: str
    image: str
    state: str
    is_wanted: bool


class ServiceLine(Struct, frozen=True):
    """One line of a service's log. ``at``: RFC 3339. ``replica``: which of several containers wrote it, "" of one."""

    stream: str
    """stdout or stderr."""
    text: str
    at: str = ""
    replica: str = ""


class ImageView(Struct, frozen=True):
    """An image of a release that is pulled. ``name``: as the release has it, as a registry is nobody's business."""

    name: str
    done_bytes: int = 0
    total_bytes: int = 0
    is_here: bool = False
    unpacking: Unpacking | None = None


class ProgressView(Struct, frozen=True):
    """What anybody may see before login: no settings, nobody who asked, and no secret in whatever was said.

    ``operation`` says who asked, so pages leave that out.

    ``phase``: one of starting, pulling, preparing, copying, stopping, starting-services, checking, ready, fallback,
    maintenance, failed, rolling-back, empty. ``why``: a sentence. ``log``: the last lines of the Loader and,
    while they start, of each service, masked.
    ``began_at_s``: unix time when the boot or the operation began. ``fallen_back_from``: the target that should run
    while its fallback does, "" otherwise; ``next_try_at_s``: when a boot that failed is tried again, 0 for never.
    ``failed_version``: ``failure`` is of the trial of that version, and the one before runs again or is about to.
    """

    appliance: str
    boot_id: str
    phase: str
    why: str
    is_ready: bool
    version: str = ""
    target: str = ""
    to_version: str = ""
    operation: Operation | None = None
    services: tuple[ServiceView, ...] = ()
    images: tuple[ImageView, ...] = ()
    failure: Failure | None = None
    log: tuple[str, ...] = ()
    began_at_s: float = 0.0
    fallen_back_from: str = ""
    next_try_at_s: float = 0.0
    failed_version: str = ""


class Sequenced(Struct, frozen=True):
    """An event with its number; who was away asks for what came after it."""

    number: int
    at_s: float
    event: BoxEvent


class GcView(Struct, frozen=True):
    """What gc would remove, or has; ``failures``: thing -> why it stayed.

    ``kept``: id of a release -> why it and its images stay; ``damaged``: id of a release -> what is wrong with it.
    """

    containers: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    releases: tuple[str, ...] = ()
    failures: Mapping[str, str] = field(default_factory=dict)
    kept: Mapping[str, str] = field(default_factory=dict)
    damaged: Mapping[str, str] = field(default_factory=dict)


class RollbackView(Struct, frozen=True):
    """What going back would bring: which deployment, and when its data was last written (unix time).

    ``data_age_s``: how long ago that is by the box's own clock, as who asks may have another.
    """

    to: Deployment
    data_from_s: float
    data_age_s: float
    loses: str


class Box(Protocol):
    """Calls that begin something return its operation at once, or raise ConflictError with the running one's id."""

    def boot(self) -> BootView:
        """Who runs, and since when."""

    def state(self) -> State:
        """The record that is kept."""

    def progress(self) -> ProgressView:
        """For the page and ``/ship-ready``: changes are told by ``events``."""

    def why(self) -> str:
        """What it is doing, or what it waits for, and why: one sentence."""

    async def containers(self) -> Mapping[str, ContainerView]:
        """By real name, for all containers of the release's files, whether they are there or not."""

    async def status(self, *, fresh: bool = False) -> Report:
        """What the checks found, at most a few seconds old; or why nothing could be asked, as the only finding."""

    async def set_source(self, source: str, *, by: str) -> None:
        """The registry or folder from the next switch on. Raises: UsageError for what is neither."""

    async def versions(self, source: str = "") -> tuple[str, ...]:
        """What there is at the source ("": the box's own), the oldest first. Raises: RegistryError, UsageError."""

    async def boot_target(self, target: str, *, by: str) -> Operation:
        """``current`` and ``default`` are words for the target that runs and for the appliance's own.

        A fallback that is booted as ``current`` goes on standing in for what didn't boot.

        Raises: NotFoundError for a target that the release doesn't have; nothing changed.
        """

    async def leave_maintenance(self, *, by: str) -> Operation:
        """Boot the appliance's own target, if the machine and the vendor's preflight have nothing against it.

        What they have against it is the operation's failure; then maintenance stays on, and nothing is touched.
        """

    async def pull(self, version: str, *, by: str) -> Operation:
        """Bring a release here: files and images. "" or ``latest``: the newest."""

    async def switch(
        self,
        version: str,
        *,
        target: str = "",
        allow_downgrade: bool = False,
        verify: Verify = Verify.TOUCHED,
        by: str,
    ) -> Operation:
        """Try a pulled release and commit to it when it is well.

        ``target`` "": the one that runs, or that a fallback stands in for; if the release lacks it, its default one.

        Raises: NotFoundError when it wasn't pulled. Everything that speaks against it is in the operation's result.
        """

    def what_rollback_brings(self) -> RollbackView:
        """Raises: NotFoundError when there is no previous deployment."""

    async def rollback(self, *, verify: Verify = Verify.TOUCHED, by: str) -> Operation:
        """Back to the previous deployment, data included, after a copy of today's."""

    async def gc(self, *, dry_run: bool = False, by: str) -> Operation | GcView:
        """Remove what no deployment needs; a dry run only says what."""

    async def restart_service(self, service: str, *, by: str) -> Operation:
        """Raises: NotFoundError."""

    async def heartbeat(self, service: str, within_s: float, note: str, *, by: str) -> float:
        """A service is at work, and is heard of again ``within_s``: the wait for it isn't over before.

        Returns: how long it may take altogether, in seconds. Raises: NotFoundError for no service of what runs.
        """

    async def cancel(self, operation_id: str, *, by: str) -> Operation:
        """Raises: NotFoundError; ConflictError when it can't be cancelled any more."""

    def operation(self, operation_id: str) -> Operation:
        """Raises: NotFoundError."""

    def operations(self, limit: int = 100) -> tuple[Operation, ...]:
        """The newest first."""

    def events(self, after: int | None = None) -> AsyncGenerator[Sequenced, None]:
        """From the next one on, counted from the call, or all after that number, as far as they are still kept.

        Numbers count without gaps from 1 for each boot id, so a gap tells a reader that it was too slow.
        """

    def logs(self, service: str, *, follow: bool = False, tail: int | None = None) -> AsyncGenerator[ServiceLine, None]:
        """Of all containers of the service, by time, with secrets masked; ``tail``: of each of them.

        Raises: NotFoundError, by the call itself and not by the first line.
        """
