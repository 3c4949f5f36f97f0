"""An appliance's images, made side by side in the order that they begin from each other."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Protocol, assert_never

from boxship.build.builder import ServiceBuilder
from boxship.build.dockerfile import Dockerfile
from boxship.build.engine import BuildEngine
from boxship.build.graph import ImageBuild, image_reference, plan_builds, subject_of
from boxship.build.known import BuildOptions
from boxship.build.places import default_root
from boxship.build.stamps import Stamps
from boxship.build.survey import all_references, own_references, read_dockerfiles, unused_args, with_args
from boxship.errors import BoxshipError, BuildError
from boxship.events import Event, ImageProgress, Phase, SubjectChanged
from boxship.plan.observed import Observed
from boxship.spec.model import Appliance, Build
from boxship.spec.model_build import Base

Publish = Callable[[Event], None]
_LINES_EACH = 10
"""Of what each builder said, when several failed."""


async def build_images(
    appliance: Appliance,
    services: Sequence[str],
    engine: BuildEngine,
    publish: Publish,
    *,
    only_missing: bool = False,
    no_cache: bool = False,
    pull: bool = False,
    args: Mapping[str, str] | None = None,
    stamps: Stamps | None = None,
    buildkit: bool | None = None,
    concurrency: int = 2,
    cache_root: Path | None = None,
) -> Mapping[str, str]:
    """Make the images of services, and whatever images of the appliance those begin from.

    Args:
        appliance: The whole appliance.
        services: Names of the services whose images are wanted.
        engine: Where images are built and kept.
        publish: Hears a SubjectChanged for each image's phases and an ImageProgress for each line.
        only_missing: Leave alone what the engine has, without comparing it.
        no_cache: Make everything anew, also the bases.
        pull: Look for newer packages and newer images from elsewhere.
        args: Build arguments over those of the files, for the Dockerfiles that declare them.
        stamps: Labels for what is built; None gives none, and leaves those that are there.
        buildkit: Whether to build with BuildKit; None where a Dockerfile needs it.
        concurrency: How many images are made at once.
        cache_root: Where bases, wheels and fingerprints are kept; None is the user's cache.

    Returns:
        Every service of ``services`` that has an image, with the reference to create its containers from.

    Raises:
        BuildError: An image could not be made. What doesn't begin from it has been made all the same; the failed
            build has left no container and no image behind.
        HostError: A program of this host is missing.
        EngineError: The engine can't be reached or refused.
    """
    given, publish = dict(args or {}), _announcing(publish)
    appliance = with_args(appliance, given)
    observed, dockerfiles = await _look_around(appliance, services, engine, only_missing)
    plan = plan_builds(appliance, services, dockerfiles, observed)
    if only_missing:
        plan = _missing(plan)
    for notice in unused_args(given, dockerfiles.values()):
        publish(notice)
    root = cache_root or default_root(os.environ)
    options = BuildOptions(no_cache=no_cache, pull=pull, args=given, stamps=stamps or Stamps(), buildkit=buildkit)
    builder = ServiceBuilder(appliance, engine, root, publish, options)
    async with AsyncExitStack() as stack:
        bases = None
        if any(isinstance(build.made_from, Base) for build in plan):
            bases = await stack.enter_async_context(_base_maker(appliance, engine, root, refresh=no_cache or pull))
        await _Run(plan, builder, bases, publish, concurrency, observed).run()
    references = {name: image_reference(appliance, appliance.services[name]) for name in services}
    return {name: reference for name, reference in references.items() if reference}


class _Bases(Protocol):
    """Makes bases; see ``BaseMaker``."""

    async def was_there(self, reference: str, on_progress: Callable[[str], None], seen: Observed | None) -> bool:
        """Make sure of one base, and tell whether anything had to be done."""


@asynccontextmanager
async def _base_maker(appliance: Appliance, engine: BuildEngine, root: Path, *, refresh: bool) -> AsyncIterator[_Bases]:
    # Imported here, as an appliance without bases must not pay for it: half of what building imports.
    from boxship.build.bases import BaseMaker  # noqa: PLC0415 (see above)
    from boxship.build.bootstrap import host_architecture  # noqa: PLC0415
    from boxship.build.cache import BaseCache  # noqa: PLC0415

    maker = BaseMaker(engine, BaseCache(root), appliance.bases, host_architecture(), refresh=refresh)
    try:
        yield maker
    finally:
        await asyncio.to_thread(maker.close)


class _Run:
    """One walk over the plan: each image begins when those that it needs are there."""

    def __init__(
        self,
        plan: Sequence[ImageBuild],
        builder: ServiceBuilder,
        bases: _Bases | None,
        publish: Publish,
        concurrency: int,
        observed: Observed,
    ) -> None:
        self._plan = plan
        self._builder = builder
        self._bases = bases
        self._publish = publish
        self._room = asyncio.Semaphore(concurrency)
        self._observed = observed
        self._is_made: dict[str, asyncio.Future[bool]] = {}
        self._kept: set[str] = set()
        self._errors: list[BoxshipError] = []

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        self._is_made = {build.name: loop.create_future() for build in self._plan}
        async with asyncio.TaskGroup() as group:
            for build in self._plan:
                group.create_task(self._settle(build))
        if self._errors:
            raise _combined(self._errors)

    async def _settle(self, build: ImageBuild) -> None:
        is_made = False
        try:
            is_made = await self._make(build)
        finally:
            self._is_made[build.name].set_result(is_made)

    async def _make(self, build: ImageBuild) -> bool:
        subject = build.subject
        for need in build.needs:
            if need in self._is_made and not await self._is_made[need]:
                self._publish(SubjectChanged(subject, Phase.SKIPPED, f"{need} could not be made"))
                return False
        async with self._room:
            started_at = time.monotonic()
            try:
                was_there = await self._make_one(build)
            except BoxshipError as err:
                return self._fail(subject, err)
            except OSError as err:
                # Files of its own: what it reads of a vendor's is told with its place, and the engine's calls are, too.
                return self._fail(subject, _no_room(build.name, err))
            if was_there:
                self._kept.add(build.name)
            took = f"{time.monotonic() - started_at:.1f} s"
            self._publish(
                SubjectChanged(subject, Phase.KEPT) if was_there else SubjectChanged(subject, Phase.READY, took)
            )
            return True

    def _fail(self, subject: str, error: BoxshipError) -> bool:
        self._errors.append(error)
        self._publish(SubjectChanged(subject, Phase.FAILED, error.message))
        return False

    async def _make_one(self, build: ImageBuild) -> bool:
        """Whether it was there already. While nothing was made below it, one snapshot serves all."""
        seen = self._observed if self._kept.issuperset(build.needs) else None
        match build.made_from:
            case Base(reference=reference):
                if self._bases is None:
                    raise BuildError(f"{reference}: no base can be made", image=reference)
                return await self._bases.was_there(reference, self._teller(reference), seen)
            case Build():
                return await self._builder.build(build, build.made_from, seen)
            case _:
                assert_never(build.made_from)

    def _teller(self, reference: str) -> Callable[[str], None]:
        return lambda line: self._publish(ImageProgress(reference, line))


async def _look_around(
    appliance: Appliance, services: Sequence[str], engine: BuildEngine, only_missing: bool
) -> tuple[Observed, dict[str, Dockerfile]]:
    """One snapshot of all images that matter, and the Dockerfiles of what may have to be built."""
    if only_missing:
        observed = await engine.observe(own_references(appliance))
        return observed, await asyncio.to_thread(read_dockerfiles, appliance, services, observed)
    dockerfiles = await asyncio.to_thread(read_dockerfiles, appliance, services)
    return await engine.observe(all_references(appliance, dockerfiles)), dockerfiles


def _announcing(publish: Publish) -> Publish:
    """Says that an image is being built when its first line comes: what is kept says nothing."""
    begun: set[str] = set()

    def tell(event: Event) -> None:
        if isinstance(event, ImageProgress) and event.image not in begun:
            begun.add(event.image)
            publish(SubjectChanged(subject_of(event.image), Phase.BUILDING))
        publish(event)

    return tell


def _missing(plan: Sequence[ImageBuild]) -> tuple[ImageBuild, ...]:
    """What isn't there, and what isn't there of that which those need."""
    return tuple(build for build in plan if not build.is_present)


def _no_room(image: str, err: OSError) -> BuildError:
    at = f"{err.filename}: " if err.filename else ""
    return BuildError(
        f"image {image} could not be made: {at}{(err.strerror or str(err)).lower()}",
        hint="make room there, or let XDG_CACHE_HOME name a folder that has some",
        image=image,
    )


def _combined(errors: Sequence[BoxshipError]) -> BoxshipError:
    if len(errors) == 1:
        return errors[0]
    failed = [error for error in errors if isinstance(error, BuildError)]
    output = [f"{error.image}: {line}" for error in failed for line in error.output[-_LINES_EACH:]]
    return BuildError(
        f"{len(errors)} images could not be made:\n" + "\n".join(f"- {error.message}" for error in errors),
        hint=next((error.hint for error in errors if error.hint), ""),
        image=failed[0].image if failed else "",
        output=output,
    )
