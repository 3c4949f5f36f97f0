"""Blobs on their way to the engine: fetched to a folder, taken up where they broke off, whole only when verified."""

import asyncio
import hashlib
import os
from collections.abc import AsyncGenerator, Callable, Collection
from contextlib import aclosing
from pathlib import Path
from typing import Protocol

from boxship.errors import RegistryError
from boxship.registry.layout import writing
from boxship.registry.port import Blob
from boxship.units import format_size

_PARTIAL = ".partial"
_READ_BYTES = 1024 * 1024


class Reading(Protocol):
    """How a source is read."""

    def __call__(self, blob: Blob, *, start: int = 0) -> AsyncGenerator[bytes, None]: ...


class BlobShelf:
    """One folder. ``<hex>.partial`` is the beginning of a blob, ``<hex>`` the whole of it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, digest: str) -> Path:
        """Where a whole one is."""
        return self._folder / digest.removeprefix("sha256:")

    def here_bytes(self, blob: Blob) -> int:
        """How much of it is here from an earlier try."""
        for path in (self.path(blob.digest), self._partial(blob.digest)):
            if path.is_file():
                return min(path.stat().st_size, blob.size_bytes)
        return 0

    async def fetch(self, blob: Blob, read: Reading, heard: Callable[[str, int], None]) -> Path:
        """Have the whole blob, and tell ``heard`` its digest and how much of it is here each time more came.

        What came is kept when it is cut off. A blob that turns out to be another is thrown away and fetched anew once.

        Raises: RegistryError, NotFoundError; HostError when the disk refuses.
        """
        path = self.path(blob.digest)
        if not path.is_file():
            try:
                await self._fetch(blob, read, heard)
            except _OtherContentError as err:
                if not err.had_beginning:
                    raise
                await self._fetch(blob, read, heard)  # what had come earlier was the wrong part, perhaps
        heard(blob.digest, blob.size_bytes)
        return path

    async def _fetch(self, blob: Blob, read: Reading, heard: Callable[[str, int], None]) -> None:
        partial = self._partial(blob.digest)
        with writing(f"{blob} ({format_size(blob.size_bytes)}) to {self._folder}"):
            await asyncio.to_thread(self._folder.mkdir, parents=True, exist_ok=True)
            with partial.open("ab") as file:
                if file.tell() > blob.size_bytes:
                    file.truncate(0)
                start = file.tell()
                digest = await asyncio.to_thread(_digest_of, partial, start)
                size_bytes = start
                async with aclosing(read(blob, start=start)) as chunks:
                    async for chunk in chunks:
                        file.write(chunk)
                        digest.update(chunk)
                        size_bytes += len(chunk)
                        heard(blob.digest, size_bytes)
                file.flush()
                await asyncio.to_thread(os.fsync, file.fileno())
            if f"sha256:{digest.hexdigest()}" != blob.digest:
                partial.unlink()
                raise _OtherContentError(blob, had_beginning=start > 0)
            partial.rename(self.path(blob.digest))

    def drop(self, digests: Collection[str]) -> None:
        """These are in the engine now. What was never fetched is no matter."""
        for digest in digests:
            self.path(digest).unlink(missing_ok=True)

    def keep_only(self, digests: Collection[str]) -> None:
        """Take away what no release that is to be fetched needs."""
        kept = {digest.removeprefix("sha256:") for digest in digests}
        for path in self._folder.iterdir() if self._folder.is_dir() else ():
            if path.name.removesuffix(_PARTIAL) not in kept:
                path.unlink(missing_ok=True)

    def _partial(self, digest: str) -> Path:
        return self._folder / (digest.removeprefix("sha256:") + _PARTIAL)


class _OtherContentError(RegistryError):
    def __init__(self, blob: Blob, *, had_beginning: bool) -> None:
        super().__init__(
            f"{blob} is not what its digest says",
            hint="the source is damaged or serves something else; nothing was taken",
        )
        self.had_beginning = had_beginning


def _digest_of(path: Path, size_bytes: int) -> "hashlib._Hash":
    digest = hashlib.sha256()
    left = size_bytes
    with path.open("rb") as file:
        while left and (chunk := file.read(min(left, _READ_BYTES))):
            digest.update(chunk)
            left -= len(chunk)
    return digest
