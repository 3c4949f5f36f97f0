"""What is on this host's disks."""

import os


def is_there(path: str) -> bool:
    """Whether there is anything at ``path``; what this user may not look at counts as being there."""
    try:
        os.stat(path)  # noqa: PTH116  # a Path for each would cost more than asking
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return False
    except OSError:
        return True
    return True
