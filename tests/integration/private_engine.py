"""An engine of the tests' own, which may be killed and frozen: nobody else's containers depend on it.

It runs in network, mount and process namespaces of its own: a second dockerd in the first one's network namespace
would take docker0 away from it. All of it ends with the first process of its process namespace, also when the tests
are killed; what it leaves is one folder, and cgroups of one parent.
"""

import asyncio
import contextlib
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from boxship.engine.docker import connect
from boxship.errors import EngineUnreachableError
from tests.contracts.images import ensure_test_image
from tests.eventually import eventually

STATE = Path(__file__).parents[2] / ".state"
CGROUPS = Path("/sys/fs/cgroup")
PREFIX = "boxship-engine-"
_SERIAL = itertools.count(1)
DEADLINE_S = 30
_POLL_S = 0.02
_PROGRAMS = ("dockerd", "containerd", "unshare", "nsenter", "setpriv", "ip", "mount", "umount")
_LOG_TAIL = 2000
# Copies of the other engine's mounts would keep its containers' disks and networks busy. /run and /etc/docker are
# hidden, so that neither its sockets nor its settings are found. Who ignores SIGCHLD needs to wait for no orphan.
_FIRST_PROCESS = """
set -e
awk '($3 == "overlay" || $3 == "nsfs") && $2 != "/" {print $2}' /proc/mounts | xargs -r -n 1 umount --lazy || :
mount -t tmpfs tmpfs /run
[ ! -d /etc/docker ] || mount -t tmpfs tmpfs /etc/docker
mkdir -p /run/lock
ip link set lo up
echo prepared
exec env --ignore-signal=CHLD sleep infinity
"""


