"""Files of this machine as a tar archive, and back. The archive of a stranger writes nowhere but below its target.

Unpacking goes by directory descriptors and follows no link of the archive or of what is there already, so neither a
name with ``..`` nor a link that was put there before leads out. Devices and pipes are left out.
"""

import os
import shutil
import stat
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct

from boxship.errors import HostError

_BLOCK_BYTES = 128 * 1024
_PLAIN_MODE, _EVERY_MODE = 0o777, 0o7777
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_KINDS = {tarfile.CHRTYPE: "a device", tarfile.BLKTYPE: "a device", tarfile.FIFOTYPE: "a pipe"}


class Copied(Struct, frozen=True):
    """What was copied: the number of files and links, their bytes, and sentences about what was left out."""

    files: int = 0
    size_bytes: int = 0
    left_out: tuple[str, ...] = ()


def pack_tree(out: BinaryIO, source: Path, name: str, *, keep_owner: bool = False) -> Copied:
    """Write ``source``, itself if it is a link, as ``name``; with the name "." what is in a folder, without itself.

    ``keep_owner``: with the numbers of its owners; otherwise all of it is root's.

    Raises: HostError for what can't be read, or changes while it is read.
    """
    files, size_bytes, left_out = 0, 0, list[str]()
    with tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT, bufsize=_BLOCK_BYTES) as archive:
        for path, inside in _walk(source, name):
            try:
                member = archive.gettarinfo(path, inside)
                if member is None:
                    left_out.append(f"{path} is a socket")
                    continue
                if not keep_owner:
                    member.uid = member.gid = 0
                member.uname = member.gname = ""
                if member.isreg():
                    with path.open("rb") as content:
                        archive.addfile(member, content)
                else:
                    archive.addfile(member)
            except OSError as err:
                raise HostError(
                    f"cannot read {path}: {err.strerror or err}", hint="nothing of this host changed"
                ) from err
            files += not member.isdir()
            size_bytes += member.size
    return Copied(files, size_bytes, tuple(left_out))


def _walk(source: Path, name: str) -> Iterator[tuple[Path, str]]:
    """Everything below in a fixed order, each with its name in the archive; links to folders aren't entered."""
    pending = [(source, name)]
    while pending:
        path, inside = pending.pop()
        if inside != ".":
            yield path, inside
        if path.is_dir() and (not path.is_symlink() or inside == "."):
            try:
                children = sorted(path.iterdir(), reverse=True)
            except OSError as err:
                raise HostError(f"cannot read {path}: {err.strerror or err}") from err
            pending += [(child, child.name if inside == "." else f"{inside}/{child.name}") for child in children]


def unpack_tree(archive: BinaryIO, parent: Path, name: str, *, keep_owner: bool = False) -> Copied:
    """Write what the archive holds below its first name as ``parent/name``.

    Raises: HostError for an archive that isn't one or wants to write elsewhere, and for what can't be written; what
    came before it is there.
    """
    unpacking = _Unpacking(parent, name, keep_owner=keep_owner)
    try:
        with tarfile.open(fileobj=archive, mode="r|", bufsize=_BLOCK_BYTES) as members:
            for member in members:
                unpacking.take(member, members)
        return unpacking.finish()
    except tarfile.TarError as err:
        raise HostError(f"what came for {parent / name} is no archive: {err}") from err
    except OSError as err:
        raise HostError(f"cannot write {parent / name}: {err.strerror or err}") from err


