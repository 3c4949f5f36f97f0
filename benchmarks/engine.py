"""The few questions the benchmark itself asks the engine, and the removal of what a command left behind."""

import base64
import http.client
import json
import re
import socket
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from benchmarks.faults import BenchError
from boxship.engine.address import find_address
from boxship.errors import UsageError

_API = "/v1.41"
_DEADLINE_S = 60
_NOT_FOUND = 404
_SWEEPS = 5
_FRAME, _STDOUT, _STDERR = ">BxxxL", 1, 2


class Container(NamedTuple):
    """As listed."""

    id: str
    name: str
    is_running: bool


class Names(NamedTuple):
    """What the names of some containers and networks look like, from the first character to the last."""

    containers: re.Pattern[str]
    networks: re.Pattern[str]

    @staticmethod
    def of_project(project: str) -> "Names":
        """Every tool puts the project's name first, and one of three characters behind it."""
        name = re.escape(project)
        return Names(re.compile(f"{name}[._-].+"), re.compile(f"{name}([._-].+)?"))


ALL = Names(re.compile(".*"), re.compile(".*"))


@dataclass(frozen=True, slots=True)
class EngineVersion:
    """Who answers."""

    engine: str
    api: str
    containerd: str
    runc: str


class Started(NamedTuple):
    """A container of the benchmark's own."""

    id: str
    address: str


