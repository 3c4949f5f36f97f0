"""One Dockerfile build: its context looked at, compared with last time, sent to a builder, its failure explained."""

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec import Struct, field
from msgspec.structs import replace

from boxship.build.buildkit import Extras, extras_of, lacking, why_buildkit
from boxship.build.context import Context, Source, find_entries, open_source
from boxship.build.dockerfile import PROXY_ARGS, Dockerfile
from boxship.build.engine import BuildEngine
from boxship.build.fingerprint import BuildRecord, BuiltImages, context_digest, fingerprint
from boxship.build.graph import ImageBuild
from boxship.build.job import Job
from boxship.build.look import Look, take_look
from boxship.build.stamps import Stamps
from boxship.engine.port import BuildRequest
from boxship.errors import BuildError
from boxship.events import Event, ImageProgress, Notice
from boxship.host.docker_cli import DockerCli, find_buildkit
from boxship.plan.observed import Observed
from boxship.spec.model import Appliance, Build
from boxship.spec.model_build import Wheels

LABEL_BUILT_FOR = "boxship.built-for"
"""The appliance that an image was built for. Not the label that owns containers: those inherit their image's labels,
so a container that somebody starts from the image by hand would pass for one of the appliance's."""


class BuildOptions(Struct, frozen=True):
    """How images are made.

    ``args`` are those of the command line, which the files' already have. ``buildkit``: whether to use it, None where
    it is needed.
    """

    no_cache: bool = False
    pull: bool = False
    args: Mapping[str, str] = field(default_factory=dict)
    stamps: Stamps = Stamps()
    buildkit: bool | None = None


