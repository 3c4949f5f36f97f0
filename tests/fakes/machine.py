"""A host that is as a test says: nothing of the real one is looked at."""

import asyncio
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TypeVar

from boxship.clock import Clock
from boxship.errors import HostError
from boxship.host.disk import FileSystem
from boxship.host.info import HostInfo
from boxship.host.memory import Memory
from boxship.host.modules import ModuleState
from boxship.host.ports import Listener
from boxship.host.proc import Finished
from boxship.host.sysctl import Setting
from boxship.spec.model import Host

T = TypeVar("T")
GIB = 1024**3
ROOMY = FileSystem("/", 1, 10 * GIB, 90 * GIB, 1000, 9000)


class FakeMachine:
    """Implements ``Machine``. ``systems``: path -> its file system, or why it can't be looked at; others are ROOMY."""

    def __init__(self, clock: Clock | None = None) -> None:
        """``clock``: whose time passes since the boot; None: none does."""
        self.clock = clock
        self.systems: dict[str, FileSystem | OSError | None] = {}
        self.memory_now: Memory | Exception = Memory(16 * GIB, 12 * GIB)
        self.kernel: dict[str, str] = {}
        self.needs: tuple[str, ...] = ()
        self.host = HostInfo(
            "debian", "12", "Debian GNU/Linux 12 (bookworm)", "6.1.0-18-amd64", "x86_64", 4, 16 * GIB, 1e3
        )
        self.listening: tuple[Listener, ...] | OSError = ()
        self.modules: dict[str, ModuleState] = {}
        self.boot_id = "boot-1"
        self.since_boot_s = 1000.0
        self.offset_s: float | Exception = 0.0
        self.names: dict[str, tuple[str, ...] | OSError] = {}
        self.programs: dict[tuple[str, ...], Finished | HostError] = {}
        self.may_end = asyncio.Event()
        """Not set: every program runs on."""
        self.may_end.set()
        self.running: list[tuple[str, ...]] = []

    def file_system(self, path: str) -> FileSystem | None:
        return raised_or(self.systems.get(path, ROOMY))

    def memory(self) -> Memory:
        return raised_or(self.memory_now)

    def settings(self, wanted: Mapping[str, str]) -> tuple[Setting, ...]:
        return tuple(Setting(key, value, None, self.kernel.get(key)) for key, value in wanted.items())

    def unmet_needs(self, host: Host) -> tuple[str, ...]:
        return self.needs

    def boot(self) -> tuple[str, float]:
        return self.boot_id, self.since_boot_s + (self.clock.monotonic_s() if self.clock is not None else 0.0)

    def info(self) -> HostInfo:
        return self.host

    def listeners(self, ports: Collection[int]) -> tuple[Listener, ...]:
        return tuple(each for each in raised_or(self.listening) if each.port in ports)

    def module(self, name: str) -> ModuleState:
        return self.modules.get(name, ModuleState.MISSING)

    async def clock_offset_s(self, server: str, port: int) -> float:
        return raised_or(self.offset_s)

    async def look_up(self, name: str, timeout_s: float) -> tuple[str, ...]:
        return raised_or(self.names.get(name, ()))

    async def run(self, argv: tuple[str, ...], directory: Path, timeout_s: float) -> Finished:
        self.running.append(argv)
        try:
            await self.may_end.wait()
            return raised_or(self.programs[argv])
        finally:
            self.running.remove(argv)


def raised_or(value: T | Exception) -> T:
    if isinstance(value, Exception):
        raise value
    return value