class _Unpacking:
    def __init__(self, parent: Path, name: str, *, keep_owner: bool) -> None:
        self._parent = parent
        self._name = name
        self._keep_owner = keep_owner
        self._top: str | None = None
        self._folders: list[tuple[list[str], tarfile.TarInfo]] = []
        """Made here; their modes and times come last, as a folder may be closed for writing."""
        self._files = 0
        self._size_bytes = 0
        self._left_out: list[str] = []

    def take(self, member: tarfile.TarInfo, archive: tarfile.TarFile) -> None:
        parts = self._parts(member.name)
        if member.isdir():
            self._make_folder(parts, member)
            return
        if not (member.isreg() or member.issym() or member.islnk()):
            self._left_out.append(f"{member.name} is {_KINDS.get(member.type, 'of an unknown kind')}")
            return
        with self._folder(parts[:-1]) as folder:
            self._make_room(folder, parts)
            if member.issym():
                os.symlink(member.linkname, parts[-1], dir_fd=folder)
            elif member.islnk():
                self._link(folder, parts, member)
            else:
                self._write(folder, parts, member, archive)
        self._files += 1
        self._size_bytes += member.size

    def finish(self) -> Copied:
        for parts, member in reversed(self._folders):
            with self._folder(parts) as folder:
                self._dress(folder, member)
        return Copied(self._files, self._size_bytes, tuple(self._left_out))

    def _parts(self, name: str) -> list[str]:
        """A name of the archive as a path below the parent. Raises: HostError for one that leads out of it."""
        parts = [part for part in name.split("/") if part not in ("", ".")]
        if ".." in parts:
            raise _hostile(name, "leads out of its folder")
        # The root of a container has no name of its own, and is the only one that hasn't.
        top = parts[0] if parts and not name.startswith(("/", "./")) else ""
        self._top = top if self._top is None else self._top
        if top != self._top:
            raise _hostile(name, f"lies beside '{self._top}', which was asked for")
        return [self._name, *(parts[1:] if top else parts)]

    @contextmanager
    def _folder(self, parts: list[str]) -> Iterator[int]:
        """A descriptor of the folder, made where it is missing; no part of it may be a link."""
        folder = os.open(self._parent, _FOLDER & ~os.O_NOFOLLOW)
        try:
            for part in parts:
                try:
                    inner = os.open(part, _FOLDER, dir_fd=folder)
                except FileNotFoundError:
                    os.mkdir(part, 0o755, dir_fd=folder)
                    inner = os.open(part, _FOLDER, dir_fd=folder)
                except NotADirectoryError:
                    raise _hostile("/".join(parts), f"'{part}' is no folder but a file or a link") from None
                os.close(folder)
                folder = inner
            yield folder
        finally:
            os.close(folder)

    def _make_folder(self, parts: list[str], member: tarfile.TarInfo) -> None:
        with self._folder(parts[:-1]) as folder:
            try:
                os.mkdir(parts[-1], 0o700, dir_fd=folder)
            except FileExistsError:
                found = os.stat(parts[-1], dir_fd=folder, follow_symlinks=False)
                if not stat.S_ISDIR(found.st_mode):
                    raise _hostile(member.name, "is a folder there, and no folder here") from None
                return
        self._folders.append((parts, member))

    def _make_room(self, folder: int, parts: list[str]) -> None:
        """Files and links are replaced, never written into: they may be somebody else's as well."""
        try:
            found = os.stat(parts[-1], dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return
        if not (stat.S_ISREG(found.st_mode) or stat.S_ISLNK(found.st_mode)):
            kind = "a folder" if stat.S_ISDIR(found.st_mode) else "a device, a pipe or a socket"
            raise HostError(f"{self._parent.joinpath(*parts)} is {kind}, and a file would take its place")
        os.unlink(parts[-1], dir_fd=folder)

    def _link(self, folder: int, parts: list[str], member: tarfile.TarInfo) -> None:
        source = self._parts(member.linkname)
        with self._folder(source[:-1]) as other:
            os.link(source[-1], parts[-1], src_dir_fd=other, dst_dir_fd=folder, follow_symlinks=False)

    def _write(self, folder: int, parts: list[str], member: tarfile.TarInfo, archive: tarfile.TarFile) -> None:
        content = archive.extractfile(member)
        with os.fdopen(os.open(parts[-1], _NEW_FILE, 0o600, dir_fd=folder), "wb") as file:
            if content is not None:
                shutil.copyfileobj(content, file, _BLOCK_BYTES)
            file.flush()
            self._dress(file.fileno(), member)

    def _dress(self, descriptor: int, member: tarfile.TarInfo) -> None:
        """Mode and time, and the owner's numbers if asked for; else nothing runs with the rights of somebody else."""
        if self._keep_owner:
            os.fchown(descriptor, member.uid, member.gid)
        os.fchmod(descriptor, member.mode & (_EVERY_MODE if self._keep_owner else _PLAIN_MODE))
        os.utime(descriptor, (member.mtime, member.mtime))


def _hostile(name: str, why: str) -> HostError:
    return HostError(f"the archive's '{name}' {why}", hint="nothing more of it was written")
