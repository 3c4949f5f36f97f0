"""A build context: the files that go to the builder, found once, then fingerprinted or streamed.

The tar is reproducible: sorted, owned by 0:0, with the files' own modes and times (no later than SOURCE_DATE_EPOCH
when the environment has one). Nothing is copied on disk, so what was deleted at the source can't linger.
"""

import asyncio
import io
import os
import stat
import tarfile
import threading
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO

from msgspec import Struct

from boxship.build.ignore import IgnoreRules
from boxship.errors import BuildError
from boxship.spec.model import Build

HIDDEN_DOCKERFILE = ".boxship.Dockerfile"
"""The Dockerfile's name in the tar when the context itself doesn't show it; no build step sees this file."""
_IGNORE_NAME = ".dockerignore"
_CHUNK_BYTES = 1 << 18
_CHUNKS_AHEAD = 8


class Entry(Struct, frozen=True):
    """One path of a context. ``source`` is the file to read; ``content`` replaces it when there is none."""

    path: str
    source: Path | None
    mode: int
    size_bytes: int = 0
    mtime_ns: int = 0
    ctime_ns: int = 0
    inode: int = 0
    link: str = ""
    content: bytes = b""

    @property
    def is_file(self) -> bool:
        """A regular file, from disk or not."""
        return stat.S_ISREG(self.mode)


class Context(Struct, frozen=True):
    """A found context. ``dockerfile`` is the Dockerfile's path in the tar, ``dockerfile_text`` what it says.

    ``dockerfile_name`` is how a person knows the Dockerfile; ``notices``: what was left out though nobody asked for it.
    """

    entries: tuple[Entry, ...]
    dockerfile: str
    dockerfile_text: str
    dockerfile_name: str
    notices: tuple[str, ...] = ()


def read_dockerfile(build: Build, address: str) -> tuple[str, str]:
    """The Dockerfile's text, and the name to show for it. ``address`` begins the messages.

    Raises:
        BuildError: The context or the Dockerfile isn't there, or can't be read as text.
    """
    if not build.context.is_dir():
        raise BuildError(f"{address}: no build context {build.context}", hint="build.context must be a folder")
    if build.dockerfile_inline is not None:
        return build.dockerfile_inline, "dockerfile_inline"
    path = build.context / build.dockerfile
    try:
        return path.read_text(encoding="utf-8"), str(path)
    except FileNotFoundError as err:
        raise BuildError(
            f"{address}: no Dockerfile {path}", hint="create it, or name another in build.dockerfile"
        ) from err
    except (OSError, UnicodeDecodeError) as err:
        reason = err.strerror if isinstance(err, OSError) else "it is not UTF-8 text"
        raise BuildError(f"{address}: can't read {path}: {reason}", hint="check the file") from err


def find_context(build: Build, address: str, extra: Mapping[str, Path] | None = None) -> Context:
    """Look through the context once.

    Args:
        build: What the service says.
        address: Where it says so; begins the messages.
        extra: Further files by their path in the context (wheels); they replace what is there.

    Raises:
        BuildError: The context or the Dockerfile is missing, a file can't be looked at, or an ignore rule is wrong.
    """
    text, name = read_dockerfile(build, address)
    inside = _inside(build)
    rules, ignore_text = _read_ignore(build, inside, address)
    notices: list[str] = []
    found = {entry.path: entry for entry in _walk(build.context, "", rules, address, notices)}
    for path, source in (extra or {}).items():
        found |= {parent.path: parent for parent in _parents(path) if parent.path not in found}
        found[path] = _entry(path, source, source.stat())
    dockerfile = inside if inside is not None and inside in found else HIDDEN_DOCKERFILE
    if dockerfile == HIDDEN_DOCKERFILE:
        found |= {entry.path: entry for entry in _hide_dockerfile(text, ignore_text, _IGNORE_NAME in found)}
    entries = tuple(found[path] for path in sorted(found))
    return Context(entries, dockerfile, text, name, tuple(notices))


async def stream_context(
    context: Context, address: str, *, not_after_s: int | None = None
) -> AsyncGenerator[bytes, None]:
    """The context as a tar, in chunks, read by a thread a few chunks ahead of the reader.

    Raises:
        BuildError: A file can't be read or changed its size meanwhile.
    """
    loop = asyncio.get_running_loop()
    chunks: asyncio.Queue[bytes | BaseException | None] = asyncio.Queue()
    room = threading.Semaphore(_CHUNKS_AHEAD)
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
        raise BuildError(f"{address}: can't read {source}: {reason}", hint=_hint(source)) from err


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


