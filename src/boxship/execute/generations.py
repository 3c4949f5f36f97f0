"""A new generation of volumes, filled while the old one is still written.

``precopy`` goes over the volumes until a pass finds little to do; the old release runs meanwhile. Then its containers
are stopped, and ``finish`` makes a last pass, which is downtime: a look at every file, and the bytes that changed.
Where the file systems can share blocks (XFS, btrfs), files are cloned instead of copied, in all passes.

What is taken for unchanged, and what that proves, stands in ``host/volumes/doubts.py``. The source is opened for
reading only, without times of access. A copy that was cut off is no obstacle: the next ``precopy`` compares what is
there by content, and removes what is too much. Which generation is whole is for the caller to write down, after
``finish``.
"""

import asyncio
import threading
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path

from msgspec import Struct

from boxship.clock import Clock
from boxship.errors import HostError
from boxship.execute.volume_passes import Meter, VolumeCopy, Worker
from boxship.host.volumes import room
from boxship.host.volumes.doubts import Doubts
from boxship.host.volumes.faults import cannot
from boxship.host.volumes.manifest import fingerprint, first_difference
from boxship.host.volumes.passes import Manner, Tally
from boxship.host.volumes.removal import discard
from boxship.host.volumes.room import Room, free_bytes
from boxship.host.volumes.writers import Writers, look_for_writers
from boxship.state.operation import Progress
from boxship.state.verify import Verify

__all__ = (
    "CopyReport",
    "How",
    "Look",
    "PreCopy",
    "Publish",
    "Room",
    "VolumePair",
    "VolumeReport",
    "discard",
    "fingerprint",
    "finish",
    "free_bytes",
    "needed_bytes",
    "needed_room",
    "precopy",
)

Publish = Callable[[Progress], None]
Look = Callable[[], Writers]
_MOST_PASSES = 6
_LITTLE_BYTES = 8 * 1024 * 1024
"""Written in a pass: less than this takes no time that anybody would notice in the last one."""
_LOOK_EVERY_S, _PAUSE_PER_LOOK = 1.0, 20
"""Looking at a thousand processes takes a while, and mustn't take more than a twentieth of a processor."""


class VolumePair(Struct, frozen=True):
    """A volume and the folder that becomes its copy. ``key``: its name for people."""

    key: str
    source: Path
    destination: Path


class How(StrEnum):
    """How files came over."""

    REFLINK = "reflink"
    COPY = "copy"


class VolumeReport(Struct, frozen=True):
    """What came of one volume. ``size_bytes``: of all its names together.

    ``final_files``: whose content the last pass looked at; ``final_bytes`` is what it wrote of them. ``by_content``,
    ``by_sharing`` and ``by_metadata`` count files by how they were verified: read back, their blocks being the source's
    own, or by owner, mode, size and time. ``pass_s``: how long each pass took, the last one being downtime.
    """

    key: str
    how: How
    files: int
    folders: int
    size_bytes: int
    final_files: int
    final_bytes: int
    pass_s: tuple[float, ...]
    by_content: int
    by_sharing: int
    by_metadata: int
    note: str = ""


class CopyReport(Struct, frozen=True):
    """``final_s``: from the beginning of ``finish`` until everything was on disk and verified."""

    volumes: tuple[VolumeReport, ...]
    final_s: float


class PreCopy:
    """Copies that are nearly whole, and what is remembered of them. Made by ``precopy``, used up by ``finish``."""

    def __init__(self, pairs: Sequence[VolumePair]) -> None:
        self.pairs = tuple(pairs)
        self.doubts = Doubts()
        self.copies = tuple(VolumeCopy(pair.source, pair.destination) for pair in pairs)


async def needed_room(pairs: Sequence[VolumePair]) -> tuple[Room, ...]:
    """What the copies need of each file system that they go to, and what is free there. Raises: HostError."""
    return await asyncio.to_thread(room.room_for, [(pair.source, pair.destination) for pair in pairs])


async def needed_bytes(pairs: Sequence[VolumePair]) -> int:
    """The same as one number: nearly nothing where blocks can be shared. Raises: HostError."""
    return sum(each.needed_bytes for each in await needed_room(pairs))


async def precopy(
    pairs: Sequence[VolumePair],
    publish: Publish,
    clock: Clock,
    *,
    cancel: threading.Event | None = None,
    look: Look = look_for_writers,
) -> PreCopy:
    """Copy while the old release runs, pass after pass, until one writes little or no less than the one before.

    ``publish`` is called on the event loop, about ten times a second. ``look`` finds who could be writing; it is asked
    at the beginning of each pass, and about once a second.

    Raises: HostError, for example for a full disk; CancelledError after ``cancel`` was set. The half copy stays: a
    repeated call goes on with it, ``discard`` removes it.
    """
    worker = Worker(cancel or threading.Event())
    copying = await worker.run(lambda _: _prepare(pairs))
    meter = Meter(publish, clock, await worker.run(lambda _: sum(copy.measure() for copy in copying.copies)))
    watching = asyncio.ensure_future(_watch_writers(copying.doubts, look, clock))
    try:
        await _make_passes(copying, look, worker, meter, clock)
    finally:
        watching.cancel()
        await asyncio.wait([watching])
    if not watching.cancelled() and (failed := watching.exception()):
        raise failed
    return copying


