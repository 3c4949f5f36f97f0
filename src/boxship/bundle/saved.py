"""What an engine saved, taken apart while it comes: layers compressed into a layout's blobs, and who they belong to.

Source: the docker-archive format (``docker save``): ``manifest.json`` lists configurations and layers by their paths in
the archive; in Docker 20.10 a layer that was there before is a symbolic link, from 25 on it is a blob of an OCI layout.
"""

import asyncio
import hashlib
import io
import os
import posixpath
import queue
import secrets
import tarfile
import tempfile
import zlib
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import IO

import msgspec
from msgspec import Struct

from boxship.errors import EngineError
from boxship.registry.layout import Layout, writing
from boxship.registry.oci import digest_of
from boxship.registry.port import Blob

_SMALL_BYTES = 4 * 1024 * 1024
"""Configurations and manifests, as registries limit them, too; what is larger is a layer."""
_CHUNK_BYTES = 1024 * 1024
_SPOOLED_BYTES = 64 * 1024 * 1024
"""Of a layer, in memory; what is larger goes to the disk until its digest is known."""
_WAITING = 8
"""Chunks between the engine and whoever compresses."""
_GZIP = 31
"""zlib's number for a gzip header; it holds no time and no name, so the same layer gives the same blob."""


class SavedImage(Struct, frozen=True):
    """One image. ``layers``: lowest first, as they travel; ``diff_ids``: the digests of their plain tars."""

    config: bytes
    layers: tuple[Blob, ...]
    diff_ids: tuple[str, ...]

    @property
    def id(self) -> str:
        return digest_of(self.config)


class _Entry(Struct, frozen=True, rename="pascal"):
    config: str
    layers: tuple[str, ...]
    repo_tags: tuple[str, ...] | None = None


class _Stream:
    """A file to read from, filled by a coroutine of another thread."""

    def __init__(self) -> None:
        self._chunks: queue.Queue[bytes | None] = queue.Queue(_WAITING)
        self._rest = b""
        self._is_over = False

    def put(self, chunk: bytes | None) -> None:
        """None ends it. Waits while too much is waiting."""
        self._chunks.put(chunk)

    def read(self, size: int) -> bytes:
        while len(self._rest) < size and not self._is_over:
            chunk = self._chunks.get()
            self._is_over = chunk is None
            self._rest += chunk or b""
        found, self._rest = self._rest[:size], self._rest[size:]
        return found

    def drain(self) -> None:
        """Let whoever fills it come to the end."""
        while not self._is_over:
            self._is_over = self._chunks.get() is None


async def take_apart(archive: AsyncGenerator[bytes, None], layout: Layout) -> Mapping[str, SavedImage]:
    """Reference -> image, for all references that the archive names; the layers are in ``layout`` then.

    Raises: EngineError for what is no such archive, and what the stream itself raises; HostError when the disk refuses.
    """
    stream = _Stream()
    taking = asyncio.ensure_future(asyncio.to_thread(_take_apart, stream, layout))
    try:
        async with aclosing(archive):
            async for chunk in archive:
                await asyncio.to_thread(stream.put, chunk)
    finally:
        await asyncio.to_thread(stream.put, None)
        await asyncio.wait([taking])
        taking.exception()  # what the stream raises is told before it
    return taking.result()


def _take_apart(stream: _Stream, layout: Layout) -> Mapping[str, SavedImage]:
    small: dict[str, bytes] = {}
    layers: dict[str, tuple[str, Blob]] = {}
    packer = _Packer(layout)
    links: dict[str, str] = {}
    try:
        with writing(f"layers into {layout.name}"), tarfile.open(fileobj=stream, mode="r|") as tar:  # type: ignore[call-overload]  # read() is all that a stream is asked for
            for member in tar:
                _take(tar, member, packer, small, layers, links)
    except tarfile.TarError as err:
        raise EngineError(f"what the engine saved can't be read: {err}") from err
    finally:
        stream.drain()
    return _images(small, layers, links, packer)


def _take(
    tar: tarfile.TarFile,
    member: tarfile.TarInfo,
    packer: "_Packer",
    small: dict[str, bytes],
    layers: dict[str, tuple[str, Blob]],
    links: dict[str, str],
) -> None:
    name = posixpath.normpath(member.name)
    if member.issym() or member.islnk():
        folder = posixpath.dirname(name) if member.issym() else ""
        links[name] = posixpath.normpath(posixpath.join(folder, member.linkname))
        return
    content = tar.extractfile(member) if member.isreg() else None
    if content is None:
        return
    if name.endswith(".tar") or member.size > _SMALL_BYTES:
        layers[name] = packer.pack(content)
        return
    # In an OCI layout no name tells a small layer from a configuration; the manifest will.
    small[name] = content.read()


class _Packer:
    """Layers into blobs. One that the layout has of an earlier release is not compressed again: that takes the time."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._known = dict(layout.packed_layers())
        self._folder = layout.blob_path(digest_of(b"")).parent

    def pack(self, content: IO[bytes]) -> tuple[str, Blob]:
        """The layer's diff id, and its blob."""
        self._folder.mkdir(parents=True, exist_ok=True)
        plain = hashlib.sha256()
        with tempfile.SpooledTemporaryFile(_SPOOLED_BYTES, dir=str(self._folder)) as spool:
            while chunk := content.read(_CHUNK_BYTES):
                plain.update(chunk)
                spool.write(chunk)
            diff_id = f"sha256:{plain.hexdigest()}"
            if diff_id not in self._known:
                spool.seek(0)
                self._known[diff_id] = self._compress(spool)
        return diff_id, self._known[diff_id]

    def _compress(self, content: IO[bytes]) -> Blob:
        packed, engine = hashlib.sha256(), zlib.compressobj(wbits=_GZIP)
        half = self._folder / f".{secrets.token_hex(8)}"
        try:
            size_bytes = 0
            with half.open("xb") as file:
                while chunk := content.read(_CHUNK_BYTES):
                    size_bytes += _write(file, packed, engine.compress(chunk))
                size_bytes += _write(file, packed, engine.flush())
                file.flush()
                os.fsync(file.fileno())
            blob = Blob("", f"sha256:{packed.hexdigest()}", size_bytes)
            half.rename(self.layout.blob_path(blob.digest))
        finally:
            half.unlink(missing_ok=True)
        return blob


def _write(file: IO[bytes], packed: "hashlib._Hash", data: bytes) -> int:
    packed.update(data)
    return file.write(data)


def _images(
    small: Mapping[str, bytes], layers: dict[str, tuple[str, Blob]], links: Mapping[str, str], packer: "_Packer"
) -> dict[str, SavedImage]:
    def at(path: str) -> str:
        name = posixpath.normpath(path)
        return links.get(name, name)

    def layer(path: str) -> tuple[str, Blob]:
        name = at(path)
        if name not in layers:
            with writing(f"layers into {packer.layout.name}"):
                layers[name] = packer.pack(io.BytesIO(small[name]))
        return layers[name]

    try:
        entries = msgspec.json.decode(small["manifest.json"], type=tuple[_Entry, ...])
        found: dict[str, SavedImage] = {}
        for entry in entries:
            parts = [layer(path) for path in entry.layers]
            blobs, diff_ids = tuple(blob for _, blob in parts), tuple(diff_id for diff_id, _ in parts)
            image = SavedImage(small[at(entry.config)], blobs, diff_ids)
            found |= dict.fromkeys(entry.repo_tags or (), image)
    except (KeyError, msgspec.DecodeError, msgspec.ValidationError) as err:
        raise EngineError(f"what the engine saved can't be understood: {err}") from err
    return found
