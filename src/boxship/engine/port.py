"""The ports: what Boxship asks of a container engine, in small parts. Contract tests document each method.

Every method has a deadline of its own and raises within it:

* EngineUnreachableError: nobody answers, or the connection broke midway (the call may have taken effect);
* EngineTimeoutError: the deadline passed (the call may still take effect);
* EngineNotFoundError, EngineConflictError, EngineError: the engine said no.

Repeating is safe: removing what is absent, starting what runs and stopping what is stopped succeed silently.
Containers are addressed by their exact name or full id. Streams are generators: end one early with
``contextlib.aclosing``, so that its connection is given up at once.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Mapping
from pathlib import Path
from typing import Literal, Protocol

from msgspec import Struct, field

from boxship.plan.action import ContainerSpec, CopiedFile, NetworkSpec, VolumeSpec
from boxship.plan.observed import ContainerState, Health, Observed
from boxship.spec.model import Healthcheck, Ulimit


class EngineInfo(Struct, frozen=True):
    """Who answers: the engine's version, and the API version that was negotiated."""

    version: str
    api_version: str
    os: str = "linux"
    arch: str = ""


class ContainerDetail(Struct, frozen=True):
    """One container, asked closely. ``healthcheck`` is the effective one, the image's included.

    ``pid`` is 0 unless it runs. ``addresses``: network name -> IPv4. ``error``: the engine's words for a failed start.
    ``health_output``: what the engine's own last probe printed.
    """

    id: str
    name: str
    state: ContainerState
    pid: int = 0
    exit_code: int = 0
    oom_killed: bool = False
    error: str = ""
    started_at: str = ""
    """RFC 3339 as the engine gives it; "" before the first start."""
    finished_at: str = ""
    restart_count: int = 0
    health: Health = Health.NONE
    health_output: str = ""
    healthcheck: Healthcheck | None = None
    network_mode: str = ""
    addresses: Mapping[str, str] = field(default_factory=dict)
    image: str = ""
    tty: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    health_exit_code: int | None = None
    """How the engine's own last probe ended; None before the first."""
    user: str = ""
    """Whose its processes are, as its service or its image says it; "" is root."""


class ContainerStats(Struct, frozen=True):
    """What a running container uses. Bytes of network and disk count from its start."""

    cpu_percent: float | None
    """100 is one processor; None in the first of several, as it is the use since the one before."""
    memory_bytes: int
    """Without what the kernel would give back at once (files that were read and not used again)."""
    memory_limit_bytes: int
    """The machine's memory for one without a limit."""
    received_bytes: int
    sent_bytes: int
    read_bytes: int
    written_bytes: int
    pids: int


class ExecResult(Struct, frozen=True):
    """How a command inside a container ended; ``output`` is stdout and stderr, cut to the last 64 KiB."""

    exit_code: int
    output: str


class LogLine(Struct, frozen=True):
    """One line of a container's log. ``at`` is RFC 3339 with nanoseconds, "" when not asked for."""

    stream: str
    """stdout or stderr."""
    text: str
    at: str = ""


class EngineEvent(Struct, frozen=True):
    """Something happened to a container: ``action`` is the engine's word (start, die, health_status: healthy...)."""

    action: str
    container_id: str
    name: str
    appliance: str
    service: str
    exit_code: int | None
    at_s: float
    image: str = ""
    """The reference that the container was made from."""
    number: int = 1
    """Which of its service's containers it is."""
    generation: int = 0


class PullProgress(Struct, frozen=True):
    """A line of a pull: ``layer`` "" for a message about the whole; bytes are 0 when unknown."""

    layer: str
    status: str
    done_bytes: int = 0
    total_bytes: int = 0


Heard = Callable[[PullProgress], None]


def unheard(_line: PullProgress) -> None:
    """For who doesn't want to know."""


class BuildOutput(Struct, frozen=True):
    """A line of a build; the last one carries ``image_id``."""

    text: str = ""
    image_id: str = ""


class HistoryItem(Struct, frozen=True):
    """One line of how an image came about. Its layer, if it made one, holds ``size_bytes`` of files."""

    made_by: str
    size_bytes: int
    created_at_s: int = 0


class ImageHistory(Struct, frozen=True):
    """How an image came about, the lowest item first. ``diff_ids``: the digests of its layers, lowest first."""

    id: str
    size_bytes: int
    items: tuple[HistoryItem, ...]
    diff_ids: tuple[str, ...]


class BuildRequest(Struct, frozen=True):
    """One Dockerfile build. ``dockerfile`` is a path inside the context."""

    tags: tuple[str, ...]
    dockerfile: str = "Dockerfile"
    args: Mapping[str, str | None] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    target: str | None = None
    network: str | None = None
    no_cache: bool = False
    pull: bool = False
    shm_size_bytes: int | None = None
    extra_hosts: tuple[str, ...] = ()
    cache_from: tuple[str, ...] = ()
    ulimits: Mapping[str, Ulimit] = field(default_factory=dict)
    isolation: str | None = None
    platform: str | None = None


