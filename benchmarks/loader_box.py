"""A real Loader: a process with folders of its own, asked over its socket, and all that it made removed at the end."""

import http.client
import json
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from benchmarks.engine import EngineApi, Names
from benchmarks.engine_cpu import parse_stat
from benchmarks.faults import BenchError
from benchmarks.releases import VERSIONS
from benchmarks.small_box import WRITTEN_BY
from benchmarks.tools import OUR_PROGRAM

T = TypeVar("T")
_DEADLINE_S = 300.0
_CALL_DEADLINE_S = 60.0
_END_DEADLINE_S = 20.0
_POLL_S = 0.1
_KIB_PER_MIB = 1024


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("box", timeout=_CALL_DEADLINE_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class LoaderBox:
    """An appliance under a Loader. Every question raises BenchError when there is no good answer in time.

    ``written_by``: the service that has the volume, at /data.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        engine: EngineApi,
        process: "subprocess.Popen[bytes]",
        page: int,
        written_by: str,
    ) -> None:
        self.name = name
        self.page_port = page
        self._written_by = written_by
        self._folder = folder
        self._engine = engine
        self._process = process

    # -- asking

    def ask(self, method: str, path: str, body: object = None) -> Any:
        status, answer = self._ask(method, path, body)
        if status >= http.client.BAD_REQUEST:
            raise BenchError(f"The Loader answered {method} {path} with {status}: {answer}.")
        return answer

    def operate(self, path: str, body: object = None) -> Mapping[str, Any]:
        """The operation when it is over, however it ended."""
        number = self.ask("POST", path, body or {})["id"]
        return self._eventually(lambda: self._if_over(number), f"the end of {path}")

    def deploy(self, version: str) -> None:
        """Fetch it, and switch to it."""
        for path in ("/v1/images/pull", "/v1/switch"):
            ended = self.operate(path, {"version": version})
            if ended["status"] != "done":
                raise BenchError(f"{path} of {version} ended as {ended['status']}: {ended.get('failure')}.")

    def switch(self) -> Mapping[str, Any]:
        """To the other release: the operation when it is over."""
        (target,) = (version for version in VERSIONS if version != self.version)
        return self.operate("/v1/switch", {"version": target, "allow_downgrade": True})

    @property
    def version(self) -> str:
        return str(self.ask("GET", "/v1/boot")["tag"])

    def wait_until_ready(self) -> None:
        self._eventually(lambda: self.ask("GET", "/v1/boot")["is_ready"] or None, "the appliance being ready")

    def wait_until_running(self, service: str) -> None:
        """Also when the Loader puts that off, as it does with what ends again and again."""
        self._eventually(lambda: self._running(service) or None, f"{service} running again")

    # -- looking

    def container(self, service: str) -> str:
        """The id of the one that runs."""
        running = self._running(service)
        if len(running) != 1:
            raise BenchError(f"{len(running)} containers of {service} run.")
        return running[0]

    def _running(self, service: str) -> list[str]:
        names = Names.of_project(f"{self.name}.{service}")
        return [each.id for each in self._engine.containers(names) if each.is_running]

    def data(self) -> Path:
        """Where the volume of the deployment that runs lies on the host."""
        return self._engine.mountpoint(self.container(self._written_by), "/data")

    @property
    def writing_pid(self) -> int:
        return self._engine.pid(self.container(self._written_by))

    def cpu_s(self) -> float:
        """What it and the children that it waited for used so far."""
        _, ticks, _ = parse_stat(Path(f"/proc/{self._process.pid}/stat").read_text())
        return ticks / os.sysconf("SC_CLK_TCK")

    def resident_mib(self) -> float:
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        (kib,) = [line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:")]
        return int(kib) / _KIB_PER_MIB

    # -- its life

    def wait_until_it_answers(self) -> None:
        self._eventually(self._answers, "an answer")

    def remove(self) -> None:
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_DEADLINE_S)
        self._process.kill()
        self._process.wait(_END_DEADLINE_S)
        self._engine.sweep(Names.of_project(self.name))
        self._engine.sweep_volumes(f"{self.name}.")
        self._engine.sweep_images(f"{self.name}/")

    def _ask(self, method: str, path: str, body: object) -> tuple[int, Any]:
        connection = _UnixConnection(self._folder / "run" / "loader.sock")
        try:
            data = None if body is None else json.dumps(body)
            connection.request(method, path, data, {"Content-Type": "application/json"} if data else {})
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as err:
            raise BenchError(f"The Loader doesn't answer {method} {path}: {err}.") from err
        finally:
            connection.close()
        return answer.status, json.loads(content) if content else None

    def _answers(self) -> bool | None:
        if self._process.poll() is not None:
            raise BenchError(f"The Loader has ended: {self._last_words()}")
        try:
            return self._ask("GET", "/v1/boot", None)[0] == http.client.OK or None
        except BenchError:
            return None

    def _if_over(self, number: str) -> Mapping[str, Any] | None:
        operation: Mapping[str, Any] = self.ask("GET", f"/v1/operations/{number}")
        return None if operation["status"] == "running" else operation

    def _eventually(self, look: Callable[[], T | None], what: str) -> T:
        until_s = time.monotonic() + _DEADLINE_S
        while (found := look()) is None:
            if time.monotonic() > until_s:
                raise BenchError(f"Not within {_DEADLINE_S:g} s: {what}. The Loader's last words: {self._last_words()}")
            time.sleep(_POLL_S)
        return found

    def _last_words(self) -> str:
        lines = (self._folder / "loader.log").read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "(none)"


@contextmanager
def loader_box(
    name: str,
    folder: Path,
    engine: EngineApi,
    releases: Path,
    *,
    environment: Mapping[str, str],
    written_by: str = WRITTEN_BY,
) -> Iterator[LoaderBox]:
    """One that runs the first of two releases, and has the second. Its network is the calling thread's."""
    page_port, api_port = free_ports(2)
    command = [str(OUR_PROGRAM), "-p", name, "loader", "--state", str(folder / "state"), "--run", str(folder / "run")]
    command += ["--page-port", str(page_port), "--api-port", str(api_port), "--source", f"dir:{releases}"]
    with (folder / "loader.log").open("wb") as log:
        # A session of its own: ^C reaches us first, and it is ended in good order.
        process = subprocess.Popen(command, stdout=log, stderr=log, env=dict(environment), start_new_session=True)
    box = LoaderBox(name, folder, engine, process, page_port, written_by)
    try:
        box.wait_until_it_answers()
        box.deploy(VERSIONS[0])
        box.operate("/v1/images/pull", {"version": VERSIONS[1]})
        yield box
    finally:
        box.remove()


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
