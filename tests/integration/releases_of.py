"""Releases of an appliance that a test writes, one for each version, by the command line."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.integration.boxes import BOXSHIP

_DEADLINE_S = 60


def create_releases(
    appliance: str,
    files: Mapping[str, str],
    versions: Mapping[str, Mapping[str, str]],
    made: pytest.TempPathFactory,
    engine: str | None = None,
) -> Path:
    """The folder with all of them. ``versions``: version -> the variables that its files use, besides VERSION."""
    output, source = made.mktemp("releases"), made.mktemp("source")
    for name, text in files.items():
        (source / name).write_text(text)
    where = {} if engine is None else {"DOCKER_HOST": engine}
    for version, said in versions.items():
        done = subprocess.run(
            [*BOXSHIP, "-p", appliance, "release", "create", "--output", str(output)],
            cwd=source, env={**os.environ, **where, "VERSION": version, **said},
            capture_output=True, text=True, timeout=_DEADLINE_S, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    return output
