"""Fetching, making, naming and removing images."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping
from pathlib import Path

from boxship.engine.api import Api
from boxship.engine.calls import Call, path_of
from boxship.engine.faults import clean, image_unavailable, push_refused
from boxship.engine.fields import Fields, read_list, read_object
from boxship.engine.port import BuildOutput, BuildRequest, Heard, HistoryItem, ImageHistory, PullProgress, unheard
from boxship.engine.streams import read_documents
from boxship.errors import (
    EngineError,
    EngineNotFoundError,
    EngineTimeoutError,
    EngineUnreachableError,
    HostError,
    ImageMissingError,
    PushError,
)
from boxship.plan.observed import with_default_tag

_READ_BYTES = 1024 * 1024
TAR = "application/x-tar"


async def pull_image(
    api: Api, reference: str, platform: str | None, headers: Mapping[str, str]
) -> AsyncGenerator[PullProgress, None]:
    """See ``ImageEngine.pull_image``."""
    what = f"pull {reference}"
    name, tag = split_reference(reference)
    query = {"fromImage": name, "tag": tag} | ({"platform": platform} if platform else {})
    call = Call("POST", "/images/create", what, api.deadlines.idle_s, query, headers=headers)
    try:
        async with api.stream(call, idle_s=api.deadlines.idle_s) as body:
            async for line in read_documents(body.chunks(), what):
                if failure := _failure(line):
                    raise image_unavailable(reference, failure)
                yield _progress(line)
    except EngineTimeoutError as err:
        raise image_unavailable(reference, await _stalled(api, err)) from err
    except (EngineUnreachableError, ImageMissingError):
        raise
    except EngineError as err:
        raise image_unavailable(reference, err.message.removeprefix(f"cannot {what}: "), err.status) from err


async def push_image(api: Api, reference: str, headers: Mapping[str, str]) -> AsyncGenerator[PullProgress, None]:
    """See ``ImageEngine.push_image``."""
    what = f"push {reference}"
    name, tag = split_reference(reference)
    call = Call("POST", path_of("images", name, "push"), what, api.deadlines.idle_s, {"tag": tag}, headers=headers)
    try:
        async with api.stream(call, idle_s=api.deadlines.idle_s) as body:
            async for line in read_documents(body.chunks(), what):
                if failure := _failure(line):
                    raise push_refused(reference, failure)
                yield _progress(line)
    except EngineTimeoutError as err:
        raise push_refused(reference, await _stalled(api, err)) from err
    except (EngineUnreachableError, ImageMissingError, PushError):
        raise
    except EngineError as err:
        raise push_refused(reference, err.message.removeprefix(f"cannot {what}: "), err.status) from err


async def _stalled(api: Api, error: EngineTimeoutError) -> str:
    """Why nothing came: an engine that still answers waited for the registry. Raises: what asking it does."""
    await api.call(Call("GET", "/_ping", error.message, api.deadlines.quick_s))
    return f"timeout: nothing came for {api.deadlines.idle_s:g} s"


def split_reference(reference: str) -> tuple[str, str]:
    """The repository and its tag or digest, as the pull and tag calls want them."""
    if "@" in reference:
        name, _, digest = reference.partition("@")
        return name, digest
    name, _, tag = with_default_tag(reference).rpartition(":")
    return name, tag


def _progress(line: Fields) -> PullProgress:
    detail = line.child("progressDetail")
    status = line.text("status")
    # Its id is a tag in the first line, "Pulling from library/nginx", and a layer in all others.
    layer = "" if status.startswith("Pulling from") else line.text("id")
    return PullProgress(layer, status, detail.number("current"), detail.number("total"))


def _failure(line: Fields) -> str:
    return line.child("errorDetail").text("message") or line.text("error")


async def build_image(
    api: Api, request: BuildRequest, context: AsyncIterator[bytes], headers: Mapping[str, str]
) -> AsyncGenerator[BuildOutput, None]:
    """See ``ImageEngine.build_image``."""
    what = f"build {request.tags[0] if request.tags else request.dockerfile}"
    query = _build_query(request)
    call = Call("POST", "/build", what, api.deadlines.idle_s, query, chunks=context, content_type=TAR, headers=headers)
    image_id = ""
    async with api.stream(call, idle_s=api.deadlines.idle_s) as body:
        async for line in read_documents(body.chunks(), what):
            if failure := _failure(line):
                raise EngineError(f"cannot {what}: {clean(failure)}")
            image_id = line.child("aux").text("ID") or image_id
            for text in (line.text("stream") or line.text("status")).splitlines():
                if text.strip():
                    yield BuildOutput(text=text.rstrip())
    yield BuildOutput(image_id=image_id)


def _build_query(request: BuildRequest) -> dict[str, str | tuple[str, ...]]:
    query: dict[str, str | tuple[str, ...]] = {
        "t": request.tags,
        "dockerfile": request.dockerfile,
        "buildargs": json.dumps(dict(request.args)),
        "labels": json.dumps(dict(request.labels)),
        "cachefrom": json.dumps(list(request.cache_from)),
        "extrahosts": request.extra_hosts,
        "target": request.target or "",
        "networkmode": request.network or "",
        "platform": request.platform or "",
        "ulimits": json.dumps(_ulimits(request)) if request.ulimits else "",
        "isolation": request.isolation or "",
        "shmsize": str(request.shm_size_bytes or ""),
        "nocache": "1" if request.no_cache else "",
        "pull": "1" if request.pull else "",
        "rm": "1",
        "forcerm": "1",
        "version": "1",
    }
    return {key: value for key, value in query.items() if value}


def _ulimits(request: BuildRequest) -> list[dict[str, object]]:
    return [{"Name": name, "Soft": limit.soft, "Hard": limit.hard} for name, limit in request.ulimits.items()]


async def image_history(api: Api, reference: str) -> ImageHistory:
    """See ``ImageEngine.image_history``."""
    what = f"look up image {reference}"
    detail = read_object(await api.read(path_of("images", reference, "json"), what), what)
    listed = read_list(await api.read(path_of("images", reference, "history"), what), what)
    items = [HistoryItem(each.text("CreatedBy"), each.number("Size"), each.number("Created")) for each in listed]
    layers = detail.child("RootFS").texts("Layers")
    return ImageHistory(detail.text("Id"), detail.number("Size"), tuple(reversed(items)), layers)


async def load_images(api: Api, archive: Path) -> None:
    """See ``ImageEngine.load_images``."""
    try:
        size_bytes = (await asyncio.to_thread(archive.stat)).st_size
    except OSError as err:
        raise HostError(f"cannot load {archive.name}: {archive}: {err.strerror}", hint="check the path") from err
    await load_archive(api, _read_file(archive), archive.name, size_bytes=size_bytes)


async def load_archive(
    api: Api, chunks: AsyncIterator[bytes], name: str, tell: Heard = unheard, size_bytes: int | None = None
) -> None:
    """See ``ImageEngine.load_archive``. ``size_bytes``: how long it is, where that is known."""
    what = f"load {name}"
    call = Call(
        "POST",
        "/images/load",
        what,
        api.deadlines.idle_s,
        {"quiet": "0"},
        chunks=chunks,
        content_type=TAR,
        length=size_bytes,
    )
    async with api.stream(call, idle_s=api.deadlines.idle_s) as body:
        async for line in read_documents(body.chunks(), what):
            if failure := _failure(line):
                raise EngineError(f"cannot {what}: {clean(failure)}", hint="is it a docker-archive (docker save)?")
            if (said := _progress(line)).layer:
                tell(said)


async def save_images(api: Api, references: Collection[str]) -> AsyncGenerator[bytes, None]:
    """See ``ImageEngine.save_images``."""
    what = f"save {', '.join(references)}"
    call = Call("GET", "/images/get", what, api.deadlines.idle_s, {"names": tuple(references)})
    try:
        async with api.stream(call, idle_s=api.deadlines.idle_s) as body:
            async for chunk in body.chunks():
                yield chunk
    except EngineNotFoundError as err:
        raise ImageMissingError(err.message, hint="build or pull it first", status=err.status) from err


async def _read_file(path: Path) -> AsyncIterator[bytes]:
    file = await asyncio.to_thread(path.open, "rb")
    try:
        while data := await asyncio.to_thread(file.read, _READ_BYTES):
            yield data
    finally:
        file.close()


async def tag_image(api: Api, reference: str, new_reference: str) -> None:
    """See ``ImageEngine.tag_image``."""
    name, tag = split_reference(new_reference)
    path = path_of("images", reference, "tag")
    call = Call("POST", path, f"tag {reference} as {new_reference}", api.deadlines.quick_s, {"repo": name, "tag": tag})
    await api.call(call)


async def remove_image(api: Api, reference: str) -> None:
    """See ``ImageEngine.remove_image``."""
    call = Call("DELETE", path_of("images", reference), f"remove image {reference}", api.deadlines.remove_s)
    try:
        await api.call(call)
    except (EngineNotFoundError, ImageMissingError):
        return
