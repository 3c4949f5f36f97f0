"""Where releases come from, as a port: a registry, or a folder in the form of an OCI image layout."""

from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

from boxship.engine.port import ImageEngine, PullProgress
from boxship.spec.release import Release


class Layer(NamedTuple):
    """A layer as it travels: the digest and size of its compressed form."""

    digest: str
    size_bytes: int


class ReleaseSource(Protocol):
    """One place with releases of one appliance."""

    @property
    def name(self) -> str:
        """What it is called in state and messages: ``registry.example.com/share``, ``dir:/media/usb``."""

    async def versions(self) -> tuple[str, ...]:
        """All versions, the oldest first, by the rules of semantic versions. Raises: RegistryError."""

    async def fetch(self, version: str, into: Path) -> Release:
        """Write the release's record and files below the new folder ``into``; every digest was verified.

        Raises: NotFoundError for a version that isn't there; RegistryError.
        """

    async def layers(self, release: Release) -> Mapping[str, tuple[Layer, ...]]:
        """Image name -> its layers, lowest first. Raises: RegistryError."""

    def provide(self, release: Release, image: str, engine: ImageEngine) -> AsyncGenerator[PullProgress, None]:
        """Bring one image into the engine, under its own id and its ``reference``.

        Raises: RegistryError, also when what came is another image than the release names; it is removed again.
        """
