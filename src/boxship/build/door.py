"""The way to BuildKit, looked for when the first image has to be sent through it."""

import asyncio
from collections.abc import Mapping

from boxship.build.buildkit import Extras
from boxship.build.job import Job
from boxship.errors import BuildError
from boxship.host.docker_cli import DockerCli, Door, find_buildkit


class Doorkeeper:
    """Looks once for all images."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._asking: asyncio.Task[DockerCli | None] | None = None

    async def open(self, job: Job) -> DockerCli | None:
        """The docker command that builds it; None for the engine's own builder.

        Raises:
            BuildError: No docker command here can build it, or a secret has no content.
        """
        if job.buildkit is None:
            return None
        if self._asking is None:
            self._asking = asyncio.create_task(find_buildkit(self._environ))
        cli = await self._asking
        address, image = job.source.address, job.image.name
        if missing := lacking(cli, job.extras):
            place, what = job.buildkit
            raise BuildError(
                f"{address}: {place}{what} needs BuildKit, and {missing}",
                hint="install docker's buildx plugin (docker-buildx or docker-buildx-plugin), or do without it there",
                image=image,
            )
        for key, secret in job.extras.secrets.items():
            if secret.file is None and secret.value is None:
                raise BuildError(
                    f"{address}.secrets: the secret '{key}' has no content here",
                    hint="set its variable, or give it a file: secrets of a swarm are not on this machine",
                    image=image,
                )
        return cli


def lacking(cli: DockerCli | None, extras: Extras) -> str:
    """What this docker command can't do of it, "" when it can do all."""
    if cli is None:
        return "no docker command on this machine can build with it"
    if cli.door is Door.BUILT_IN and (extras.contexts or extras.cache_to or extras.entitlements):
        return f"{cli.program} builds with it, but has no buildx for further contexts, cache_to and entitlements"
    return ""
