"""What goes wrong while a volume is copied, as sentences with the path and what can be done."""

import errno
import os

from boxship.errors import HostError
from boxship.units import format_size

GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ESTALE, errno.ENXIO})
"""What opening answers when somebody removed, renamed or replaced the thing since it was looked at."""

_HINTS = {
    errno.EIO: "the disk or its driver reports an error: look at the kernel's log (dmesg), and replace the disk",
    errno.EROFS: "the file system is mounted read-only; after an error of the disk the kernel does that by itself",
    errno.EACCES: "copying volumes with their owners needs root",
    errno.EPERM: "copying volumes with their owners needs root, and a file system that allows it",
    errno.EMFILE: "raise the limit of open files (LimitNOFILE)",
    errno.EOPNOTSUPP: "both file systems must know the same attributes and access control lists",
}


class GoneError(Exception):
    """Something of the source isn't there any more, or has become something else, since it was looked at."""


class StoppedError(Exception):
    """The copy was asked to stop."""


def cannot(what: str, path: str, err: OSError, needed_bytes: int = 0) -> HostError:
    """The error for what failed. ``what`` is a verb ("write"), ``needed_bytes`` what is still to come, 0: not known."""
    if err.errno in (errno.ENOSPC, errno.EDQUOT):
        return _no_room(path, err, needed_bytes)
    hint = _HINTS.get(err.errno or 0, "")
    return HostError(f"cannot {what} {printable(path)}: {err.strerror or err}", hint=hint)


def _no_room(path: str, err: OSError, needed_bytes: int) -> HostError:
    room = ""
    try:
        found = os.statvfs(os.path.dirname(path))  # noqa: PTH120  # names needn't be UTF-8
        room = f"; {format_size(found.f_bavail * found.f_frsize)} and {found.f_favail} inodes are free there"
    except OSError:
        pass  # the folder itself may be gone; the error is about the room
    still = f", and {format_size(needed_bytes)} are still to be copied" if needed_bytes else ""
    return HostError(
        f"no room for {printable(path)} ({err.strerror}){room}{still}",
        hint="make room on that file system (boxship box gc removes what no kept deployment needs), then try again",
    )


def printable(path: str) -> str:
    """A path for people: bytes that aren't UTF-8 are shown as hexadecimal numbers."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
