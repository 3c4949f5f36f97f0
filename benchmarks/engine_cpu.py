"""The CPU time of the engine's processes, read from /proc: dockerd, containerd, its shims and the port proxies.

Included is what they waited for: runc, network hooks, health checks and containers that ended. Not included is the
kernel's own work, and the last moments of a shim that ended (nobody of the engine waits for it): the same for all.
"""

import os
from collections.abc import Mapping
from pathlib import Path

ENGINE_PROCESSES = ("dockerd", "containerd", "containerd-shim", "docker-proxy")
_PROC = Path("/proc")
_AFTER_NAME = 2
"""The first field that follows a process's name in its stat file is the third."""
_TICKS = slice(14 - _AFTER_NAME - 1, 17 - _AFTER_NAME)
"""utime, stime, cutime and cstime; proc(5) counts from 1."""
_STARTED = 22 - _AFTER_NAME - 1

Usage = Mapping[tuple[int, int], int]
"""(pid, when it started) -> clock ticks."""


def read_usage() -> Usage | None:
    """What each engine process has used so far; None when there is none to be seen."""
    found: dict[tuple[int, int], int] = {}
    for entry in _PROC.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            stat = (entry / "stat").read_text()
        except OSError:
            continue  # it ended meanwhile
        name, ticks, started = parse_stat(stat)
        if name.startswith(ENGINE_PROCESSES):
            found[int(entry.name), started] = ticks
    return found or None


def parse_stat(text: str) -> tuple[str, int, int]:
    """Name, CPU ticks with those of waited-for children, and when it started. Source: proc(5), /proc/pid/stat."""
    head, _, tail = text.rpartition(")")
    fields = tail.split()
    return head.partition("(")[2], sum(int(each) for each in fields[_TICKS]), int(fields[_STARTED])


def cpu_between_s(before: Usage | None, after: Usage | None) -> float | None:
    """CPU seconds used in between; None when either is unknown. A process that ended counts as having used nothing."""
    if before is None or after is None:
        return None
    used = sum(ticks - before.get(process, 0) for process, ticks in after.items())
    return used / os.sysconf("SC_CLK_TCK")