def _prepare(pairs: Sequence[VolumePair]) -> PreCopy:
    """Make the folders of the copies. Raises: HostError for one that can't be, or is where its source is."""
    for pair in pairs:
        source, destination = pair.source.resolve(), pair.destination.resolve()
        if source == destination or source in destination.parents or destination in source.parents:
            raise HostError(
                f"the copy of the volume {pair.key} would lie at {destination}, which is not apart from {source}"
            )
        try:
            pair.destination.mkdir(mode=0o700, exist_ok=True)
        except OSError as err:
            raise cannot("make", str(pair.destination), err) from err
    return PreCopy(pairs)


async def _make_passes(copying: PreCopy, look: Look, worker: Worker, meter: Meter, clock: Clock) -> None:
    before = 0
    for number in range(_MOST_PASSES):
        written = sum(tally.written_bytes for tally in await _make_pass(copying, look, worker, meter, clock))
        if number and (written <= _LITTLE_BYTES or written > before // 2):
            return
        before = written


async def _watch_writers(doubts: Doubts, look: Look, clock: Clock) -> None:
    took_s = 0.0
    while True:
        await clock.sleep(max(_LOOK_EVERY_S, took_s * _PAUSE_PER_LOOK))
        began_s = clock.monotonic_s()
        doubts.add(await asyncio.to_thread(look))
        took_s = clock.monotonic_s() - began_s


async def _make_pass(copying: PreCopy, look: Look, worker: Worker, meter: Meter, clock: Clock) -> list[Tally]:
    number = copying.doubts.begin_pass()
    copying.doubts.settle(await asyncio.to_thread(look))
    tallies = []
    for pair, copy in zip(copying.pairs, copying.copies, strict=True):
        manner = Manner(number, audits=number > 0)
        tallies.append(await copy.make_pass(pair.key, manner, copying.doubts, worker, meter, clock))
    # What is written out now needn't be in the downtime.
    await worker.run(lambda _: _sync(copying))
    return tallies


async def finish(copying: PreCopy, publish: Publish, clock: Clock, *, verify: Verify = Verify.TOUCHED) -> CopyReport:
    """Make the copies exactly like their sources, which nobody writes any more, and see that they are on disk.

    Raises: HostError, also for a source that is still written where that is noticed, and for a copy that isn't like
    its source. Then the copy is not to be used.
    """
    began_s = clock.monotonic_s()
    worker = Worker(threading.Event())
    number = copying.doubts.begin_pass()
    meter = Meter(publish, clock, 0, total_items=sum(copy.memory.count for copy in copying.copies))
    for pair, copy in zip(copying.pairs, copying.copies, strict=True):
        manner = Manner(number, is_quiet=True, compares=True)
        await copy.make_pass(pair.key, manner, copying.doubts, worker, meter, clock)
    await worker.run(lambda _: _sync(copying))
    if verify is Verify.FULL:
        await worker.run(lambda _: _compare(copying.pairs))
    return CopyReport(_report(copying, verify), clock.monotonic_s() - began_s)


def _report(copying: PreCopy, verify: Verify) -> tuple[VolumeReport, ...]:
    reports = []
    for pair, copy in zip(copying.pairs, copying.copies, strict=True):
        last, _ = copy.passes[-1]
        compared = last.files if verify is Verify.FULL else last.touched - last.shared
        because = "" if copy.trusts_stamps else "its file system doesn't tell all changes by time"
        if copying.doubts.was_blind(len(copy.passes) - 2):
            because = "not everybody who could write it was in sight"
        reports.append(
            VolumeReport(
                key=pair.key,
                how=How.REFLINK if copy.cloner.has_cloned else How.COPY,
                files=last.files,
                folders=last.folders,
                size_bytes=last.size_bytes,
                final_files=last.touched,
                final_bytes=last.written_bytes,
                pass_s=tuple(pass_s for _, pass_s in copy.passes),
                by_content=compared,
                by_sharing=0 if verify is Verify.FULL else last.shared,
                by_metadata=0 if verify is Verify.FULL else last.files - last.touched,
                note=f"all of it was compared in the last pass: {because}" if because else "",
            )
        )
    return tuple(reports)


def _sync(copying: PreCopy) -> None:
    """Once for each file system."""
    devices = {copy.device(): copy for copy in copying.copies}
    for copy in devices.values():
        copy.sync()


def _compare(pairs: Sequence[VolumePair]) -> None:
    for pair in pairs:
        if fingerprint(pair.source) != fingerprint(pair.destination):
            differs = first_difference(pair.source, pair.destination)
            raise HostError(
                f"the copy of the volume {pair.key} is not like its source: {differs or 'it changes'} differs",
                hint="discard the copy; look whether something still writes the volume, and at the disk (dmesg)",
            )
