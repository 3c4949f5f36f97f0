"""Releases of real places, and those that are on this box: ``bundle`` behind the Loader's ports."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from boxship.bundle.library import Library
from boxship.bundle.pull import pull_release
from boxship.bundle.read import deployed, read_release
from boxship.bundle.source import ReleaseSource, open_source
from boxship.clock import Clock
from boxship.engine.port import Engine
from boxship.loader.parts import Tell
from boxship.logins import Logins
from boxship.registry.address import parse_source
from boxship.registry.trust import Trust
from boxship.spec.model import Appliance
from boxship.spec.release import Release


class SourceVendor:
    """Implements ``Vendor``. ``trust`` is asked for each time: a box may be told of an authority at any moment."""

    def __init__(
        self, library: Library, engine: Engine, logins: Logins, clock: Clock, trust: Callable[[], Trust]
    ) -> None:
        self._library = library
        self._engine = engine
        self._logins = logins
        self._clock = clock
        self._trust = trust

    def expect_source(self, source: str) -> None:
        parse_source(source)

    async def versions(self, source: str) -> tuple[str, ...]:
        async with self._open(source) as place:
            return await place.versions()

    async def pull(self, source: str, version: str, tell: Tell, cancel: asyncio.Event) -> Release:
        async with self._open(source) as place:
            return await pull_release(place, version, self._library, self._engine, tell, self._clock, cancel=cancel)

    @asynccontextmanager
    async def _open(self, source: str) -> AsyncIterator[ReleaseSource]:
        place = open_source(source, self._logins, self._clock, self._trust())
        try:
            yield place
        finally:
            await place.close()


class LibraryReleases:
    """Implements ``Releases``. A release never changes, so each is read once, and verified anew where that is asked."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._releases: dict[str, Release] = {}
        self._appliances: dict[str, Appliance] = {}

    def ids(self) -> tuple[str, ...]:
        return self._library.ids()

    def release(self, release_id: str) -> Release:
        if release_id not in self._releases:
            self._releases[release_id] = self._library.read(release_id).release
        return self._releases[release_id]

    def appliance(self, release_id: str) -> Appliance:
        if release_id not in self._appliances:
            kept = self._library.read(release_id)
            self._appliances[release_id] = deployed(read_release(kept.folder, kept.release), kept.release, kept.folder)
        return self._appliances[release_id]

    def verify(self, release_id: str) -> Release:
        self._releases[release_id] = self._library.read(release_id).release
        return self._releases[release_id]

    def record(self, release_id: str) -> Release:
        return self._library.record(release_id)

    def removed(self) -> tuple[str, ...]:
        return self._library.removed()

    def remove(self, release_id: str) -> None:
        self._library.remove(release_id)
        self._releases.pop(release_id, None)
        self._appliances.pop(release_id, None)

    def forget(self, release_id: str) -> None:
        self._library.forget(release_id)

    def drop_begun(self) -> None:
        self._library.drop_begun()
