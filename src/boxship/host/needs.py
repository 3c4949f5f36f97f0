"""Does this host have what the appliance needs? RAM, processors, and room where the engine keeps its data."""

import os
import shutil
from pathlib import Path

from boxship.spec.model import Host

_GIB = 1024**3
# A machine sold with 2 GiB shows a little less: the kernel and the firmware keep some.
_RAM_TOLERANCE = 0.93


def unmet_needs(host: Host, data_dir: Path = Path("/var/lib")) -> tuple[str, ...]:
    """A sentence for each need that isn't met."""
    found = []
    ram_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if host.ram_bytes and ram_bytes < host.ram_bytes * _RAM_TOLERANCE:
        found.append(f"this host has {ram_bytes / _GIB:.1f} GiB of RAM, the appliance needs {host.ram_bytes / _GIB:g}")
    cpus = os.cpu_count() or 1
    if host.cpus and cpus < host.cpus:
        found.append(f"this host has {cpus} processors, the appliance needs {host.cpus}")
    free_bytes = shutil.disk_usage(data_dir).free
    if host.disk_bytes and free_bytes < host.disk_bytes:
        found.append(f"{data_dir} has {free_bytes / _GIB:.1f} GiB free, the appliance needs {host.disk_bytes / _GIB:g}")
    return tuple(found)
