"""The files of a release as one archive: the same bytes for the same files, and unpacked with suspicion.

Taken out are only plain files, symbolic links that stay inside, and folders, exactly those that the record names.
"""

import gzip
import hashlib
import io
import os
import tarfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from boxship.bundle.media import FILES_BYTES
from boxship.errors import RegistryError
from boxship.registry.layout import sync_folder
from boxship.spec.release import ReleaseFile

MAX_FILES = 20_000
_LEVEL = 9
"""Of compression: it is made once and fetched often."""


def pack(folder: Path, files: Mapping[str, ReleaseFile]) -> bytes:
    """A tar.gz of ``files`` below ``folder``: sorted, without times and owners."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name in sorted(files):
            _add(tar, name, files[name], folder)
    return gzip.compress(raw.getvalue(), _LEVEL, mtime=0)


def _add(tar: tarfile.TarFile, name: str, file: ReleaseFile, folder: Path) -> None:
    info = tarfile.TarInfo(name)
    info.mode = file.mode
    if file.link:
        info.type, info.linkname, info.mode = tarfile.SYMTYPE, file.link, 0o777
        tar.addfile(info)
    elif file.digest:
        with (folder / name).open("rb") as content:
            info.size = file.size_bytes
            tar.addfile(info, content)
    else:
        info.type = tarfile.DIRTYPE
        tar.addfile(info)


def unpack(archive: Path, files: Mapping[str, ReleaseFile], folder: Path, what: str) -> None:
    """Write the files below the new ``folder``, each verified, and settle them on the disk.

    Raises:
        RegistryError: when the archive holds other files than ``files``, or another content. OSError as it comes.
    """
    for name, file in files.items():
        _check_name(name, file, what)
    folder.mkdir(parents=True)
    try:
        seen = _take_out(archive, files, folder, what)
    except (tarfile.TarError, EOFError, gzip.BadGzipFile, UnicodeDecodeError, ValueError) as err:
        raise RegistryError(f"the files of {what} can't be read: {err}", hint="they are damaged") from err
    missing = sorted(files.keys() - seen)
    if missing:
        raise RegistryError(f"the files of {what} lack {missing[0]}", hint="they are damaged")
    for path, _, _ in os.walk(folder):
        sync_folder(Path(path))


def _take_out(archive: Path, files: Mapping[str, ReleaseFile], folder: Path, what: str) -> set[str]:
    seen: set[str] = set()
    left = FILES_BYTES
    with tarfile.open(archive, mode="r|gz") as tar:
        for member in tar:
            file = files.get(member.name)
            left -= member.size
            if file is None or member.name in seen or left < 0:
                raise RegistryError(f"the files of {what} hold {member.name[:200]}, which its record does not name")
            seen.add(member.name)
            _write(tar, member, file, folder, what)
    return seen


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, file: ReleaseFile, folder: Path, what: str) -> None:
    path = folder / member.name
    path.parent.mkdir(parents=True, exist_ok=True)
    if file.link:
        path.symlink_to(file.link)
        return
    if not file.digest:
        path.mkdir(exist_ok=True)
        return
    content = tar.extractfile(member) if member.isreg() and member.size == file.size_bytes else None
    data = content.read() if content is not None else b""
    if content is None or f"sha256:{hashlib.sha256(data).hexdigest()}" != file.digest:
        raise RegistryError(f"{member.name} of {what} is not what its record says", hint="the files are damaged")
    # A link that stays inside may stand above it: nothing can lead outside, but nothing shall be written through one.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, file.mode)
    with os.fdopen(descriptor, "wb") as target:
        target.write(data)
        target.flush()
        os.fchmod(descriptor, file.mode)
        os.fsync(descriptor)


def _check_name(name: str, file: ReleaseFile, what: str) -> None:
    path = PurePosixPath(name)
    is_inside = not path.is_absolute() and ".." not in path.parts and str(path) == name and name != "."
    if not is_inside or "\0" in name or file.mode not in (0o600, 0o644, 0o755) or file.size_bytes < 0:
        raise RegistryError(f"the record of {what} names a file '{name[:200]}', which can't be")
    if file.link and not stays_inside(name, file.link):
        raise RegistryError(f"the record of {what} has a link '{name[:200]}' that leads out of the release")


def stays_inside(name: str, target: str) -> bool:
    """Whether a symbolic link ``name`` to ``target`` leads to a place below the folder that both are in."""
    if target.startswith("/") or "\0" in target:
        return False
    depth = len(PurePosixPath(name).parent.parts)
    for part in PurePosixPath(target).parts:
        depth += -1 if part == ".." else 1
        if depth < 0:
            return False
    return True


def describe(path: Path) -> ReleaseFile:
    """What lies at ``path``. Raises: OSError."""
    if path.is_symlink():
        return ReleaseFile(link=str(path.readlink()))
    if path.is_dir():
        return ReleaseFile(mode=0o755)
    data = path.read_bytes()
    return ReleaseFile(f"sha256:{hashlib.sha256(data).hexdigest()}", len(data), _mode(path.stat().st_mode))


def _mode(mode: int) -> int:
    if mode & 0o100:
        return 0o755
    return 0o644 if mode & 0o044 else 0o600
