"""The small appliance's containers made by hand: stopped, something done meanwhile, started, and answering again."""

import http.client
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from benchmarks.engine import EngineApi, Names
from benchmarks.faults import BenchError
from benchmarks.scenarios import PORT, Image
from benchmarks.small_box import LAYERS, STOP_TIMEOUT_S, WRITTEN_BY, command_of

_DEADLINE_S = 60.0
_CALL_DEADLINE_S = 1.0
_POLL_S = 0.005
_AT_ONCE = 4


class RawBox(NamedTuple):
    """``data``: the volume, ``copy``: an empty one, both on the host. ``containers``: service -> id."""

    engine: EngineApi
    containers: dict[str, str]
    port: int
    data: Path
    copy: Path

    @property
    def writing_pid(self) -> int:
        return self.engine.pid(self.containers[WRITTEN_BY])

    def away_s(self, meanwhile: Callable[[], None]) -> float:
        """From the first stop until the port answers again, in the order in which a Loader does it."""
        began_s = time.monotonic()
        for layer in reversed(LAYERS):
            self._all(self.engine.stop, layer)
        meanwhile()
        self.start()
        return time.monotonic() - began_s

    def start(self) -> None:
        """Return once the port answers. Raises: BenchError when it doesn't."""
        for layer in LAYERS:
            self._all(self.engine.start, layer)
        until_s = time.monotonic() + _DEADLINE_S
        while not answers(self.port):
            if time.monotonic() > until_s:
                raise BenchError(f"Port {self.port} doesn't answer within {_DEADLINE_S:g} s.")
            time.sleep(_POLL_S)

    def _all(self, act: Callable[[str], None], layer: Sequence[str]) -> None:
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            for _ in threads.map(act, [self.containers[name] for name in layer]):
                pass


def answers(port: int) -> bool:
    """Whether the front says that all is well."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_CALL_DEADLINE_S)
    with suppress(OSError, http.client.HTTPException):
        connection.request("GET", "/")
        status = connection.getresponse().status
        connection.close()
        return status == http.client.OK
    connection.close()
    return False


@contextmanager
def raw_box(name: str, engine: EngineApi, image: Image, port: int) -> Iterator[RawBox]:
    """One that runs."""
    try:
        engine.create_network(name)
        data, copy = engine.create_volume(f"{name}.data"), engine.create_volume(f"{name}.copy")
        containers = {
            service: engine.create_container(f"{name}.{service}", _body(name, service, image, port))
            for layer in LAYERS
            for service in layer
        }
        box = RawBox(engine, containers, port, data, copy)
        box.start()
        yield box
    finally:
        engine.sweep(Names.of_project(name))
        engine.sweep_volumes(f"{name}.")


def _body(name: str, service: str, image: Image, port: int) -> dict[str, object]:
    host: dict[str, object] = {"NetworkMode": name, "Init": True, "Binds": [f"{name}.data:/data"]}
    body: dict[str, object] = {
        "Image": image.reference,
        "Cmd": list(command_of(service)),
        "StopTimeout": STOP_TIMEOUT_S,
        "HostConfig": host,
        "NetworkingConfig": {"EndpointsConfig": {name: {"Aliases": [service]}}},
    }
    if service in LAYERS[1]:
        host["PortBindings"] = {f"{PORT}/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(port)}]}
        body["ExposedPorts"] = {f"{PORT}/tcp": {}}
    return body
