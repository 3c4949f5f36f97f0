"""The layer that turns one tree into another, as a reproducible tar: sorted, numeric owners, settled times.

What is gone from a lower layer is a whiteout (an empty file ``.wh.<name>``). Folders above anything in the layer are in
it too, because the engine takes a folder's owner and mode from the topmost layer that has it.
Source: the OCI image specification, "Image Layer Filesystem Changeset".
"""

import hashlib
import io
import os
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from msgspec import Struct
from msgspec.structs import replace

from boxship.build.rootfs import Node, Rootfs, Source, parents

_XATTR = "SCHILY.xattr."
_WHITEOUT = ".wh."


class Layer(Struct, frozen=True):
    """A written layer. ``digest`` is the SHA-256 in hex of the plain tar: its diff id."""

    digest: str
    size_bytes: int


def write_layer(archive: Path, upper: Rootfs, lower: Mapping[str, Node], target: Path) -> Layer:
    """Write what ``upper`` (read from ``archive``) has over ``lower`` into ``target``, and bring it to the disk.

    An empty ``lower`` makes the layer the whole tree.
    """
    members = {f"{path}": path for path in changed_paths(lower, upper)}
    members |= {_whiteout(path): "" for path in removed_paths(lower, upper.nodes)}
    with archive.open("rb") as source, target.open("wb") as raw:
        out = _Hashed(raw)
        with tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT, bufsize=1 << 20) as tar:
            first_paths: dict[str, str] = {}
            for name in sorted(members):
                _add(tar, name, members[name], upper, source, first_paths)
        raw.flush()
        os.fsync(raw.fileno())
    return Layer(out.digest.hexdigest(), out.size_bytes)


def changed_paths(lower: Mapping[str, Node], upper: Rootfs) -> set[str]:
    """Paths that a layer over ``lower`` must hold so that both together are ``upper``, with their parent folders.

    A file that the build wrote again with the same content is not a change, nor is a folder's time.
    """
    changed = {
        path
        for path, node in upper.nodes.items()
        if path not in lower or _differs(lower[path], node, path in upper.generated)
    }
    changed |= {parent for path in [*changed, *removed_paths(lower, upper.nodes)] for parent in parents(path)}
    return changed & upper.nodes.keys()


def removed_paths(lower: Mapping[str, Node], upper: Mapping[str, Node]) -> list[str]:
    """Paths that are gone, only the topmost of each; those under what is no folder any more are not listed."""
    gone = [path for path in lower if path not in upper]
    return sorted(path for path in gone if _is_topmost(path, upper))


def _is_topmost(path: str, upper: Mapping[str, Node]) -> bool:
    parent = path.rpartition("/")[0]
    return not parent or (parent in upper and upper[parent].is_directory)


def _differs(below: Node, above: Node, is_generated: bool) -> bool:
    if is_generated or not above.is_file:
        above = replace(above, mtime_s=below.mtime_s)
    return below != above


def _add(
    tar: tarfile.TarFile, name: str, path: str, upper: Rootfs, source: IO[bytes], first_paths: dict[str, str]
) -> None:
    if not path:
        info = tarfile.TarInfo(name)
        info.mtime = upper.epoch_s
        tar.addfile(info)
        return
    node = upper.nodes[path]
    info = _tar_info(path, node)
    if not node.is_file:
        tar.addfile(info)
        return
    origin = upper.sources[path]
    # A hard link may only name what this very layer holds, so the first of its paths here carries the content.
    first = first_paths.setdefault(origin.inode, path)
    if first != path:
        info.type, info.linkname, info.size = tarfile.LNKTYPE, first, 0
        tar.addfile(info)
        return
    tar.addfile(info, _open_content(origin, source))


def _open_content(origin: Source, source: IO[bytes]) -> IO[bytes]:
    if origin.content is not None:
        return io.BytesIO(origin.content)
    source.seek(origin.offset)
    return source


def _tar_info(path: str, node: Node) -> tarfile.TarInfo:
    info = tarfile.TarInfo(path)
    info.type = node.kind.encode("ascii")
    info.mode, info.uid, info.gid, info.mtime = node.mode, node.uid, node.gid, node.mtime_s
    info.size, info.linkname = node.size_bytes, node.link
    info.devmajor, info.devminor = node.device
    info.pax_headers = {_XATTR + key: value for key, value in sorted(node.xattrs.items())}
    return info


def _whiteout(path: str) -> str:
    head, slash, name = path.rpartition("/")
    return f"{head}{slash}{_WHITEOUT}{name}"


class _Hashed(io.RawIOBase):
    """A file that counts and hashes what is written to it."""

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw = raw
        self.digest = hashlib.sha256()
        self.size_bytes = 0

    def write(self, data: object, /) -> int:
        chunk = memoryview(data)  # type: ignore[arg-type]
        self.digest.update(chunk)
        self.size_bytes += chunk.nbytes
        return self._raw.write(chunk)
