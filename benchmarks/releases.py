"""An appliance in two releases that differ in nothing but their version: what a box is switched to, and back."""

import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks.faults import BenchError
from benchmarks.tools import OUR_PROGRAM

VERSIONS = ("1.0.0", "2.0.0")
Texts = Callable[[str], Mapping[str, str]]
"""Version -> the appliance's files by their names."""
_DEADLINE_S = 600


def make_releases(
    folder: Path, name: str, texts: Texts, environment: Mapping[str, str], *, has_builds: bool = False
) -> Path:
    """The folder of both; what lies in ``folder/files`` is among the appliance's files.

    Raises: BenchError when one can't be made.
    """
    files, output = folder / "files", folder / "releases"
    files.mkdir(parents=True, exist_ok=True)
    for version in VERSIONS:
        for file, text in texts(version).items():
            (files / file).write_text(text)
        if has_builds:
            _run(files, environment, version, "-p", name, "build", "--quiet")
        _run(files, environment, version, "-p", name, "release", "create", "--output", str(output))
    return output


def _run(files: Path, environment: Mapping[str, str], version: str, *arguments: str) -> None:
    done = subprocess.run(
        (str(OUR_PROGRAM), *arguments),
        cwd=files,
        env=dict(environment),
        capture_output=True,
        text=True,
        timeout=_DEADLINE_S,
        check=False,
    )
    if done.returncode != 0:
        raise BenchError(f"Release {version} can't be made: {done.stderr.strip()}")
