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
from benchmarks.loader_box import LoaderBox, free_ports, loader_box
from benchmarks.raw_box import RawBox, raw_box
from benchmarks.rows import Row
from benchmarks.small_box import VERSIONS
from benchmarks.tools import BOXSHIP
from benchmarks.trials import Contest, Stage
from benchmarks.upgrades import VOLUME, WRITTEN_FOR_S, Volume, copy_changed, sync, write_volume, writers
from boxship.execute.generations import discard
from boxship.host.volumes.manifest import manifest

COPYING, SCANNING = "raw-cp", "raw-scan"
VOLUMES: Mapping[str, Volume] = {"switch-20m": Volume(400, 20 * 1024**2), "switch-1g": VOLUME}
_TITLES = {
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
    )

    @contextmanager
    def open(self, stage: Stage) -> Iterator[Contest]:
        if os.geteuid() != 0 or shutil.which("nsenter") is None:
            raise BenchError("it needs root, and nsenter (util-linux).")
        with ExitStack() as stack:
            yield SwitchContest(stage, stack)


SWITCHES = Switches()


class SwitchContest:
    """A row's containers and volumes are made on the first use, and stay until the end."""

    titles: Mapping[str, str] = _TITLES
    left_out: Sequence[str] = ()

    def __init__(self, stage: Stage, stack: ExitStack) -> None:
        self._stage = stage
        self._stack = stack
        self._ours: dict[str, LoaderBox] = {}
        self._raw: dict[str, RawBox] = {}

    def turn(self, key: str, row: Row) -> Iterable[Outcome]:
        if key == BOXSHIP:
            return (_switch(self._our_box(row)),)
        return (_by_hand(self._raw_box(row), key),)

    def _our_box(self, row: Row) -> LoaderBox:
        if row.key not in self._ours:
            name, folder = f"{self._stage.name}-{row.key}", self._stage.folder / row.key
            folder.mkdir()
            box = self._stack.enter_context(loader_box(name, folder, self._stage.engine, self._stage.image))
            _fill(box.data(), VOLUMES[row.key])
            self._ours[row.key] = box
        return self._ours[row.key]

    def _raw_box(self, row: Row) -> RawBox:
        if row.key not in self._raw:
            name, (port,) = f"{self._stage.name}-raw-{row.key}", free_ports(1)
            box = self._stack.enter_context(raw_box(name, self._stage.engine, self._stage.image, port))
            _fill(box.data, VOLUMES[row.key])
            self._raw[row.key] = box
        return self._raw[row.key]


def _fill(folder: Path, volume: Volume) -> None:
    write_volume(folder, volume)
    sync(folder)


def _switch(box: LoaderBox) -> Outcome:
    """To the other release, and the generation before the last one removed."""
    (target,) = (version for version in VERSIONS if version != box.version)
    before = box.data()
    engine_before, used_s = read_usage(), box.cpu_s()
    with writers(before, *inside(box.writing_pid)):
        operation = box.operate("/v1/switch", {"version": target, "allow_downgrade": True})
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


def _by_hand(box: RawBox, key: str) -> Outcome:
    since_ns = time.time_ns()

    def scan() -> None:
        copy_changed(box.data, box.copy, since_ns)

    def copy() -> None:
        copy_all(box.data, box.copy)

    meanwhile: Callable[[], None] = copy if key == COPYING else scan
    try:
        with writers(box.data, *inside(box.writing_pid)):
            time.sleep(WRITTEN_FOR_S)
            engine_before, used = read_usage(), os.times()
            wall_s = box.away_s(meanwhile)
        spent = os.times()
        engine_cpu_s = cpu_between_s(engine_before, read_usage())
        cpu_s = sum(spent[:4]) - sum(used[:4])
        differing = count_differing(box.data, box.copy) if key == COPYING else None
        return Sample(wall_s, cpu_s, engine_cpu_s, None, differing=differing)
    finally:
        discard(box.copy)
        sync(box.data)


def copy_all(source: Path, copy: Path) -> None:
    """Raises: BenchError."""
    script = 'cp -a --reflink=never "$0/." "$1/" && sync -f "$1"'
    argv = ("/bin/sh", "-c", script, str(source), str(copy))
    done = subprocess.run(argv, capture_output=True, text=True, timeout=_COPY_DEADLINE_S, check=False)
    if done.returncode != 0:
        raise BenchError(f"cp failed: {done.stderr.strip()}")


def inside(pid: int) -> tuple[str, ...]:
    """What begins a command that the kernel ends together with the process namespace of ``pid``."""
    return ("nsenter", "--target", str(pid), "--pid", "--")


def count_differing(one: Path, other: Path) -> int:
    """How many paths are not the same in both trees, by all that a file system knows of them, and their bytes."""
    return len({line.partition("\0")[0] for line in set(manifest(one)) ^ set(manifest(other))})
