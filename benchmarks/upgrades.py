"""How long an upgrade's copy of the volumes keeps the services stopped, beside stopping, ``cp -a``, and starting again.

Two writers are at work until the stop, one of them through a mapping. What counts is the time from the stop until the
copy is whole and on disk. Ours copies while they write; so a turn takes longer than what is shown of it.
"""

import asyncio
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from benchmarks.faults import BenchError
from benchmarks.figures import Failure, Outcome, Sample
from benchmarks.goals import Quantity
from benchmarks.measure import run_command
from benchmarks.rows import Row
from benchmarks.tools import BOXSHIP, Command
from benchmarks.trials import Contest, Stage
from boxship.clock import SystemClock
from boxship.execute.generations import PreCopy, VolumePair, discard, fingerprint, finish, precopy
from boxship.host.volumes.kernel import sync_file_system
from boxship.state.operation import Progress

CP, FLOOR = "cp", "scan"
XFS_ROW = "upgrade-xfs"
_WRITER = Path(__file__).with_name("volume_writer.py")
_PER_FOLDER, _BLOB_BYTES, _MAPPED_BYTES = 100, 1024 * 1024, 4 * 1024 * 1024
WRITTEN_FOR_S = 1.0
"""Before the stop, for those who don't copy meanwhile; about as long as our last pass but one takes."""
_DEADLINE_S = 60


class Volume(NamedTuple):
    files: int
    size_bytes: int


VOLUME = Volume(20_000, 1024**3)
VOLUMES: Mapping[str, Volume] = {"upgrade-1g": VOLUME, "upgrade-4g": Volume(4_096, 4 * 1024**3), XFS_ROW: VOLUME}
_TITLES = {
    BOXSHIP: "boxship",
    CP: "cp -a",
    FLOOR: "a look at each file, and what changed",
}


class Upgrades:
    """The trial."""

    rows = (
        Row("upgrade-1g", "upgrade: services stopped while 1 GiB in 20,000 files goes over", Quantity.WALL),
        Row("upgrade-4g", "the same with 4 GiB in 4,096 files", Quantity.WALL),
        Row(XFS_ROW, "the same with the 1 GiB on XFS, where cp shares blocks", Quantity.WALL),
    )

    @contextmanager
    def open(self, stage: Stage) -> Iterator[Contest]:
        with ExitStack() as stack:
            yield UpgradeContest(stage.folder, stack)


UPGRADES = Upgrades()


class UpgradeContest:
    """Everybody copies the same volume, which is written on the first use of its row."""

    titles: Mapping[str, str] = _TITLES

    def __init__(self, folder: Path, stack: ExitStack, volumes: Mapping[str, Volume] = VOLUMES) -> None:
        self._volumes = volumes
        self._folder = folder
        self._stack = stack
        self._can_mount = os.geteuid() == 0 and find_mkfs() is not None

    @property
    def left_out(self) -> Sequence[str]:
        return () if self._can_mount else (f"{XFS_ROW} is left out: it needs root, and mkfs.xfs (xfsprogs).",)

    def turn(self, key: str, row: Row) -> Iterable[Outcome]:
        if row.key == XFS_ROW and not self._can_mount:
            return ()
        place = self._folder / row.key
        if not place.exists():
            self._make(place, row)
        source, copy = place / "volume", place / "copy"
        copy.mkdir(exist_ok=True)
        try:
            if key == BOXSHIP:
                return (asyncio.run(_ours(source, copy)),)
            if key == CP:
                return (_cp(source, copy, self._folder / "cp.log", row),)
            return (_floor(source, copy),)
        finally:
            discard(copy)
            sync(place)

    def _make(self, place: Path, row: Row) -> None:
        place.mkdir()
        if row.key == XFS_ROW:
            mount_xfs(place, self._stack)
        write_volume(place / "volume", self._volumes[row.key])
        sync(place)


async def _ours(source: Path, copy: Path) -> Outcome:
    with writers(source):
        copying = await precopy([VolumePair("volume", source, copy)], _unheard, SystemClock())
    return await _finish(copying, source, copy)


async def _finish(copying: PreCopy, source: Path, copy: Path) -> Outcome:
    began_s, used_s = time.monotonic(), time.process_time()
    await finish(copying, _unheard, SystemClock())
    wall_s, cpu_s = time.monotonic() - began_s, time.process_time() - used_s
    if fingerprint(source) != fingerprint(copy):
        return Failure("the copy differs")
    return Sample(wall_s, cpu_s, 0.0, None)


