"""An appliance's containers made by hand: stopped, and started until they answer again."""

import http.client
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from benchmarks.engine import EngineApi, Names
from benchmarks.faults import BenchError
from benchmarks.scenarios import PORT, Image
from benchmarks.small_box import LAYERS, STOP_TIMEOUT_S, command_of

Layers = Sequence[Sequence[str]]
Body = Mapping[str, object]
_DEADLINE_S = 60.0
_CALL_DEADLINE_S = 1.0
_POLL_S = 0.005
_AT_ONCE = 4


class RawBox(NamedTuple):
    """``data``: the volume, ``copy``: an empty one, both on the host. ``containers``: service -> id."""

    engine: EngineApi
    layers: Layers
    is_ready: Callable[[], bool]
    containers: Mapping[str, str]
    data: Path
    copy: Path

    def pid(self, service: str) -> int:
        """Of its first process, as the engine numbers it."""
        return self.engine.pid(self.containers[service])

    def stop(self) -> None:
        """In the order in which a Loader does it."""
        for layer in reversed(self.layers):
            self._all(self.engine.stop, layer)

    def start(self) -> None:
        """Return once it is ready. Raises: BenchError when it isn't in time."""
        for layer in self.layers:
            self._all(self.engine.start, layer)
        until_s = time.monotonic() + _DEADLINE_S
        while not self.is_ready():
            if time.monotonic() > until_s:
                raise BenchError(f"Containers made by hand don't answer within {_DEADLINE_S:g} s.")
            time.sleep(_POLL_S)

    def _all(self, act: Callable[[str], None], layer: Sequence[str]) -> None:
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            for _ in threads.map(act, [self.containers[name] for name in layer]):
                pass


@contextmanager
def raw_box(
    name: str, engine: EngineApi, layers: Layers, body_of: Callable[[str], Body], is_ready: Callable[[], bool]
) -> Iterator[RawBox]:
    """One that runs. ``body_of``: what the engine is told of a service; it may mention the volume ``name.data``."""
    try:
        engine.create_network(name)
        data, copy = engine.create_volume(f"{name}.data"), engine.create_volume(f"{name}.copy")
        containers = {
            service: engine.create_container(f"{name}.{service}", body_of(service))
            for layer in layers
            for service in layer
        }
        box = RawBox(engine, layers, is_ready, containers, data, copy)
        box.start()
        yield box
    finally:
        engine.sweep(Names.of_project(name))
        engine.sweep_volumes(f"{name}.")


@contextmanager
def small_raw_box(name: str, engine: EngineApi, image: Image, port: int) -> Iterator[RawBox]:
    """The small appliance's."""

    def body_of(service: str) -> Body:
        return _body(name, service, image, port)

    with raw_box(name, engine, LAYERS, body_of, lambda: answers(port)) as box:
        yield box


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


def _body(name: str, service: str, image: Image, port: int) -> Body:
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
