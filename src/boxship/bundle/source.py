"""Where releases come from: one place with the versions of one appliance, in a registry or in a folder.

Everything that is told of a release was verified: the record against the manifest that names it, the images' manifests
against the record. What is large is only named here, with its digest and size; ``bundle.pull`` fetches it.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from pathlib import Path

import msgspec
from msgspec import Struct

from boxship.bundle.media import FILES, FILES_BYTES, IMAGE_PREFIX, RECORD, RECORD_BYTES, RELEASE_REPOSITORY
from boxship.bundle.together import together
from boxship.clock import Clock
from boxship.errors import NotFoundError, RegistryError
from boxship.logins import Logins
from boxship.registry.address import parse_source
from boxship.registry.backoff import ATTEMPTS
from boxship.registry.layout import Layout
from boxship.registry.oci import Descriptor, Manifest, checked_digest, decode, is_digest, verified
from boxship.registry.port import Blob, Repositories
from boxship.registry.trust import Trust
from boxship.spec.release import FORMAT, Release, ReleaseImage, decode_release
from boxship.spec.versions import LATEST, newest, sort_versions, version_problem

_AT_ONCE = 4


class ImageContent(Struct, frozen=True):
    """What one image is made of, as it travels. ``layers``: lowest first, compressed."""

    config: Blob
    layers: tuple[Blob, ...]

    @property
    def blobs(self) -> tuple[Blob, ...]:
        return (self.config, *self.layers)


class Offer(Struct, frozen=True):
    """A release as a source offers it. ``images``: by name, in the order to fetch them: the platform's first."""

    release: Release
    files: Blob
    images: Mapping[str, ImageContent]


class ReleaseSource:
    """The releases of one place."""

    def __init__(self, place: Repositories) -> None:
        self._place = place

    @property
    def name(self) -> str:
        """What it is called in state and messages: ``registry.example.com/share``, ``dir:/media/usb``."""
        return self._place.name

    async def versions(self) -> tuple[str, ...]:
        """All versions, the oldest first; before them those that aren't semantic. Raises: RegistryError."""
        return sort_versions(tag for tag in await self._place.tags(RELEASE_REPOSITORY) if not version_problem(tag))

    async def resolve(self, version: str) -> str:
        """``latest`` and "" as the newest version that is no pre-release. Raises: NotFoundError when there is none."""
        if version not in ("", LATEST):
            return version
        found = newest(await self.versions())
        if not found:
            raise NotFoundError(f"there are no releases at {self.name}", hint="is it the right place?")
        return found

    async def offer(self, version: str) -> Offer:
        """One version. Raises: NotFoundError for one that isn't there; RegistryError for what doesn't fit together."""
        what = f"release {version} at {self.name}"
        data = await self._place.manifest(RELEASE_REPOSITORY, version)
        manifest = decode(data, Manifest, what)
        record, files = _parts_of(manifest, what)
        release = await self._record(record, version, what)
        named = {
            key[len(IMAGE_PREFIX) :]: value
            for key, value in manifest.annotations.items()
            if key.startswith(IMAGE_PREFIX)
        }
        at_once = asyncio.Semaphore(_AT_ONCE)

        async def content(name: str, image: ReleaseImage) -> ImageContent:
            async with at_once:
                return await self._image(name, image, named.get(name, ""), what)

        wanted = release.images()
        found = await together([content(name, image) for name, image in wanted.items()])
        return Offer(release, _blob_of(files, RELEASE_REPOSITORY, what), dict(zip(wanted, found, strict=True)))

    def read(self, blob: Blob, *, start: int = 0) -> AsyncGenerator[bytes, None]:
        """A blob's bytes, not verified yet. Raises: NotFoundError, RegistryError."""
        return self._place.blob(blob, start=start)

    async def close(self) -> None:
        """Give up the connections."""
        await self._place.close()

    async def _record(self, descriptor: Descriptor, version: str, what: str) -> Release:
        blob = _blob_of(descriptor, RELEASE_REPOSITORY, what)
        async with aclosing(self._place.blob(blob)) as chunks:
            data = b"".join([chunk async for chunk in chunks])
        data = verified(data, descriptor.digest, f"the record of {what}")
        try:
            release = decode_release(data)
        except (msgspec.DecodeError, msgspec.ValidationError) as err:
            raise RegistryError(f"the record of {what} can't be read: {err}", hint=_NEWER) from err
        if release.format > FORMAT:
            raise RegistryError(
                f"{what} has the format {release.format}, and {FORMAT} is the newest known", hint=_NEWER
            )
        if release.version != version:
            raise RegistryError(f"{what} is {release.version} by its record", hint="somebody moved the tag")
        return release

    async def _image(self, name: str, image: ReleaseImage, digest: str, what: str) -> ImageContent:
        if not is_digest(digest):
            raise RegistryError(f"{what} does not say where its image {name} is", hint="create it again")
        manifest = decode(await self._place.manifest(name, digest), Manifest, f"image {name} of {what}")
        if manifest.config.size > RECORD_BYTES:
            raise RegistryError(f"the configuration of image {name} of {what} is larger than one may be")
        if manifest.config.digest != image.id or len(manifest.layers) != len(image.diff_ids):
            raise RegistryError(
                f"image {name} of {what} is another than its record says", hint="nothing of it was taken"
            )
        config, *layers = (
            _blob_of(each, name, f"image {name} of {what}") for each in (manifest.config, *manifest.layers)
        )
        return ImageContent(config, tuple(layers))


_NEWER = "a newer Boxship may know it"


def _parts_of(manifest: Manifest, what: str) -> tuple[Descriptor, Descriptor]:
    config, layers = manifest.config, manifest.layers
    if config.media_type != RECORD or len(layers) != 1 or layers[0].media_type != FILES:
        raise RegistryError(f"{what} is no release of Boxship", hint="is it the right repository?")
    if config.size > RECORD_BYTES or layers[0].size > FILES_BYTES:
        raise RegistryError(f"{what} is larger than a release may be")
    return config, layers[0]


def _blob_of(descriptor: Descriptor, repository: str, what: str) -> Blob:
    if descriptor.size < 0:
        raise RegistryError(f"{what} tells a size below 0")
    return Blob(repository, checked_digest(descriptor.digest, what), descriptor.size)


def open_place(
    text: str, logins: Logins, clock: Clock, trust: Trust | None = None, *, attempts: int = ATTEMPTS
) -> Repositories:
    """A registry's repository or a folder (``dir:/media/usb``). Raises: UsageError for what is neither; HostError."""
    address = parse_source(text)
    if isinstance(address, Path):
        return Layout(address)
    # httpx and what it brings (rich and pygments among it) are 7 MB of a Loader, and most never ask a registry.
    from boxship.registry.client import Registry  # noqa: PLC0415 (see above)
    from boxship.registry.session import Session  # noqa: PLC0415 (see above)

    return Registry(Session(address, logins, trust or Trust()), clock, attempts=attempts)


def open_source(text: str, logins: Logins, clock: Clock, trust: Trust | None = None) -> ReleaseSource:
    """As ``open_place``, for reading releases."""
    return ReleaseSource(open_place(text, logins, clock, trust))
