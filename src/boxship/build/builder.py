"""One Dockerfile build: its context found, compared with last time, streamed to the engine, its failure explained."""

import asyncio
import os
import re
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import aclosing

from msgspec import Struct, field

from boxship.build.bases import BuildEngine
from boxship.build.context import Context, find_context, stream_context
from boxship.build.dockerfile import Dockerfile
from boxship.build.fingerprint import BuiltImages, fingerprint
from boxship.build.graph import ImageBuild
from boxship.build.wheels import WheelCache
from boxship.engine.port import BuildRequest
from boxship.errors import BuildError, EngineConflictError, EngineError, EngineTimeoutError, EngineUnreachableError
from boxship.events import Event, ImageProgress, Notice
from boxship.plan.observed import Observed
from boxship.spec.model import Appliance, Build

LABEL_BUILT_FOR = "boxship.built-for"
"""The appliance that an image was built for. Not the label that owns containers: those inherit their image's labels,
so a container that somebody starts from the image by hand would pass for one of the appliance's."""
LABEL_VERSION = "org.opencontainers.image.version"
_OUTPUT_LINES = 30
_STEP = re.compile(r"Step (\d+)/(\d+) : (.*)")
_MADE = re.compile(r"\s*---> ([0-9a-f]{12,64})$")


class _Transcript(Struct):
    """What the builder said so far."""

    step: int = 0
    steps: int = 0
    instruction: str = ""
    made: list[str] = field(default_factory=list)
    """The beginnings of the ids of images that steps made or found."""
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=_OUTPUT_LINES))

    def add(self, line: str) -> None:
        self.tail.append(line)
        if step := _STEP.match(line):
            self.step, self.steps, self.instruction = int(step[1]), int(step[2]), step[3]
        elif made := _MADE.match(line):
            self.made.append(f"sha256:{made[1]}")