def _inside(build: Build) -> str | None:
    """The Dockerfile's path in the context, None when it isn't in it."""
    if build.dockerfile_inline is not None:
        return None
    full = os.path.normpath(build.context / build.dockerfile)
    relative = os.path.relpath(full, build.context)
    return None if relative.startswith("..") else relative


def _read_ignore(build: Build, inside: str | None, address: str) -> tuple[IgnoreRules, str]:
    candidates = [build.context / _IGNORE_NAME]
    if build.dockerfile_inline is None:
        candidates.insert(0, Path(f"{build.context / build.dockerfile}{_IGNORE_NAME}"))
    for path in candidates:
        try:
            text = path.read_text(encoding="utf-8")
            return IgnoreRules.parse(text), text
        except FileNotFoundError:
            continue
        except OSError as err:
            raise BuildError(f"{address}: can't read {path}: {err.strerror}", hint=_hint(path)) from err
        except UnicodeDecodeError as err:
            raise BuildError(f"{address}: {path} is not UTF-8 text", hint="save it as UTF-8") from err
        except ValueError as err:
            raise BuildError(f"{address}: {path}: wrong pattern '{err}'", hint="check its brackets") from err
    return IgnoreRules(), ""


def _walk(folder: Path, prefix: str, rules: IgnoreRules, address: str, notices: list[str]) -> Iterator[Entry]:
    try:
        with os.scandir(folder) as scan:
            children = sorted(scan, key=lambda child: child.name)
    except OSError as err:
        raise BuildError(f"{address}: can't read {folder}: {err.strerror}", hint=_hint(folder)) from err
    for child in children:
        path = f"{prefix}{child.name}"
        is_out = rules.excludes(path)
        if child.is_dir(follow_symlinks=False):
            if not is_out:
                yield _entry(path, Path(child.path), child.stat(follow_symlinks=False))
            if not is_out or not rules.excludes_all_below(path):
                yield from _walk(Path(child.path), f"{path}/", rules, address, notices)
        elif not is_out:
            yield from _leaf(child, path, notices)


def _leaf(child: os.DirEntry[str], path: str, notices: list[str]) -> Iterator[Entry]:
    try:
        status = child.stat(follow_symlinks=False)
    except FileNotFoundError:
        return  # removed since the folder was listed
    if stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode):
        yield _entry(path, Path(child.path), status)
    else:
        notices.append(f"{child.path} is left out of the build context: it is a {_special(status.st_mode)}")


def _entry(path: str, source: Path, status: os.stat_result) -> Entry:
    is_link = stat.S_ISLNK(status.st_mode)
    return Entry(
        path=path,
        source=source,
        mode=status.st_mode,
        size_bytes=status.st_size if stat.S_ISREG(status.st_mode) else 0,
        mtime_ns=status.st_mtime_ns,
        ctime_ns=status.st_ctime_ns,
        inode=status.st_ino,
        link=str(source.readlink()) if is_link else "",
    )


def _parents(path: str) -> Iterator[Entry]:
    while path := path.rpartition("/")[0]:
        yield Entry(path, None, stat.S_IFDIR | 0o755)


def _hide_dockerfile(text: str, ignore_text: str, is_ignore_visible: bool) -> Iterator[Entry]:
    """The Dockerfile under a reserved name, and rules that make the engine drop it before any step runs.

    Source: the builder reads ``.dockerignore`` from the tar, and removes that file and the Dockerfile if they match.
    """
    rules = f"{ignore_text.rstrip()}\n" if is_ignore_visible else f"{_IGNORE_NAME}\n"
    for path, content in ((HIDDEN_DOCKERFILE, text), (_IGNORE_NAME, f"{rules}{HIDDEN_DOCKERFILE}\n")):
        data = content.encode()
        yield Entry(path, None, stat.S_IFREG | 0o644, size_bytes=len(data), content=data)


def _special(mode: int) -> str:
    if stat.S_ISSOCK(mode):
        return "socket"
    return "named pipe" if stat.S_ISFIFO(mode) else "device"


def _hint(path: Path) -> str:
    return f"make it readable, or list it in {_IGNORE_NAME}: {path.name}"
