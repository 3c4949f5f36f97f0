"""What an image is built from, as one digest: by content, not by time.

Reading every file again would cost seconds for large contexts, so digests of contents are remembered per path with the
file's size, times and inode. A file whose times are as young as the memory itself may have changed within one tick of
the clock, and is read again. (The rule is the one that git's index follows for "racily clean" entries.)
"""

import hashlib
import json
import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from msgspec import Struct, field

from boxship.build.context import Context, Entry
from boxship.errors import BuildError

_RACY_NS = 20_000_000
"""More than a tick of any kernel's file clock (4 to 10 ms)."""


class ContentMemory(Struct):
    """Digests of file contents by path, with what the file looked like then."""

    path: Path
    known: dict[str, list[object]] = field(default_factory=dict)
    seen_at_ns: int = 0

    @classmethod
    def load(cls, path: Path) -> "ContentMemory":
        """Read a memory; an unreadable one is empty."""
        try:
            stored = json.loads(path.read_bytes())
            return cls(path, dict(stored["known"]), int(stored["seen_at_ns"]))
        except (OSError, ValueError, KeyError, TypeError):
            return cls(path)

    def save(self, known: dict[str, list[object]], seen_at_ns: int) -> None:
        """Replace the memory; failing to is no error, it only costs time later."""
        _keep(self.path, json.dumps({"seen_at_ns": seen_at_ns, "known": known}))

    def digest_of(self, entry: Entry) -> str | None:
        """What is remembered, if the file looks the same and could not have changed unseen."""
        known = self.known.get(entry.path)
        if known is None or known[:-1] != _looks(entry):
            return None
        is_racy = max(entry.mtime_ns, entry.ctime_ns) >= self.seen_at_ns - _RACY_NS
        return None if is_racy else str(known[-1])


def fingerprint(
    context: Context, inputs: Mapping[str, object], memory: ContentMemory, address: str, *, now_ns: int
) -> str:
    """One digest over a context's files and all else that goes into a build.

    Args:
        context: The found files.
        inputs: What else decides the result (arguments, ids of the images it begins from), JSON-able.
        memory: Updated with what was read.
        address: Begins the messages.
        now_ns: Unix time of a moment before the context was looked through.

    Raises:
        BuildError: A file can't be read.
    """
    whole = hashlib.sha256(json.dumps([context.dockerfile, inputs], sort_keys=True, default=str).encode())
    known: dict[str, list[object]] = {}
    has_read = False
    for entry in context.entries:
        digest = ""
        if entry.is_file:
            remembered = memory.digest_of(entry)
            digest = remembered or _read_digest(entry, address)
            if entry.source is not None:
                has_read |= remembered is None
                known[entry.path] = [*_looks(entry), digest]
        kind = stat.S_IFMT(entry.mode)
        mode = 0 if stat.S_ISLNK(entry.mode) else stat.S_IMODE(entry.mode)
        whole.update(f"{kind:o} {mode:o} {digest} {entry.path}\0{entry.link}\0".encode("utf-8", "surrogateescape"))
    if has_read or known.keys() != memory.known.keys():
        memory.save(known, now_ns)
    return whole.hexdigest()


class BuiltImages(Struct, frozen=True):
    """Which image came out of which fingerprint, per image reference, as small files."""

    folder: Path

    def image_id(self, references: Sequence[str], digest: str) -> str:
        """The image's id, "" when another or no fingerprint is remembered."""
        try:
            stored = json.loads(self._path(references).read_bytes())
            return str(stored["image_id"]) if stored["digest"] == digest else ""
        except (OSError, ValueError, KeyError, TypeError):
            return ""

    def remember(self, references: Sequence[str], digest: str, image_id: str) -> None:
        """Keep it for the next run; failing to only costs a build that finds everything in the engine's cache."""
        text = json.dumps({"digest": digest, "image_id": image_id, "references": list(references)})
        _keep(self._path(references), text)

    def memory(self, references: Iterable[str]) -> ContentMemory:
        """The digests of the files in this image's context."""
        return ContentMemory.load(self._path(references).with_suffix(".files"))

    def _path(self, references: Iterable[str]) -> Path:
        name = hashlib.sha256("\n".join(sorted(references)).encode()).hexdigest()[:24]
        return self.folder / f"{name}.json"


def _keep(path: Path, text: str) -> None:
    """Write a file at once or not at all: where that can't be, on a full disk for one, nothing of it stays."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(text)
        draft.replace(path)
    except OSError:
        with suppress(OSError):
            draft.unlink()


def _looks(entry: Entry) -> list[object]:
    return [entry.size_bytes, entry.mtime_ns, entry.ctime_ns, entry.inode]


def _read_digest(entry: Entry, address: str) -> str:
    if entry.source is None:
        return hashlib.sha256(entry.content).hexdigest()
    try:
        with entry.source.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as err:
        raise BuildError(
            f"{address}: can't read {entry.source}: {err.strerror}",
            hint="make it readable, or list it in .dockerignore",
        ) from err
