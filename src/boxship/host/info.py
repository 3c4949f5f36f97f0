"""What this machine is: operating system, kernel, size, and how long it has been up."""

import os
import platform
import shlex
import time
from pathlib import Path

from msgspec import Struct

OS_RELEASE = (Path("/etc/os-release"), Path("/usr/lib/os-release"))
"""Of these the first that is there (os-release(5)). A container sees its own image's unless the host's is mounted."""


class HostInfo(Struct, frozen=True):
    """``os_id`` "debian", ``os_version`` "12", ``os_name`` as people say it; "" where it isn't told."""

    os_id: str
    os_version: str
    os_name: str
    kernel: str
    """The release, as ``uname -r`` prints it."""
    architecture: str
    cpus: int
    """Those that this process may use."""
    memory_bytes: int
    uptime_s: float


def read_info(os_release: tuple[Path, ...] = OS_RELEASE) -> HostInfo:
    """Never raises: what isn't told is "" or 0."""
    said = _read_os_release(os_release)
    return HostInfo(
        os_id=said.get("ID", ""),
        os_version=said.get("VERSION_ID", ""),
        os_name=said.get("PRETTY_NAME") or said.get("NAME", ""),
        kernel=platform.release(),
        architecture=platform.machine(),
        cpus=len(os.sched_getaffinity(0)),
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        uptime_s=time.clock_gettime(time.CLOCK_BOOTTIME),
    )


def _read_os_release(paths: tuple[Path, ...]) -> dict[str, str]:
    for path in paths:
        try:
            text = path.read_text(errors="replace")
        except OSError:
            continue
        lines = (line.partition("=") for line in text.splitlines() if "=" in line and not line.startswith("#"))
        return {key.strip(): _unquoted(value) for key, _, value in lines}
    return {}


def _unquoted(value: str) -> str:
    try:
        return " ".join(shlex.split(value))
    except ValueError:
        return value.strip()
