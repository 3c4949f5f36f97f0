"""Real Loaders on the real engine: started as a process, asked over their own socket, ended as the power would."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from boxship.engine.docker import connect
from boxship.host.own_rules import OwnRules
from boxship.host.volumes.manifest import fingerprint
from boxship.plan.observed import Observed
from tests.eventually import eventually
from tests.integration.boxes import BOXSHIP, run_aside

DEADLINE_S = 90.0


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a socket file."""

    def __init__(self, path: Path, timeout_s: float) -> None:
        super().__init__("box", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class LoaderBox:
    """One box: a folder that outlives its Loaders, and things on an engine that carry the appliance's label.

    ``engine``: where tests look at the engine, when the Loader gets there another way. ``enter``: what the Loader's
    command begins with, so that it runs in other namespaces.
    """

    def __init__(
        self,
        appliance: str,
        folder: Path,
        environment: Mapping[str, str] | None = None,
        *,
        engine: str | None = None,
        enter: Sequence[str] = (),
    ) -> None:
        self.appliance = appliance
        self.folder = folder
        self.state = folder / "state"
        self.socket = folder / "run" / "loader.sock"
        self.page_port, self.api_port = free_ports(2)
        self._environment = {**os.environ, **(environment or {})}
        self._engine = engine or self._environment.get("DOCKER_HOST")
        self._enter = tuple(enter)
        self._process: subprocess.Popen[bytes] | None = None
        self.pid = 0
        self.starts = 0

    # -- its life

    def start(self, *arguments: str) -> None:
        """Return once it answers."""
        self.launch(*arguments)
        self.eventually(self._answers, f"the Loader answers: {self.last_words()}")

    def launch(self, *arguments: str) -> None:
        """Start it, and wait for nothing but its process."""
        self.starts += 1
        command = [*self._enter, *BOXSHIP, "-p", self.appliance, "loader", "--state", str(self.state), "--run"]
        command += [str(self.socket.parent), "--page-port", str(self.page_port), "--api-port", str(self.api_port)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, *arguments], cwd=self.folder, env=self._environment, stdout=log, stderr=log
            )
        # Into another process namespace nsenter sends a child; else it becomes the Loader itself.
        self.pid = self._child() if "--pid" in self._enter else self._process.pid

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """By SIGKILL as the power would; its exit status."""
        process = self.process
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, how)
        status = process.wait(timeout=DEADLINE_S)
        self._process = None
        return status

    def _child(self) -> int:
        outside = self.process.pid
        children = Path(f"/proc/{outside}/task/{outside}/children")
        return int(self.eventually(lambda: children.read_text().split(), "the Loader is a process")[0])

    @property
    def process(self) -> "subprocess.Popen[bytes]":
        assert self._process is not None
        return self._process

    @property
    def log(self) -> Path:
        return self.folder / "loader.log"

    def last_words(self) -> str:
        return self.log.read_text(errors="replace")[-3000:] if self.log.exists() else ""

    def remove(self) -> None:
        """End the Loader and take away exactly what carries the appliance's label, and its firewall rules."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self.end(signal.SIGKILL)
        run_aside(lambda: _sweep(self._engine, self.appliance))
        if not self._enter:
            # Rules outlive a Loader; those of another network end with that.
            run_aside(OwnRules(self.appliance).clear)

    # -- asking

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        connection = UnixConnection(self.socket, DEADLINE_S)
        try:
            data = None if body is None else json.dumps(body)
            connection.request(method, path, data, {"Content-Type": "application/json"} if data else {})
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        return answer.status, json.loads(content) if content else None

    def get(self, path: str) -> Any:
        status, answer = self.ask("GET", path)
        assert status == 200, (path, status, answer)
        return answer

    def begin(self, path: str, body: object = None) -> str:
        """The id of the operation."""
        status, answer = self.ask("POST", path, body or {})
        assert status == 202, (path, status, answer, self.last_words())
        return str(answer["id"])

    def over(self, operation_id: str) -> dict[str, Any]:
        """The operation once it is over."""
        found: dict[str, Any] = self.eventually(
            lambda: self._if_over(operation_id), f"operation {operation_id} ends: {self.last_words()}"
        )
        return found

    def pull(self, version: str) -> dict[str, Any]:
        return self.over(self.begin("/v1/images/pull", {"version": version}))

    def switch(self, version: str, **more: object) -> dict[str, Any]:
        return self.over(self.begin("/v1/switch", {"version": version, **more}))

    def to(self, version: str) -> dict[str, Any]:
        """Pull and switch, both well."""
        pulled = self.pull(version)
        assert pulled["status"] == "done", pulled
        switched = self.switch(version)
        assert switched["status"] == "done", switched
        return switched

    def boot(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.get("/v1/boot")
        return answer

    def booted(self) -> dict[str, Any]:
        """Once what is deployed is well."""
        answer: dict[str, Any] = self.eventually(
            lambda: boot if (boot := self.boot())["is_ready"] else None, f"it boots: {self.last_words()}"
        )
        return answer

    def _answers(self) -> bool:
        try:
            return self.ask("GET", "/v1/boot")[0] == 200
        except OSError:
            assert self.process.poll() is None, self.last_words()
            return False

    def _if_over(self, operation_id: str) -> dict[str, Any] | None:
        operation: dict[str, Any] = self.get(f"/v1/operations/{operation_id}")
        return None if operation["status"] == "running" else operation

    def eventually(self, look: Callable[[], Any], what: str, within_s: float = DEADLINE_S) -> Any:
        """What ``look`` gives, once it gives something."""
        return eventually(look, what, within_s, said=self.last_words)

    # -- looking at the engine and at data

    def observe(self) -> Observed:
        return run_aside(lambda: _observe(self._engine, ()))

    def observe_all(self) -> Observed:
        """With every image that is there."""
        return run_aside(lambda: _observe(self._engine, None))

    def running(self) -> list[str]:
        """Names of its containers that run."""
        mine = self.observe().containers_of(self.appliance)
        return sorted(each.name for each in mine if each.state == "running")

    def volume(self, name: str) -> Path:
        """Where the files of one of its volumes are."""
        (found,) = [each for each in self.observe().volumes if each.name == f"{self.appliance}.{name}"]
        return Path(found.mountpoint)

    def volumes(self) -> dict[str, str]:
        """Volume -> sha256 over all that the file system knows of its files."""
        mine = [each for each in self.observe().volumes if each.appliance == self.appliance]
        return {each.name.removeprefix(f"{self.appliance}."): fingerprint(Path(each.mountpoint)) for each in mine}


def free_ports(count: int) -> list[int]:
    """Ports that nobody has now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]
    finally:
        for each in sockets:
            each.close()


@contextlib.contextmanager
def loader_box(
    appliance: str,
    folder: Path,
    environment: Mapping[str, str] | None = None,
    *arguments: str,
    enter: tuple[str, ...] = (),
) -> Iterator[LoaderBox]:
    """A box with a running Loader; all of it is gone afterwards."""
    box = LoaderBox(appliance, folder, environment, enter=enter)
    try:
        box.start(*arguments)
        yield box
    finally:
        box.remove()


async def _observe(address: str | None, images: Collection[str] | None) -> Observed:
    engine = connect(address)
    try:
        return await engine.observe(images)
    finally:
        await engine.close()


async def _sweep(address: str | None, appliance: str) -> None:
    engine = connect(address)
    try:
        observed = await engine.observe(None)
        for container in (*observed.containers_of(appliance), *observed.one_offs_of(appliance)):
            await engine.remove_container(container.id, volumes=True)
        for network in observed.networks:
            if network.appliance == appliance:
                await engine.remove_network(network.name)
        for volume in observed.volumes:
            if volume.appliance == appliance:
                await engine.remove_volume(volume.name)
        for image in observed.images:
            for tag in image.tags:
                if tag.startswith(f"{appliance}/"):
                    await engine.remove_image(tag)
    finally:
        await engine.close()
