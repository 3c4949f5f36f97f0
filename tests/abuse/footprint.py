"""What a process holds, so that a leak shows: descriptors, threads, memory, tasks; and what the engine holds."""

import asyncio
import gc
import http.client
import json
import socket
import threading
from dataclasses import asdict, dataclass
from pathlib import Path

_PAGE_KB = 4
_DEADLINE_S = 30


@dataclass(frozen=True, slots=True)
class Footprint:
    """Of this process, after its garbage was collected."""

    fds: int
    threads: int
    tasks: int
    rss_kb: int
    objects: int

    @staticmethod
    def now() -> "Footprint":
        gc.collect()
        return Footprint(
            fds=len(list(Path("/proc/self/fd").iterdir())),
            threads=threading.active_count(),
            tasks=len(asyncio.all_tasks()),
            rss_kb=rss_kb("self"),
            objects=len(gc.get_objects()),
        )

    def as_data(self) -> dict[str, int]:
        return asdict(self)


def rss_kb(pid: int | str) -> int:
    """Resident memory of a process, 0 when there is none of this number."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_KB
    except OSError:
        return 0


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket, without any of the code under test."""

    def __init__(self, path: str) -> None:
        super().__init__("engine", timeout=_DEADLINE_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def engine_footprint(address: str) -> dict[str, int]:
    """What the engine says of itself, for information: its descriptors, goroutines and resident memory."""
    connection = UnixConnection(address.removeprefix("unix://"))
    try:
        connection.request("GET", "/info")
        said = json.loads(connection.getresponse().read())
    finally:
        connection.close()
    found = {"fds": said["NFd"], "goroutines": said["NGoroutines"]}
    for name in ("dockerd", "containerd"):
        found[f"{name}_rss_kb"] = max((rss_kb(pid) for pid in _pids_of(name)), default=0)
    return found


def _pids_of(name: str) -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if (folder / "comm").read_text().strip() == name:
                found.append(int(folder.name))
        except OSError:
            continue
    return found
