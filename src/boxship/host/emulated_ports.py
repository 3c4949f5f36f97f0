"""Which ports of this host emulations have for themselves, so that nobody else chooses them.

What an emulation knows is in a folder of its user's, where nobody else finds it nor may look. So it says which ports it
has in a folder that everybody may read: of the user who runs it, below ``/var/tmp``, which outlives the host's next
start. Anybody may write such a claim. It keeps others from choosing a port by themselves, and from nothing else.
"""

import contextlib
import os
import stat
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from boxship.errors import HostError
from boxship.hashing import blake2b
from boxship.host.box_ports import BoxPorts
from boxship.host.places import write_line

_CLAIMS = "var/tmp/boxship-ports-{user}"  # its owner is looked at
_MOST_CLAIMS = 1000
_MOST_BYTES = 5000
"""Two ports and a path."""


class EmulatedPorts:
    """Those of the host whose files are below ``root``; this process says those of its own user."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root
        self._mine = root / _CLAIMS.format(user=os.getuid())

    def taken(self, but: Path | None = None) -> frozenset[int]:
        """The ports of all emulations whose folder is still there, except for that in ``but``."""
        claims = islice(self._root.glob(_CLAIMS.format(user="*") + "/*"), _MOST_CLAIMS)
        found = (claim for path in claims if (claim := _read(path)) is not None)
        return frozenset(
            port
            for ports, folder in found
            if folder != but and self._is_there(folder)
            for port in (ports.page, ports.api)
        )

    def claim(self, folder: Path, ports: BoxPorts) -> None:
        """Have it said of the emulation in ``folder``. What was said of folders that are gone is gone then, too.

        Raises: HostError when nothing can be said.
        """
        try:
            self._mine.mkdir(mode=0o755, exist_ok=True)
            seen = self._mine.lstat()
            if seen.st_uid != os.getuid() or not stat.S_ISDIR(seen.st_mode):
                raise HostError(f"{self._mine} is somebody else's", hint=_NAME_THEM)
            for path in self._own_claims():
                if (claim := _read(path)) is None or not self._is_there(claim[1]):
                    path.unlink(missing_ok=True)
            write_line(self._path(folder), f"{ports} {folder}")
            # Whatever this user's umask is.
            self._mine.chmod(0o755)
            self._path(folder).chmod(0o644)
        except OSError as err:
            raise HostError(f"can't write below {self._mine}: {err.strerror}", hint=_NAME_THEM) from err

    def forget(self, folder: Path) -> None:
        """As ``claim``, that it has none."""
        with contextlib.suppress(OSError):
            self._path(folder).unlink(missing_ok=True)

    def _path(self, folder: Path) -> Path:
        return self._mine / blake2b(str(folder).encode(), digest_size=12).hexdigest()

    def _own_claims(self) -> Iterator[Path]:
        return islice(self._mine.iterdir(), _MOST_CLAIMS)

    def _is_there(self, folder: Path) -> bool:
        """A folder that may not be looked at is."""
        try:
            (self._root / str(folder).lstrip("/")).stat()
        except PermissionError:
            return True
        except (OSError, ValueError):
            # Gone, or no path that a system could have.
            return False
        return True


_NAME_THEM = "other emulations can't see which ports this one has; name them: -- --page-port PORT --api-port PORT"


def _read(path: Path) -> tuple[BoxPorts, Path] | None:
    """None for what is no claim: whoever wrote it, it keeps nobody from anything."""
    try:
        # Neither somebody else's link nor a pipe that never says a thing.
        opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(opened, "rb") as stream:
            if not stat.S_ISREG(os.fstat(opened).st_mode):
                return None
            page, api, folder = stream.read(_MOST_BYTES).decode().rstrip("\n").split(" ", 2)
        return BoxPorts(int(page), int(api)), Path(folder)
    except (OSError, ValueError):
        return None
