"""A pull: a release's record and files into the library, its images into the engine, verified before either sees them.

Boxship fetches the layers itself instead of letting the engine pull: so a layer goes on where it broke, also after a
restart of whoever pulls; nothing that wasn't verified touches the engine; and logins, authorities and folders work
without a change of the engine's own configuration. Whatever fails leaves what runs as it was: fetched bytes, to be
taken up the next time, and whole images.
"""

import asyncio
from collections.abc import Callable, Iterable

from boxship.bundle.blobs import BlobShelf
from boxship.bundle.engine_side import PullEngine, check_architecture, claim, find_present, known_chains, load
from boxship.bundle.layers import chains_of, missing_layers
from boxship.bundle.library import Library
from boxship.bundle.progress import Tally
from boxship.bundle.room import Look, needs_of, refuse_without_room
from boxship.bundle.source import ImageContent, Offer, ReleaseSource
from boxship.bundle.together import together
from boxship.bundle.unpacking import Taken
from boxship.clock import Clock
from boxship.engine.port import PullProgress
from boxship.errors import (
    CancelledError,
    EngineError,
    EngineTimeoutError,
    EngineUnreachableError,
    NotFoundError,
    StateError,
)
from boxship.execute.race import race
from boxship.host.disk import file_system_of
from boxship.registry.port import Blob
from boxship.spec.release import Release
from boxship.state.operation import Progress

PublishProgress = Callable[[Progress], None]
_AT_ONCE = 3
"""Layers of one image side by side, as many as the engine's own pull."""
_LEAST_PAUSE_S = 0.1
"""Between two reports of bytes alone."""
_UNPACKING_PAUSE_S = 0.5
"""Between two reports of what the engine unpacks."""
FILES = "files"
"""The item's name while record and files are fetched."""


async def pull_release(
    source: ReleaseSource,
    version: str,
    library: Library,
    engine: PullEngine,
    publish: PublishProgress,
    clock: Clock,
    *,
    cancel: asyncio.Event,
    look: Look = file_system_of,
) -> Release:
    """Have a whole release here: ``version``, or the newest for "" and ``latest``.

    Repeating is cheap: what is here is neither fetched nor loaded again. The items of the progress are the files and
    each image.

    Raises:
        NotFoundError: There is no such version.
        PreconditionError: It is made for other machines, or there is no room for it; nothing was fetched.
        RegistryError: The source is away for too long, or sent what does not fit.
        HostError: The disk refuses.
        EngineError: The engine does.
        CancelledError: ``cancel`` was set; what is whole stays, and so do the beginnings of layers.
    """
    work = _pull(source, version, library, engine, publish, clock, look)
    async with race(work, cancel.wait()) as (task, _):
        if not task.done():
            raise CancelledError("the pull was cancelled", hint="pull again to go on: what came is kept")
        release: Release = await task
        return release


async def _pull(
    source: ReleaseSource,
    version: str,
    library: Library,
    engine: PullEngine,
    publish: PublishProgress,
    clock: Clock,
    look: Look,
) -> Release:
    offer = await source.offer(await source.resolve(version))
    await check_architecture(engine, offer.release)
    present = await find_present(engine, offer.release)
    known = await known_chains(engine, offer.release.appliance)
    pull = _Pull(offer, source, library, engine, publish, clock, known)
    has_files = await asyncio.to_thread(_is_kept, library, offer.release)
    pull.settle_total(present, has_files=has_files)
    await pull.refuse_without_room(present, look, has_files=has_files)
    await pull.bring_files(has_files=has_files)
    for name in offer.images:
        if name in present:
            await pull.take_present(name)
        else:
            await pull.bring_image(name)
    return offer.release