class ServiceBuilder:
    """Builds images of services."""

    def __init__(
        self,
        appliance: Appliance,
        engine: BuildEngine,
        wheels: WheelCache,
        built: BuiltImages,
        publish: Callable[[Event], None],
        *,
        no_cache: bool = False,
        pull: bool = False,
    ) -> None:
        self._appliance = appliance
        self._engine = engine
        self._wheels = wheels
        self._built = built
        self._publish = publish
        self._no_cache = no_cache
        self._pull = pull
        self._not_after_s = _source_date(os.environ)

    async def build(self, image: ImageBuild, build: Build) -> bool:
        """Whether the image was there already, made from the same inputs.

        Raises:
            BuildError: It could not be built; what the attempt made is gone again.
            EngineError: The engine can't be reached.
        """
        address = build_address(self._appliance, image.services[0])
        if build.context_url is not None:
            raise BuildError(
                f"{address}: the context {build.context_url} is on another machine, and only folders are built from",
                hint="clone or unpack it beside the appliance's files and name that folder",
                image=image.name,
            )
        tell = self._teller(image.name)
        extra = await self._wheels.ensure(image.wheels, os.uname().machine, tell) if image.wheels is not None else {}
        now_ns = time.time_ns()
        context = await asyncio.to_thread(find_context, build, address, extra)
        for notice in context.notices:
            self._publish(Notice(notice, is_warning=True))
        seen = await self._engine.observe((*image.references, *image.begins_from))
        request = self._request(image, build, context)
        inputs = _inputs(request, image, seen)
        memory = await asyncio.to_thread(self._built.memory, image.references)
        digest = await asyncio.to_thread(fingerprint, context, inputs, memory, address, now_ns=now_ns)
        known = self._built.image_id(image.references, digest)
        if not request.no_cache and not request.pull and known and _has_all(seen, image, known):
            return True
        image_id = await self._run(image, request, context, address)
        await asyncio.to_thread(self._built.remember, image.references, digest, image_id)
        return bool(known) and known == image_id and _has_all(seen, image, known)

    async def _run(self, image: ImageBuild, request: BuildRequest, context: Context, address: str) -> str:
        transcript, image_id = _Transcript(), ""
        before = await self._engine.observe()
        chunks = stream_context(context, address, not_after_s=self._not_after_s)
        try:
            async with aclosing(chunks):
                async for output in self._engine.build_image(request, chunks):
                    if output.text:
                        transcript.add(output.text)
                        self._publish(ImageProgress(image.name, output.text))
                    image_id = output.image_id or image_id
        except EngineUnreachableError:
            raise
        except (BuildError, EngineTimeoutError, asyncio.CancelledError):
            await self._clean_up(transcript, before)
            raise
        except EngineError as err:
            await self._clean_up(transcript, before)
            raise _explain(err, image, context, address, transcript) from err
        found = (await self._engine.observe((image.name,))).image(image.name)
        return found.id if found is not None else image_id

    async def _clean_up(self, transcript: _Transcript, before: Observed) -> None:
        """Remove the images of the steps that did succeed: without a tag nobody would find them again.

        Docker 20.10 keeps them, and removes their untagged parents with them; those of builds before stay.
        """
        had = {image.id for image in before.images}
        for image in (await self._engine.observe()).images:
            is_ours = any(image.id.startswith(made) for made in transcript.made)
            if is_ours and not image.tags and image.id not in had:
                try:
                    await self._engine.remove_image(image.id)
                except EngineConflictError:
                    continue  # another build has begun from it meanwhile

    def _request(self, image: ImageBuild, build: Build, context: Context) -> BuildRequest:
        labels = {LABEL_BUILT_FOR: self._appliance.name, LABEL_VERSION: self._appliance.version}
        return BuildRequest(
            tags=image.references,
            dockerfile=context.dockerfile,
            args=build.args,
            labels={**build.labels, **labels},
            target=build.target,
            network=build.network,
            no_cache=self._no_cache or build.no_cache,
            # An image of this appliance is on no registry yet, and asking there for it would fail.
            pull=(self._pull or build.pull) and not image.needs,
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


def _inputs(request: BuildRequest, image: ImageBuild, observed: Observed) -> dict[str, object]:
    """All that decides the result, apart from the files."""
    found = {reference: observed.image(reference) for reference in image.begins_from}
    return {
        "args": dict(request.args),
        "labels": dict(request.labels),
        "target": request.target,
        "network": request.network,
        "extra_hosts": list(request.extra_hosts),
        "shm_size": request.shm_size_bytes,
        "platform": request.platform,
        "begins_from": {reference: one.id if one is not None else "" for reference, one in found.items()},
    }


def _has_all(observed: Observed, image: ImageBuild, image_id: str) -> bool:
    found = [observed.image(reference) for reference in image.references]
    return all(one is not None and one.id == image_id for one in found)


def _explain(
    err: EngineError, image: ImageBuild, context: Context, address: str, transcript: _Transcript
) -> BuildError:
    line = Dockerfile.parse(context.dockerfile_text).line_of_step(transcript.step)
    place = f"{context.dockerfile_name}:{line}" if line else context.dockerfile_name
    step = f": step {transcript.step} of {transcript.steps} ({transcript.instruction})" if transcript.step else ""
    reason = err.message.removeprefix(f"cannot build {image.name}: ")
    return BuildError(
        f"{address}: image {image.name} of {_services(image)} could not be built: {place}{step}: {reason}",
        hint=err.hint or f"run it again alone to see all of its output: boxship build {image.services[0]}",
        image=image.name,
        output=tuple(transcript.tail),
    )


def _services(image: ImageBuild) -> str:
    return f"service {image.services[0]}" if len(image.services) == 1 else f"services {', '.join(image.services)}"


def _source_date(environment: Mapping[str, str]) -> int | None:
    text = environment.get("SOURCE_DATE_EPOCH", "")
    return int(text) if text.isdecimal() else None
