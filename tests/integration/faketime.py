"""A wall clock of a program's own, which tests may set: Debian's libfaketime."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

KEPT = Path(__file__).parents[2] / ".state" / "libfaketime"


def faketime_library() -> Path:
    """Debian's libfaketime, unpacked and not installed."""
    found = next(KEPT.glob("**/libfaketime.so.1"), None)
    if found is not None:
        return found
    if shutil.which("apt-get") is None:
        pytest.skip("setting one program's clock needs libfaketime, from apt")
    KEPT.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        ["apt-get", "--quiet", "download", "libfaketime"],
        cwd=KEPT, env={**os.environ, "LC_ALL": "C"}, capture_output=True, timeout=120, check=False,
    )  # fmt: skip
    for package in KEPT.glob("*.deb"):
        subprocess.run(["dpkg-deb", "--extract", package, KEPT], check=True, timeout=60)
    return next(KEPT.glob("**/libfaketime.so.1"), None) or pytest.skip("libfaketime can't be had from apt here")


def faked_by(library: Path, clock: Path) -> dict[str, str]:
    """The environment of a program whose wall clock is what the file ``clock`` says ("+0", "-1d"), at any moment."""
    return {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
