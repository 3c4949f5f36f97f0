"""What is inside a container: its files as tar archives, its processes."""

import base64
import binascii
import json
from collections.abc import AsyncGenerator, AsyncIterator

from boxship.engine.api import Api
from boxship.engine.calls import Call, path_of
from boxship.engine.faults import unreadable
from boxship.engine.fields import Fields, read_object
from boxship.engine.images import TAR
from boxship.engine.port import PathStat, Processes
from boxship.errors import EngineNotFoundError

_STAT_HEADER = "x-docker-container-path-stat"
_GO_DIRECTORY, _GO_LINK = 1 << 31, 1 << 27
"""Bits of a file's mode in Go, which the engine is written in. Source: Go, package io/fs, type FileMode."""


async def stat_path(api: Api, name: str, path: str) -> PathStat | None:
    """See ``ContentEngine.stat_path``."""
    what = f"look at {path} in {name}"
    call = Call("HEAD", path_of("containers", name, "archive"), what, api.deadlines.quick_s, {"path": path})
    try:
        answer = await api.call(call)
    except EngineNotFoundError:
        return None
    try:
        stat = Fields(json.loads(base64.b64decode(answer.headers.get(_STAT_HEADER, ""))), what)
    except (binascii.Error, ValueError) as err:
        raise unreadable(what, "it does not say what is there") from err
    mode = stat.number("mode")
    return PathStat(
        name=stat.text("name"),
        is_directory=bool(mode & _GO_DIRECTORY),
        link_target=stat.text("linkTarget") if mode & _GO_LINK else "",
        size_bytes=stat.number("size"),
    )


async def read_archive(api: Api, name: str, path: str) -> AsyncGenerator[bytes, None]:
    """See ``ContentEngine.read_archive``."""
    what = f"copy {path} from {name}"
    call = Call("GET", path_of("containers", name, "archive"), what, api.deadlines.create_s, {"path": path})
    async with api.stream(call, idle_s=api.deadlines.idle_s) as body:
        async for chunk in body.chunks():
            yield chunk


async def write_archive(api: Api, name: str, directory: str, archive: AsyncIterator[bytes]) -> None:
    """See ``ContentEngine.write_archive``."""
    what = f"copy into {directory} of {name}"
    query = {"path": directory, "noOverwriteDirNonDir": "1"}
    path = path_of("containers", name, "archive")
    call = Call("PUT", path, what, api.deadlines.idle_s, query, chunks=archive, content_type=TAR)
    # As a stream, so that the deadline is one of silence, and not of the whole copy.
    async with api.stream(call, idle_s=api.deadlines.idle_s) as body:
        await body.whole()


async def list_processes(api: Api, name: str) -> Processes:
    """See ``ContentEngine.list_processes``."""
    what = f"list the processes of {name}"
    found = read_object(await api.read(path_of("containers", name, "top"), what), what)
    rows = found.lists("Processes")
    return Processes(found.texts("Titles"), tuple(rows))
