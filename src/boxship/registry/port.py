"""Where images and releases lie, as a port: content by digest, and tags. A registry has it, and so has a folder.

Repositories are relative to the place: "" is the place's own (``registry.example.com/share``), ``web`` one below it.
Contract tests hold the registry's client and the folder to this.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import NamedTuple, Protocol


class Blob(NamedTuple):
    """Some bytes by their digest (``sha256:...``). ``repository``: where they may be asked for."""

    repository: str
    digest: str
    size_bytes: int

    def __str__(self) -> str:
        return f"{self.digest[:19]} of {self.repository or 'the release'}"


class Repositories(Protocol):
    """One place. What is read is held to the sizes that were told before, and small things to a limit."""

    @property
    def name(self) -> str:
        """What it is called in messages: ``registry.example.com/share``, ``dir:/media/usb``."""

    async def tags(self, repository: str) -> tuple[str, ...]:
        """In no order; none of a repository that isn't there. Raises: RegistryError."""

    async def manifest(self, repository: str, reference: str) -> bytes:
        """By tag, or by digest, which is verified. Raises: NotFoundError; RegistryError."""

    def blob(self, blob: Blob, *, start: int = 0) -> AsyncGenerator[bytes, None]:
        """Its bytes from ``start`` to its end; a broken connection is taken up where it broke. Verify the digest.

        Raises: NotFoundError; RegistryError, also when what comes is shorter or longer than ``size_bytes``.
        """

    async def has_blob(self, repository: str, digest: str) -> bool:
        """Raises: RegistryError."""

    async def put_blob(self, blob: Blob, content: Callable[[], AsyncIterator[bytes]]) -> None:
        """Bring it there; nothing is sent when it is there already. ``content`` is called for each attempt.

        Raises: RegistryError, also when the content is not what the digest says.
        """

    async def put_manifest(self, repository: str, tag: str, data: bytes, media_type: str) -> None:
        """Last of all: whoever sees the tag finds everything that the manifest speaks of. Raises: RegistryError."""

    async def close(self) -> None:
        """Give up the connections."""