class PrivateEngine:
    """A dockerd that listens at ``address``. Made by ``private_engine``, which also ends it."""

    def __init__(self, folder: Path, socket: Path, disk_mb: int | None = None, more: tuple[str, ...] = ()) -> None:
        self.address = f"unix://{socket}"
        self._folder = folder
        self._more = more
        self._outside = _first_process()
        self._inside_pid = _only_child(self._outside.pid)
        self._daemon: subprocess.Popen[bytes] | None = None
        self._daemon_pid = 0
        if disk_mb is not None:
            data = folder / "data"
            data.mkdir()
            mount = ("mount", "-t", "tmpfs", "-o", f"size={disk_mb}m", "tmpfs", str(data))
            subprocess.run([*self.enter, *mount], check=True, timeout=DEADLINE_S)

    def start(self) -> None:
        """Return once it answers; nothing is done when it runs already."""
        if self._daemon is not None:
            return
        options = (
            *("--data-root", str(self._folder / "data")),
            *("--exec-root", "/run/docker"),
            *("--pidfile", "/run/docker.pid"),
            *("--host", self.address),
            *("--cgroup-parent", f"/{self._folder.name}"),
            *("--exec-opt", "native.cgroupdriver=cgroupfs"),
            *self._more,
        )
        with (self._folder / "log").open("ab") as log:
            self._daemon = subprocess.Popen(
                [*self.enter, "dockerd", *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # ^C reaches us first, and what is on the engine is removed before it ends.
                start_new_session=True,
            )
        asyncio.run(self._answers())
        self._daemon_pid = _only_child(self._daemon.pid)

    @property
    def enter(self) -> tuple[str, ...]:
        """What a command begins with that shall run in its namespaces."""
        return ("nsenter", "--target", str(self._inside_pid), "--net", "--mount", "--pid")

    @property
    def network(self) -> Path:
        """Its network namespace, to be opened."""
        return Path(f"/proc/{self._inside_pid}/ns/net")

    @property
    def root(self) -> Path:
        """Its files, seen from outside of its namespaces."""
        return Path(f"/proc/{self._inside_pid}/root")

    async def _answers(self) -> None:
        deadline_s = time.monotonic() + DEADLINE_S
        engine = connect(self.address)
        try:
            while time.monotonic() < deadline_s and self._daemon is not None and self._daemon.poll() is None:
                with contextlib.suppress(EngineUnreachableError):
                    await engine.info()
                    return
                await asyncio.sleep(_POLL_S)
        finally:
            await engine.close()
        pytest.fail(f"the tests' own engine does not start: {self.last_words()}")

    def last_words(self) -> str:
        """The end of its log."""
        return (self._folder / "log").read_text(errors="replace")[-_LOG_TAIL:]

    def kill(self) -> None:
        """As a crash or the kernel's memory killer would: at once, and whatever it is doing."""
        assert self._daemon is not None
        os.kill(self._daemon_pid, signal.SIGKILL)
        self._daemon.wait(timeout=DEADLINE_S)
        self._daemon = None

    def stop(self) -> None:
        """As whoever restarts a service does: it ends its containers, and itself."""
        assert self._daemon is not None
        os.kill(self._daemon_pid, signal.SIGTERM)
        self._daemon.wait(timeout=DEADLINE_S)
        self._daemon = None

    def cut_power(self) -> None:
        """End every process of its namespaces at once: the daemon, containers, and what else runs in there."""
        assert self._daemon is not None
        # Who is killed may have forked meanwhile.
        while inside := self._processes():
            for pid in inside:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(_POLL_S)
        self._daemon.wait(timeout=DEADLINE_S)
        self._daemon = None

    def _processes(self) -> list[int]:
        """All but the first one, those of containers included, which have process namespaces of their own."""
        found = []
        pending = [self._inside_pid]
        while pending:
            parent = pending.pop()
            with contextlib.suppress(OSError):
                children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
                pending += [int(child) for child in children]
                found += [int(child) for child in children]
        return found + self._entered()

    def _entered(self) -> list[int]:
        """Those that came in by nsenter: their parents are outside."""
        own = Path(f"/proc/{self._inside_pid}/ns/pid").readlink()
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if process.name != str(self._inside_pid) and (process / "ns" / "pid").readlink() == own:
                    found.append(int(process.name))
        return found

    def freeze(self) -> None:
        """From now on it accepts connections and answers none: as deadlocked."""
        os.kill(self._daemon_pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on. nsenter stops and continues together with what it started."""
        assert self._daemon is not None
        os.kill(self._daemon_pid, signal.SIGCONT)
        self._daemon.send_signal(signal.SIGCONT)

    def run(self, *command: str) -> None:
        """In its namespaces. Raises: CalledProcessError."""
        subprocess.run([*self.enter, *command], check=True, timeout=DEADLINE_S, capture_output=True)

    @property
    def data(self) -> Path:
        """Where its images and volumes are."""
        return self._folder / "data"

    @contextmanager
    def free(self, size_bytes: int) -> Iterator[None]:
        """So much room has its disk meanwhile, at the beginning."""
        found = os.statvfs(self.root / self.data.relative_to("/"))
        fill = found.f_bavail * found.f_frsize - size_bytes
        self.run("fallocate", "--length", str(fill), str(self.data / "filler"))
        try:
            yield
        finally:
            self.run("rm", str(self.data / "filler"))

    @contextmanager
    def free_inodes(self, count: int) -> Iterator[None]:
        """So many files can be made on its disk meanwhile, at the beginning."""
        found = os.statvfs(self.root / self.data.relative_to("/"))
        self._remount(found.f_files - found.f_favail + count)
        try:
            yield
        finally:
            self._remount(found.f_files)

    def _remount(self, inodes: int) -> None:
        self.run("mount", "-o", f"remount,nr_inodes={inodes}", str(self.data))

    def tasks(self) -> frozenset[str]:
        """The ids of the containers that its containerd has begun to start, or has not let go of yet."""
        folder = Path(f"/proc/{self._inside_pid}/root/run/docker/containerd/daemon/io.containerd.runtime.v2.task/moby")
        return frozenset(each.name for each in folder.glob("*"))

    def end(self) -> None:
        """End every process of its namespaces."""
        with self._outside as outside:
            # The kernel lets the first process go when all others have gone.
            os.kill(self._inside_pid, signal.SIGKILL)
            outside.wait(timeout=DEADLINE_S)
        if self._daemon is not None:
            self._daemon.send_signal(signal.SIGCONT)
            self._daemon.wait(timeout=DEADLINE_S)


@contextmanager
def private_engine(*, disk_mb: int | None = None, more: tuple[str, ...] = ()) -> Iterator[PrivateEngine]:
    """A running one, with the tests' image. Skips with a reason where it can't be had.

    ``disk_mb``: it has a disk of this size for itself (None: the machine's), which its images and volumes can fill.
    ``more``: options of dockerd.
    """
    _skip_unless_possible()
    _remove_what_the_dead_left()
    # Several may live at once: one for the whole run of the tests, and one of a module.
    folder = STATE / f"{PREFIX}{os.getpid()}-{next(_SERIAL)}"
    with contextlib.ExitStack() as ending:
        # Not in the folder: a socket's path may have 107 characters.
        short = ending.enter_context(tempfile.TemporaryDirectory(prefix=f"{folder.name}-"))
        folder.mkdir(parents=True)
        ending.callback(_remove, folder)
        engine = PrivateEngine(folder, Path(short, "docker.sock"), disk_mb, more)
        ending.callback(engine.end)
        engine.start()
        asyncio.run(_give_image(engine.address))
        yield engine


async def _give_image(address: str) -> None:
    engine = connect(address)
    try:
        await ensure_test_image(engine)
    finally:
        await engine.close()


def _skip_unless_possible() -> None:
    if os.geteuid() != 0:
        pytest.skip("an engine of the tests' own needs root")
    missing = [name for name in _PROGRAMS if shutil.which(name) is None]
    if missing:
        pytest.skip(f"an engine of the tests' own needs {', '.join(missing)}")
    tried = subprocess.run(
        ["unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "true"],
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    if tried.returncode != 0:
        pytest.skip(f"an engine of the tests' own needs namespaces: {tried.stderr.strip()}")


def _first_process() -> "subprocess.Popen[str]":
    """The process outside the namespaces whose child is the first one inside."""
    process = subprocess.Popen(
        # The first two: the namespaces end also when the tests are killed.
        [
            *("setpriv", "--pdeathsig", "KILL"),
            *("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"),
            *("sh", "-c", _FIRST_PROCESS),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    if process.stdout.readline() != "prepared\n":
        _, stderr = process.communicate(timeout=DEADLINE_S)
        pytest.fail(f"the namespaces of the tests' own engine can't be prepared: {stderr}")
    return process


def _only_child(pid: int) -> int:
    (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(child)


def _remove_what_the_dead_left() -> None:
    for folder in (*STATE.glob(f"{PREFIX}*"), *Path(tempfile.gettempdir()).glob(f"{PREFIX}*")):
        pid = folder.name.removeprefix(PREFIX).partition("-")[0]
        if not Path("/proc", pid).exists():
            _remove(folder)


def _remove(folder: Path) -> None:
    """The folder, and the cgroups of its name, which the kernel holds for a moment after the last process ended."""
    shutil.rmtree(folder)

    def are_removed() -> bool:
        left = [*CGROUPS.glob(folder.name), *CGROUPS.glob(f"*/{folder.name}")]
        for parent in left:
            for each in (*sorted(parent.glob("**/*/"), reverse=True), parent):
                with contextlib.suppress(OSError):
                    each.rmdir()
        return not left

    eventually(are_removed, f"nobody uses the cgroups of {folder.name}")
