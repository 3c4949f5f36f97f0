"""One image to build, and all that is known of it before a builder is asked."""

from collections.abc import Mapping

from msgspec import Struct

from boxship.build.buildkit import Extras
from boxship.build.context import Source
from boxship.build.dockerfile import Dockerfile
from boxship.build.graph import ImageBuild
from boxship.engine.port import BuildRequest
from boxship.spec.model import Build


class Job(Struct, frozen=True):
    """``address`` begins the messages. ``stamps``: those of the request's labels that don't decide what is in it."""

    image: ImageBuild
    build: Build
    address: str
    source: Source
    dockerfile: Dockerfile
    request: BuildRequest
    stamps: Mapping[str, str]
    extras: Extras
    buildkit: tuple[str, str] | None
    """The place and the thing that want BuildKit, as two halves of a sentence; None is the engine's own builder."""
