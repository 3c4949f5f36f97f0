"""What checks ask of this very machine: one small port, and the real thing behind it."""

import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Protocol

from boxship.host import memory, sntp
from boxship.host.disk import FileSystem, file_system_of
from boxship.host.info import HostInfo, read_info
from boxship.host.memory import Memory
from boxship.host.modules import ModuleState, module_state
from boxship.host.needs import unmet_needs
from boxship.host.ports import Listener, find_listeners
from boxship.host.proc import Finished, run
from boxship.host.sysctl import Setting, read_settings
from boxship.spec.model import Host

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_NOT_FOUND = 2
"""getent's exit status for a name that doesn't exist."""


class Machine(Protocol):
    """The host, as checks see it."""

    def file_system(self, path: str) -> FileSystem | None:
        """None for one without room of its own. Raises: OSError."""

    def memory(self) -> Memory:
        """Raises: OSError or ValueError when the kernel doesn't tell."""

    def settings(self, wanted: Mapping[str, str]) -> tuple[Setting, ...]:
        """Kernel settings as they are now."""

    def unmet_needs(self, host: Host) -> tuple[str, ...]:
        """A sentence for each need that isn't met."""

    def boot(self) -> tuple[str, float]:
        """Which boot this is, and the seconds since it, sleep included."""

    def info(self) -> HostInfo:
        """What it is."""

    def listeners(self, ports: Collection[int]) -> tuple[Listener, ...]:
        """Who has these ports. Raises: OSError."""

    def module(self, name: str) -> ModuleState:
        """Whether the kernel has it."""

    async def clock_offset_s(self, server: str, port: int) -> float:
        """Raises: OSError, or SntpError. No deadline of its own."""

    async def look_up(self, name: str, timeout_s: float) -> tuple[str, ...]:
        """The addresses of a name, as programs of this host get them. Raises: OSError with the reason."""

    async def run(self, argv: tuple[str, ...], directory: Path, timeout_s: float) -> Finished:
        """Raises: HostError when it can't start or takes too long."""


class ThisMachine:
    """Implements ``Machine``."""

    def file_system(self, path: str) -> FileSystem | None:
        return file_system_of(path)

    def memory(self) -> Memory:
        return memory.read_memory()

    def settings(self, wanted: Mapping[str, str]) -> tuple[Setting, ...]:
        return read_settings(wanted)

    def unmet_needs(self, host: Host) -> tuple[str, ...]:
        return unmet_needs(host)

    def boot(self) -> tuple[str, float]:
        return _BOOT_ID.read_text().strip(), time.clock_gettime(time.CLOCK_BOOTTIME)

    def info(self) -> HostInfo:
        return read_info()

    def listeners(self, ports: Collection[int]) -> tuple[Listener, ...]:
        return find_listeners(ports)

    def module(self, name: str) -> ModuleState:
        return module_state(name)

    async def clock_offset_s(self, server: str, port: int) -> float:
        return await sntp.clock_offset_s(server, port)

    async def look_up(self, name: str, timeout_s: float) -> tuple[str, ...]:
        # A program, as a look-up in a thread of this one could not be given up.
        finished = await run(["getent", "ahosts", name], timeout_s=timeout_s)
        if finished.status not in (0, _NOT_FOUND):
            raise OSError(finished.stderr_tail.strip() or f"getent exited {finished.status}")
        lines = (line.split() for line in finished.stdout_tail.splitlines())
        return tuple(dict.fromkeys(words[0] for words in lines if words))

    async def run(self, argv: tuple[str, ...], directory: Path, timeout_s: float) -> Finished:
        return await run(argv, timeout_s=timeout_s, cwd=directory)
