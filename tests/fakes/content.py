"""What is inside a container of the fake engine: the files that were put there, and a few folders."""

import io
import tarfile
from pathlib import PurePosixPath

from boxship.engine.faults import refusal
from boxship.engine.port import PathStat
from boxship.plan.action import CopiedFile
from boxship.spec.model_files import Hidden
from tests.fakes.world import FakeContainer

_FOLDERS = frozenset({"/", "/tmp", "/etc", "/home"})


def stat_path(container: FakeContainer, path: str) -> PathStat | None:
    """What is there, or None."""
    clean = str(PurePosixPath(path))
    if file := container.files.get(clean):
        return PathStat(PurePosixPath(clean).name, size_bytes=len(_bytes(file)))
    below = f"{clean.rstrip('/')}/"
    if clean in _FOLDERS or any(name.startswith(below) for name in container.files):
        return PathStat(PurePosixPath(clean).name or "/", is_directory=True)
    return None


def read_archive(container: FakeContainer, path: str) -> bytes:
    """Raises: as the engine does when nothing is there."""
    clean = str(PurePosixPath(path))
    found = stat_path(container, clean)
    if found is None:
        raise refusal(f"copy {path} from {container.name}", 404, f"Could not find the file {path} in container")
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        if found.is_directory:
            top = tarfile.TarInfo(f"{found.name}/")
            top.type, top.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(top)
        for name, file in sorted(container.files.items()):
            if name == clean or name.startswith(f"{clean.rstrip('/')}/"):
                inside = str(PurePosixPath(found.name) / PurePosixPath(name).relative_to(clean))
                member = tarfile.TarInfo(inside.removesuffix("/."))
                member.size, member.mode, member.uid, member.gid = len(_bytes(file)), file.mode, file.uid, file.gid
                archive.addfile(member, io.BytesIO(_bytes(file)))
    return packed.getvalue()


def write_archive(container: FakeContainer, directory: str, data: bytes) -> None:
    """Raises: as the engine does when there is no such folder."""
    found = stat_path(container, directory)
    if found is None or not found.is_directory:
        what = f"copy into {directory} of {container.name}"
        raise refusal(what, 404, f"Could not find the file {directory} in container {container.name}")
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isreg() else None
            if content is not None:
                target = str(PurePosixPath(directory) / member.name)
                text = content.read().decode("utf-8", "surrogateescape")
                container.files[target] = CopiedFile(target, Hidden(text), member.uid, member.gid, member.mode)


def _bytes(file: CopiedFile) -> bytes:
    return file.content.reveal().encode("utf-8", "surrogateescape")
