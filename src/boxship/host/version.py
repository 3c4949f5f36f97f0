"""The version of an appliance whose file names none: what git says about its folder."""

import os
from pathlib import Path

from msgspec.structs import replace

from boxship.spec.model import Appliance

UNVERSIONED = "dev"
_DEADLINE_S = 10


def versioned(appliance: Appliance) -> Appliance:
    """The appliance with a version: its own, else git's description of the folder, else "dev"."""
    if appliance.version != UNVERSIONED:
        return appliance
    described = _described(str(appliance.directory)) if _may_be_in_git(appliance.directory) else ""
    return replace(appliance, version=described or UNVERSIONED)


def revision(directory: Path) -> str:
    """The commit of the folder's sources, with ``-dirty`` when something isn't committed; "" outside of git."""
    if not _may_be_in_git(directory):
        return ""
    return _ask_git(str(directory), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")


def _may_be_in_git(directory: Path) -> bool:
    """Whether asking git is worth its start."""
    places = (directory, *directory.parents)
    return "GIT_DIR" in os.environ or any(os.path.lexists(place / ".git") for place in places)


def _described(directory: str) -> str:
    return _ask_git(directory, "describe", "--tags", "--always", "--dirty")


def _ask_git(directory: str, *arguments: str) -> str:
    import subprocess  # noqa: PLC0415 (7 ms of every `check` and `show`, for folders that are under git)

    argv = ["git", "-C", directory, *arguments]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=_DEADLINE_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
