"""A docker-archive made on the way to the engine: no second copy of the layers on the disk.

Layers stay compressed, as the engine unpacks them itself and holds them to the image's diff ids. Those that it has need
no content in the archive, only their names (measured on Docker 20.10.24; the engine's contract tests hold it to that).
"""

import asyncio
import json
import tarfile
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

_READ_BYTES = 1024 * 1024
_END = b"\0" * (2 * tarfile.BLOCKSIZE)


async def docker_archive(
    config: bytes, image_id: str, diff_ids: Sequence[str], layers: Mapping[str, Path], reference: str
) -> AsyncIterator[bytes]:
    """The archive of one image.

    Args:
        config: The image's configuration.
        image_id: Its digest.
        diff_ids: Of all layers, lowest first.
        layers: Diff id -> the layer's file, for those that the engine shall be given.
        reference: The tag that the image gets.
    """
    config_name = f"{image_id.removeprefix('sha256:')}.json"
    names = [f"{diff_id.removeprefix('sha256:')}/layer.tar" for diff_id in diff_ids]
    manifest = json.dumps([{"Config": config_name, "RepoTags": [reference], "Layers": names}]).encode()
    for name, data in (("manifest.json", manifest), (config_name, config)):
        yield _header(name, len(data)) + data + _padding(len(data))
    for name, diff_id in dict(zip(names, diff_ids, strict=True)).items():
        if diff_id not in layers:
            continue
        size_bytes = (await asyncio.to_thread(layers[diff_id].stat)).st_size
        yield _header(name, size_bytes)
        async for chunk in _content(layers[diff_id]):
            yield chunk
        yield _padding(size_bytes)
    yield _END


async def _content(path: Path) -> AsyncIterator[bytes]:
    file = await asyncio.to_thread(path.open, "rb")
    try:
        while chunk := await asyncio.to_thread(file.read, _READ_BYTES):
            yield chunk
    finally:
        file.close()


def _header(name: str, size_bytes: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = size_bytes
    return info.tobuf(tarfile.PAX_FORMAT)


def _padding(size_bytes: int) -> bytes:
    return b"\0" * (-size_bytes % tarfile.BLOCKSIZE)
