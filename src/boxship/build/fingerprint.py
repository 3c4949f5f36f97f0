"""What an image is built from, as one digest: by content, not by time.

Reading every file again would cost seconds for large contexts, so digests of contents are remembered per path with the
file's size, times and inode, and the digest of the whole with how all of it looked (``look``). A file whose times are
as young as the memory itself may have changed within one tick of the clock, and is read again.
"""

import hashlib
import json
import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from msgspec import Struct, ValidationError, convert, field, to_builtins

from boxship.build.context import Context, Entry
from boxship.build.look import Look, is_racy, last_change_ns
from boxship.errors import BuildError


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
        changed_ns = last_change_ns(entry.mtime_ns, entry.ctime_ns, self.seen_at_ns)
        return None if is_racy(changed_ns, self.seen_at_ns) else str(known[-1])


def context_digest(context: Context, memory: ContentMemory, address: str, *, now_ns: int) -> str:
    """One digest over a context's files: by content, mode and name, not by time.

    Args:
        context: The found files.
        memory: Updated with what was read.
        address: Begins the messages.
        now_ns: Unix time of a moment before the context was looked through.

    Raises:
        BuildError: A file can't be read.
    """
    whole = hashlib.sha256(context.dockerfile.encode())
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


def fingerprint(context: str, inputs: Mapping[str, object]) -> str:
    """One digest over a context's and all else that decides the result (arguments, ids of images), JSON-able."""
    return hashlib.sha256(json.dumps([context, inputs], sort_keys=True, default=str).encode()).hexdigest()


class BuildRecord(Struct, frozen=True):
    """What one image came from when it was last built. ``image_id`` is "" when nothing is known.

    ``stamps`` are the labels that say for which release it was built; they don't decide what is in it.
    """

    fingerprint: str = ""
    image_id: str = ""
    context: str = ""
    """The digest of its context."""
    look: str = ""
    """The digest of how that looked, "" when it was too young to vouch for anything."""
    stamps: Mapping[str, str] = field(default_factory=dict)
    notices: tuple[str, ...] = ()

    def vouched(self, look: Look | None) -> str:
        """The context's digest when nothing in it looks other than then, otherwise ""."""
        return self.context if look is not None and self.look and look.digest == self.look else ""


class BuiltImages(Struct, frozen=True):
    """What each image came from, per image reference, as small files."""

    folder: Path

    def record(self, references: Sequence[str]) -> BuildRecord:
        """What is remembered; an unreadable record is an empty one."""
        try:
            return convert(json.loads(self._path(references).read_bytes()), BuildRecord)
        except (OSError, ValueError, ValidationError):
            return BuildRecord()

    def remember(self, references: Sequence[str], record: BuildRecord) -> None:
        """Keep it for the next build; failing to only costs time then."""
        _keep(self._path(references), json.dumps({"references": list(references), **to_builtins(record)}))

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
