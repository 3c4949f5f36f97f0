"""Handing one build to a builder: the engine's own, or BuildKit through the docker command."""

import asyncio
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack, aclosing
from pathlib import Path

from msgspec.structs import replace

from boxship.build.buildkit_run import build_command, laid_out, run_buildkit
from boxship.build.context import Context
from boxship.build.engine import BuildEngine
from boxship.build.graph import ImageBuild
from boxship.build.job import Job
from boxship.build.stream import stream_context
from boxship.build.transcript import BuildKitTranscript, EngineTranscript, Transcript
from boxship.errors import (
    BuildError,
    EngineConflictError,
    EngineError,
    EngineTimeoutError,
    EngineUnreachableError,
    HostError,
)
from boxship.host.docker_cli import DockerCli
from boxship.plan.observed import Observed
from boxship.units import format_size

Tell = Callable[[str], None]


async def send(
    job: Job, cli: DockerCli | None, context: Context, engine: BuildEngine, tell: Tell, environ: Mapping[str, str]
) -> str:
    """Build it, with BuildKit through ``cli`` or by the engine's own builder; the image's id.

    Raises:
        BuildError: It failed; what the attempt made is gone again.
        EngineError: The engine can't be reached.
    """
    files = [entry for entry in context.entries if entry.is_file]
    size = format_size(sum(entry.size_bytes for entry in files))
    tell(f"sending {len(files):,} file{'s' * (len(files) != 1)}, {size}")
    if cli is None:
        return await _to_engine(job, context, engine, tell, _source_date(environ))
    return await _to_buildkit(job, cli, context, engine, tell, environ)


async def _to_engine(job: Job, context: Context, engine: BuildEngine, tell: Tell, not_after_s: int | None) -> str:
    transcript, image_id = EngineTranscript(), ""
    before = await engine.observe()
    request = replace(job.request, dockerfile=context.dockerfile)
    chunks = stream_context(context, job.address, not_after_s=not_after_s)
    try:
        async with aclosing(chunks):
            async for output in engine.build_image(request, chunks):
                if output.text and (shown := transcript.add(output.text)):
                    tell(shown)
                image_id = output.image_id or image_id
    except EngineUnreachableError:
        raise
    except (BuildError, EngineTimeoutError, asyncio.CancelledError):
        await _clean_up(engine, transcript, before)
        raise
    except EngineError as err:
        await _clean_up(engine, transcript, before)
        raise _explain(err, job, transcript) from err
    found = (await engine.observe((job.image.name,))).image(job.image.name)
    return found.id if found is not None else image_id


async def _to_buildkit(
    job: Job, cli: DockerCli, context: Context, engine: BuildEngine, tell: Tell, environ: Mapping[str, str]
) -> str:
    transcript = BuildKitTranscript()
    with ExitStack() as stack:
        layout = laid_out(job.source, context, job.build)
        dockerfile, folder = await asyncio.to_thread(stack.enter_context, layout)
        told = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="boxship-build-")), "id")
        command = build_command(cli, job.request, job.extras, dockerfile, folder, told)
        try:
            await run_buildkit(command, environ, transcript, tell)
        except EngineError as err:
            raise _explain(err, job, transcript) from err
        except HostError as err:
            raise BuildError(f"{job.address}: {err.message}", hint=err.hint, image=job.image.name) from err
    found = (await engine.observe((job.image.name,))).image(job.image.name)
    if found is None:
        raise BuildError(
            f"{job.address}: BuildKit made {job.image.name}, and this engine hasn't got it",
            hint="does docker talk to another engine? See docker context ls and DOCKER_HOST",
            image=job.image.name,
        )
    return found.id


async def _clean_up(engine: BuildEngine, transcript: Transcript, before: Observed) -> None:
    """Remove the images of the steps that did succeed: without a tag nobody would find them again.

    Docker 20.10 keeps them, and removes their untagged parents with them; those of builds before stay.
    """
    had = {image.id for image in before.images}
    for image in (await engine.observe()).images:
        is_ours = any(image.id.startswith(made) for made in transcript.made)
        if is_ours and not image.tags and image.id not in had:
            try:
                await engine.remove_image(image.id)
            except EngineConflictError:
                continue  # another build has begun from it meanwhile


def _explain(err: EngineError, job: Job, transcript: Transcript) -> BuildError:
    image, name = job.image, job.source.dockerfile_name
    reason = err.message.removeprefix(f"cannot build {image.name}: ")
    line = transcript.place(job.dockerfile, reason)
    place = f"{name}:{line}" if line else name
    step = f": step {transcript.step} of {transcript.steps} ({transcript.instruction})" if transcript.step else ""
    return BuildError(
        f"{job.address}: image {image.name} of {_services(image)} could not be built: {place}{step}: {reason}",
        hint=err.hint or f"run it again alone to see all of its output: boxship build {image.services[0]}",
        image=image.name,
        output=tuple(transcript.tail),
    )


def _services(image: ImageBuild) -> str:
    return f"service {image.services[0]}" if len(image.services) == 1 else f"services {', '.join(image.services)}"


def _source_date(environment: Mapping[str, str]) -> int | None:
    text = environment.get("SOURCE_DATE_EPOCH", "")
    return int(text) if text.isdecimal() else None