class ServiceBuilder:
    """Builds images of services."""

    def __init__(
        self,
        appliance: Appliance,
        engine: BuildEngine,
        cache_root: Path,
        publish: Callable[[Event], None],
        options: BuildOptions,
    ) -> None:
        self._appliance = appliance
        self._engine = engine
        self._cache_root = cache_root
        self._built = BuiltImages(cache_root / "builds")
        self._publish = publish
        self._options = options
        self._asking: asyncio.Task[DockerCli | None] | None = None

    async def build(self, image: ImageBuild, build: Build, seen: Observed | None = None) -> bool:
        """Whether the image was there already, made from the same inputs.

        Args:
            image: What to make.
            build: How, by its first service.
            seen: A snapshot that holds the image and those that it begins from, if they are as they were then.

        Raises:
            BuildError: It could not be built; what the attempt made is gone again.
            EngineError: The engine can't be reached.
        """
        job = await self._prepare(image, build)
        seen = seen or await self._engine.observe((*image.references, *image.begins_from))
        old = await asyncio.to_thread(self._built.record, image.references)
        new, look, context = await self._compare(job, old, seen)
        for notice in new.notices:
            self._publish(Notice(notice, is_warning=True))
        is_known = old.fingerprint == new.fingerprint and _has_all(seen, image, old.image_id)
        if is_known and self._may_keep(job, old):
            if new != old:
                await asyncio.to_thread(self._built.remember, image.references, new)
            return True
        if context is None:
            context = await asyncio.to_thread(find_entries, job.source)
        # Imported here, as a build with nothing to do must not pay for it: tarfile alone takes 15 ms.
        from boxship.build.send import send  # noqa: PLC0415 (see above)

        image_id = await send(job, context, self._engine, self._teller(image.name), os.environ)
        await self._remember(job, replace(new, image_id=image_id, stamps=job.stamps), look)
        return is_known and old.image_id == image_id

    async def _compare(
        self, job: Job, old: BuildRecord, seen: Observed
    ) -> tuple[BuildRecord, Look | None, Context | None]:
        """What is now, in place of the old record; the files are looked through only when they look other than then."""
        now_ns = time.time_ns()
        look = await asyncio.to_thread(take_look, job.source, now_ns)
        context, digest, notices = None, old.vouched(look), old.notices
        if not digest:
            context = await asyncio.to_thread(find_entries, job.source)
            memory = await asyncio.to_thread(self._built.memory, job.image.references)
            digest = await asyncio.to_thread(context_digest, context, memory, job.address, now_ns=now_ns)
            notices = context.notices
        new = replace(
            old,
            fingerprint=fingerprint(digest, _inputs(job, seen)),
            context=digest,
            look=look.digest if look is not None and look.is_sure else "",
            notices=notices,
        )
        return new, look, context

    async def _remember(self, job: Job, record: BuildRecord, look: Look | None) -> None:
        """Unless something changed while it was sent, which may or may not be in the image."""
        after = await asyncio.to_thread(take_look, job.source, time.time_ns())
        if look is not None and after is not None and look.digest == after.digest:
            await asyncio.to_thread(self._built.remember, job.image.references, record)

    def _may_keep(self, job: Job, record: BuildRecord) -> bool:
        is_stamped = job.image.is_begun_from or self._options.stamps.are_right(record.stamps)
        return is_stamped and not job.request.no_cache and not job.request.pull

    async def _prepare(self, image: ImageBuild, build: Build) -> Job:
        address = build_address(self._appliance, image.services[0])
        if build.context_url is not None:
            raise BuildError(
                f"{address}: the context {build.context_url} is on another machine, and only folders are built from",
                hint="clone or unpack it beside the appliance's files and name that folder",
                image=image.name,
            )
        tell = self._teller(image.name)
        extra = await self._wheels(image.wheels, tell) if image.wheels is not None else {}
        source = await asyncio.to_thread(open_source, build, address, image.parts, extra)
        dockerfile = Dockerfile.parse(source.dockerfile_text)
        extras = extras_of(build, image.contexts, self._appliance.secrets)
        cli = await self._choose(image, build, source, dockerfile, extras)
        # An image that others begin from stays the same over releases, and so do they.
        stamps = {} if image.is_begun_from else self._options.stamps.labels
        request = self._request(image, build, source, dockerfile, stamps)
        return Job(image, build, address, source, dockerfile, request, stamps, extras, cli)

    async def _wheels(self, wheels: Wheels, tell: Callable[[str], None]) -> Mapping[str, Path]:
        from boxship.build.wheels import WheelCache  # noqa: PLC0415 (a part of every build's start, for those that need it)

        return await WheelCache(self._cache_root).ensure(wheels, os.uname().machine, tell)

    async def _choose(
        self, image: ImageBuild, build: Build, source: Source, dockerfile: Dockerfile, extras: Extras
    ) -> DockerCli | None:
        """BuildKit's door, where it is needed or asked for; None for the engine's own builder."""
        need = why_buildkit(dockerfile, source.dockerfile_name, build)
        if self._options.buildkit is False or (self._options.buildkit is None and need is None):
            if need is not None:
                raise BuildError(
                    f"{source.address}: {need[0]}{need[1]} needs BuildKit, which was switched off",
                    hint="leave out --no-buildkit and DOCKER_BUILDKIT=0",
                    image=image.name,
                )
            return None
        if self._asking is None:
            self._asking = asyncio.create_task(find_buildkit(os.environ))
        cli = await self._asking
        if missing := lacking(cli, extras):
            place, what = need or ("", "--buildkit")
            raise BuildError(
                f"{source.address}: {place}{what} needs BuildKit, and {missing}",
                hint="install docker's buildx plugin (docker-buildx or docker-buildx-plugin), or do without it there",
                image=image.name,
            )
        for key, secret in extras.secrets.items():
            if secret.file is None and secret.value is None:
                raise BuildError(
                    f"{source.address}.secrets: the secret '{key}' has no content here",
                    hint="set its variable, or give it a file: secrets of a swarm are not on this machine",
                    image=image.name,
                )
        return cli

    def _request(
        self, image: ImageBuild, build: Build, source: Source, dockerfile: Dockerfile, stamps: Mapping[str, str]
    ) -> BuildRequest:
        # Those of the command line are for the Dockerfiles that declare them.
        args = {
            name: value
            for name, value in build.args.items()
            if name not in self._options.args or dockerfile.declares(name)
        }
        return BuildRequest(
            tags=image.references,
            dockerfile=source.inside or "",
            args=args,
            labels={**build.labels, LABEL_BUILT_FOR: self._appliance.name, **stamps},
            target=build.target,
            network=build.network,
            no_cache=self._options.no_cache or build.no_cache,
            # An image of this appliance is on no registry yet, and asking there for it would fail.
            pull=(self._options.pull or build.pull) and not image.needs,
            shm_size_bytes=build.shm_size_bytes,
            extra_hosts=build.extra_hosts,
            cache_from=build.cache_from,
            ulimits=build.ulimits,
            isolation=build.isolation,
            platform=image.platform,
        )

    def _teller(self, reference: str) -> Callable[[str], None]:
        return lambda line: self._publish(ImageProgress(reference, line))


def build_address(appliance: Appliance, name: str) -> str:
    """Where a service's build is written, to begin a message with."""
    where = appliance.services[name].where
    place = where.get("build") or where.get("")
    return f"{place}: services.{name}.build" if place is not None else f"services.{name}.build"


def _inputs(job: Job, observed: Observed) -> dict[str, object]:
    """All that decides the result, apart from the files and the stamps."""
    request, extras = job.request, job.extras
    found = {reference: observed.image(reference) for reference in job.image.begins_from}
    return {
        # A proxy brings the same packages another way; builders don't count it either.
        "args": {name: value for name, value in request.args.items() if name.lower() not in PROXY_ARGS},
        "labels": {name: text for name, text in request.labels.items() if name not in job.stamps},
        "target": request.target,
        "network": request.network,
        "extra_hosts": list(request.extra_hosts),
        "shm_size": request.shm_size_bytes,
        "platform": request.platform,
        "begins_from": {reference: one.id if one is not None else "" for reference, one in found.items()},
        "buildkit": [sorted(extras.secrets), dict(extras.contexts), list(extras.entitlements)] if job.cli else None,
    }


def _has_all(observed: Observed, image: ImageBuild, image_id: str) -> bool:
    found = [observed.image(reference) for reference in image.references]
    return all(one is not None and one.id == image_id for one in found)
