"""A tree changed by a program inside of its own image: files go in, a command runs, the tree comes out as a tar."""

import asyncio
import io
import os
import tarfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Protocol

from boxship.build.engine import BuildEngine
from boxship.engine.port import ContainerEngine, ContentEngine, ProbeEngine
from boxship.errors import BuildError
from boxship.plan.action import ContainerSpec
from boxship.spec.model import Service

_CHUNK_BYTES = 1 << 18
_TIMEOUT_S = 600.0
_LABEL = "boxship.build"
"""On a container that is there only for a build."""
_NOT_OF_THE_IMAGE = ".dockerenv"


class ContainerBuildEngine(BuildEngine, ContainerEngine, ProbeEngine, ContentEngine, Protocol):
    """What it asks of an engine: ``Engine`` is one."""


async def change_tree(
    engine: ContainerBuildEngine,
    image: str,
    files: Mapping[str, tuple[int, bytes]],
    command: tuple[str, ...],
    read: str,
    target: Path,
    mtime_s: int,
) -> None:
    """Run a command in a new container of an image, without network, and keep a folder of it as ``target``.

    Args:
        engine: Where the image is.
        image: Its reference or id.
        files: Path -> (mode, content) of what is put there before; their folders are made.
        command: What to run.
        read: The absolute path of the folder; the names in the tar are relative to the root.
        target: The tar to write.
        mtime_s: Unix time that ``files`` carry.

    Raises:
        BuildError: The command failed; its last lines are the output.
        EngineError: The engine refused.
    """
    name = f"boxship-build-{os.getpid()}-{time.monotonic_ns()}"
    # Hash tables in another order give other bytes.
    service = Service(name, entrypoint=command, command=(), environment={"PYTHONHASHSEED": "0"})
    spec = ContainerSpec(name, service, image, network_mode="none", labels={_LABEL: "yes"})
    await engine.create_container(spec)
    try:
        await engine.write_archive(name, "/", _chunks(await asyncio.to_thread(_pack, files, mtime_s)))
        await engine.start_container(name)
        async with asyncio.timeout(_TIMEOUT_S):
            status = await engine.wait_container(name)
        if status != 0:
            lines = [line.text async for line in engine.follow_logs(name, follow=False)]
            raise BuildError(f"{command[0]} in {image} exited {status}", output=lines[-20:], image=image)
        raw = target.with_suffix(".raw")
        await _fetch(engine, name, read, raw)
        await asyncio.to_thread(_settle_names, raw, target, read)
    finally:
        await engine.remove_container(name)


async def _fetch(engine: ContentEngine, name: str, path: str, target: Path) -> None:
    with target.open("wb") as stream:
        async with aclosing(engine.read_archive(name, path)) as chunks:
            async for chunk in chunks:
                await asyncio.to_thread(stream.write, chunk)


def _settle_names(raw: Path, target: Path, read: str) -> None:
    """The engine's names begin with a slash, or with the folder's own name."""
    above = read.rstrip("/").rpartition("/")[0].strip("/")
    prefix = f"{above}/" if above else ""
    with tarfile.open(raw, "r:") as source, tarfile.open(target, "w:", format=tarfile.PAX_FORMAT) as out:
        for info in source:
            info.name = prefix + info.name.lstrip("/")
            if info.islnk():
                info.linkname = prefix + info.linkname.lstrip("/")
            if info.name not in (prefix, _NOT_OF_THE_IMAGE):
                out.addfile(info, source.extractfile(info) if info.isreg() else None)
    raw.unlink()


def _pack(files: Mapping[str, tuple[int, bytes]], mtime_s: int) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path, (mode, content) in sorted(files.items()):
            info = tarfile.TarInfo(path)
            info.mode, info.size, info.mtime = mode, len(content), mtime_s
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


async def _chunks(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), _CHUNK_BYTES):
        yield data[start : start + _CHUNK_BYTES]
