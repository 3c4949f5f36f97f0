"""The OCI image specification's documents as records, as far as a release needs them.

Source: OCI image specification 1.1, "Image Manifest", "Content Descriptors", "Image Layout"; distribution
specification 1.1. Docker's own manifests (schema 2) have the same form under other media types.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import TypeVar

import msgspec
from msgspec import Struct, field

from boxship.errors import RegistryError

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER_GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"
REF_NAME = "org.opencontainers.image.ref.name"
TITLE, VERSION = "org.opencontainers.image.title", "org.opencontainers.image.version"
CREATED, REVISION = "org.opencontainers.image.created", "org.opencontainers.image.revision"
MANIFEST_BYTES = 4 * 1024 * 1024
"""What registries take at most, too."""
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
T = TypeVar("T")


class Descriptor(Struct, frozen=True, rename="camel", omit_defaults=True):
    """Points to content: what it is, its digest and its size in bytes."""

    media_type: str
    digest: str
    size: int
    annotations: Mapping[str, str] = field(default_factory=dict)


class Manifest(Struct, frozen=True, rename="camel", omit_defaults=True, kw_only=True):
    """An image, or anything else that has a configuration and layers."""

    schema_version: int
    media_type: str = ""
    config: Descriptor
    layers: tuple[Descriptor, ...] = ()
    annotations: Mapping[str, str] = field(default_factory=dict)


class Index(Struct, frozen=True, rename="camel", omit_defaults=True, kw_only=True):
    """A list of manifests."""

    schema_version: int
    media_type: str = ""
    manifests: tuple[Descriptor, ...] = ()
    annotations: Mapping[str, str] = field(default_factory=dict)


class Rootfs(Struct, frozen=True):
    """``diff_ids``: the digests of the layers' plain tars, lowest first."""

    diff_ids: tuple[str, ...] = ()


class ImageConfig(Struct, frozen=True):
    """Of an image's configuration, what tells its layers and the machines that can run it."""

    rootfs: Rootfs = Rootfs()
    architecture: str = ""


def make_manifest(config: Descriptor, layers: tuple[Descriptor, ...], annotations: Mapping[str, str]) -> bytes:
    """Its canonical bytes: the same input gives the same digest."""
    made = Manifest(schema_version=2, media_type=MANIFEST, config=config, layers=layers, annotations=annotations)
    return msgspec.json.encode(made, order="sorted")


def decode(data: bytes, kind: type[T], what: str) -> T:
    """The record. Raises: RegistryError naming ``what`` when it is none."""
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError) as err:
        raise RegistryError(f"{what} can't be read: {err}", hint="it was not written by Boxship, or damaged") from err


def digest_of(data: bytes) -> str:
    """``sha256:...``."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def is_digest(text: str) -> bool:
    """Whether it is a SHA-256 digest; there are no others here."""
    return _DIGEST.fullmatch(text) is not None


def checked_digest(text: str, what: str) -> str:
    """The digest itself. Raises: RegistryError when it is none, as it may become a file's name."""
    if not is_digest(text):
        raise RegistryError(f"{what} names '{text[:80]}', which is no SHA-256 digest")
    return text


def verified(data: bytes, digest: str, what: str) -> bytes:
    """The bytes themselves. Raises: RegistryError when they are others than the digest says."""
    found = digest_of(data)
    if found != digest:
        raise RegistryError(
            f"{what} has the digest {found[:19]}..., and {digest[:19]}... was asked for",
            hint="the source is damaged or serves something else; nothing of it was taken",
        )
    return data