class _Pull:
    """One pull under way: what is known of the engine, and how far it is."""

    def __init__(
        self,
        offer: Offer,
        source: ReleaseSource,
        library: Library,
        engine: PullEngine,
        publish: PublishProgress,
        clock: Clock,
        known: frozenset[str],
    ) -> None:
        self._offer = offer
        self._source = source
        self._library = library
        self._engine = engine
        self._publish = publish
        self._clock = clock
        self._known = known
        self._shelf = BlobShelf(library.blobs)
        self._images = offer.release.images()
        self._gives_all = False
        self._told_at_s = float("-inf")
        self._taken = Taken({})
        everything = [offer.files, *(blob for each in offer.images.values() for blob in each.blobs)]
        self._all = {blob.digest: blob for blob in everything}
        made_of = {name: content.blobs for name, content in offer.images.items()}
        self._tally = Tally.of(everything, 1 + len(offer.images), made_of)

    def settle_total(self, present: frozenset[str], *, has_files: bool) -> None:
        """Count what is here, whether in the engine or fetched earlier, and throw away what is of no use."""
        needed = set() if has_files else {self._offer.files.digest}
        for name, content in self._offer.images.items():
            if name not in present:
                needed |= {content.config.digest, *(blob.digest for blob in self._missing(name, content).values())}
        self._tally = self._tally.found(present).have(self._all.keys() - needed)
        self._shelf.keep_only(needed)
        for digest in needed:
            self._tally = self._tally.got(digest, self._shelf.here_bytes(self._all[digest]))
        self._tell()

    async def refuse_without_room(self, present: frozenset[str], look: Look, *, has_files: bool) -> None:
        """Before anything is fetched. Raises: PreconditionError."""
        needs = needs_of(self._offer, self._known, present, self._shelf.here_bytes, has_files=has_files)
        release, data_root = self._offer.release, await self._engine.data_root()
        what = f"{release.appliance} {release.version}"
        await asyncio.to_thread(refuse_without_room, needs, self._library.blobs.parent, data_root, what, look)

    async def bring_files(self, *, has_files: bool) -> None:
        """Record and files into the library."""
        release, blob = self._offer.release, self._offer.files
        self._begin(FILES, [blob])
        if not has_files:
            archive = await self._shelf.fetch(blob, self._source.read, self._heard)
            await asyncio.to_thread(self._library.add, release, archive)
            self._shelf.drop([blob.digest])
        self._finish([blob.digest])

    async def take_present(self, name: str) -> None:
        """An image that is here already."""
        self._begin(name, self._offer.images[name].blobs)
        await claim(self._engine, self._images[name])
        self._finish([blob.digest for blob in self._offer.images[name].blobs])

    async def bring_image(self, name: str) -> None:
        """An image that isn't."""
        self._begin(name, self._offer.images[name].blobs)
        content, image = self._offer.images[name], self._images[name]
        try:
            await self._load(name, content)
        except (EngineUnreachableError, EngineTimeoutError):
            raise
        except EngineError:
            if self._gives_all or len(self._missing(name, content)) == len(set(image.diff_ids)):
                raise
            # An engine whose store is of another kind wants all layers, also those that it has.
            self._gives_all = True
            await self._load(name, content)
        self._known |= frozenset(chains_of(image.diff_ids))
        self._finish([blob.digest for blob in content.blobs])
        later = list(self._offer.images)[list(self._offer.images).index(name) + 1 :]
        wanted = (
            {blob.digest for each in later for blob in self._offer.images[each].blobs} if self._gives_all else set()
        )
        self._shelf.drop({blob.digest for blob in content.blobs} - wanted - self._still_missing(later))

    async def _load(self, name: str, content: ImageContent) -> None:
        layers = self._missing(name, content)
        at_once = asyncio.Semaphore(_AT_ONCE)

        async def fetch(blob: Blob) -> None:
            async with at_once:
                await self._shelf.fetch(blob, self._source.read, self._heard)

        await together(
            [fetch(each) for each in {blob.digest: blob for blob in (content.config, *layers.values())}.values()]
        )
        self._tell()
        config = await asyncio.to_thread(self._shelf.path(content.config.digest).read_bytes)
        files = {diff_id: self._shelf.path(blob.digest) for diff_id, blob in layers.items()}
        self._taken, began_s = Taken.of({diff_id: blob.size_bytes for diff_id, blob in layers.items()}), self._now_s()
        loading = load(self._engine, name, self._images[name], config, files, self._heard_of_engine)
        async with race(loading, self._tell_of_engine(began_s)) as (loaded, _):
            await loaded

    def _heard_of_engine(self, line: PullProgress) -> None:
        self._taken = self._taken.got(line.layer, line.done_bytes)

    async def _tell_of_engine(self, began_s: float) -> None:
        """For ever: an engine that says nothing is still at work, and how long is something to say."""
        while True:
            self._taken = self._taken.after(self._now_s() - began_s)
            self._tally = self._tally.unpacked(self._taken.unpacking)
            self._tell()
            await self._clock.sleep(_UNPACKING_PAUSE_S)

    def _missing(self, name: str, content: ImageContent) -> dict[str, Blob]:
        """Diff id -> blob of the layers that the engine must be given."""
        diff_ids = self._images[name].diff_ids
        wanted = range(len(diff_ids)) if self._gives_all else missing_layers(diff_ids, self._known)
        return {diff_ids[index]: content.layers[index] for index in wanted}

    def _still_missing(self, names: list[str]) -> set[str]:
        return {blob.digest for each in names for blob in self._missing(each, self._offer.images[each]).values()}

    def _begin(self, item: str, blobs: Iterable[Blob]) -> None:
        self._tally = self._tally.began(item, [blob.digest for blob in blobs])
        self._tell()

    def _finish(self, digests: list[str]) -> None:
        self._tally = self._tally.finished(digests)
        self._tell()

    def _heard(self, digest: str, size_bytes: int) -> None:
        self._tally = self._tally.got(digest, size_bytes)
        if self._now_s() - self._told_at_s >= _LEAST_PAUSE_S:
            self._tell()

    def _now_s(self) -> float:
        return self._clock.monotonic_s()

    def _tell(self) -> None:
        self._told_at_s = self._now_s()
        self._publish(self._tally.progress)


def _is_kept(library: Library, release: Release) -> bool:
    try:
        library.read(release.id)
    except (NotFoundError, StateError):
        return False
    return True
