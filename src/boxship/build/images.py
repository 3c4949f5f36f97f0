"""An appliance's images, made side by side in the order that they begin from each other."""

import asyncio
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import assert_never

from boxship.build.bases import BaseMaker, BuildEngine
from boxship.build.bootstrap import host_architecture
from boxship.build.builder import ServiceBuilder, build_address
from boxship.build.cache import BaseCache, default_root
from boxship.build.context import read_dockerfile
from boxship.build.dockerfile import Dockerfile
from boxship.build.fingerprint import BuiltImages
from boxship.build.graph import ImageBuild, image_reference, plan_builds
from boxship.build.wheels import WheelCache
from boxship.errors import BoxshipError, BuildError
from boxship.events import Event, ImageProgress, Phase, SubjectChanged
from boxship.plan.observed import Observed, with_default_tag
from boxship.spec.model import Appliance, Base, Build

Publish = Callable[[Event], None]


async def build_images(
    appliance: Appliance,
    services: Sequence[str],
    engine: BuildEngine,
    publish: Publish,
    *,
    only_missing: bool = False,
    no_cache: bool = False,
    pull: bool = False,
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
    observed = await engine.observe(_own_references(appliance))
    dockerfiles = await asyncio.to_thread(_read_dockerfiles, appliance, services, observed, only_missing)
    plan = plan_builds(appliance, services, dockerfiles, observed)
    if only_missing:
        plan = _missing(plan)
    root = cache_root or default_root(os.environ)
    builder = ServiceBuilder(
        appliance, engine, WheelCache(root), BuiltImages(root / "builds"), publish, no_cache=no_cache, pull=pull
    )
    bases = None
    if any(isinstance(build.made_from, Base) for build in plan):
        refresh = no_cache or pull
        bases = BaseMaker(engine, BaseCache(root), appliance.bases, host_architecture(), refresh=refresh)
    try:
        await _Run(plan, builder, bases, publish, concurrency).run()
    finally:
        if bases is not None:
            await asyncio.to_thread(bases.close)
    references = {name: image_reference(appliance, appliance.services[name]) for name in services}
    return {name: reference for name, reference in references.items() if reference}


class _Run:
    """One walk over the plan: each image begins when those that it needs are there."""

    def __init__(
        self,
        plan: Sequence[ImageBuild],
        builder: ServiceBuilder,
        bases: BaseMaker | None,
        publish: Publish,
        concurrency: int,
    ) -> None:
        self._plan = plan
        self._builder = builder
        self._bases = bases
        self._publish = publish
        self._room = asyncio.Semaphore(concurrency)
        self._is_made: dict[str, asyncio.Future[bool]] = {}
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
        subject = f"image:{build.name.removesuffix(':latest')}"
        for need in build.needs:
            if need in self._is_made and not await self._is_made[need]:
                self._publish(SubjectChanged(subject, Phase.SKIPPED, f"{need} could not be made"))
                return False
        async with self._room:
            started_at = time.monotonic()
            self._publish(SubjectChanged(subject, Phase.BUILDING))
            try:
                was_there = await self._make_one(build)
            except BoxshipError as err:
                return self._fail(subject, err)
            except OSError as err:
                # Files of its own: what it reads of a vendor's is told with its place, and the engine's calls are, too.
                return self._fail(subject, _no_room(build.name, err))
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
        """Whether it was there already."""
        match build.made_from:
            case Base(reference=reference):
                if self._bases is None:
                    raise BuildError(f"{reference}: no base can be made", image=reference)
                made = await self._bases.ensure(reference, self._teller(reference))
                return made.was_there
            case Build():
                return await self._builder.build(build, build.made_from)
            case _:
                assert_never(build.made_from)

    def _teller(self, reference: str) -> Callable[[str], None]:
        return lambda line: self._publish(ImageProgress(reference, line))


def _read_dockerfiles(
    appliance: Appliance, services: Iterable[str], observed: Observed, only_missing: bool
) -> dict[str, Dockerfile]:
    """The Dockerfiles of services, and of those whose images they begin from. What needs no build isn't read."""
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
        is_enough = only_missing and observed.image(reference) is not None
        if service.build is None or name in found or is_enough:
            continue
        text, _ = read_dockerfile(service.build, build_address(appliance, name))
        found[name] = Dockerfile.parse(text)
        begins_from = found[name].images(service.build.args, service.build.target)
        pending += [builders[tag] for image in begins_from if (tag := with_default_tag(image)) in builders]
    # In the file's order, so that events and errors come out the same each time.
    return {name: found[name] for name in appliance.services if name in found}


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
    first = next((error for error in errors if isinstance(error, BuildError)), None)
    return BuildError(
        f"{len(errors)} images could not be made:\n" + "\n".join(f"- {error.message}" for error in errors),
        hint=next((error.hint for error in errors if error.hint), ""),
        image=first.image if first else "",
        output=first.output if first else (),
    )
