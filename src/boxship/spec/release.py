"""A release: everything of one version of an appliance, by digest. It never changes; its id is its own digest.

It lies in two parts: the record below, and the files that the vendor wrote (Compose, appliance.yaml, what they refer
to), under the same relative paths, with the variables of the vendor's environment that they use fixed in a file of
their own. So a box reads a release as the vendor's machine read it, whatever its own environment is.
"""

import hashlib
from collections.abc import Mapping

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from boxship.spec.model_release import DataCompat, Rules

__all__ = [
    "FORMAT",
    "PLATFORM",
    "DataCompat",
    "Reading",
    "Release",
    "ReleaseFile",
    "ReleaseImage",
    "Rules",
    "decode_release",
    "encode_release",
]

FORMAT = 1
"""Of the record. A Loader reads every format up to its own."""
PLATFORM = "platform"
"""The name of the platform image among a release's images: no service may take it, as services are listed apart."""


class Reading(Struct, frozen=True, omit_defaults=True):
    """How the files of a release are read: what the command line that made it said, relative to the files' folder.

    ``directory``: where the reading begins. ``files``: what ``-f`` named; empty: found as usual. ``env_files``: all
    that give variables; the last one wins, and holds what the vendor's own environment gave.
    """

    directory: str = "."
    files: tuple[str, ...] = ()
    env_files: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    is_lax: bool = False


class ReleaseImage(Struct, frozen=True, omit_defaults=True):
    """``id`` is its config digest (``sha256:...``); ``diff_ids`` the digests of its layers' tars, lowest first.

    ``reference`` is what people call it (``share/web:1.4.2``). ``size_bytes``: unpacked, all layers. ``architecture``:
    which machines can run it (``amd64``); "" for any, also where the files name a platform and so know better.
    """

    reference: str
    id: str
    diff_ids: tuple[str, ...] = ()
    size_bytes: int = 0
    architecture: str = ""


class ReleaseFile(Struct, frozen=True, omit_defaults=True):
    """One of the files. Exactly one of ``digest`` (``sha256:...`` of its content) and ``link`` says what it is.

    With neither it is an empty folder. ``mode``: 0644, 0755, or 0600 where the vendor let nobody else read it.
    """

    digest: str = ""
    size_bytes: int = 0
    mode: int = 0o644
    link: str = ""
    """A symbolic link's target, relative and inside of the release."""


class Release(Struct, frozen=True, omit_defaults=True):
    """The record. ``services``: service -> its image. ``files``: by relative path.

    ``platform`` is the image of Loader, Config and CA; None where the box's own stays. ``created_at``: RFC 3339, UTC.
    """

    appliance: str
    version: str
    services: Mapping[str, ReleaseImage]
    files: Mapping[str, ReleaseFile]
    platform: ReleaseImage | None = None
    reading: Reading = Reading()
    rules: Rules = Rules()
    created_at: str = ""
    revision: str = ""
    """The commit of the vendor's sources, "" when not known."""
    spec_digest: str = ""
    """Of the files alone: sha256 over the canonical ``files``."""
    format: int = 1
    """What is not said is 1, whatever ``FORMAT`` will be."""
    labels: Mapping[str, str] = field(default_factory=dict)
    raw: bytes = b""
    """The record as it was read, "" for one that was not: what a newer Boxship has put into it, and this one doesn't
    know, belongs to it."""

    @property
    def id(self) -> str:
        """``sha256:...`` over the record."""
        return f"sha256:{hashlib.sha256(encode_release(self)).hexdigest()}"

    def images(self) -> dict[str, ReleaseImage]:
        """Name -> image: those of the services, and the platform's."""
        platform = {} if self.platform is None else {PLATFORM: self.platform}
        return {**platform, **self.services}


def encode_release(release: Release) -> bytes:
    """The record: as it was read, else the canonical one, which is JSON with sorted keys, no spaces and no defaults."""
    return release.raw or msgspec.json.encode(release, order="deterministic")


def decode_release(data: bytes) -> Release:
    """Raises: msgspec.DecodeError, msgspec.ValidationError for what is none."""
    return replace(msgspec.json.decode(data, type=Release), raw=data)
