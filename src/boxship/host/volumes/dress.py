"""All that a file has besides its bytes: owner, mode, extended attributes with access control lists, times.

The order matters: a change of owner takes setuid bits and capabilities away, a mode changes an access control list.
Not copied: flags (chattr), the time of birth, and attributes that this process may not see (``trusted.*`` without
CAP_SYS_ADMIN).
"""

import errno
import os
import stat

_EVERY_MODE = 0o7777
_SHOWN_TWICE = frozenset({"trusted.SGI_ACL_FILE", "trusted.SGI_ACL_DEFAULT"})
"""XFS shows its access control lists by these names, too; elsewhere they would be plain attributes."""
Target = int | str
"""A descriptor, or a path whose last part is not followed."""


def dress_open(destination: int, status: os.stat_result, source: Target) -> None:
    """A file or folder by its descriptor. Raises: OSError."""
    found = os.fstat(destination)
    if (found.st_uid, found.st_gid) != (status.st_uid, status.st_gid):
        os.fchown(destination, status.st_uid, status.st_gid)
        found = os.fstat(destination)
    if found.st_mode != status.st_mode:
        os.fchmod(destination, status.st_mode & _EVERY_MODE)
    copy_attributes(source, destination)
    os.utime(destination, ns=(status.st_atime_ns, status.st_mtime_ns))


def is_dressed_alike(one: os.stat_result, other: os.stat_result) -> bool:
    """Whether kind, mode, owner, size and time are the same; attributes are not looked at."""
    same = (one.st_mode, one.st_uid, one.st_gid, one.st_size, one.st_mtime_ns, one.st_rdev)
    return same == (other.st_mode, other.st_uid, other.st_gid, other.st_size, other.st_mtime_ns, other.st_rdev)


def dress_named(folder: int, name: str, status: os.stat_result, source: str) -> None:
    """A link, pipe, socket or device, which must not be opened. Raises: OSError."""
    os.chown(name, status.st_uid, status.st_gid, dir_fd=folder, follow_symlinks=False)
    if not stat.S_ISLNK(status.st_mode):
        os.chmod(name, status.st_mode & _EVERY_MODE, dir_fd=folder)
    copy_attributes(source, named(folder, name))
    os.utime(name, ns=(status.st_atime_ns, status.st_mtime_ns), dir_fd=folder, follow_symlinks=False)


def named(folder: int, name: str) -> str:
    """A path for the calls that know no folder's descriptor; short, however deep the folder is."""
    return f"/proc/self/fd/{folder}/{name}"


def copy_attributes(source: Target, destination: Target) -> None:
    """Make the extended attributes the same: those too many go. Raises: OSError."""
    wanted, found = list_attributes(source), list_attributes(destination)
    if not wanted and not found:
        return
    for name in found:
        if name not in wanted:
            os.removexattr(destination, name, follow_symlinks=_follows(destination))
    for name in wanted:
        value = read_attribute(source, name)
        if value is not None and (name not in found or read_attribute(destination, name) != value):
            os.setxattr(destination, name, value, follow_symlinks=_follows(destination))


def list_attributes(target: Target) -> list[str]:
    """Their names; none where the file system has no such thing. Raises: OSError."""
    try:
        return [name for name in os.listxattr(target, follow_symlinks=_follows(target)) if name not in _SHOWN_TWICE]
    except OSError as err:
        if err.errno == errno.EOPNOTSUPP:
            return []
        raise


def read_attribute(target: Target, name: str) -> bytes | None:
    """Its value; None when it has just gone. Raises: OSError."""
    try:
        return os.getxattr(target, name, follow_symlinks=_follows(target))
    except OSError as err:
        if err.errno == errno.ENODATA:
            return None
        raise


def _follows(target: Target) -> bool:
    return isinstance(target, int)
