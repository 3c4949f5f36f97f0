"""What the figures were taken on."""

import os
import platform
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.engine import EngineApi, EngineVersion
from benchmarks.tools import ROOT

_GIT_DEADLINE_S = 10
_BUSY_LOAD_PER_CPU = 0.5


@dataclass(frozen=True, slots=True)
class Machine:
    """The machine and the engine, before the first round. ``others``: running containers that aren't ours."""

    cpu: str
    cpus: int
    memory_gib: float
    system: str
    kernel: str
    python: str
    checkout: str
    engine: EngineVersion
    others: int
    load: float
    """How many processes wanted a CPU, averaged over a minute."""

    @property
    def is_busy(self) -> bool:
        return self.load > _BUSY_LOAD_PER_CPU * self.cpus

    @property
    def identity(self) -> tuple[object, ...]:
        """What must be the same for two runs to be compared."""
        return self.cpu, self.cpus, round(self.memory_gib), self.engine.engine

    def lines(self) -> Iterator[str]:
        yield f"machine  {self.cpu}, {self.cpus} CPUs, {self.memory_gib:.1f} GiB, {self.system}, Linux {self.kernel}"
        engine = self.engine
        yield f"engine   {engine.engine}, API {engine.api}, containerd {engine.containerd}, runc {engine.runc}"
        yield f"checkout {self.checkout}, Python {self.python}"
        yield f"before   load {self.load:.2f}, {self.others} containers of others running"


def look_at_machine(engine: EngineApi) -> Machine:
    return Machine(
        cpu=_value_of(Path("/proc/cpuinfo"), "model name") or platform.machine(),
        cpus=len(os.sched_getaffinity(0)),
        memory_gib=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30,
        system=platform.freedesktop_os_release().get("PRETTY_NAME", "unknown"),
        kernel=platform.release(),
        python=platform.python_version(),
        checkout=_checkout(),
        engine=engine.version(),
        others=sum(each.is_running for each in engine.containers()),
        load=os.getloadavg()[0],
    )


def _value_of(path: Path, key: str) -> str:
    lines = path.read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(key)), "")


def _checkout() -> str:
    """The commit, and whether files differ from it."""
    try:
        commit, changes = _git("rev-parse", "--short", "HEAD"), _git("status", "--porcelain")
    except (OSError, subprocess.SubprocessError):
        return "not under git"
    return f"{commit} with changes" if changes else commit


def _git(*arguments: str) -> str:
    argv = ("git", "-C", str(ROOT), *arguments)
    done = subprocess.run(argv, capture_output=True, text=True, timeout=_GIT_DEADLINE_S, check=True)
    return done.stdout.strip()