class ExecRequest(Struct, frozen=True):
    """A command for a person, inside a container. ``detach_keys``: as the engine writes them, "" for its own."""

    argv: tuple[str, ...]
    tty: bool = False
    interactive: bool = False
    user: str | None = None
    working_dir: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    privileged: bool = False
    detach: bool = False
    detach_keys: str = ""


class AttachRequest(Struct, frozen=True):
    """How to be attached to a container's own process. ``tty``: it was made with one."""

    tty: bool = False
    interactive: bool = False
    detach_keys: str = ""


class PathStat(Struct, frozen=True):
    """What is at a path of a container; ``link_target`` "" when it is no link."""

    name: str
    is_directory: bool = False
    link_target: str = ""
    size_bytes: int = 0


class Processes(Struct, frozen=True):
    """The processes of a container as the host's ``ps`` tells them: one row each, a word for each title."""

    titles: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class Session(Protocol):
    """A running exec, or a container's own process, as two byte streams. Close it when done."""

    def output(self) -> AsyncIterator[tuple[str, bytes]]:
        """Chunks as they come: ("stdout" | "stderr", bytes). With a tty everything is stdout."""

    async def write(self, data: bytes) -> None:
        """Send to its standard input."""

    async def close_stdin(self) -> None:
        """End its input, as ^D would."""

    async def resize(self, rows: int, columns: int) -> None:
        """Tell its terminal the size of the person's."""

    async def exit_code(self) -> int:
        """After ``output`` ended. Waits for its end, for however long it takes."""

    async def close(self) -> None:
        """Hang up; the command itself may go on."""


class ExecSession(Session, Protocol):
    """A running exec."""

    async def kill(self) -> None:
        """End the command, as far as this process may: it must run on this very machine. Never raises for that."""


class Created(Struct, frozen=True):
    """A container that was made. ``warnings``: sentences about what the engine does not do as asked."""

    id: str
    warnings: tuple[str, ...] = ()


class ContainerEngine(Protocol):
    """What the executor needs: one method per action."""

    async def observe(self, images: Collection[str] | None = None) -> Observed:
        """A snapshot: one list call each for containers, networks, volumes and images, side by side.

        Args:
            images: only these references are looked up, those that are there are told; None: all images. Listing
                all costs the engine about a millisecond per image (it sums up their sizes, whatever the filter),
                looking one up costs one in all: 253 images took 61 ms on Docker 20.10.
        """

    async def create_network(self, spec: NetworkSpec) -> None:
        """Raises: EngineConflictError when the name or the subnet is taken."""

    async def remove_network(self, name: str) -> None:
        """Raises: EngineConflictError while containers run on it, NetworkMiscountedError when none does."""

    async def create_volume(self, spec: VolumeSpec) -> None:
        """One that is there already stays as it is."""

    async def remove_volume(self, name: str) -> None:
        """Raises: EngineConflictError while a container, even a stopped one, uses it."""

    async def create_container(self, spec: ContainerSpec) -> Created:
        """A half-made one (created, but an endpoint failed) is removed before raising. ``spec.files`` are not in it.

        Raises: EngineError for a key that needs a newer engine, where leaving it out would make another container.
        """

    async def copy_files(self, name: str, files: Collection[CopiedFile]) -> None:
        """Put files into a container that was not started yet; folders are made, what is there is replaced.

        Raises: EngineError when it can't be written to (``read_only``).
        """

    async def start_container(self, name: str) -> None:
        """Raises: EngineConflictError when one of its ports or addresses is taken."""

    async def stop_container(self, name: str, grace_s: float | None = None) -> None:
        """SIGTERM (or the container's stop signal), then SIGKILL after the grace time. The deadline includes it."""

    async def kill_container(self, name: str, signal: str = "SIGKILL") -> None:
        """Send a signal; nothing happens to one that doesn't run."""

    async def restart_container(self, name: str, grace_s: float | None = None) -> None:
        """Stop, as ``stop_container`` does, and start."""

    async def pause_container(self, name: str) -> None:
        """Freeze its processes."""

    async def unpause_container(self, name: str) -> None:
        """Let its processes run on."""

    async def set_restart(self, name: str, policy: Literal["no", "on-failure"]) -> None:
        """What the engine does from now on when it ends; it may run meanwhile. Nothing happens when it isn't there."""

    async def rename_container(self, name: str, new_name: str) -> None:
        """Raises: EngineConflictError when the new name is taken."""

    async def remove_container(self, name: str, *, volumes: bool = False) -> None:
        """By force, with its anonymous volumes if asked."""


