"""What is in a context's files, as one digest: by content, not by time.

Reading every file again would cost seconds for large contexts, so digests of contents are remembered per path with the
file's size, times and inode. A file whose times are as young as the memory itself may have changed within one tick of
the clock, and is read again.
"""

import hashlib
import json
import stat
from pathlib import Path

from msgspec import Struct, field

from boxship.build.context import Context, Entry
from boxship.build.look import is_racy, last_change_ns
from boxship.build.records import keep_file
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
        keep_file(self.path, json.dumps({"seen_at_ns": seen_at_ns, "known": known}))

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
