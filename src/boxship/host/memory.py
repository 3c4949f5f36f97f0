"""Memory and swap of this host, as the kernel counts them."""

import re
from pathlib import Path

from msgspec import Struct

PROC_MEMINFO = Path("/proc/meminfo")
_LINE = re.compile(r"^(\w+):\s+(\d+) kB$", re.MULTILINE)


class Memory(Struct, frozen=True):
    """``available_bytes``: what programs could still get, caches given up. No swap: 0 of 0."""

    total_bytes: int
    available_bytes: int
    swap_total_bytes: int = 0
    swap_free_bytes: int = 0

    @property
    def used_percent(self) -> float:
        return _used_percent(self.total_bytes, self.available_bytes)

    @property
    def swap_used_percent(self) -> float:
        return _used_percent(self.swap_total_bytes, self.swap_free_bytes)


def _used_percent(total_bytes: int, free_bytes: int) -> float:
    return 100.0 * (total_bytes - free_bytes) / total_bytes if total_bytes else 0.0


def read_memory(meminfo: Path = PROC_MEMINFO) -> Memory:
    """Raises: OSError when the kernel doesn't tell; ValueError when it tells something else."""
    kib = {name: int(number) for name, number in _LINE.findall(meminfo.read_text())}
    if "MemTotal" not in kib or "MemAvailable" not in kib:
        raise ValueError(f"{meminfo} tells no MemAvailable")
    return Memory(
        total_bytes=kib["MemTotal"] * 1024,
        available_bytes=kib["MemAvailable"] * 1024,
        swap_total_bytes=kib.get("SwapTotal", 0) * 1024,
        swap_free_bytes=kib.get("SwapFree", 0) * 1024,
    )
