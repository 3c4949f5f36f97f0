"""Releases of a small appliance from the tests' image: up in a moment, with data, a port and a check."""

import os
import subprocess
from pathlib import Path

from tests.integration.boxes import BOXSHIP

_DEADLINE_S = 120
COMPOSE = """
services:
  store:
    image: {image}
    init: true
    command: [sleep, infinity]
    volumes: ["data:/data"]
    stop_grace_period: 1s
  web:
    image: {image}
    init: true
    command: [httpd, -f, -p, "8080", -h, /data]
    depends_on: [store]
    volumes: ["data:/data"]
    ports: ["127.0.0.1:{port}:8080"]
    stop_grace_period: 1s
volumes:
  data:
"""
APPLIANCE = """
name: {name}
version: {version}
app: compose.yaml
boot: {{attempts: 2, timeout: 10s}}
checks:
  web: {{tcp: 8080}}
"""


def make_small_releases(
    output: Path, name: str, port: int, image: str, versions: tuple[str, ...] = ("1.0.0", "2.0.0"), more: str = ""
) -> None:
    """All of them in the folder ``output``; the files are kept beside it. ``more``: lines of appliance.yaml."""
    files = output.parent / "files"
    files.mkdir(parents=True, exist_ok=True)
    for version in versions:
        (files / "compose.yaml").write_text(COMPOSE.format(image=image, port=port))
        (files / "appliance.yaml").write_text(APPLIANCE.format(name=name, version=version) + more)
        subprocess.run(
            [*BOXSHIP, "-p", name, "release", "create", "--output", str(output)],
            cwd=files,
            env=dict(os.environ),
            check=True,
            capture_output=True,
            timeout=_DEADLINE_S,
        )
