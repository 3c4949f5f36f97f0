"""How long a whole switch keeps the appliance away, beside what can't be left out of it, and beside ``cp -a``.

Three containers, one of them a front that is asked by HTTP, and a volume under two writers, one of them through a
mapping. The writers are in the process namespace of a container: the kernel ends them in the moment in which it ends,
and they write until then. Everybody has containers of the same kind and a volume of their own with the same files.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from benchmarks.engine_cpu import cpu_between_s, read_usage
from benchmarks.faults import BenchError
from benchmarks.figures import Failure, Outcome, Sample
from benchmarks.goals import Quantity
from benchmarks.grounds import Ground, machine_ground, sharing_ground
from benchmarks.loader_box import LoaderBox, free_ports, loader_box
from benchmarks.raw_box import RawBox, small_raw_box
from benchmarks.releases import make_releases
from benchmarks.rows import Row
from benchmarks.small_box import WRITTEN_BY, small_texts
from benchmarks.stopwatch import Stopwatch
from benchmarks.tools import BOXSHIP
from benchmarks.trials import Contest, Stage
from benchmarks.upgrades import VOLUME, WRITTEN_FOR_S, Volume, copy_changed, copy_command, sync, write_volume, writers
from boxship.execute.generations import discard
from boxship.host.volumes.manifest import manifest

COPYING, SCANNING = "raw-cp", "raw-scan"
VOLUMES: Mapping[str, Volume] = {
    "switch-20m": Volume(400, 20 * 1024**2),
    "switch-1g": VOLUME,
    "switch-4g": Volume(4_096, 4 * 1024**3),
    "switch-xfs": VOLUME,
}
TITLES = {
    BOXSHIP: "boxship",
    SCANNING: "raw engine and a scan",
    COPYING: "raw engine and cp -a",
}
_COPY_DEADLINE_S = 600


class Switches:
    """The trial."""

    rows = (
        Row("switch-20m", "switch: appliance away while 20 MiB in 400 files go over", Quantity.WALL),
        Row("switch-1g", "the same with 1 GiB in 20,000 files", Quantity.WALL),
        Row("switch-4g", "the same with 4 GiB in 4,096 files", Quantity.WALL),
    )

    @contextmanager
    def open(self, stage: Stage) -> Iterator[Contest]:
        look_for_means()
        with ExitStack() as stack:
            yield SwitchContest(stage, machine_ground(stage), stack)


class SharedSwitches:
    """The trial on a disk that shares blocks, with an engine of its own."""

    rows = (Row("switch-xfs", "the same with the 1 GiB on XFS, where cp shares blocks", Quantity.WALL),)

    @contextmanager
    def open(self, stage: Stage) -> Iterator[Contest]:
        look_for_means()
        with sharing_ground(stage) as ground, ExitStack() as stack:
            yield SwitchContest(stage, ground, stack)


SWITCHES, SHARED_SWITCHES = Switches(), SharedSwitches()


def look_for_means() -> None:
    """Raises: BenchError when there are none."""
    if os.geteuid() != 0 or shutil.which("nsenter") is None:
        raise BenchError("it needs root, and nsenter (util-linux).")


class SwitchContest:
    """A row's containers and volumes are made on the first use, and stay until the end."""

    titles: Mapping[str, str] = TITLES
    left_out: Sequence[str] = ()

    def __init__(self, stage: Stage, ground: Ground, stack: ExitStack) -> None:
        self._stage = stage
        self._ground = ground
        self._stack = stack
        self._ours: dict[str, LoaderBox] = {}
        self._raw: dict[str, RawBox] = {}

    def turn(self, key: str, row: Row) -> Iterable[Outcome]:
        with self._ground.entered():
            if key == BOXSHIP:
                return (_switch(self._our_box(row), self._ground),)
            return (_by_hand(self._raw_box(row), key, self._ground),)

    def _our_box(self, row: Row) -> LoaderBox:
        if row.key not in self._ours:
            name, folder, ground = f"{self._stage.name}-{row.key}", self._stage.folder / row.key, self._ground
            folder.mkdir()
            (port,) = free_ports(1)
            releases = make_releases(folder, name, small_texts(name, ground.image, port), ground.environment)
            box = self._stack.enter_context(
                loader_box(name, folder, ground.engine, releases, environment=ground.environment)
            )
            _fill(box.data(), VOLUMES[row.key])
            self._ours[row.key] = box
        return self._ours[row.key]

    def _raw_box(self, row: Row) -> RawBox:
        if row.key not in self._raw:
            name, (port,) = f"{self._stage.name}-raw-{row.key}", free_ports(1)
            box = self._stack.enter_context(small_raw_box(name, self._ground.engine, self._ground.image, port))
            _fill(box.data, VOLUMES[row.key])
            self._raw[row.key] = box
        return self._raw[row.key]


