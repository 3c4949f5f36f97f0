"""An engine in memory that keeps to the same contract as the real one (tests/contracts/test_engine.py).

Nothing sleeps really: time is the clock's. What containers do is scripted with ``script``, or follows from their
command; what goes wrong is ``engine.faults``; what is there is ``engine.world``, which outlives the engine's death.
"""

import asyncio
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from msgspec.structs import replace

from boxship.clock import Clock
from boxship.engine.faults import image_unavailable, push_refused, refusal, timed_out
from boxship.engine.overlaps import name_holder
from boxship.engine.port import (
    AttachRequest,
    BuildOutput,
    BuildRequest,
    ContainerDetail,
    ContainerStats,
    Created,
    EngineEvent,
    EngineInfo,
    ExecRequest,
    ExecResult,
    ExecSession,
    Heard,
    ImageHistory,
    LogLine,
    PathStat,
    Processes,
    PullProgress,
    Session,
    unheard,
)
from boxship.engine.streams import unix_time
from boxship.errors import EngineConflictError
from boxship.plan.action import ContainerSpec, CopiedFile, NetworkSpec, VolumeSpec
from boxship.plan.observed import ContainerState, Health, Observed, ObservedNetwork
from boxship.spec.model import Healthcheck, Restart
from tests.fakes import content
from tests.fakes.attach import FakeAttach
from tests.fakes.behaviour import FOREVER, Behaviour, behaviour_of, run_command
from tests.fakes.clock import FakeClock
from tests.fakes.creation import create_container
from tests.fakes.exec import FakeExec
from tests.fakes.faults import Faults
from tests.fakes.shelf import Shelf
from tests.fakes.views import view_container, view_detail, view_image, view_network, view_volume
from tests.fakes.world import FakeContainer, FakeImage, FakeVolume, World

BROKEN = Behaviour(exits_after_s=0.0, exit_code=1)
"""A broken image: its process ends at once."""


