"""The version of an appliance whose file names none: what git says about its folder."""

import subprocess

from msgspec.structs import replace

from boxship.spec.model import Appliance

UNVERSIONED = "dev"
_DEADLINE_S = 10


def versioned(appliance: Appliance) -> Appliance:
    """The appliance with a version: its own, else git's description of the folder, else "dev"."""
    if appliance.version != UNVERSIONED:
        return appliance
    return replace(appliance, version=_described(str(appliance.directory)) or UNVERSIONED)


def _described(directory: str) -> str:
    argv = ["git", "-C", directory, "describe", "--tags", "--always", "--dirty"]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=_DEADLINE_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
