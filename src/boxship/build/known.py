"""Whether an image is there already, made from the same inputs.

All who build ask here: ``builder`` from threads of its own, ``at_rest`` before there is a loop. Files are looked at and
nothing is awaited, so nothing that waits may be imported.
"""

import time
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct, field
from msgspec.structs import replace

from boxship.build.buildkit import extras_of, why_buildkit
from boxship.build.context import Source, open_source
from boxship.build.dockerfile import PROXY_ARGS, Dockerfile
from boxship.build.graph import ImageBuild
from boxship.build.job import Job
from boxship.build.look import Look, take_look
from boxship.build.records import BuildRecord, BuiltImages, fingerprint
from boxship.build.stamps import Stamps
from boxship.engine.port import BuildRequest
from boxship.errors import BuildError
from boxship.plan.observed import Observed
from boxship.spec.model import Appliance, Build

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


class Judge(Struct, frozen=True):
    """Knows what images of an appliance were last built from."""

    appliance: Appliance
    options: BuildOptions
    built: BuiltImages

    def job(self, image: ImageBuild, build: Build, extra: Mapping[str, Path]) -> Job:
        """All that is known of one image before its files are looked at. ``extra``: as for ``open_source``.

        Raises:
            BuildError: A file is missing or wrong, or BuildKit is needed and was switched off.
        """
        address = folder_address(self.appliance, image, build)
        source = open_source(build, address, image.parts, extra)
        dockerfile = Dockerfile.parse(source.dockerfile_text)
        # An image that others begin from stays the same over releases, and so do they.
        stamps = {} if image.is_begun_from else self.options.stamps.labels
        return Job(
            image=image,
            build=build,
            address=address,
            source=source,
            dockerfile=dockerfile,
            request=self._request(image, build, source, dockerfile, stamps),
            stamps=stamps,
            extras=extras_of(build, image.contexts, self.appliance.secrets),
            buildkit=self._buildkit(image, build, source, dockerfile),
        )

    def now(self, job: Job, old: BuildRecord, context: str, look: Look | None, seen: Observed) -> BuildRecord:
        """What is to be remembered in place of ``old``. ``context``: the digest of its files."""
        return replace(
            old,
            fingerprint=fingerprint(context, _inputs(job, seen)),
            context=context,
            look=look.digest if look is not None and look.is_sure else "",
        )

    def may_keep(self, job: Job, old: BuildRecord) -> bool:
        """Whether it may stay, if nothing has changed that decides what is in it."""
        is_stamped = job.image.is_begun_from or self.options.stamps.are_right(old.stamps)
        return is_stamped and not job.request.no_cache and not job.request.pull

    def is_unchanged(self, image: ImageBuild, build: Build, seen: Observed) -> BuildRecord | None:
        """What it was built from, when it is there and nothing looks other than then; None: more has to be asked.

        Raises:
            BuildError: As ``job``.
        """
        old = self.built.record(image.references)
        if not has_all(seen, image, old.image_id):
            return None
        job = self.job(image, build, {})
        look = take_look(job.source, time.time_ns())
        context = old.vouched(look) if self.may_keep(job, old) else ""
        return old if context and self.now(job, old, context, look, seen) == old else None

    def _request(
        self, image: ImageBuild, build: Build, source: Source, dockerfile: Dockerfile, stamps: Mapping[str, str]
    ) -> BuildRequest:
        # Those of the command line are for the Dockerfiles that declare them.
        args = {
            name: value
            for name, value in build.args.items()
            if name not in self.options.args or dockerfile.declares(name)
        }
        return BuildRequest(
            tags=image.references,
            dockerfile=source.inside or "",
            args=args,
            labels={**build.labels, LABEL_BUILT_FOR: self.appliance.name, **stamps},
            target=build.target,
            network=build.network,
            no_cache=self.options.no_cache or build.no_cache,
            # An image of this appliance is on no registry yet, and asking there for it would fail.
            pull=(self.options.pull or build.pull) and not image.needs,
            shm_size_bytes=build.shm_size_bytes,
            extra_hosts=build.extra_hosts,
            cache_from=build.cache_from,
            ulimits=build.ulimits,
            isolation=build.isolation,
            platform=image.platform,
        )

    def _buildkit(
        self, image: ImageBuild, build: Build, source: Source, dockerfile: Dockerfile
    ) -> tuple[str, str] | None:
        need = why_buildkit(dockerfile, source.dockerfile_name, build)
        if self.options.buildkit is False and need is not None:
            raise BuildError(
                f"{source.address}: {need[0]}{need[1]} needs BuildKit, which was switched off",
                hint="leave out --no-buildkit and DOCKER_BUILDKIT=0",
                image=image.name,
            )
        return need or (("", "--buildkit") if self.options.buildkit else None)


def folder_address(appliance: Appliance, image: ImageBuild, build: Build) -> str:
    """Where its build is written. Raises: BuildError when there is no folder to build from."""
    address = build_address(appliance, image.services[0])
    if build.context_url is not None:
        raise BuildError(
            f"{address}: the context {build.context_url} is on another machine, and only folders are built from",
            hint="clone or unpack it beside the appliance's files and name that folder",
            image=image.name,
        )
    return address


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
        "buildkit": [sorted(extras.secrets), dict(extras.contexts), list(extras.entitlements)]
        if job.buildkit
        else None,
    }


def has_all(observed: Observed, image: ImageBuild, image_id: str) -> bool:
    """Whether every reference of the image is that of this id."""
    found = [observed.image(reference) for reference in image.references]
    return all(one is not None and one.id == image_id for one in found)
