"""One Dockerfile build: its context looked at, compared with last time, sent to a builder."""

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec.structs import replace

from boxship.build.contents import ContentMemory, context_digest
from boxship.build.context import Context, find_entries
from boxship.build.door import Doorkeeper
from boxship.build.engine import BuildEngine
from boxship.build.graph import ImageBuild
from boxship.build.job import Job
from boxship.build.known import BuildOptions, Judge, folder_address, has_all
from boxship.build.look import Look, take_look
from boxship.build.records import BuildRecord, BuiltImages
from boxship.events import Event, ImageProgress, Notice
from boxship.plan.observed import Observed
from boxship.spec.model import Appliance, Build
from boxship.spec.model_build import Wheels


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
        self._judge = Judge(appliance, options, BuiltImages(cache_root / "builds"))
        self._engine = engine
        self._cache_root = cache_root
        self._publish = publish
        self._door = Doorkeeper(os.environ)

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
        built = self._judge.built
        seen = seen or await self._engine.observe((*image.references, *image.begins_from))
        old = await asyncio.to_thread(built.record, image.references)
        new, look, context = await self._compare(job, old, seen)
        for notice in new.notices:
            self._publish(Notice(notice, is_warning=True))
        is_known = old.fingerprint == new.fingerprint and has_all(seen, image, old.image_id)
        if is_known and self._judge.may_keep(job, old):
            if new != old:
                await asyncio.to_thread(built.remember, image.references, new)
            return True
        cli = await self._door.open(job)
        if context is None:
            context = await asyncio.to_thread(find_entries, job.source)
        # Imported here, as a build with nothing to do must not pay for it: tarfile alone takes 15 ms.
        from boxship.build.send import send  # noqa: PLC0415 (see above)

        image_id = await send(job, cli, context, self._engine, self._teller(image.name), os.environ)
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
            memory = await asyncio.to_thread(ContentMemory.load, self._judge.built.memory_path(job.image.references))
            digest = await asyncio.to_thread(context_digest, context, memory, job.address, now_ns=now_ns)
            notices = context.notices
        return replace(self._judge.now(job, old, digest, look, seen), notices=notices), look, context

    async def _remember(self, job: Job, record: BuildRecord, look: Look | None) -> None:
        """Unless something changed while it was sent, which may or may not be in the image."""
        after = await asyncio.to_thread(take_look, job.source, time.time_ns())
        if look is not None and after is not None and look.digest == after.digest:
            await asyncio.to_thread(self._judge.built.remember, job.image.references, record)

    async def _prepare(self, image: ImageBuild, build: Build) -> Job:
        folder_address(self._judge.appliance, image, build)
        extra = await self._wheels(image.wheels, self._teller(image.name)) if image.wheels is not None else {}
        return await asyncio.to_thread(self._judge.job, image, build, extra)

    async def _wheels(self, wheels: Wheels, tell: Callable[[str], None]) -> Mapping[str, Path]:
        from boxship.build.wheels import WheelCache  # noqa: PLC0415 (a part of every build's start, for those that need it)

        return await WheelCache(self._cache_root).ensure(wheels, os.uname().machine, tell)

    def _teller(self, reference: str) -> Callable[[str], None]:
        return lambda line: self._publish(ImageProgress(reference, line))
