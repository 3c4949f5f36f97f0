"""A folder with repositories: an OCI image layout, which other tools can read as well.

Tags are ``org.opencontainers.image.ref.name`` annotations of the index: ``1.4.2`` for the release, ``web:1.4.2`` for an
image of it. All versions share their blobs. A blob is written beside its place and renamed when it is whole.
Source: OCI image specification 1.1, "Image Layout".
"""

import asyncio
import errno
import fcntl
import hashlib
import os
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from boxship.errors import HostError, NotFoundError, RegistryError
from boxship.registry.oci import (
    INDEX,
    MANIFEST_BYTES,
    REF_NAME,
    Descriptor,
    ImageConfig,
    Index,
    Manifest,
    checked_digest,
    decode,
    digest_of,
    is_digest,
    verified,
)
from boxship.registry.port import Blob

_MARKER, _INDEX, _BLOBS = "oci-layout", "index.json", "blobs/sha256"
_MARK = b'{"imageLayoutVersion":"1.0.0"}'
_CHUNK_BYTES = 1024 * 1024
_INDEX_BYTES = 16 * 1024 * 1024


class Layout:
    """Implements ``Repositories``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def name(self) -> str:
        return f"dir:{self._folder}"

    def blob_path(self, digest: str) -> Path:
        """Where the blob of that digest is, or would be. Raises: RegistryError for what is no digest."""
        return self._folder / _BLOBS / checked_digest(digest, self.name).removeprefix("sha256:")

    def is_there(self) -> bool:
        """Whether there is a folder at all."""
        return self._folder.is_dir()

    async def tags(self, repository: str) -> tuple[str, ...]:
        index = await asyncio.to_thread(self._read_index)
        names = (each.annotations.get(REF_NAME, "") for each in index.manifests)
        pairs = (name.rpartition(":") for name in names if name)
        return tuple(tag for found, _, tag in pairs if found == repository)

    async def manifest(self, repository: str, reference: str) -> bytes:
        return await asyncio.to_thread(self._manifest, repository, reference)

    def _manifest(self, repository: str, reference: str) -> bytes:
        named = f"{repository}:{reference}".removeprefix(":")
        digest = reference
        if not is_digest(reference):
            listed = {each.annotations.get(REF_NAME): each.digest for each in self._read_index().manifests}
            if named not in listed:
                raise NotFoundError(f"there is no {named} in {self.name}", hint="list what there is")
            digest = listed[named]
        data = self._read_small(self.blob_path(digest), MANIFEST_BYTES, f"{named} in {self.name}")
        return verified(data, digest, f"{named} in {self.name}")

    async def blob(self, blob: Blob, *, start: int = 0) -> AsyncGenerator[bytes, None]:
        what = f"{blob} in {self.name}"
        with _told(what):
            descriptor = await asyncio.to_thread(_open, self.blob_path(blob.digest), what)
        with os.fdopen(descriptor, "rb") as file:
            if os.fstat(descriptor).st_size != blob.size_bytes:
                raise RegistryError(f"{what} is not {blob.size_bytes} bytes long", hint="the folder is damaged")
            with _told(what):
                file.seek(start)
                while chunk := await asyncio.to_thread(file.read, _CHUNK_BYTES):
                    yield chunk

    async def has_blob(self, repository: str, digest: str) -> bool:
        return self.blob_path(digest).is_file()

    async def put_blob(self, blob: Blob, content: Callable[[], AsyncIterator[bytes]]) -> None:
        if await self.has_blob(blob.repository, blob.digest):
            return
        await self.write_blob(content(), expected=blob.digest)

    async def write_blob(self, content: AsyncIterator[bytes], *, expected: str = "") -> Blob:
        """Put what comes under its digest. Raises: RegistryError when ``expected`` is another; HostError."""
        half = self._folder / _BLOBS / f".{secrets.token_hex(8)}"
        what = f"a blob into {self.name}"
        digest, size_bytes = hashlib.sha256(), 0
        try:
            with writing(what):
                await asyncio.to_thread(half.parent.mkdir, parents=True, exist_ok=True)
                with half.open("xb") as file:
                    async for chunk in content:
                        await asyncio.to_thread(file.write, chunk)
                        digest.update(chunk)
                        size_bytes += len(chunk)
                    await asyncio.to_thread(_settle, file.fileno())
                found = f"sha256:{digest.hexdigest()}"
                if expected and found != expected:
                    raise RegistryError(f"{expected[:19]}... was to be written, and {found[:19]}... came")
                half.rename(self.blob_path(found))
        finally:
            half.unlink(missing_ok=True)
        return Blob("", found, size_bytes)

    async def put_manifest(self, repository: str, tag: str, data: bytes, media_type: str) -> None:
        await asyncio.to_thread(self._put_manifest, f"{repository}:{tag}".removeprefix(":"), data, media_type)

    def _put_manifest(self, name: str, data: bytes, media_type: str) -> None:
        made = Descriptor(media_type, digest_of(data), len(data), {REF_NAME: name})
        with writing(f"{name} into {self.name}"):
            self.blob_path(made.digest).parent.mkdir(parents=True, exist_ok=True)
            write_whole(self.blob_path(made.digest), data)
            write_whole(self._folder / _MARKER, _MARK)
            with _locked(self._folder):
                index = self._read_index()
                others = (each for each in index.manifests if each.annotations.get(REF_NAME) != name)
                manifests = tuple(
                    sorted((*others, made), key=lambda each: (each.annotations.get(REF_NAME, ""), each.digest))
                )
                written = Index(schema_version=2, media_type=INDEX, manifests=manifests)
                write_whole(self._folder / _INDEX, msgspec.json.encode(written, order="sorted"))

    def packed_layers(self) -> Mapping[str, Blob]:
        """Diff id -> blob of the layers of all images that are here. Blocks. What can't be read is not among them."""
        found: dict[str, Blob] = {}
        for listed in self._read_index().manifests:
            with suppress(HostError, NotFoundError, RegistryError, msgspec.DecodeError, msgspec.ValidationError):
                what = f"{listed.digest} in {self.name}"
                data = self._read_small(self.blob_path(listed.digest), MANIFEST_BYTES, what)
                manifest = msgspec.json.decode(data, type=Manifest)
                config = self._read_small(self.blob_path(manifest.config.digest), MANIFEST_BYTES, what)
                diff_ids = msgspec.json.decode(config, type=ImageConfig).rootfs.diff_ids
                for diff_id, layer in zip(diff_ids, manifest.layers, strict=False):
                    if self.blob_path(layer.digest).is_file():
                        found[diff_id] = Blob("", layer.digest, layer.size)
        return found

    async def close(self) -> None:
        """Nothing is kept open."""

    def _read_index(self) -> Index:
        try:
            data = self._read_small(self._folder / _INDEX, _INDEX_BYTES, f"the index of {self.name}")
        except NotFoundError:
            if self._folder.is_dir():
                return Index(schema_version=2)
            raise RegistryError(f"{self.name} is no folder", hint="check the path; is the medium there?") from None
        return decode(data, Index, f"the index of {self.name}")

    def _read_small(self, path: Path, most_bytes: int, what: str) -> bytes:
        with _told(what), os.fdopen(_open(path, what), "rb") as file:
            data = file.read(most_bytes + 1)
        if len(data) > most_bytes:
            raise RegistryError(f"{what} is longer than {most_bytes} bytes")
        return data


def _open(path: Path, what: str) -> int:
    """Only a file that lies there itself: the folder may come from anywhere."""
    try:
        return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise NotFoundError(f"there is no {what}", hint="the folder is not complete, or another") from None


@contextmanager
def _told(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as err:
        raise RegistryError(
            f"{what} can't be read: {(err.strerror or str(err)).lower()}", hint="is the medium there?"
        ) from err


@contextmanager
def writing(what: str) -> Iterator[None]:
    """Turns what a disk refuses into a HostError that names ``what``."""
    try:
        yield
    except OSError as err:
        hint = (
            "make room, then run it again: what is whole is kept" if err.errno in (errno.ENOSPC, errno.EDQUOT) else ""
        )
        raise HostError(f"cannot write {what}: {(err.strerror or str(err)).lower()}", hint=hint) from err


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Two writers would lose one of their tags. The lock is the folder itself, so nothing is left of it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def write_whole(path: Path, data: bytes) -> None:
    """Put ``data`` there, or leave what was there."""
    half = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with half.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        half.rename(path)
        sync_folder(path.parent)
    finally:
        half.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Let the names in it survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with suppress(OSError):  # some media can't do it for folders
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _settle(descriptor: int) -> None:
    os.fsync(descriptor)
