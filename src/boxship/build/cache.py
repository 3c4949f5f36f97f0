"""Made base images on this machine, by what they were made from.

``<root>/bases/<key>/`` holds ``layer.tar``, ``tree.json.gz`` and ``entry.json``, which names the digests of the other
two and of itself. A folder appears whole, by a rename, or not at all; what doesn't agree with its digests is not used.
``<root>/apt`` holds downloaded packages, checked against the digests they had when apt had verified them.
"""

import gzip
import hashlib
import json
import os
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from msgspec import Struct, to_builtins

from boxship.build.image import HistoryStep
from boxship.build.rootfs import Node
from boxship.host.filelock import FileLock

FORMAT = 2
"""Part of every key: raise it when the same inputs are to give another image."""
_UNUSED_AFTER_S = 30 * 86400
_STALE_DRAFT_AFTER_S = 86400
_DEBS_LIMIT_BYTES = 1 << 30
_CHUNK_BYTES = 1 << 20


class Entry(Struct, frozen=True):
    """One made base. ``chain``: the keys of its layers' entries, lowest first, its own last.

    ``removed``: paths of lower layers that its own layer takes away.
    """

    key: str
    suite: str
    epoch_s: int
    chain: tuple[str, ...]
    diff_ids: tuple[str, ...]
    history: tuple[HistoryStep, ...]
    removed: tuple[str, ...]
    config: str
    """The image's configuration, as text."""
    layer_bytes: int
    tree_digest: str

    @property
    def layer_digest(self) -> str:
        """SHA-256 in hex of its own layer."""
        return self.diff_ids[-1]


class CorruptEntryError(Exception):
    """An entry doesn't agree with its own digests; it has been thrown away."""


class BaseCache:
    """The folder of made bases. Several processes may use it at once; see ``lock``."""

    def __init__(self, root: Path) -> None:
        self.bases = root / "bases"
        self.debs = DebCache(root / "apt")

    def find(self, key: str) -> Entry | None:
        """The entry, marked as used; None when there is none or its record is damaged."""
        path = self._folder(key) / "entry.json"
        try:
            entry = _unwrap(path.read_bytes())
        except FileNotFoundError:
            return None
        if entry is None or not all((self._folder(key) / name).is_file() for name in ("layer.tar", "tree.json.gz")):
            self.discard(key)
            return None
        with suppress(OSError):
            os.utime(path)
        return entry

    def layers(self, entry: Entry) -> list[tuple[Entry, Path]]:
        """Every layer of an entry, lowest first, each checked against its digest.

        Raises:
            CorruptEntryError: A layer is missing or damaged; that entry is gone now.
        """
        found = []
        for key, digest in zip(entry.chain, entry.diff_ids, strict=True):
            one = entry if key == entry.key else self.find(key)
            path = self._folder(key) / "layer.tar"
            if one is None or one.layer_digest != digest or file_digest(path) != digest:
                self.discard(key)
                raise CorruptEntryError(key)
            found.append((one, path))
        return found

    def tree(self, entry: Entry) -> dict[str, Node]:
        """The whole tree of an entry.

        Raises:
            CorruptEntryError: It is missing or damaged; the entry is gone now.
        """
        try:
            packed = (self._folder(entry.key) / "tree.json.gz").read_bytes()
        except FileNotFoundError:
            packed = b""
        if hashlib.sha256(packed).hexdigest() != entry.tree_digest:
            self.discard(entry.key)
            raise CorruptEntryError(entry.key)
        return {path: _node_of(fields) for path, fields in json.loads(gzip.decompress(packed)).items()}

    def draft(self, key: str) -> Path:
        """An empty folder to make an entry in; hand it to ``publish`` or remove it."""
        self.bases.mkdir(parents=True, exist_ok=True)
        path = self.bases / f".{key}.{os.getpid()}.{time.monotonic_ns()}"
        path.mkdir(mode=0o700)
        return path

    def publish(self, draft: Path, entry: Entry) -> None:
        """Make a finished draft the entry of its key. Whoever is second loses silently: both are the same."""
        text = json.dumps(to_builtins(entry), sort_keys=True)
        wrapped = {"sha256": hashlib.sha256(text.encode()).hexdigest(), "entry": text}
        write_synced(draft / "entry.json", json.dumps(wrapped).encode())
        _sync_folder(draft)
        try:
            draft.rename(self._folder(entry.key))
        except OSError:
            if self.find(entry.key) is None:
                self.discard(entry.key)
                draft.rename(self._folder(entry.key))
        _sync_folder(self.bases)

    def discard(self, key: str) -> None:
        """Remove an entry, at once for everybody who looks."""
        gone = self.bases / f".{key}.gone.{os.getpid()}.{time.monotonic_ns()}"
        with suppress(FileNotFoundError):
            self._folder(key).rename(gone)
            shutil.rmtree(gone, ignore_errors=True)

    def prune(self, now_s: float) -> None:
        """Remove entries unused for a month, and drafts that a crash left behind."""
        for path in self.bases.iterdir():
            with suppress(FileNotFoundError):
                if path.suffix == ".lock":
                    continue
                if path.name.startswith("."):
                    if now_s - path.stat().st_mtime > _STALE_DRAFT_AFTER_S:
                        shutil.rmtree(path, ignore_errors=True)
                elif now_s - (path / "entry.json").stat().st_mtime > _UNUSED_AFTER_S:
                    self.discard(path.name)

    def lock(self, key: str) -> FileLock:
        """One maker per key and machine."""
        self.bases.mkdir(parents=True, exist_ok=True)
        return FileLock(self.bases / f"{key}.lock")

    def _folder(self, key: str) -> Path:
        return self.bases / key