class ProbeEngine(Protocol):
    """What readiness needs."""

    async def inspect_container(self, name: str) -> ContainerDetail:
        """Raises: EngineNotFoundError."""

    async def run_exec(self, name: str, argv: tuple[str, ...], *, timeout_s: float) -> ExecResult:
        """Run to its end. EngineTimeoutError after ``timeout_s``: the command may go on inside."""

    def follow_logs(
        self,
        name: str,
        *,
        follow: bool = False,
        tail: int | None = None,
        since: str = "",
        until: str = "",
        timestamps: bool = False,
    ) -> AsyncGenerator[LogLine, None]:
        """Lines, oldest first; without ``follow`` ends at the last. ``since``/``until``: unix seconds or RFC 3339."""

    def follow_events(
        self, appliance: str = "", *, since_s: float | None = None, until_s: float | None = None
    ) -> AsyncGenerator[EngineEvent, None]:
        """Container events of one appliance ("" for all) from ``since_s`` (unix time; None: from now).

        Ends at ``until_s``, which may have passed already; None: never.
        """

    def follow_stats(self, name: str, *, follow: bool = False) -> AsyncGenerator[ContainerStats, None]:
        """Without ``follow`` one, after one or two seconds; else one each second. None of one that doesn't run."""

    async def wait_container(self, name: str) -> int:
        """The exit status once it has ended (0 for one never started). No deadline of its own: the caller bounds it."""


class ImageEngine(Protocol):
    """What making and fetching images needs."""

    def pull_image(self, reference: str, *, platform: str | None = None) -> AsyncGenerator[PullProgress, None]:
        """Raises: ImageMissingError naming the reference when the registry has none or can't be reached."""

    def push_image(self, reference: str) -> AsyncGenerator[PullProgress, None]:
        """Raises: ImageMissingError when it is not here; PushError when the registry doesn't take it."""

    def build_image(self, request: BuildRequest, context: AsyncIterator[bytes]) -> AsyncGenerator[BuildOutput, None]:
        """Build from a tar stream. Raises: EngineError with the builder's message. Intermediate containers go."""

    async def image_history(self, reference: str) -> ImageHistory:
        """Raises: ImageMissingError when it is not here."""

    async def load_images(self, archive: Path) -> None:
        """Load a docker-archive file."""

    async def load_archive(self, archive: AsyncIterator[bytes], what: str, tell: Heard = unheard) -> None:
        """Load a docker-archive as it comes; ``what`` names it in messages. Layers may be compressed.

        A layer that the engine has above the same lower ones may be missing: Docker's own store needs no content of
        it, one of another kind may refuse such an archive. ``tell`` gets what the engine says of each layer, if it says
        anything: the first twelve digits of its diff id, and bytes of the layer as it was given.

        Raises: EngineError; nothing but whole images stays.
        """

    def save_images(self, references: Collection[str]) -> AsyncGenerator[bytes, None]:
        """A docker-archive of them; layers that they share are in it once. Raises: ImageMissingError."""

    async def tag_image(self, reference: str, new_reference: str) -> None:
        """Raises: ImageMissingError when ``reference`` is not here."""

    async def remove_image(self, reference: str) -> None:
        """Raises: EngineConflictError while a container uses it."""


class ContentEngine(Protocol):
    """What looking inside of containers needs, whether they run or not."""

    async def stat_path(self, name: str, path: str) -> PathStat | None:
        """What is at an absolute path, itself if it is a link; None when there is nothing."""

    def read_archive(self, name: str, path: str) -> AsyncGenerator[bytes, None]:
        """The file or directory as a tar archive; the first name in it is that of ``path``.

        Raises: EngineNotFoundError.
        """

    async def write_archive(self, name: str, directory: str, archive: AsyncIterator[bytes]) -> None:
        """Unpack a tar archive; a directory never takes the place of a file, nor the other way round.

        Raises: EngineNotFoundError when there is no such directory; EngineError when it can't be written to.
        """

    async def list_processes(self, name: str) -> Processes:
        """Raises: EngineConflictError for one that doesn't run."""


class Engine(ContainerEngine, ProbeEngine, ImageEngine, ContentEngine, Protocol):
    """A whole engine."""

    async def info(self) -> EngineInfo:
        """Who answers, and in which API version."""

    async def host_name(self) -> str:
        """What the machine that it runs on is called; the paths of bind mounts are that machine's."""

    async def data_root(self) -> str:
        """The folder of the engine's host that holds images, containers and volumes."""

    async def open_exec(self, name: str, request: ExecRequest) -> ExecSession:
        """Start a command for a person, and hand over its streams."""

    async def attach_container(self, name: str, request: AttachRequest) -> Session:
        """The streams of a container that is to be started now: nothing that it writes is missed.

        The session's ``exit_code`` waits until it has ended, also when the engine removes it then.
        """

    async def close(self) -> None:
        """Give up the connections; the engine goes on."""
