"""Filling a generation of volumes on this very machine: ``execute.generations`` behind the Loader's port."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from boxship.clock import Clock
from boxship.execute.generations import PreCopy, Room, VolumePair, VolumeReport, finish, needed_room, precopy
from boxship.loader.parts import Copied, Tell
from boxship.state.verify import Verify
from boxship.units import format_size


class VolumeCopier:
    """Implements ``Copier``."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def needed_room(self, pairs: Sequence[VolumePair]) -> Sequence[Room]:
        return await needed_room(pairs)

    async def precopy(self, pairs: Sequence[VolumePair], tell: Tell, cancel: asyncio.Event) -> "VolumeCopying":
        async with _in_threads(cancel) as given_up:
            copying = await precopy(pairs, tell, self._clock, cancel=given_up)
        return VolumeCopying(copying, self._clock)


class VolumeCopying:
    """Implements ``Copying``."""

    def __init__(self, copying: PreCopy, clock: Clock) -> None:
        self._copying = copying
        self._clock = clock

    async def finish(self, tell: Tell, verify: Verify) -> Copied:
        done = await finish(self._copying, tell, self._clock, verify=verify)
        return Copied(
            volumes={each.key: _in_words(each) for each in done.volumes},
            files=sum(each.files for each in done.volumes),
            size_bytes=sum(each.size_bytes for each in done.volumes),
            last_pass_bytes=sum(each.final_bytes for each in done.volumes),
            last_pass_s=done.final_s,
        )


@asynccontextmanager
async def _in_threads(cancel: asyncio.Event) -> AsyncIterator[threading.Event]:
    """The same event for threads. It is set as well when whoever waits for the work is gone."""
    given_up = threading.Event()

    async def hear() -> None:
        await cancel.wait()
        given_up.set()

    hearing = asyncio.ensure_future(hear())
    try:
        yield given_up
    except BaseException:
        given_up.set()
        raise
    finally:
        hearing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await hearing


def _in_words(report: VolumeReport) -> str:
    last_s = report.pass_s[-1] if report.pass_s else 0.0
    text = (
        f"{report.files} files, {format_size(report.size_bytes)}, by {report.how}; in the last pass "
        f"{report.final_files} files, {format_size(report.final_bytes)} in {last_s:.2f} s; "
        f"verified by content: {report.by_content} files"
    )
    return f"{text}; {report.note}" if report.note else text