class DebCache:
    """Downloaded packages, bounded, each with the digest that it had when apt had verified it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def offer(self, into: Path) -> None:
        """Put every intact package into a folder; damaged ones are removed."""
        for name, digest in self._index().items():
            path = self.root / name
            if not path.is_file():
                continue
            if file_digest(path) == digest:
                _link(path, into / name)
            else:
                path.unlink(missing_ok=True)

    def add(self, fresh: Path) -> None:
        """Take over packages that apt has verified just now."""
        self.root.mkdir(parents=True, exist_ok=True)
        with FileLock(self.root / "index.lock") as lock:
            if not lock.try_acquire():
                return  # somebody else adds the same packages, or will download these again
            index = self._index()
            for path in sorted(fresh.glob("*.deb")):
                if path.name not in index or not (self.root / path.name).is_file():
                    index[path.name] = file_digest(path)
                    path.chmod(0o644)
                    path.replace(self.root / path.name)
                os.utime(self.root / path.name)
            draft = self.root / f".index.{os.getpid()}"
            write_synced(draft, json.dumps(self._bounded(index), sort_keys=True).encode())
            draft.replace(self.root / "index.json")

    def _bounded(self, index: dict[str, str]) -> dict[str, str]:
        kept, total = {}, 0
        paths = [path for path in self.root.glob("*.deb") if path.name in index]
        for path in sorted(paths, key=lambda one: one.stat().st_mtime, reverse=True):
            total += path.stat().st_size
            if total > _DEBS_LIMIT_BYTES:
                path.unlink(missing_ok=True)
            else:
                kept[path.name] = index[path.name]
        return kept

    def _index(self) -> dict[str, str]:
        try:
            found = json.loads((self.root / "index.json").read_bytes())
        except (OSError, ValueError):
            return {}
        return {str(name): str(digest) for name, digest in found.items() if "/" not in str(name)}


def pack_tree(nodes: Mapping[str, Node]) -> bytes:
    """A tree as bytes; equal trees give equal bytes."""
    text = json.dumps({path: _node_fields(node) for path, node in nodes.items()}, sort_keys=True)
    return gzip.compress(text.encode("utf-8", "surrogateescape"), compresslevel=3, mtime=0)


def _unwrap(record: bytes) -> Entry | None:
    """The entry of a record; None when it is damaged."""
    try:
        wrapped = json.loads(record)
        text = wrapped["entry"]
        is_intact = hashlib.sha256(text.encode()).hexdigest() == wrapped["sha256"]
        return _entry_of(json.loads(text)) if is_intact else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _node_fields(node: Node) -> dict[str, object]:
    return {name: value for name, value in to_builtins(node).items() if value not in ("", {}, (0, 0))}


def _node_of(fields: dict[str, Any]) -> Node:
    device = fields.pop("device", [0, 0])
    return Node(**fields, device=(device[0], device[1]))


def _entry_of(fields: dict[str, Any]) -> Entry:
    sequences = {name: tuple(fields[name]) for name in ("chain", "diff_ids", "removed")}
    return Entry(**{**fields, **sequences, "history": tuple(HistoryStep(**step) for step in fields["history"])})


def file_digest(path: Path) -> str:
    """SHA-256 in hex of a file, "" when there is none."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except FileNotFoundError:
        return ""


def _link(path: Path, target: Path) -> None:
    try:
        target.hardlink_to(path)
    except OSError:
        shutil.copyfile(path, target)


def write_synced(path: Path, data: bytes) -> None:
    """Write a file and bring it to the disk."""
    with path.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def _sync_folder(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
