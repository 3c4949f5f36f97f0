"""The four releases of examples/upgrade, made once for all tests of a run: in a folder, and for a registry to push."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.integration.boxes import BOXSHIP

EXAMPLE = Path(__file__).parents[2] / "examples" / "upgrade"
STAGES = {"1.0.0": "past", "2.0.0": "present", "3.0.0": "future", "4.0.0": "broken"}
APPLIANCE = "bxtest-upgrade"
"""Its images stay, as a cache."""
MAGIC = "tell me you were there\n"
_DEADLINE_S = 600


def make_releases(output: Path, port: int, *, registry: str = "", environment: Mapping[str, str] | None = None) -> None:
    """All four, in the folder ``output``, or pushed to ``registry``."""
    where = ["--push", "--registry", registry] if registry else ["--output", str(output)]
    for version, stage in STAGES.items():
        variables = {"STAGE": stage, "VERSION": version, "UPGRADE_PORT": str(port)}
        shell = {**os.environ, **(environment or {}), **variables}
        for arguments in (["build", "--quiet"], ["release", "create", *where]):
            subprocess.run(
                [*BOXSHIP, "-p", APPLIANCE, *arguments],
                cwd=EXAMPLE,
                env=shell,
                check=True,
                capture_output=True,
                timeout=_DEADLINE_S,
            )
