"""Runs a command beside an engine of its own: ``python -m tests.integration.on_private_engine pytest tests/contracts``.

The command lives in the engine's network and process namespaces, as Boxship does on a box, and finds the engine in
DOCKER_HOST. Which dockerd it is follows from PATH (see scripts/newer-engine).
"""

import os
import subprocess
import sys
from pathlib import Path

from tests.integration.private_engine import private_engine


def main() -> int:
    with private_engine() as engine:
        environment = {**os.environ, "DOCKER_HOST": engine.address}
        # nsenter forgets the working directory.
        command = ("sh", "-c", 'cd "$1" && shift && exec "$@"', "sh", str(Path.cwd()), *sys.argv[1:])
        return subprocess.run([*engine.enter, *command], env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
