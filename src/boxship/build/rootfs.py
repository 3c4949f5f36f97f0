"""A root file system as values: every path with what it is, read from a tar archive and freed of this machine's traces.

Two trees can be compared without their files, so a base that extends another needs only its own layer on disk.
"""

import hashlib
import re
import tarfile
from collections.abc import Callable, Collection, Iterator, Mapping
from fnmatch import translate
from pathlib import Path
from typing import IO

from msgspec import Struct, field
from msgspec.structs import replace

_XATTR = "SCHILY.xattr."
_CHUNK_BYTES = 1 << 20
_DAY_S = 86400

_DROPPED = (
    # Documents, as minimal images leave them out; licences stay.
    "usr/share/man/*",
    "usr/share/info/*",
    "usr/share/groff/*",
    "usr/share/lintian/*",
    "usr/share/linda/*",
    "usr/share/bug/*",
    "usr/share/doc-base/*",
    # What apt and dpkg can make again, and their locks and yesterday's copies.
    "var/cache/apt/*",
    "var/lib/apt/lists/*",
    "var/lib/apt/daily_lock",
    "var/lib/dpkg/lock*",
    "var/lib/dpkg/*-old",
    "var/lib/dpkg/triggers/Lock",
    "var/cache/debconf/*-old",
    "var/cache/ldconfig/*",
    "var/cache/man/*",
    "etc/passwd-",
    "etc/group-",
    "etc/shadow-",
    "etc/gshadow-",
    "etc/subuid-",
    "etc/subgid-",
    "etc/.pwd.lock",
    "etc/apt/apt.conf.d/99mmdebstrap",
    "etc/dpkg/dpkg.cfg.d/99mmdebstrap",
    # What a container gets from its engine.
    "dev/*",
    "proc/*",
    "sys/*",
    "run/*",
    "tmp/*",
    "etc/resolv.conf",
    "etc/hostname",
    "etc/hosts",
    # What must be another on every machine: an image that carries it makes all its containers alike.
    "etc/machine-id",
    "var/lib/dbus/machine-id",
    "var/lib/systemd/random-seed",
    "var/lib/urandom/random-seed",
    "etc/ssh/ssh_host_*",
    "etc/ssl/private/ssl-cert-snakeoil.key",
    "etc/ssl/certs/ssl-cert-snakeoil.pem",
)
_DROPPED_FILES = ("usr/share/doc/*", "usr/share/locale/*", "var/log/*")
_KEPT_FILES = ("usr/share/doc/*/copyright", "usr/share/locale/locale.alias")
_KEPT_DIRECTORIES = ("run/lock",)
_IS_DROPPED, _IS_DROPPED_FILE, _IS_KEPT_FILE = (
    re.compile("|".join(translate(pattern) for pattern in patterns))
    for patterns in (_DROPPED, _DROPPED_FILES, _KEPT_FILES)
)


class Node(Struct, frozen=True):
    """What one path is. ``kind`` is tar's type letter; a hard link is stored as the file that it names.

    ``digest`` is the content's SHA-256 in hex ("" unless a file); ``mtime_s`` counts for files only.
    """

    kind: str
    mode: int
    uid: int
    gid: int
    mtime_s: int
    size_bytes: int = 0
    digest: str = ""
    link: str = ""
    device: tuple[int, int] = (0, 0)
    xattrs: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_file(self) -> bool:
        """Whether it has content of its own."""
        return self.kind == "0"

    @property
    def is_directory(self) -> bool:
        """Whether other paths can be under it."""
        return self.kind == "5"


class Source(Struct, frozen=True):
    """Where a file's content is: an offset in the archive, or the bytes that replace it.

    ``inode`` is the path that the archive has it under first: paths with the same one are hard links of each other.
    """

    inode: str
    offset: int = 0
    content: bytes | None = None


class Rootfs(Struct, frozen=True):
    """A read tree. ``epoch_s``: the newest time that came with a package; nothing in the tree is newer."""

    nodes: Mapping[str, Node]
    sources: Mapping[str, Source]
    epoch_s: int
    generated: frozenset[str] = frozenset()
    """Files made during the build; their own times mean nothing, so they carry ``epoch_s``."""


def read_rootfs(archive: Path, *, started_at_s: float, not_before_s: int = 0, without: Collection[str] = ()) -> Rootfs:
    """Read an archive of a root file system and take this machine and this hour out of it.

    Args:
        archive: A plain tar.
        started_at_s: Unix time when the build began: newer files were made by it.
        not_before_s: The least ``epoch_s`` to choose (that of the tree below).
        without: Further paths to leave out.
    """
    with archive.open("rb") as stream:
        nodes, sources = _read_entries(stream)
    for path in without:
        nodes.pop(path, None)
    packaged = [node.mtime_s for node in nodes.values() if not node.is_directory and node.mtime_s < int(started_at_s)]
    epoch_s = max([not_before_s, *packaged])
    generated = frozenset(path for path, node in nodes.items() if node.mtime_s > epoch_s)
    for path, node in nodes.items():
        if node.is_directory or path in generated:
            nodes[path] = replace(node, mtime_s=epoch_s)
    for path, settle in _SETTLED.items():
        if path in nodes and nodes[path].is_file:
            content = settle(_content(archive, nodes[path], sources[path]), epoch_s)
            digest = hashlib.sha256(content).hexdigest()
            nodes[path] = replace(nodes[path], size_bytes=len(content), digest=digest)
            sources[path] = Source(path, content=content)
    return Rootfs(nodes, sources, epoch_s, generated)


