"""Removing what is in a folder, and nothing else: no link is followed, and no mounted file system is entered."""

import os
import stat
from pathlib import Path

from boxship.errors import HostError
from boxship.host.volumes.faults import cannot
from boxship.host.volumes.folders import Descent, open_root


def discard(path: Path) -> None:
    """Empty a folder, such as a half copy; the folder itself stays, as it may be the engine's. Absent: nothing to do.

    Raises: HostError for the root, a link, a mounted file system below it, and for what can't be removed.
    """
    try:
        status = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(status.st_mode) or path.resolve() == Path("/"):
        raise HostError(f"{path} is no folder that could be emptied")
    try:
        root = Descent(open_root(path))
        try:
            for name in os.listdir(root.fd):  # noqa: PTH208  # a descriptor has no Path
                remove_entry(root.fd, name, status.st_dev)
        finally:
            root.close()
    except OSError as err:
        raise cannot("empty", str(path), err) from err


def remove_entry(folder: int, name: str, device: int) -> None:
    """Remove what is there by that name, with all below it.

    Raises: OSError; HostError when something is mounted in it, and then what was found before is gone.
    """
    try:
        os.unlink(name, dir_fd=folder)
    except IsADirectoryError:
        _remove_folder(folder, name, device)


def _remove_folder(folder: int, name: str, device: int) -> None:
    descent = Descent(os.dup(folder))
    pending = [[name]]
    try:
        while pending:
            if pending[-1]:
                descent.enter(pending[-1][-1])
                pending.append(_remove_files(descent.fd, descent.path, device))
                continue
            pending.pop()
            if pending:
                descent.leave()
                os.rmdir(pending[-1].pop(), dir_fd=descent.fd)
    finally:
        descent.close()


def _remove_files(folder: int, path: str, device: int) -> list[str]:
    """The folders that are left in it."""
    if os.fstat(folder).st_dev != device:
        raise HostError(f"'{path}' is another file system, mounted there", hint="unmount it, then try again")
    with os.scandir(folder) as entries:
        found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    for name, is_folder in found:
        if not is_folder:
            os.unlink(name, dir_fd=folder)
    return [name for name, is_folder in found if is_folder]