def _unheard(progress: Progress) -> None:
    """Nobody looks at it."""


def _cp(source: Path, copy: Path, log: Path, row: Row) -> Outcome:
    with writers(source):
        time.sleep(WRITTEN_FOR_S)
    outcome = run_command(
        Command(copy_command(source, copy, shares_blocks=row.key == XFS_ROW), {}), log, row.deadline_s
    )
    if isinstance(outcome, Sample) and fingerprint(source) != fingerprint(copy):
        return Failure("the copy differs")
    return outcome


def copy_command(source: Path, copy: Path, *, shares_blocks: bool) -> tuple[str, ...]:
    """All of it by cp, to disk."""
    share = "--reflink=always" if shares_blocks else "--reflink=never"
    script = 'cp -a "$0" "$1/." "$2/" && sync -f "$2"'
    return ("/bin/sh", "-c", script, share, str(source), str(copy))


def _floor(source: Path, copy: Path) -> Outcome:
    since_ns = time.time_ns()
    with writers(source):
        time.sleep(WRITTEN_FOR_S)
    began_s, used_s = time.monotonic(), time.process_time()
    copy_changed(source, copy, since_ns)
    return Sample(time.monotonic() - began_s, time.process_time() - used_s, 0.0, None)


def copy_changed(source: Path, copy: Path, since_ns: int) -> None:
    """What can't be left out: a look at each file, and copying those that changed since then, to disk."""
    for number, path in enumerate(changed_since(source, since_ns)):
        (copy / str(number)).write_bytes(Path(path).read_bytes())
    sync(copy)


def changed_since(source: Path, since_ns: int) -> list[str]:
    """By a look at each file."""
    changed, folders = list[str](), [str(source)]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                elif entry.stat(follow_symlinks=False).st_ctime_ns >= since_ns:
                    changed.append(entry.path)
    return changed


@contextmanager
def writers(folder: Path, *entering: str) -> Iterator[None]:
    """Two of them; they have ended when this has. ``entering``: a command that begins theirs."""
    started = [
        subprocess.Popen(
            [*entering, sys.executable, "-I", "-S", _WRITER, folder, folder / f"mapped{number}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for number in range(2)
    ]
    try:
        for writer in started:
            if writer.stdout is None or not writer.stdout.readline():
                raise BenchError("A writer of the volume did not start.")
        yield
    finally:
        for writer in started:
            writer.communicate(timeout=_DEADLINE_S)


def write_volume(folder: Path, volume: Volume) -> None:
    """The same bytes each time."""
    blob = random.Random(volume.files).randbytes(_BLOB_BYTES)
    each = volume.size_bytes // volume.files
    for number in range(volume.files):
        file = folder / f"d{number // _PER_FOLDER:03}" / f"f{number % _PER_FOLDER:02}"
        if number % _PER_FOLDER == 0:
            file.parent.mkdir(parents=True)
        file.write_bytes(number.to_bytes(8, "big") + blob[: each - 8])
    for number in range(2):
        (folder / f"mapped{number}").write_bytes(blob * (_MAPPED_BYTES // _BLOB_BYTES))


def find_mkfs() -> str | None:
    return shutil.which("mkfs.xfs", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")


def mount_xfs(place: Path, stack: ExitStack) -> None:
    """Raises: BenchError where that can't be."""
    image = place.with_suffix(".img")
    with image.open("wb") as file:
        file.truncate(4 * VOLUME.size_bytes)
    make = (str(find_mkfs()), "-q", "-m", "reflink=1", str(image))
    for argv in (make, ("mount", "-o", "loop", str(image), str(place))):
        done = subprocess.run(argv, capture_output=True, text=True, timeout=_DEADLINE_S, check=False)
        if done.returncode != 0:
            raise BenchError(f"{argv[0]} failed: {done.stderr.strip()}.")
    stack.callback(subprocess.run, ("umount", str(place)), check=False, timeout=_DEADLINE_S)


def sync(place: Path) -> None:
    """What one contestant left to be written is not the next one's."""
    fd = os.open(place, os.O_RDONLY)
    try:
        sync_file_system(fd)
    finally:
        os.close(fd)
