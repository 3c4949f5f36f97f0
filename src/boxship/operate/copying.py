"""``cp``: files between this machine and a container, with the meaning that cp -r has given to names and slashes.

A folder goes into one that is there, and becomes one that isn't; ``folder/.`` means what is in it.
"""

import posixpath
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from functools import partial
from pathlib import Path

from msgspec import Struct

from boxship.engine.port import Engine, PathStat
from boxship.errors import HostError, NotFoundError, UsageError
from boxship.host.threads import ThreadStream, feed_thread
from boxship.host.tree import Copied, pack_tree, unpack_tree
from boxship.plan.observed import ObservedContainer

_MOST_LINKS = 40
"""As many as Linux follows."""


class CopyOptions(Struct, frozen=True):
    """``follow_link``: of the source itself. ``keep_owner``: with the numbers of the owners."""

    follow_link: bool = False
    keep_owner: bool = False


class _Name(Struct, frozen=True):
    """What a path's end says: ``of_contents`` (``x/.``), ``of_folder`` (``x/`` or ``x/.``)."""

    path: str
    of_contents: bool
    of_folder: bool


class _Source(Struct, frozen=True):
    """What is to be copied from this machine."""

    path: Path
    is_folder: bool
    of_contents: bool


async def copy_out(
    engine: Engine, container: ObservedContainer, source: str, target: str, options: CopyOptions
) -> Copied:
    """From a container to this machine. Raises: NotFoundError, UsageError, HostError."""
    name = _in_container(source)
    path, found = await _find(engine, container, name.path, follow=options.follow_link or name.of_folder)
    if name.of_folder and not found.is_directory:
        raise UsageError(f"{container.replica}:{source} is no folder", hint="write it without the slash at its end")
    place = _place_here(target, posixpath.basename(path), found, of_contents=name.of_contents)
    async with aclosing(engine.read_archive(container.id, path)) as chunks:
        work = partial(unpack_tree, parent=place.parent, name=place.name, keep_owner=options.keep_owner)
        return await feed_thread(chunks, work)


async def archive_of(
    engine: Engine, container: ObservedContainer, source: str, options: CopyOptions
) -> AsyncGenerator[bytes, None]:
    """What is at a path of a container, as a tar archive. Raises: NotFoundError."""
    name = _in_container(source)
    path, _ = await _find(engine, container, name.path, follow=options.follow_link or name.of_folder)
    async with aclosing(engine.read_archive(container.id, path)) as chunks:
        async for chunk in chunks:
            yield chunk


async def copy_in(
    engine: Engine, container: ObservedContainer, source: str, target: str, options: CopyOptions
) -> Copied:
    """From this machine into a container. Raises: NotFoundError, UsageError, HostError, EngineError."""
    here = _source_here(source, follow_link=options.follow_link)
    directory, name = await _place_there(engine, container, target, here)
    packing = ThreadStream(partial(pack_tree, source=here.path, name=name, keep_owner=options.keep_owner))
    async with aclosing(packing.chunks()) as chunks:
        await engine.write_archive(container.id, directory, chunks)
    return packing.result or Copied()


async def unpack_into(engine: Engine, container: ObservedContainer, archive: AsyncIterator[bytes], target: str) -> None:
    """A tar archive into a folder of a container. Raises: NotFoundError, UsageError, EngineError."""
    path, found = await _find(engine, container, _in_container(target).path, follow=True)
    if not found.is_directory:
        raise UsageError(f"{container.replica}:{target} is no folder", hint="an archive is unpacked into a folder")
    await engine.write_archive(container.id, path, archive)


def _ending(text: str) -> tuple[bool, bool]:
    """Whether it means the contents, and whether it can only be a folder."""
    return text.endswith("/.") or text == ".", text.endswith(("/", "/."))


def _source_here(source: str, *, follow_link: bool) -> _Source:
    """Raises: NotFoundError, UsageError."""
    of_contents, of_folder = _ending(source)
    path = Path(source)
    if follow_link or of_folder:
        path = path.resolve()
    if not path.exists() and not path.is_symlink():
        raise NotFoundError(f"there is no '{source}' on this machine", hint="is that the right folder to start from?")
    is_folder = path.is_dir() and not path.is_symlink()
    if of_folder and not is_folder:
        raise UsageError(f"'{source}' is no folder", hint="write it without the slash at its end")
    return _Source(path.absolute(), is_folder, of_contents)


def _in_container(text: str) -> _Name:
    """Relative paths of a container begin at its root."""
    of_contents, of_folder = _ending(text)
    return _Name(posixpath.normpath(f"/{text}").replace("//", "/"), of_contents, of_folder)


async def _find(engine: Engine, container: ObservedContainer, path: str, *, follow: bool) -> tuple[str, PathStat]:
    """What is there, and its path behind all links if they are to be followed. Raises: NotFoundError."""
    asked = path
    for _ in range(_MOST_LINKS):
        found = await engine.stat_path(container.id, path)
        if found is None:
            raise NotFoundError(
                f"there is no '{asked}' in {container.replica}",
                hint=f"see what is there: boxship exec {container.service} ls {posixpath.dirname(asked)}",
            )
        if not (follow and found.link_target):
            return path, found
        path = posixpath.normpath(posixpath.join(posixpath.dirname(path), found.link_target))
    raise UsageError(f"'{asked}' in {container.replica} is a link that leads to itself", hint="name what you mean")


def _place_here(target: str, own_name: str, found: PathStat, *, of_contents: bool) -> Path:
    """The path that the copy gets on this machine; its folder is there."""
    path = Path(target)
    if path.is_dir():
        place = path.resolve() if of_contents else path.resolve() / (own_name or "root")
    elif path.exists() or path.is_symlink():
        if found.is_directory:
            raise UsageError(f"'{target}' is a file, and a folder can't become one", hint="name a folder")
        place = path.parent.resolve() / path.name
    elif target.endswith("/") and not found.is_directory:
        raise NotFoundError(f"there is no folder '{target}' on this machine", hint=f"mkdir -p {target}")
    else:
        place = path.parent.resolve() / path.name
    if not place.parent.is_dir():
        raise HostError(f"there is no folder '{path.parent}' on this machine", hint=f"mkdir -p {path.parent}")
    return place


async def _place_there(engine: Engine, container: ObservedContainer, target: str, source: _Source) -> tuple[str, str]:
    """The folder to unpack in, and the name that the copy gets there ("." for the contents alone)."""
    wanted = _in_container(target)
    found = await engine.stat_path(container.id, wanted.path)
    path = wanted.path
    if found is not None and found.link_target:
        path, found = await _find(engine, container, path, follow=True)
    if found is not None and found.is_directory:
        return (path, ".") if source.of_contents else (path, source.path.name)
    if found is not None and source.is_folder:
        raise UsageError(f"{container.replica}:{target} is a file, and a folder can't become one", hint="name a folder")
    if found is None and wanted.of_folder and not source.is_folder:
        raise NotFoundError(
            f"there is no folder '{target}' in {container.replica}",
            hint=f"make it: boxship exec {container.service} mkdir -p {wanted.path}",
        )
    directory = posixpath.dirname(path)
    directory, above = await _find(engine, container, directory, follow=True)
    if not above.is_directory:
        raise UsageError(f"'{directory}' in {container.replica} is no folder", hint="name a path in a folder")
    return directory, posixpath.basename(path)
