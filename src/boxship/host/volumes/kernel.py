"""What the kernel offers and Python has no name for: sharing blocks, making holes, writing a file system out."""

import ctypes
import errno
import fcntl
import os

_FICLONE = 0x40049409
"""Linux, include/uapi/linux/fs.h: _IOW(0x94, 9, int)."""
_KEEP_SIZE, _PUNCH_HOLE = 0x01, 0x02
_LIBC = ctypes.CDLL(None, use_errno=True)
_NEVER = frozenset({errno.EOPNOTSUPP, errno.ENOTTY, errno.ENOSYS, errno.EXDEV})
"""This file system can't, or not with that one; every file would answer the same."""
_NOT_THIS = frozenset({errno.EINVAL, errno.EPERM, errno.ETXTBSY})
"""One file can't: it isn't copied on write (chattr +C), or it is a swap file."""


class Cloner:
    """Lets files share blocks (a reflink), until the file systems say that they never will."""

    def __init__(self) -> None:
        self.is_possible = True
        self.has_cloned = False

    def clone(self, source: int, destination: int) -> bool:
        """Whether the destination now has the source's content, which is then one moment's. Raises: OSError."""
        if not self.is_possible:
            return False
        try:
            fcntl.ioctl(destination, _FICLONE, source)
        except OSError as err:
            if err.errno in _NEVER:
                self.is_possible = False
                return False
            if err.errno in _NOT_THIS:
                return False
            raise
        self.has_cloned = True
        return True


def punch_hole(fd: int, offset: int, length: int) -> None:
    """Make that range a hole, which reads as zeros; zeros are written where there are no holes. Raises: OSError."""
    fallocate = _LIBC.fallocate64
    fallocate.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
    if fallocate(fd, _KEEP_SIZE | _PUNCH_HOLE, offset, length) == 0:
        return
    number = ctypes.get_errno()
    if number not in (errno.EOPNOTSUPP, errno.ENOSYS):
        raise OSError(number, os.strerror(number))
    zeros = bytes(256 * 1024)
    while length > 0:
        written = os.pwrite(fd, zeros[:length], offset)
        offset, length = offset + written, length - written


def sync_file_system(fd: int) -> None:
    """Return when everything that was written to this file system is on its disk. Raises: OSError."""
    if _LIBC.syncfs(fd) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
