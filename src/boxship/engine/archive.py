"""Files as the tar archive that the engine unpacks inside a container."""

import io
import tarfile
from collections.abc import Collection

from boxship.plan.action import CopiedFile


def pack_files(files: Collection[CopiedFile]) -> bytes:
    """The archive, for the root of the container. It names no folder, so those that are there stay as they are."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for file in files:
            content = file.content.reveal().encode("utf-8", "surrogateescape")
            member = tarfile.TarInfo(file.target.lstrip("/"))
            member.size, member.mode, member.uid, member.gid = len(content), file.mode, file.uid, file.gid
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()
