"""A release brought from one place to another: layers, then images, and the version's own tag last of all."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing

from boxship.bundle.media import IMAGE_PREFIX, RELEASE_REPOSITORY
from boxship.bundle.progress import Tally
from boxship.bundle.source import ReleaseSource
from boxship.bundle.together import together
from boxship.registry.oci import MANIFEST, Manifest, decode
from boxship.registry.port import Blob, Repositories
from boxship.spec.release import Release
from boxship.state.operation import Progress

_AT_ONCE = 3


async def publish_release(
    version: str, here: Repositories, there: Repositories, heard: Callable[[Progress], None]
) -> Release:
    """Copy one version. What is there already is not sent again; each call is tried again while it may help.

    Raises: NotFoundError, RegistryError; the version is not there then, only parts that nothing points to.
    """
    offer = await ReleaseSource(here).offer(version)
    data = await here.manifest(RELEASE_REPOSITORY, version)
    manifest = decode(data, Manifest, version)
    sending = _Sending(here, there, heard)
    record = Blob(RELEASE_REPOSITORY, manifest.config.digest, manifest.config.size)
    groups = {"": (record, offer.files), **{name: content.blobs for name, content in offer.images.items()}}
    sending.begin(groups)
    for name, content in offer.images.items():
        await sending.send(name, content.blobs)
        image = await here.manifest(name, manifest.annotations[f"{IMAGE_PREFIX}{name}"])
        await there.put_manifest(name, version, image, MANIFEST)
    await sending.send("", (record, offer.files))
    await there.put_manifest(RELEASE_REPOSITORY, version, data, MANIFEST)
    return offer.release


class _Sending:
    """How far it is, over the blobs of all images; one that two of them share is sent once for each repository."""

    def __init__(self, here: Repositories, there: Repositories, heard: Callable[[Progress], None]) -> None:
        self._here = here
        self._there = there
        self._heard = heard
        self._tally = Tally({}, 0)

    def begin(self, groups: dict[str, tuple[Blob, ...]]) -> None:
        sizes = {_key(blob): blob.size_bytes for blobs in groups.values() for blob in blobs}
        self._tally = Tally(sizes, len(groups))

    async def send(self, name: str, blobs: tuple[Blob, ...]) -> None:
        self._tell(self._tally.began(name))
        at_once = asyncio.Semaphore(_AT_ONCE)

        async def put(blob: Blob) -> None:
            async with at_once:
                await self._there.put_blob(blob, lambda: self._content(blob))

        await together([put(blob) for blob in dict.fromkeys(blobs)])
        self._tell(self._tally.finished(map(_key, blobs)))

    async def _content(self, blob: Blob) -> AsyncIterator[bytes]:
        sent = 0
        async with aclosing(self._here.blob(blob)) as chunks:
            async for chunk in chunks:
                yield chunk
                sent += len(chunk)
                self._tell(self._tally.got(_key(blob), sent))

    def _tell(self, tally: Tally) -> None:
        self._tally = tally
        self._heard(tally.progress)


def _key(blob: Blob) -> str:
    return f"{blob.repository} {blob.digest}"