def parents(path: str) -> Iterator[str]:
    """The folders above a path, nearest first, without the root."""
    while path := path.rpartition("/")[0]:
        yield path


def is_dropped(path: str, is_directory: bool) -> bool:
    """Whether an image goes without a path."""
    if _IS_DROPPED.match(path):
        return not (is_directory and path in _KEPT_DIRECTORIES)
    return not is_directory and bool(_IS_DROPPED_FILE.match(path)) and not _IS_KEPT_FILE.match(path)


def _read_entries(stream: IO[bytes]) -> tuple[dict[str, Node], dict[str, Source]]:
    nodes: dict[str, Node] = {}
    sources: dict[str, Source] = {}
    with tarfile.open(fileobj=stream, mode="r:") as tar:
        for info in tar:
            path = _clean(info.name)
            if not path:
                continue
            if info.islnk():
                target = _clean(info.linkname)
                nodes[path], sources[path] = nodes[target], sources[target]
                continue
            nodes[path] = _node(info, _hash(tar, info) if info.isreg() else "")
            sources[path] = Source(path, info.offset_data)
    return _without_dropped(nodes, sources)


def _without_dropped(nodes: dict[str, Node], sources: dict[str, Source]) -> tuple[dict[str, Node], dict[str, Source]]:
    kept = {path: node for path, node in nodes.items() if not is_dropped(path, node.is_directory)}
    kept = {path: node for path, node in kept.items() if not _leads_to_dropped(path, node)}
    used = {path.rpartition("/")[0] for path, node in kept.items() if not node.is_directory}
    used |= {parent for path in list(used) for parent in parents(path)}
    # The folders of dropped documents and translations go with them.
    for path in [path for path, node in kept.items() if node.is_directory and path not in used]:
        if path.startswith(("usr/share/doc/", "usr/share/locale/")):
            del kept[path]
    return dict(sorted(kept.items())), {path: sources[path] for path in kept}


def _leads_to_dropped(path: str, node: Node) -> bool:
    """A certificate's hash link, whose name would tell this host's name, goes with the certificate."""
    return node.kind == "2" and path.startswith("etc/ssl/certs/") and node.link == "ssl-cert-snakeoil.pem"


def _node(info: tarfile.TarInfo, digest: str) -> Node:
    return Node(
        kind="0" if info.isreg() else info.type.decode("ascii"),
        mode=info.mode,
        uid=info.uid,
        gid=info.gid,
        mtime_s=int(info.mtime),
        size_bytes=info.size if info.isreg() else 0,
        digest=digest,
        link=info.linkname if info.issym() else "",
        device=(info.devmajor, info.devminor) if info.isdev() and not info.isfifo() else (0, 0),
        xattrs={
            key.removeprefix(_XATTR): value for key, value in sorted(info.pax_headers.items()) if key.startswith(_XATTR)
        },
    )


def _hash(tar: tarfile.TarFile, info: tarfile.TarInfo) -> str:
    digest = hashlib.sha256()
    stream = tar.extractfile(info)
    while stream is not None and (chunk := stream.read(_CHUNK_BYTES)):
        digest.update(chunk)
    return digest.hexdigest()


def _content(archive: Path, node: Node, source: Source) -> bytes:
    with archive.open("rb") as stream:
        stream.seek(source.offset)
        return stream.read(node.size_bytes)


def _settle_shadow(content: bytes, epoch_s: int) -> bytes:
    """Days of "last password change" after the epoch's become the epoch's."""
    today = epoch_s // _DAY_S

    def settle(line: bytes) -> bytes:
        fields = line.split(b":")
        if len(fields) == 9 and fields[2].isdigit() and int(fields[2]) > today:
            fields[2] = str(today).encode()
        return b":".join(fields)

    return b"\n".join(settle(line) for line in content.split(b"\n"))


def _settle_debconf(content: bytes, epoch_s: int) -> bytes:
    """The names of temporary files, which ucf leaves among debconf's answers, lose their random end."""
    return re.sub(rb"(?m)^( \w+ = /tmp/\S*)\.\w{6,}$", rb"\1", content)


def _clean(name: str) -> str:
    return "" if name in (".", "./") else name.removeprefix("./").rstrip("/")


_SETTLED: Mapping[str, Callable[[bytes, int], bytes]] = {
    "etc/shadow": _settle_shadow,
    "var/cache/debconf/config.dat": _settle_debconf,
}