def _fill(folder: Path, volume: Volume) -> None:
    write_volume(folder, volume)
    sync(folder)


def _switch(box: LoaderBox, ground: Ground) -> Outcome:
    """To the other release, and the generation before the last one removed."""
    before = box.data()
    engine_before, used_s = read_usage(), box.cpu_s()
    with writers(before, *inside(box.writing_pid, ground)):
        operation = box.switch()
    engine_cpu_s = cpu_between_s(engine_before, read_usage())
    cpu_s = box.cpu_s() - used_s
    if operation["status"] != "done":
        return outcome_of(operation, cpu_s, engine_cpu_s, 0)
    differing = count_differing(before, box.data())
    box.operate("/v1/gc")
    sync(before)
    return outcome_of(operation, cpu_s, engine_cpu_s, differing)


def outcome_of(operation: Mapping[str, Any], cpu_s: float, engine_cpu_s: float | None, differing: int) -> Outcome:
    """What an operation that is over says of its downtime; the CPU is that of all of it."""
    if operation["status"] != "done":
        failure = operation.get("failure") or {}
        return Failure(f"the switch is {operation['status']}: {failure.get('message', 'it does not say why')}")
    return Sample(float(operation["result"]["downtime_s"]), cpu_s, engine_cpu_s, None, differing=differing)


def _by_hand(box: RawBox, key: str, ground: Ground) -> Outcome:
    since_ns, watch = time.time_ns(), Stopwatch()
    try:
        with writers(box.data, *inside(box.pid(WRITTEN_BY), ground)):
            time.sleep(WRITTEN_FOR_S)
            with watch.running():
                box.stop()
                if key == COPYING:
                    copy_all(box.data, box.copy, shares_blocks=ground.shares_blocks)
                else:
                    copy_changed(box.data, box.copy, since_ns)
                box.start()
        return watch.sample(count_differing(box.data, box.copy) if key == COPYING else None)
    finally:
        discard(box.copy)
        sync(box.data)


def copy_all(source: Path, copy: Path, *, shares_blocks: bool = False) -> None:
    """Raises: BenchError."""
    argv = copy_command(source, copy, shares_blocks=shares_blocks)
    done = subprocess.run(argv, capture_output=True, text=True, timeout=_COPY_DEADLINE_S, check=False)
    if done.returncode != 0:
        raise BenchError(f"cp failed: {done.stderr.strip()}")


def inside(pid: int, ground: Ground) -> tuple[str, ...]:
    """What begins a command that the kernel ends together with the process namespace of ``pid``."""
    return (*ground.enter, "nsenter", "--target", str(pid), "--pid", "--")


def count_differing(one: Path, other: Path, counts: Callable[[str], bool] = bool) -> int:
    """How many paths are not the same in both trees, by all that a file system knows of them, and their bytes.

    ``counts``: which paths do.
    """
    paths = {line.partition("\0")[0] for line in set(manifest(one)) ^ set(manifest(other))}
    return sum(counts(path) for path in paths)
