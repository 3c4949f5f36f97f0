"""What the rows about builds make: folders of files, once for all tools, and images that nothing has to be done for."""

import random
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_DEADLINE_S = 120


@dataclass(frozen=True, slots=True)
class Builds:
    """So many images, each of its own folder with so many files of so many bytes."""

    images: int
    files: int
    bytes_each: int

    def services(self) -> tuple[str, ...]:
        return tuple(f"i{number}" for number in range(self.images))


BUILDS = {"build-20k": Builds(1, 20_000, 5_000), "build-8": Builds(8, 20, 2_000)}
"""Rows about builds; 20,000 files are 100 MB."""
_PER_FOLDER = 100


def write_contexts(builds: Builds, root: Path) -> None:
    """Write the folders, unless they are there."""
    if root.exists():
        return
    chance = random.Random(builds.files)  # the same bytes each time
    for service in builds.services():
        folder = root / service
        folder.mkdir(parents=True)
        (folder / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
        for number in range(builds.files):
            file = folder / f"d{number // _PER_FOLDER:03}" / f"f{number % _PER_FOLDER:02}.bin"
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(chance.randbytes(builds.bytes_each))


def builds_compose(builds: Builds, root: Path) -> str:
    """A Compose file that builds them."""
    lines = [f"  {service}: {{build: {str(root / service)!r}}}" for service in builds.services()]
    return "\n".join(("services:", *lines)) + "\n"


def docker_build(program: str, builds: Builds, root: Path, project: str) -> tuple[str, ...]:
    """``docker build`` of one folder after the other, as one command."""
    commands = [
        f'"$0" build -q -t {project}/{service} "$1/{service}" >/dev/null || exit 1' for service in builds.services()
    ]
    return ("/bin/sh", "-c", "\n".join(commands), program, str(root))


def remove_images(project: str, services: Sequence[str]) -> None:
    """Those that a tool has made; quietly, as it may have made none."""
    docker = shutil.which("docker")
    if docker is not None:
        names = [f"{project}/{service}" for service in services]
        subprocess.run([docker, "rmi", "-f", *names], capture_output=True, check=False, timeout=_DEADLINE_S)
