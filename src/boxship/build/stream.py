"""A found context as a tar, streamed to the builder.

The tar is reproducible: sorted, owned by 0:0, with the files' own modes and times (no later than SOURCE_DATE_EPOCH
when the environment has one). Nothing is copied on disk, so what was deleted at the source can't linger.
"""

import asyncio
import io
import os
import shutil
import stat
import tarfile
import threading
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import IO

from boxship.build.context import Context, Entry, hint_to_read
from boxship.errors import BuildError

_CHUNK_BYTES = 1 << 18
CHUNKS_AHEAD = 8


async def stream_context(
    context: Context, address: str, *, not_after_s: int | None = None
) -> AsyncGenerator[bytes, None]:
    """The context as a tar, in chunks, read by a thread a few chunks ahead of the reader.

    Raises:
        BuildError: A file can't be read or changed its size meanwhile.
    """
    loop = asyncio.get_running_loop()
    chunks: asyncio.Queue[bytes | BaseException | None] = asyncio.Queue()
    room = threading.Semaphore(CHUNKS_AHEAD)
    is_over = threading.Event()

    def put(chunk: bytes | BaseException | None) -> None:
        while not room.acquire(timeout=0.1):
            if is_over.is_set():
                raise _ReaderGone
        if is_over.is_set():
            raise _ReaderGone
        loop.call_soon_threadsafe(chunks.put_nowait, chunk)

    def work() -> None:
        with suppress(_ReaderGone):
            try:
                write_tar(context.entries, _Chunks(put), address, not_after_s=not_after_s)
            except BuildError as err:
                put(err)
            put(None)

    worker = loop.run_in_executor(None, work)
    try:
        while (chunk := await chunks.get()) is not None:
            room.release()
            if isinstance(chunk, BaseException):
                raise chunk
            yield chunk
    finally:
        is_over.set()
        await asyncio.shield(worker)


def write_tar(
    entries: Iterable[Entry], out: IO[bytes] | io.RawIOBase, address: str, *, not_after_s: int | None = None
) -> None:
    """Write entries as a tar stream. Raises: BuildError naming a file that can't be read or changed meanwhile."""
    with tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT, bufsize=_CHUNK_BYTES) as tar:
        for entry in entries:
            info = _tar_info(entry, not_after_s)
            if not entry.is_file:
                tar.addfile(info)
            elif entry.source is None:
                tar.addfile(info, io.BytesIO(entry.content))
            else:
                _add_file(tar, info, entry.source, address)


class _ReaderGone(Exception):  # noqa: N818 - it is no error: nobody wants the rest
    """Nobody reads the rest of the stream."""


class _Chunks(io.RawIOBase):
    def __init__(self, put: Callable[[bytes], None]) -> None:
        self._put = put

    def write(self, data: object, /) -> int:
        chunk = bytes(data)  # type: ignore[call-overload]
        self._put(chunk)
        return len(chunk)


def _add_file(tar: tarfile.TarFile, info: tarfile.TarInfo, source: Path, address: str) -> None:
    try:
        with source.open("rb") as stream:
            tar.addfile(info, stream)
    except OSError as err:
        # tarfile reports a file that became shorter as an OSError of its own, without an errno.
        reason = "it became shorter while it was read" if err.errno is None else err.strerror
        raise BuildError(f"{address}: can't read {source}: {reason}", hint=hint_to_read(source)) from err


def _tar_info(entry: Entry, not_after_s: int | None) -> tarfile.TarInfo:
    info = tarfile.TarInfo(entry.path)
    info.mode = stat.S_IMODE(entry.mode)
    mtime_s = entry.mtime_ns // 10**9
    info.mtime = mtime_s if not_after_s is None else min(mtime_s, not_after_s)
    if stat.S_ISDIR(entry.mode):
        info.type = tarfile.DIRTYPE
    elif stat.S_ISLNK(entry.mode):
        info.type, info.linkname, info.mode = tarfile.SYMTYPE, entry.link, 0o777
    else:
        info.size = entry.size_bytes
    return info


def write_folder(entries: Iterable[Entry], folder: Path, address: str) -> None:
    """Write entries as files, with their modes and times, for builders that read folders only.

    Raises:
        BuildError: A file can't be read.
        OSError: One can't be written.
    """
    folder.mkdir()
    for entry in entries:
        target = folder / entry.path
        if stat.S_ISDIR(entry.mode):
            target.mkdir(exist_ok=True)
            target.chmod(stat.S_IMODE(entry.mode) | stat.S_IRWXU)
        elif entry.source is None:
            continue  # the Dockerfile and the rules that hide it; such a builder gets them otherwise
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            _copy(entry, entry.source, target, address)


def _copy(entry: Entry, source: Path, target: Path, address: str) -> None:
    if not entry.is_file:
        target.symlink_to(entry.link)
        return
    try:
        stream = source.open("rb")
    except OSError as err:
        raise BuildError(f"{address}: can't read {source}: {err.strerror}", hint=hint_to_read(source)) from err
    with stream, target.open("wb") as copy:
        shutil.copyfileobj(stream, copy, _CHUNK_BYTES)
    target.chmod(stat.S_IMODE(entry.mode))
    os.utime(target, ns=(entry.mtime_ns, entry.mtime_ns))
