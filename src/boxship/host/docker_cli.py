"""The docker command line as a way to BuildKit, which the engine's API alone does not open."""

import re
import shutil
from collections.abc import Mapping
from enum import Enum

from msgspec import Struct

from boxship.errors import HostError
from boxship.host import proc

_DEADLINE_S = 20.0
_VERSION = re.compile(r"version (\d+)\.(\d+)")
_FIRST_WITH_BUILDKIT, _FIRST_WITHOUT = (18, 9), (23, 0)


class Door(Enum):
    """How this docker command reaches BuildKit."""

    BUILDX = "buildx"
    """Its plugin; all that BuildKit can."""
    BUILT_IN = "built-in"
    """``docker build`` of 18.09 to 20.10, with DOCKER_BUILDKIT=1; no further contexts, no cache export."""


class DockerCli(Struct, frozen=True):
    """A docker command that can build with BuildKit."""

    program: str
    door: Door

    @property
    def argv(self) -> tuple[str, ...]:
        """How its command line begins."""
        return (self.program, "buildx", "build", "--load") if self.door is Door.BUILDX else (self.program, "build")


async def find_buildkit(environ: Mapping[str, str]) -> DockerCli | None:
    """The docker command on the path, when it can use BuildKit."""
    program = shutil.which("docker", path=environ.get("PATH"))
    if program is None:
        return None
    if (await _ask(program, "buildx", "version", environ=environ)) is not None:
        return DockerCli(program, Door.BUILDX)
    said = await _ask(program, "--version", environ=environ)
    version = _VERSION.search(said or "")
    if version and _FIRST_WITH_BUILDKIT <= (int(version[1]), int(version[2])) < _FIRST_WITHOUT:
        return DockerCli(program, Door.BUILT_IN)
    return None


async def _ask(*argv: str, environ: Mapping[str, str]) -> str | None:
    """What it prints, None when it fails."""
    try:
        done = await proc.run(argv, timeout_s=_DEADLINE_S, env=environ)
    except HostError:
        return None
    return done.stdout_tail if done.status == 0 else None