class Said(NamedTuple):
    """How a program ended, and what it wrote."""

    status: int
    stdout: str
    stderr: str


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("engine", timeout=_DEADLINE_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class EngineApi:
    """One engine on a local socket. Every call has a deadline and raises BenchError when nobody answers in time."""

    def __init__(self, socket_path: str) -> None:
        self.socket_path = socket_path

    def version(self) -> EngineVersion:
        said = self._json("GET", "/version")
        parts = {each["Name"]: each["Version"] for each in said.get("Components", ())}
        return EngineVersion(
            said["Version"], said["ApiVersion"], parts.get("containerd", "unknown"), parts.get("runc", "unknown")
        )

    def has_image(self, reference: str) -> bool:
        return self._call("GET", f"/images/{quote(reference, safe='')}/json")[0] != _NOT_FOUND

    def image_id(self, reference: str) -> str | None:
        """None when there is no such image."""
        status, _, data = self._call("GET", f"/images/{quote(reference, safe='')}/json")
        return None if status == _NOT_FOUND else str(json.loads(data)["Id"])

    def remove_image(self, reference: str) -> None:
        """Also when there is none."""
        self._call("DELETE", f"/images/{quote(reference, safe='')}?force=1")

    def image_has(self, reference: str, *paths: str) -> bool:
        """Whether all of these files are in an image. Looks into a container that is never started."""
        created = self._json("POST", "/containers/create", {"Image": reference, "Cmd": ["true"]})
        try:
            return all(self.modified_at_s(created["Id"], path) is not None for path in paths)
        finally:
            self.remove_container(created["Id"])

    def containers(self, names: Names = ALL) -> tuple[Container, ...]:
        """Those with such names, also those that don't run."""
        listed = [
            Container(each["Id"], (each["Names"] or ["/"])[0].lstrip("/"), each["State"] == "running")
            for each in self._json("GET", "/containers/json?all=1")
        ]
        return tuple(each for each in listed if names.containers.fullmatch(each.name))

    def networks(self, names: Names) -> tuple[str, ...]:
        """The ids of those with such names."""
        return tuple(each["Id"] for each in self._json("GET", "/networks") if names.networks.fullmatch(each["Name"]))

    def modified_at_s(self, container_id: str, path: str) -> float | None:
        """When a path in a container was last modified, in unix time; None when it isn't there."""
        status, headers, _ = self._call("HEAD", f"/containers/{container_id}/archive?path={quote(path)}")
        found = headers.get("X-Docker-Container-Path-Stat")
        if status == _NOT_FOUND or found is None:
            return None
        return _unix_time_s(json.loads(base64.b64decode(found))["mtime"])

    def start_container(self, name: str, image: str, command: Sequence[str]) -> Started:
        """One on the engine's own network; removed again when it doesn't start."""
        body = {"Image": image, "Cmd": list(command), "HostConfig": {"Init": True}}
        created = self._json("POST", f"/containers/create?name={name}", body)
        try:
            self._done("POST", f"/containers/{created['Id']}/start")
            detail = self._json("GET", f"/containers/{created['Id']}/json")
        except BenchError:
            self.remove_container(created["Id"])
            raise
        return Started(created["Id"], detail["NetworkSettings"]["IPAddress"])

    def create_container(self, name: str, body: Mapping[str, object]) -> str:
        """Its id."""
        return str(self._json("POST", f"/containers/create?name={name}", body)["Id"])

    def start(self, container_id: str) -> None:
        self._done("POST", f"/containers/{container_id}/start")

    def stop(self, container_id: str) -> None:
        """Return once it has ended."""
        self._done("POST", f"/containers/{container_id}/stop")

    def kill(self, container_id: str) -> None:
        self._done("POST", f"/containers/{container_id}/kill")

    def pid(self, container_id: str) -> int:
        """Of its first process, on the host; 0 when it doesn't run."""
        return int(self._json("GET", f"/containers/{container_id}/json")["State"]["Pid"])

    def finished_at_s(self, container_id: str) -> float:
        """When it ended, in unix time."""
        return _unix_time_s(self._json("GET", f"/containers/{container_id}/json")["State"]["FinishedAt"])

    def mountpoint(self, container_id: str, target: str) -> Path:
        """Where what a container has at ``target`` lies on the host. Raises: BenchError also when there is nothing."""
        for mount in self._json("GET", f"/containers/{container_id}/json")["Mounts"]:
            if mount["Destination"] == target:
                return Path(mount["Source"])
        raise BenchError(f"Container {container_id[:12]} has nothing at {target}.")

    def create_volume(self, name: str) -> Path:
        """Where it lies on the host."""
        return Path(self._json("POST", "/volumes/create", {"Name": name})["Mountpoint"])

    def create_network(self, name: str) -> None:
        self._done("POST", "/networks/create", {"Name": name})

    def run_exec(self, container_id: str, argv: Sequence[str]) -> int:
        """Run a command in a container to its end, as a health check does; its exit status."""
        body = {"Cmd": list(argv), "AttachStdout": True, "AttachStderr": True}
        made = self._json("POST", f"/containers/{container_id}/exec", body)
        self._done("POST", f"/exec/{made['Id']}/start", {"Detach": False, "Tty": False})
        return int(self._json("GET", f"/exec/{made['Id']}/json")["ExitCode"])

    def run_exec_for_output(self, container_id: str, argv: Sequence[str]) -> Said:
        """The same, and what it said."""
        body = {"Cmd": list(argv), "AttachStdout": True, "AttachStderr": True}
        made = self._json("POST", f"/containers/{container_id}/exec", body)
        stream = self._done("POST", f"/exec/{made['Id']}/start", {"Detach": False, "Tty": False})
        status = int(self._json("GET", f"/exec/{made['Id']}/json")["ExitCode"])
        return Said(status, *split_stream(stream))

    def wait_for_end(self, container_id: str) -> Said:
        """Return once it has ended, with all that it said."""
        status = int(self._json("POST", f"/containers/{container_id}/wait")["StatusCode"])
        return Said(status, *split_stream(self._done("GET", f"/containers/{container_id}/logs?stdout=1&stderr=1")))

    def remove_container(self, container_id: str) -> None:
        self._call("DELETE", f"/containers/{container_id}?v=1&force=1")

    def sweep(self, names: Names) -> None:
        """Remove containers and networks with such names, one after another.

        Looks again until there are none: the engine may be about to make what an interrupted command asked for.
        Raises: BenchError when some can't be removed.
        """
        for _ in range(_SWEEPS):
            containers, networks = self.containers(names), self.networks(names)
            if not containers and not networks:
                return
            for container in containers:
                self.remove_container(container.id)
            for network_id in networks:
                self._call("DELETE", f"/networks/{network_id}")
        raise BenchError(f"Some containers or networks can't be removed: look for {names.containers.pattern}.")

    def sweep_volumes(self, prefix: str) -> None:
        """Remove those whose names begin so. Raises: BenchError when one is in use."""
        for volume in self._json("GET", "/volumes")["Volumes"] or ():
            if volume["Name"].startswith(prefix):
                self._done("DELETE", f"/volumes/{volume['Name']}")

    def sweep_images(self, prefix: str) -> None:
        """Take away the names that begin so; an image goes with its last one."""
        for image in self._json("GET", "/images/json"):
            for tag in image["RepoTags"] or ():
                if tag.startswith(prefix):
                    self._call("DELETE", f"/images/{quote(tag, safe='')}")

    def _json(self, method: str, path: str, body: object = None) -> Any:
        return json.loads(self._done(method, path, body))

    def _done(self, method: str, path: str, body: object = None) -> bytes:
        status, _, data = self._call(method, path, body)
        if status >= http.client.BAD_REQUEST:
            raise BenchError(f"The engine refused {method} {path}: {data.decode(errors='replace').strip()}")
        return data

    def _call(self, method: str, path: str, body: object = None) -> tuple[int, Mapping[str, str], bytes]:
        link = _UnixConnection(self.socket_path)
        try:
            data = None if body is None else json.dumps(body)
            link.request(method, _API + path, data, {"Content-Type": "application/json"})
            response = link.getresponse()
            return response.status, dict(response.getheaders()), response.read()
        except (OSError, http.client.HTTPException) as err:
            raise BenchError(f"The engine at {self.socket_path} does not answer {method} {path}: {err}.") from err
        finally:
            link.close()


def split_stream(data: bytes) -> tuple[str, str]:
    """Standard output and standard error. Source: the engine's API 1.41, attach, stream format."""
    outputs, at = {_STDOUT: b"", _STDERR: b""}, 0
    while at < len(data):
        kind, size = struct.unpack_from(_FRAME, data, at)
        at += struct.calcsize(_FRAME)
        outputs[kind] += data[at : at + size]
        at += size
    return outputs[_STDOUT].decode(errors="replace"), outputs[_STDERR].decode(errors="replace")


def _unix_time_s(text: str) -> float:
    """Of a time as the engine writes it, to the nanosecond; Python knows microseconds."""
    return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text)).timestamp()


def find_engine(environment: Mapping[str, str]) -> EngineApi:
    """Raises: BenchError for one that isn't on a local socket: its CPU can't be read, nor its containers reached."""
    try:
        address = find_address(None, environment)
    except UsageError as err:
        raise BenchError(f"{err.message}; {err.hint}.") from err
    if not address.path:
        raise BenchError(f"The engine at {address} is not a local one: unset DOCKER_HOST, or name a unix socket in it.")
    return EngineApi(address.path)
