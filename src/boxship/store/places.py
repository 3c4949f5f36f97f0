"""The files of one memory: where they lie, and how they get there whole."""

import os
from datetime import datetime
from pathlib import Path

DAMAGED_KEPT = 5
"""Files that were set aside; enough for support to see a pattern."""


class Places:
    """All beside the file itself (``state.db``)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.folder = path.parent
        self.wal = _beside(path, "-wal")
        self.shm = _beside(path, "-shm")
        self.new = _beside(path, ".new")
        self.copy = _beside(path, ".copy")
        self.lock = _beside(path, ".lock")

    def prepare(self) -> None:
        """Nobody else may look into the folder. Raises: OSError."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.folder.stat().st_mode & 0o077:
            self.folder.chmod(0o700)

    def set_aside(self, now: datetime) -> Path:
        """Move a damaged file and its log out of the way; the name that it has then. Raises: OSError."""
        aside = self._free_name(now)
        if self.path.exists():
            self.path.rename(aside)
        if self.wal.exists():
            self.wal.rename(_beside(aside, "-wal"))
        self.shm.unlink(missing_ok=True)
        others = [old for old in self.damaged() if old != aside]
        for old in others[: 1 - DAMAGED_KEPT]:
            old.unlink(missing_ok=True)
            _beside(old, "-wal").unlink(missing_ok=True)
        sync_folder(self.folder)
        return aside

    def publish(self) -> None:
        """Give the new file its name. Raises: OSError."""
        self.new.replace(self.path)
        sync_folder(self.folder)

    def damaged(self) -> list[Path]:
        """What was set aside, the oldest first; also a log whose file was gone."""
        names = {path.name.removesuffix("-wal") for path in self.folder.glob(f"{self.path.name}.damaged-*")}
        return [self.folder / name for name in sorted(names, key=lambda name: (name.rpartition("Z")[0], _count(name)))]

    def _free_name(self, now: datetime) -> Path:
        stem = f"{self.path.name}.damaged-{now:%Y%m%dT%H%M%SZ}"
        counts = [_count(path.name) for path in self.damaged() if path.name.startswith(stem)]
        return self.folder / (f"{stem}.{max(counts) + 1}" if counts else stem)


def _count(name: str) -> int:
    """Of several that were set aside in one second: 1, 2, 3..."""
    suffix = name.rpartition("Z")[2].removeprefix(".")
    return int(suffix) if suffix.isdecimal() else 1


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def new_file(path: Path) -> int:
    """An open descriptor of an empty file that only its owner may read. Raises: OSError."""
    path.unlink(missing_ok=True)
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)


def write_atomically(path: Path, data: bytes) -> None:
    """The old content or the new one, also when power fails in the middle. Raises: OSError, the old one stays."""
    temporary = _beside(path, ".new")
    try:
        with os.fdopen(new_file(temporary), "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Bring renames to the disk."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
