"""What images were last built from, as small files: one digest of all that decides the result, and how that looked.

The digest is by content, not by time (``contents``); as long as a context looks as it did then (``look``), nothing of
it is read again.
"""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from msgspec import Struct, ValidationError, convert, field, to_builtins

from boxship.build.look import Look
from boxship.hashing import sha256_hex


def fingerprint(context: str, inputs: Mapping[str, object]) -> str:
    """One digest over a context's and all else that decides the result (arguments, ids of images), JSON-able."""
    return sha256_hex(json.dumps([context, inputs], sort_keys=True, default=str).encode())


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
        keep_file(self._path(references), json.dumps({"references": list(references), **to_builtins(record)}))

    def memory_path(self, references: Iterable[str]) -> Path:
        """Where the digests of the files in this image's context are."""
        return self._path(references).with_suffix(".files")

    def _path(self, references: Iterable[str]) -> Path:
        name = sha256_hex("\n".join(sorted(references)).encode())[:24]
        return self.folder / f"{name}.json"


def keep_file(path: Path, text: str) -> None:
    """Write a file at once or not at all: where that can't be, on a full disk for one, nothing of it stays."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(text)
        draft.replace(path)
    except OSError:
        with suppress(OSError):
            draft.unlink()
