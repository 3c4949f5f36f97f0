"""A release made: its files, its images under one version, and the record that names all of them by digest."""

from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping
from datetime import datetime
from typing import Protocol

import msgspec
from msgspec import Struct

from boxship.bundle.media import FILES, RECORD, RELEASE_REPOSITORY, annotations_of
from boxship.bundle.prepare import Prepared
from boxship.bundle.saved import SavedImage, take_apart
from boxship.engine.port import ImageHistory
from boxship.errors import ImageMissingError, PreconditionError
from boxship.plan.containers import image_reference
from boxship.registry.layout import Layout
from boxship.registry.oci import (
    CONFIG,
    LAYER_GZIP,
    MANIFEST,
    TITLE,
    Descriptor,
    ImageConfig,
    Manifest,
    decode,
    digest_of,
    make_manifest,
)
from boxship.registry.port import Blob, Repositories
from boxship.spec.model import Appliance, Service
from boxship.spec.model_release import Rules
from boxship.spec.release import FORMAT, PLATFORM, Release, ReleaseImage, decode_release, encode_release
from boxship.spec.versions import sort_versions, version_problem


class CreateEngine(Protocol):
    """What making a release needs of an engine."""

    async def image_history(self, reference: str) -> ImageHistory: ...

    async def tag_image(self, reference: str, new_reference: str) -> None: ...

    def save_images(self, references: Collection[str]) -> AsyncGenerator[bytes, None]: ...


class Order(Struct, frozen=True):
    """What is to be made. ``platform``: reference of the image of Loader, Config and CA; "" for none."""

    appliance: Appliance
    version: str
    services: tuple[Service, ...]
    prepared: Prepared
    rules: Rules
    created_at: datetime
    platform: str = ""
    revision: str = ""


def check_order(appliance: Appliance, version: str, services: Collection[Service]) -> None:
    """What can be refused before anything is read. Raises: PreconditionError."""
    reasons = [problem] if (problem := version_problem(version)) else []
    if any(service.name == PLATFORM for service in services):
        reasons.append(f"a service is called '{PLATFORM}', as is the image of the Loader: rename it")
    if not services:
        reasons.append("no service of it has an image: nothing would run")
    if reasons:
        raise PreconditionError(f"{appliance.name} {version} can't become a release", reasons=reasons)


async def create_release(order: Order, engine: CreateEngine, layout: Layout) -> Release:
    """Write the release into a folder; its tag comes last, so that nobody sees half of one.

    Every image gets the tag ``<appliance>/<service>:<version>`` on this engine, too.

    Raises:
        PreconditionError: An image of a service is not here; the reasons name all that are missing.
        EngineError: The engine does not hand them out.
        HostError: The disk refuses.
    """
    sizes = await _tag_all(order, engine)
    references = {name: _own_reference(order, name) for name in sizes}
    saved = await take_apart(engine.save_images(tuple(references.values())), layout)
    images = {name: saved[reference] for name, reference in references.items()}
    manifests = {name: await _put_image(name, order.version, image, layout) for name, image in images.items()}
    foreign = {service.name for service in order.services if service.platform is not None}
    released = {
        name: _released(references[name], image, sizes[name], is_foreign=name in foreign)
        for name, image in images.items()
    }
    record, files = encode_release(_release(order, released)), order.prepared.archive
    release = decode_release(record)
    for data in (record, files):
        await layout.put_blob(_blob(data), _Once(data))
    manifest = make_manifest(
        Descriptor(RECORD, digest_of(record), len(record)),
        (Descriptor(FILES, digest_of(files), len(files)),),
        annotations_of(release, manifests),
    )
    await layout.put_manifest(RELEASE_REPOSITORY, order.version, manifest, MANIFEST)
    return release


async def check_place(appliance: str, version: str, place: Repositories, *, replaces: bool) -> None:
    """A place has the releases of one appliance, and a release never changes.

    Raises: PreconditionError when ``place`` has another appliance's, or this version already; RegistryError.
    """
    versions = sort_versions(await place.tags(RELEASE_REPOSITORY))
    if versions:
        newest = await place.manifest(RELEASE_REPOSITORY, versions[-1])
        found = decode(newest, Manifest, f"{versions[-1]} at {place.name}").annotations.get(TITLE, "something else")
        if found != appliance:
            raise PreconditionError(f"{place.name} has releases of {found}", hint="give each appliance its own place")
    if version in versions and not replaces:
        raise PreconditionError(
            f"{version} is at {place.name} already, and a release never changes",
            hint="give it another version, or take its place with --replace while nobody has it",
        )


def _own_reference(order: Order, name: str) -> str:
    return f"{order.appliance.name}/{name}:{order.version}"


async def _tag_all(order: Order, engine: CreateEngine) -> Mapping[str, int]:
    """Name -> size in bytes of every image, which then has the release's tag."""
    wanted = {PLATFORM: order.platform} if order.platform else {}
    wanted |= {service.name: image_reference(order.appliance.name, service) for service in order.services}
    found: dict[str, int] = {}
    missing: list[str] = []
    for name, reference in wanted.items():
        try:
            found[name] = (await engine.image_history(reference)).size_bytes
        except ImageMissingError:
            missing.append(f"{name} needs {reference}, which is not on this machine: build or pull it")
    if missing:
        raise PreconditionError(f"{order.appliance.name} {order.version} lacks images", reasons=missing)
    for name, reference in wanted.items():
        await engine.tag_image(reference, _own_reference(order, name))
    return found


async def _put_image(name: str, version: str, image: SavedImage, layout: Layout) -> str:
    """The digest of the image's manifest."""
    await layout.put_blob(_blob(image.config), _Once(image.config))
    layers = tuple(Descriptor(LAYER_GZIP, blob.digest, blob.size_bytes) for blob in image.layers)
    manifest = make_manifest(Descriptor(CONFIG, image.id, len(image.config)), layers, {})
    await layout.put_manifest(name, version, manifest, MANIFEST)
    return digest_of(manifest)


def _released(reference: str, image: SavedImage, size_bytes: int, *, is_foreign: bool) -> ReleaseImage:
    architecture = decode(image.config, ImageConfig, f"the configuration of {reference}").architecture
    return ReleaseImage(reference, image.id, image.diff_ids, size_bytes, "" if is_foreign else architecture)


def _release(order: Order, images: Mapping[str, ReleaseImage]) -> Release:
    prepared = order.prepared
    return Release(
        appliance=order.appliance.name,
        version=order.version,
        services={name: image for name, image in images.items() if name != PLATFORM},
        files=prepared.files,
        platform=images.get(PLATFORM),
        reading=prepared.reading,
        rules=order.rules,
        created_at=order.created_at.isoformat(timespec="seconds"),
        revision=order.revision,
        format=FORMAT,
        spec_digest=digest_of(msgspec.json.encode(prepared.files, order="deterministic")),
    )


def _blob(data: bytes) -> Blob:
    return Blob(RELEASE_REPOSITORY, digest_of(data), len(data))


class _Once:
    """Bytes as the content that ``put_blob`` asks for."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    async def __call__(self) -> AsyncIterator[bytes]:
        yield self._data