class FakeEngine:
    """Implements ``Engine``."""

    def __init__(self, clock: Clock | None = None, world: World | None = None) -> None:
        self.clock: Clock = clock or FakeClock()
        self.world = world or World()
        self.faults = Faults(self.clock)
        self._shelf = Shelf(self.world)
        self.create_warnings: tuple[str, ...] = ()
        """What is said to every container that is made."""
        self.registry: set[str] = set()
        """References that can be pulled."""
        self.volumes_of_pulled: dict[str, tuple[str, ...]] = {}
        """The places that such an image declares as volumes."""
        self.host_subnets: tuple[str, ...] = ()
        self.host = socket.gethostname()
        self.exec_results: dict[tuple[str, ...], ExecResult] = {}
        """argv -> how it ends; others follow from the command itself."""
        self.sessions: list[tuple[str, int, ExecRequest]] = []
        """What was opened so far: the container's id, which of its runs it was, and what was asked for."""
        self.attached: list[FakeAttach] = []
        """The sessions with containers' own processes so far."""
        self.opened: list[FakeExec] = []
        """Those sessions, in their order."""
        self._scripts: dict[str, Behaviour] = {}
        self._broken: set[str] = set()
        # A future for each waiter and not one event for all: an event belongs to the loop that first waited for it.
        self._watchers: set[asyncio.Future[None]] = set()

    @property
    def calls(self) -> list[str]:
        """Every call so far, as "start_container share.web"."""
        return self.faults.calls

    @property
    def running(self) -> dict[str, str]:
        """Name -> image reference of every running container."""
        self.world.settle(self._now_s)
        return {
            each.name: each.spec.image
            for each in self.world.containers.values()
            if each.state is ContainerState.RUNNING
        }

    def add_image(
        self,
        reference: str,
        *,
        volumes: tuple[str, ...] = (),
        healthcheck: Healthcheck | None = None,
        content: str = "",
    ) -> str:
        """Put an image there, as a build or load would; its id follows from ``reference`` and ``content``."""
        return self._shelf.add(reference, content, volumes=volumes, healthcheck=healthcheck)

    def script(self, service: str, behaviour: Behaviour) -> None:
        """How the containers of a service (or with that name) behave from their next start on."""
        self._scripts[service] = behaviour

    def break_image(self, reference: str) -> None:
        """Containers from ``reference`` end at once with status 1."""
        self._broken.add(reference)

    def break_start(self, service: str, message: str) -> None:
        """The engine refuses to start the containers of a service."""
        self.script(service, Behaviour(start_error=message))

    def restart_daemon(self) -> None:
        """Everything stops; what has a restart policy, and wasn't stopped by a person, comes back.

        [M] One that was stopped through the API comes back under ``on-failure`` and ``always``.
        """
        self.faults.revive()
        self.world.daemon_starts += 1
        self.world.kept_ports.clear()
        for container in self.world.containers.values():
            restart = container.restart or container.spec.service.restart
            policy = restart.policy if restart else "no"
            comes_back = policy == "always" or (policy == "unless-stopped" and not container.was_stopped)
            comes_back = comes_back or (policy == "on-failure" and container.exit_code != 0)
            if container.is_up:
                comes_back = comes_back or policy == "on-failure"
                container.was_stopped = True
                self.world.end(container, 137, self._now_s)
            if comes_back:
                self.world.start(container, container.behaviour, self._now_s)
        self._notify()

    async def info(self) -> EngineInfo:
        async with self.faults.around("info"):
            return EngineInfo("20.10.24", "1.41", "linux", "amd64")

    async def host_name(self) -> str:
        async with self.faults.around("host_name"):
            return self.host

    async def data_root(self) -> str:
        async with self.faults.around("data_root"):
            return "/var/lib/docker"

    async def close(self) -> None:
        """Nothing is open."""

    async def observe(self, images: Collection[str] | None = None) -> Observed:
        async with self.faults.around("observe"):
            now_s = self._now_s
            self.world.settle(now_s)
            return Observed(
                containers=tuple(
                    view_container(each, now_s, self._offset_s) for each in self.world.containers.values()
                ),
                networks=(self._own_network, *(view_network(each) for each in self.world.networks.values())),
                volumes=tuple(view_volume(each) for each in self.world.volumes.values()),
                images=tuple(view_image(each) for each in self._images(images)),
                host_subnets=self.host_subnets,
            )

    @property
    def _own_network(self) -> ObservedNetwork:
        """[M] Made anew whenever the daemon starts and no container has outlived it."""
        return ObservedNetwork(f"bridge-{self.world.daemon_starts}", "bridge", "bridge")

    def _images(self, references: Collection[str] | None) -> list[FakeImage]:
        if references is None:
            return list(self.world.images.values())
        found = [image for reference in references if (image := self.world.find_image(reference)) is not None]
        return list({image.id: image for image in found}.values())

    async def create_network(self, spec: NetworkSpec) -> None:
        async with self.faults.around("create_network", spec.name):
            try:
                self.world.add_network(spec)
            except EngineConflictError as error:
                raise name_holder(error, spec, map(view_network, self.world.networks.values())) from error

    async def remove_network(self, name: str) -> None:
        async with self.faults.around("remove_network", name):
            self.world.settle(self._now_s)
            users = [each for each in self.world.containers.values() if each.is_up and name in each.addresses]
            if users and name in self.world.networks:
                raise refusal(
                    f"remove network {name}", 403, f"error while removing network: network {name} has active endpoints"
                )
            self.world.networks.pop(name, None)

    async def create_volume(self, spec: VolumeSpec) -> None:
        async with self.faults.around("create_volume", spec.name):
            driver = spec.volume.driver or "local"
            self.world.volumes.setdefault(spec.name, FakeVolume(spec.name, driver, dict(spec.labels)))

    async def remove_volume(self, name: str) -> None:
        async with self.faults.around("remove_volume", name):
            if users := self.world.users_of(name):
                raise refusal(f"remove volume {name}", 409, f"remove {name}: volume is in use - [{users[0].id}]")
            self.world.volumes.pop(name, None)

    async def create_container(self, spec: ContainerSpec) -> Created:
        async with self.faults.around("create_container", spec.name):
            container = create_container(self.world, spec, self._now_s)
            self._notify()
            return Created(container.id, self.create_warnings)

    async def copy_files(self, name: str, files: Collection[CopiedFile]) -> None:
        async with self.faults.around("copy_files", name):
            container = self._find(name, f"copy files into {name}")
            if container.spec.service.read_only:
                raise refusal(f"copy files into {name}", 403, "container rootfs is marked read-only")
            container.files.update((file.target, file) for file in files)

    async def start_container(self, name: str) -> None:
        async with self.faults.around("start_container", name):
            self._start(self._find(name, f"start {name}"))

    def _start(self, container: FakeContainer) -> None:
        if container.state is ContainerState.PAUSED:
            raise refusal(f"start {container.name}", 409, "cannot start a paused container, try unpause instead")
        if container.is_up:
            return
        self.world.start(container, self._behaviour(container), self._now_s)
        self._notify()

    def _behaviour(self, container: FakeContainer) -> Behaviour:
        if container.spec.image in self._broken:
            return BROKEN
        scripted = self._scripts.get(container.service) or self._scripts.get(container.name)
        service = container.spec.service
        argv = (*(service.entrypoint or ()), *(service.command or ()))
        return scripted or behaviour_of(argv, has_init=bool(service.init))

    async def stop_container(self, name: str, grace_s: float | None = None) -> None:
        async with self.faults.around("stop_container", name):
            await self._stop(self._find(name, f"stop {name}"), grace_s)

    async def _stop(self, container: FakeContainer, grace_s: float | None) -> None:
        if not container.is_up:
            return
        own_s = container.spec.service.stop_grace_period_s
        limit_s = grace_s if grace_s is not None else 10.0 if own_s is None else own_s
        container.was_stopped = True
        exit_code = container.behaviour.sigterm_exit_code
        if container.state is not ContainerState.RESTARTING:
            self.world.tell(container, "kill", self._now_s)
        if container.state is ContainerState.RESTARTING:
            container.state = ContainerState.EXITED
        elif not container.behaviour.heeds_sigterm:
            await self.clock.sleep(limit_s)
            self.world.settle(self._now_s)
            exit_code = 137
        if container.is_up:
            self.world.end(container, exit_code, self._now_s)
        self.world.tell(container, "stop", self._now_s)
        self._notify()

    async def kill_container(self, name: str, signal: str = "SIGKILL") -> None:
        async with self.faults.around("kill_container", name):
            container = self._find(name, f"kill {name}")
            if not container.is_up:
                return
            self.world.tell(container, "kill", self._now_s)
            if signal in ("SIGKILL", "KILL", "9"):
                container.was_stopped = True
                self.world.end(container, 137, self._now_s)
            elif signal in ("SIGTERM", "TERM", "15") and container.behaviour.heeds_sigterm:
                self.world.end(container, container.behaviour.sigterm_exit_code, self._now_s)
            self._notify()

    async def restart_container(self, name: str, grace_s: float | None = None) -> None:
        async with self.faults.around("restart_container", name):
            container = self._find(name, f"restart {name}")
            await self._stop(container, grace_s)
            self._start(container)
            self.world.tell(container, "restart", self._now_s)

    async def pause_container(self, name: str) -> None:
        async with self.faults.around("pause_container", name):
            container = self._find(name, f"pause {name}")
            if not container.is_up:
                raise refusal(f"pause {name}", 409, f"Container {container.id} is not running")
            container.state = ContainerState.PAUSED
            self._notify()

    async def unpause_container(self, name: str) -> None:
        async with self.faults.around("unpause_container", name):
            container = self._find(name, f"unpause {name}")
            if not container.is_up:
                raise refusal(f"unpause {name}", 500, f"Container {container.id} is not running")
            container.state = ContainerState.RUNNING
            self._notify()

    async def set_restart(self, name: str, policy: Literal["no", "on-failure"]) -> None:
        async with self.faults.around("set_restart", name):
            for container in self.world.containers.values():
                if name in (container.name, container.id):
                    container.restart = Restart(policy)

    async def rename_container(self, name: str, new_name: str) -> None:
        async with self.faults.around("rename_container", name):
            what = f"rename {name} to {new_name}"
            container = self._find(name, what)
            for other in self.world.containers.values():
                if other.name == new_name:
                    message = f'Conflict. The container name "/{new_name}" is already in use by container "{other.id}"'
                    raise refusal(what, 409, message)
            container.name = new_name
            self.world.tell(container, "rename", self._now_s)

    async def remove_container(self, name: str, *, volumes: bool = False) -> None:
        async with self.faults.around("remove_container", name):
            self.world.settle(self._now_s)
            for container in list(self.world.containers.values()):
                if name in (container.name, container.id):
                    self.world.remove(container, volumes=volumes, now_s=self._now_s)
            self._notify()

    async def inspect_container(self, name: str) -> ContainerDetail:
        async with self.faults.around("inspect_container", name):
            container = self._find(name, f"inspect {name}")
            started_at = "" if container.started_s is None else self._stamp(container.started_s)
            finished_at = "" if container.ended_s is None else self._stamp(container.ended_s)
            return view_detail(container, started_at, finished_at)

    async def run_exec(self, name: str, argv: tuple[str, ...], *, timeout_s: float) -> ExecResult:
        async with self.faults.around("run_exec", name):
            what = f"run '{argv[0]}' in {name}"
            container = self._find_running(name, what)
            if (scripted := self._scripted_exec(container, argv)) is not None:
                return scripted
            run = run_command(argv)
            if run.duration_s > timeout_s:
                await self.clock.sleep(timeout_s)
                raise timed_out(what, timeout_s)
            if run.duration_s:
                await self.clock.sleep(run.duration_s)
            if not run.is_known:
                return ExecResult(0, "")
            return ExecResult(run.exit_code, run.output())

    def _scripted_exec(self, container: FakeContainer, argv: tuple[str, ...]) -> ExecResult | None:
        """A health check that is asked by hand gives the same answer as the engine's own asking."""
        if argv in self.exec_results:
            return self.exec_results[argv]
        if file := container.files.get(argv[-1]):
            if argv[0] == "cat":
                return ExecResult(0, file.content.reveal())
            if argv[:2] == ("stat", "-c"):
                return ExecResult(0, f"{file.mode:o} {file.uid} {file.gid}\n")
        check = container.healthcheck
        is_scripted = container.behaviour.healthy_after_s is not None
        if check is None or not is_scripted or argv[-1:] != check.test[-1:]:
            return None
        up_s = self._now_s - (container.started_s or 0.0)
        is_good = up_s >= (container.behaviour.healthy_after_s or 0.0) and container.health is not Health.UNHEALTHY
        return ExecResult(0 if is_good else 1, "" if is_good else "not yet")

    async def open_exec(self, name: str, request: ExecRequest) -> ExecSession:
        async with self.faults.around("open_exec", name):
            container = self._find_running(name, f"run '{request.argv[0]}' in {name}")
            result = self._scripted_exec(container, request.argv)
            self.sessions.append((container.id, container.run, request))
            session = FakeExec(request, result, self.clock)
            self.opened.append(session)
            return session

    async def attach_container(self, name: str, request: AttachRequest) -> Session:
        async with self.faults.around("attach_container", name):
            container = self._find(name, f"attach to {name}")
            session = FakeAttach(lambda: self._written(container), lambda: self._ended(container), tty=request.tty)
            self.attached.append(session)
            return session

    async def _written(self, container: FakeContainer) -> AsyncGenerator[LogLine, None]:
        await self._started(container)
        shown = 0
        while True:
            self.world.settle(self._now_s)
            lines = [each for each in container.log if each.at_s <= self._now_s]
            for line in lines[shown:]:
                yield LogLine(line.stream, line.text)
            shown = len(lines)
            if not container.is_up:
                return
            pending = [each.at_s for each in container.log if each.at_s > self._now_s]
            await self._wait_for_change(min(pending, default=FOREVER))

    async def _started(self, container: FakeContainer) -> None:
        while container.run == 0:
            await self._wait_for_change(FOREVER)
            self.world.settle(self._now_s)

    async def _ended(self, container: FakeContainer) -> int:
        await self._started(container)
        while container.is_up:
            await self._wait_for_change(FOREVER)
            self.world.settle(self._now_s)
        return container.exit_code

    async def stat_path(self, name: str, path: str) -> PathStat | None:
        async with self.faults.around("stat_path", name):
            return content.stat_path(self._find(name, f"look at {path} in {name}"), path)

    async def read_archive(self, name: str, path: str) -> AsyncGenerator[bytes, None]:
        async with self.faults.around("read_archive", name):
            yield content.read_archive(self._find(name, f"copy {path} from {name}"), path)

    async def write_archive(self, name: str, directory: str, archive: AsyncIterator[bytes]) -> None:
        async with self.faults.around("write_archive", name):
            data = b"".join([chunk async for chunk in archive])
            content.write_archive(self._find(name, f"copy into {directory} of {name}"), directory, data)

    async def list_processes(self, name: str) -> Processes:
        async with self.faults.around("list_processes", name):
            container = self._find_running(name, f"list the processes of {name}")
            argv = (*(container.spec.service.entrypoint or ()), *(container.spec.service.command or ()))
            return Processes(("UID", "PID", "CMD"), (("root", "1", " ".join(argv)),))

    async def follow_logs(
        self,
        name: str,
        *,
        follow: bool = False,
        tail: int | None = None,
        since: str = "",
        until: str = "",
        timestamps: bool = False,
    ) -> AsyncGenerator[LogLine, None]:
        async with self.faults.around("follow_logs", name):
            container = self._find(name, f"read the log of {name}")
        first_s = self._moment_s(since) if since else -FOREVER
        last_s = self._moment_s(until) if until else FOREVER
        shown = 0
        is_first = True
        while True:
            self.world.settle(self._now_s)
            lines = [each for each in container.log if each.at_s <= self._now_s and first_s <= each.at_s <= last_s]
            if is_first and tail is not None:
                shown = max(len(lines) - tail, 0)
            for line in lines[shown:]:
                at = self._stamp(line.at_s) if timestamps else ""
                yield LogLine(line.stream, line.text, at)
            shown, is_first = len(lines), False
            if not follow or not container.is_up or container.id not in self.world.containers:
                return
            pending = [each.at_s for each in container.log if each.at_s > self._now_s]
            await self._wait_for_change(min(pending, default=FOREVER))

    async def follow_events(
        self, appliance: str = "", *, since_s: float | None = None, until_s: float | None = None
    ) -> AsyncGenerator[EngineEvent, None]:
        async with self.faults.around("follow_events", appliance):
            self.world.settle(self._now_s)
            shown = len(self.world.events) if since_s is None else 0
        offset_s = self._offset_s
        while True:
            self.world.settle(self._now_s)
            events, shown = self.world.events[shown:], len(self.world.events)
            for event in events:
                told = replace(event, at_s=event.at_s + offset_s)
                is_asked_for = (since_s or 0.0) <= told.at_s <= (FOREVER if until_s is None else until_s)
                if (not appliance or event.appliance == appliance) and is_asked_for:
                    yield told
            last_s = FOREVER if until_s is None else until_s - offset_s
            if self._now_s >= last_s:
                return
            await self._wait_for_change(last_s)

    async def follow_stats(self, name: str, *, follow: bool = False) -> AsyncGenerator[ContainerStats, None]:
        """A tenth of a processor and a mebibyte, of one that runs."""
        async with self.faults.around("follow_stats", name):
            container = self._find(name, f"ask what {name} uses")
        cpu_percent = None if follow else 10.0
        while container.state in (ContainerState.RUNNING, ContainerState.PAUSED):
            await self.clock.sleep(1.0)
            self.world.settle(self._now_s)
            if container.is_up:
                yield ContainerStats(cpu_percent, 1 << 20, 1 << 30, 1000, 2000, 3000, 4000, 1)
            if not follow:
                return
            cpu_percent = 10.0

    async def wait_container(self, name: str) -> int:
        async with self.faults.around("wait_container", name):
            container = self._find(name, f"wait for {name}")
        while True:
            self.world.settle(self._now_s)
            if not container.is_up or container.id not in self.world.containers:
                return container.exit_code
            await self._wait_for_change(FOREVER)

    async def pull_image(self, reference: str, *, platform: str | None = None) -> AsyncGenerator[PullProgress, None]:
        async with self.faults.around("pull_image", reference):
            if reference not in self.registry:
                raise image_unavailable(reference, "dial tcp 127.0.0.1:443: connect: connection refused", 500)
            yield PullProgress("", f"Pulling from {reference}")
            yield PullProgress("0a1b2c3d4e5f", "Downloading", 512, 1024)
            yield PullProgress("0a1b2c3d4e5f", "Pull complete")
            self.add_image(reference, volumes=self.volumes_of_pulled.get(reference, ()))

    async def push_image(self, reference: str) -> AsyncGenerator[PullProgress, None]:
        async with self.faults.around("push_image", reference):
            if self.world.find_image(reference) is None:
                raise push_refused(reference, f"An image does not exist locally with the tag: {reference}")
            yield PullProgress("0a1b2c3d4e5f", "Pushing", 512, 1024)
            yield PullProgress("0a1b2c3d4e5f", "Pushed")
            self.registry.add(reference)

    async def build_image(
        self, request: BuildRequest, context: AsyncIterator[bytes]
    ) -> AsyncGenerator[BuildOutput, None]:
        name = request.tags[0] if request.tags else request.dockerfile
        async with self.faults.around("build_image", name):
            data = b"".join([chunk async for chunk in context])
            for line in self._shelf.build(request, data, name):
                is_last = line.startswith("sha256:")
                yield BuildOutput(image_id=line) if is_last else BuildOutput(text=line)

    async def image_history(self, reference: str) -> ImageHistory:
        async with self.faults.around("image_history", reference):
            return self._shelf.history(reference)

    async def load_images(self, archive: Path) -> None:
        async with self.faults.around("load_images", archive.name):
            self._shelf.load(await asyncio.to_thread(archive.read_bytes), archive.name)

    async def load_archive(self, archive: AsyncIterator[bytes], what: str, tell: Heard = unheard) -> None:
        async with self.faults.around("load_archive", what):
            for line in self._shelf.load(b"".join([chunk async for chunk in archive]), what):
                tell(line)

    async def save_images(self, references: Collection[str]) -> AsyncGenerator[bytes, None]:
        async with self.faults.around("save_images", ", ".join(references)):
            yield self._shelf.save(references)

    async def tag_image(self, reference: str, new_reference: str) -> None:
        async with self.faults.around("tag_image", reference):
            self._shelf.tag(reference, new_reference)

    async def remove_image(self, reference: str) -> None:
        async with self.faults.around("remove_image", reference):
            self._shelf.remove(reference)

    @property
    def _now_s(self) -> float:
        return self.clock.monotonic_s()

    @property
    def _offset_s(self) -> float:
        """What unix time is when the monotonic clock shows 0."""
        return self.clock.now().timestamp() - self._now_s

    def _stamp(self, at_s: float) -> str:
        return datetime.fromtimestamp(at_s + self._offset_s, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f000Z")

    def _moment_s(self, text: str) -> float:
        return float(unix_time(text)) - self._offset_s

    def _find(self, name: str, what: str) -> FakeContainer:
        self.world.settle(self._now_s)
        return self.world.find(name, what)

    def _find_running(self, name: str, what: str) -> FakeContainer:
        container = self._find(name, what)
        if container.state is not ContainerState.RUNNING:
            raise refusal(what, 409, f"Container {container.id} is not running")
        return container

    def _notify(self) -> None:
        for watcher in self._watchers:
            if not watcher.done():
                watcher.set_result(None)

    async def _wait_for_change(self, until_s: float) -> None:
        """Until a call changes something, or something happens by itself, or ``until_s``."""
        due = self.world.next_change(self._now_s)
        until_s = min(until_s, due[0] if due else FOREVER)
        watcher: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._watchers.add(watcher)
        waits: set[asyncio.Future[Any]] = {watcher}
        if until_s < FOREVER:
            waits.add(asyncio.ensure_future(self.clock.sleep(until_s - self._now_s)))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._watchers.discard(watcher)
            for each in waits:
                each.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
