"""Only one Loader holds a box's memory; the kernel gives it free when that one ends, however it ends."""

import fcntl
import os
from pathlib import Path
from typing import Self

from boxship.errors import ConflictError


class Holder:
    """The lock, held. Its file stays for ever: removing it would let two in."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    @classmethod
    def take(cls, path: Path) -> Self:
        """Raises: ConflictError naming the process that has it; OSError."""
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _sign(fd)
        except BlockingIOError:
            pid = os.pread(fd, 32, 0).decode(errors="replace").strip() or "?"
            os.close(fd)
            raise ConflictError(
                f"{path.parent} is held by another Loader, process {pid}",
                hint="one Loader per box; stop that one first",
                fields={"pid": pid},
            ) from None
        except OSError:
            os.close(fd)
            raise
        return cls(fd)

    def release(self) -> None:
        """Let the next one in. Repeating is safe."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _sign(fd: int) -> None:
    # A fixed width, so that on a full disk the process's number still goes where the one before it stood.
    os.pwrite(fd, f"{os.getpid():<31}\n".encode(), 0)
