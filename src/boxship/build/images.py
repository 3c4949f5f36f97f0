"""An appliance's images, made side by side in the order that they begin from each other."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Protocol, assert_never

from msgspec.structs import replace

from boxship.build.builder import BuildOptions, ServiceBuilder, build_address
from boxship.build.context import read_dockerfile
from boxship.build.dockerfile import Dockerfile
from boxship.build.engine import BuildEngine
from boxship.build.graph import ImageBuild, image_reference, plan_builds
from boxship.build.places import default_root
from boxship.build.stamps import Stamps
from boxship.errors import BoxshipError, BuildError
from boxship.events import Event, ImageProgress, Notice, Phase, SubjectChanged
from boxship.plan.observed import Observed, with_default_tag
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
    appliance = _with_args(appliance, given)
    observed, dockerfiles = await _look_around(appliance, services, engine, only_missing)
    plan = plan_builds(appliance, services, dockerfiles, observed)
    if only_missing:
        plan = _missing(plan)
    _warn_of_unused(given, [dockerfiles[name] for name in dockerfiles], publish)
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
        subject = _subject(build.name)
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
    own = _own_references(appliance)
    if only_missing:
        observed = await engine.observe(own)
        return observed, await asyncio.to_thread(_read_dockerfiles, appliance, services, observed)
    dockerfiles = await asyncio.to_thread(_read_dockerfiles, appliance, services, None)
    below = dict.fromkeys(
        with_default_tag(image)
        for name, dockerfile in dockerfiles.items()
        if (build := appliance.services[name].build) is not None
        for image in dockerfile.images(build.args, build.target)
    )
    pinned = (base.digest_reference for base in appliance.bases.values() if base.digest_reference)
    return await engine.observe(tuple(dict.fromkeys((*own, *below, *pinned)))), dockerfiles


def _read_dockerfiles(
    appliance: Appliance, services: Iterable[str], observed: Observed | None
) -> dict[str, Dockerfile]:
    """The Dockerfiles of services, and of those whose images they begin from.

    With a snapshot, those are left out whose image is there.
    """
    builders = {
        with_default_tag(image_reference(appliance, service)): name
        for name, service in appliance.services.items()
        if service.build is not None
    }
    found: dict[str, Dockerfile] = {}
    pending = list(services)
    while pending:
        name = pending.pop()
        service = appliance.services[name]
        reference = image_reference(appliance, service)
        is_enough = observed is not None and observed.image(reference) is not None
        if service.build is None or name in found or is_enough:
            continue
        text, _ = read_dockerfile(service.build, build_address(appliance, name))
        found[name] = Dockerfile.parse(text)
        begins_from = found[name].images(service.build.args, service.build.target)
        pending += [builders[tag] for image in begins_from if (tag := with_default_tag(image)) in builders]
        contexts = service.build.additional_contexts.values()
        others = (source.removeprefix("service:") for source in contexts if source.startswith("service:"))
        pending += [other for other in others if other in appliance.services]
    # In the file's order, so that events and errors come out the same each time.
    return {name: found[name] for name in appliance.services if name in found}


def _announcing(publish: Publish) -> Publish:
    """Says that an image is being built when its first line comes: what is kept says nothing."""
    begun: set[str] = set()

    def tell(event: Event) -> None:
        if isinstance(event, ImageProgress) and event.image not in begun:
            begun.add(event.image)
            publish(SubjectChanged(_subject(event.image), Phase.BUILDING))
        publish(event)

    return tell


def _subject(reference: str) -> str:
    return f"image:{reference.removesuffix(':latest')}"


def _with_args(appliance: Appliance, args: Mapping[str, str]) -> Appliance:
    """The appliance with build arguments over its own: they may decide what an image begins from."""
    if not args:
        return appliance
    services = {
        name: replace(each, build=replace(each.build, args={**each.build.args, **args})) if each.build else each
        for name, each in appliance.services.items()
    }
    return replace(appliance, services=services)


def _warn_of_unused(args: Mapping[str, str], dockerfiles: Sequence[Dockerfile], publish: Publish) -> None:
    for name in args:
        if dockerfiles and not any(dockerfile.declares(name) for dockerfile in dockerfiles):
            publish(Notice(f"--build-arg {name}: no Dockerfile has an ARG {name}", is_warning=True))


def _own_references(appliance: Appliance) -> tuple[str, ...]:
    """Every reference that could be made here."""
    found = [*appliance.bases]
    for service in appliance.services.values():
        if service.build is not None:
            found += [image_reference(appliance, service), *service.build.tags]
    return tuple(dict.fromkeys(with_default_tag(reference) for reference in found))


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
