"""Contents of files on disk: streamed in beside their place, then moved into it whole.

A content is either complete under its id or absent; power may fail between any two lines.
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from uuid import UUID, uuid4

RESERVE_BYTES = 200_000_000
"""Space that uploads leave alone, so that databases and logs on the same disk keep working."""


class NoSpaceError(Exception):
    """The disk can't take the upload; nothing of it was kept."""


@dataclass(slots=True)
class Incoming:
    """An upload on its way: write, then ``keep`` or ``discard``."""

    file: BinaryIO
    path: Path
    size_bytes: int = 0

    def write(self, chunk: bytes | bytearray) -> None:
        self.file.write(chunk)
        self.size_bytes += len(chunk)

    def discard(self) -> None:
        self.file.close()
        self.path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Store:
    """A directory of contents by id. Methods block on the disk; callers run them in a thread."""

    root: Path

    @property
    def incoming_dir(self) -> Path:
        return self.root / "incoming"

    def prepare(self) -> None:
        """Makes the directories and forgets uploads that a crash cut."""
        shutil.rmtree(self.incoming_dir, ignore_errors=True)
        for directory in (self.incoming_dir, self.root / "files", self.root / "thumbnails"):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    def content_path(self, file_id: UUID) -> Path:
        return self.root / "files" / file_id.hex[:2] / file_id.hex

    def thumbnail_path(self, file_id: UUID) -> Path:
        return self.root / "thumbnails" / file_id.hex[:2] / f"{file_id.hex}.webp"

    def room_bytes(self) -> int:
        """What uploads may still use; never negative."""
        return max(0, shutil.disk_usage(self.root).free - RESERVE_BYTES)

    def receive(self) -> Incoming:
        path = self.incoming_dir / uuid4().hex
        return Incoming(path.open("xb"), path)

    def keep(self, incoming: Incoming, place: Path) -> None:
        """Moves a complete upload to its place; durable when it returns."""
        incoming.file.flush()
        os.fsync(incoming.file.fileno())
        incoming.file.close()
        place.parent.mkdir(mode=0o700, exist_ok=True)
        incoming.path.rename(place)
        directory = os.open(place.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def remove(self, file_id: UUID) -> None:
        """Removes content and thumbnail; absent ones are fine."""
        self.content_path(file_id).unlink(missing_ok=True)
        self.thumbnail_path(file_id).unlink(missing_ok=True)

    def contents(self) -> set[UUID]:
        """The ids under which contents are kept."""
        return {UUID(hex=path.name) for path in (self.root / "files").glob("??/*")}

    def probe(self) -> None:
        """Writes and reads back a few bytes. Raises OSError when the disk can't."""
        incoming = self.receive()
        try:
            incoming.write(b"probe")
            incoming.file.flush()
            if incoming.path.read_bytes() != b"probe":
                raise OSError("the storage returned other bytes than were written")
        finally:
            incoming.discard()
