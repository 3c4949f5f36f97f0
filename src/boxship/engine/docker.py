"""The Docker Engine behind the ports: each method is one call (two where the API leaves no choice).

What the methods promise is written once, in ``port.py``.
"""

import asyncio
import json
import math
import os
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Collection, Coroutine
from contextlib import aclosing
from pathlib import Path
from typing import Literal

from boxship.engine import exec as execs
from boxship.engine import images
from boxship.engine.address import Address, find_address
from boxship.engine.api import Api
from boxship.engine.calls import Call, Deadlines, path_of
from boxship.engine.decode import (
    decode_detail,
    decode_event,
    decode_network,
    decode_stats,
)
from boxship.engine.encode import encode_container, encode_endpoint, encode_network, encode_volume, later_endpoints
from boxship.engine.faults import miscounted
from boxship.engine.fields import read_list, read_object
from boxship.engine.needs import Need, refusal_of, unmet_needs, unmet_network_needs
from boxship.engine.observing import info_of, may_be_missing, questions, snapshot
from boxship.engine.port import (
    AttachRequest,
    BuildOutput,
    BuildRequest,
    ContainerDetail,
    ContainerStats,
    Created,
    EngineEvent,
    EngineInfo,
    ExecRequest,
    ExecResult,
    ExecSession,
    Heard,
    ImageHistory,
    LogLine,
    PathStat,
    Processes,
    PullProgress,
    Session,
    unheard,
)
from boxship.engine.seccomp import with_inline_profiles
from boxship.engine.streams import Demultiplexer, LineSplitter, RawStream, read_documents, unix_time
from boxship.errors import (
    EngineConflictError,
    EngineError,
    EngineNotFoundError,
    HalfStartedError,
    ImageMissingError,
)
from boxship.logins import Logins, NoLogins, build_headers, pull_headers, push_headers, registry_of
from boxship.names import LABEL_APPLIANCE
from boxship.plan.action import ContainerSpec, CopiedFile, Endpoint, NetworkSpec, VolumeSpec
from boxship.plan.observed import Observed

CHANGES_AT_ONCE = 8
"""Creates, starts and stops in flight: starts are CPU bound, and more than this only made the queue longer."""
REMOVALS_AT_ONCE = 2
"""Docker 20.10 deadlocked for good while 8 containers of one network were removed at once, never with 2."""
_RECOUNT_POLL_S = 0.05
_RECOUNT_WITHIN_S = 2.0
"""[M] When Docker 20.10 has lost count of a network's containers, it still has so after half a minute."""
_ENGINE_GRACE_S = 10
"""What the engine gives a container that names no grace time."""


def connect(
    docker_host: str | None = None, *, deadlines: Deadlines | None = None, logins: Logins | None = None
) -> "DockerEngine":
    """The engine at ``docker_host``, else where DOCKER_HOST points, else the usual socket. Nothing is sent yet.

    ``deadlines``: None for the usual ones, or what BOXSHIP_ENGINE_TIMEOUT makes of them. ``logins``: who pulls from
    registries and builds from what they hold; None for nobody in particular.

    Raises: UsageError for an address that isn't understood or supported (ssh, TLS), or a timeout that isn't one.
    """
    address = find_address(docker_host, os.environ)
    return DockerEngine(address, deadlines or Deadlines.from_environment(os.environ), logins or NoLogins())


class DockerEngine:
    """Implements ``Engine`` with the Docker Engine API, 1.40 to 1.49, over its socket. Belongs to one event loop."""

    def __init__(self, address: Address, deadlines: Deadlines, logins: Logins) -> None:
        self._api = Api(address, deadlines)
        self._logins = logins
        self._changes = asyncio.Semaphore(CHANGES_AT_ONCE)
        self._removals = asyncio.Semaphore(REMOVALS_AT_ONCE)

    async def info(self) -> EngineInfo:
        version = await self._api.read_fields("/version", "ask for the version")
        return info_of(version, await self._api.version())

    async def host_name(self) -> str:
        return (await self._api.read_fields("/info", "ask for the engine's host")).text("Name")

    async def data_root(self) -> str:
        return (await self._api.read_fields("/info", "ask for the data folder")).text("DockerRootDir")

    async def close(self) -> None:
        await self._api.close()

    async def observe(self, images: Collection[str] | None = None) -> Observed:
        calls = questions(images, self._api.deadlines.quick_s)
        bodies = await _side_by_side(*(self._answer(call) for call in calls))
        return snapshot(images, bodies, is_local=bool(self._api.address.path))

    async def _answer(self, call: Call) -> bytes:
        """The body; empty when "not found" is an answer."""
        try:
            return (await self._api.call(call)).body
        except (ImageMissingError, EngineNotFoundError):
            if may_be_missing(call):
                return b""
            raise

    async def create_network(self, spec: NetworkSpec) -> None:
        what = f"create network {spec.name}"
        if spec.network.enable_ipv4 is False:
            api_version = await self._api.version()
            _refuse(what, list(unmet_network_needs(spec, api_version)), api_version)
        try:
            await self._post("/networks/create", what, body=encode_network(spec))
        except EngineConflictError as err:
            raise await self._with_holder(err, spec) from err

    async def _with_holder(self, error: EngineError, spec: NetworkSpec) -> EngineError:
        # Imported here, as it belongs to planning, which `ps` and others that share this module do without.
        from boxship.engine.overlaps import OVERLAPS, name_holder  # noqa: PLC0415 (see above)

        if OVERLAPS not in error.message:
            return error
        networks = read_list(await self._api.read("/networks", "list networks"), "list networks")
        return name_holder(error, spec, map(decode_network, networks))

    async def remove_network(self, name: str) -> None:
        what = f"remove network {name}"
        pause_s, until_s = _RECOUNT_POLL_S, time.monotonic() + _RECOUNT_WITHIN_S
        while True:
            try:
                await self._remove(path_of("networks", name), what)
            except EngineConflictError as err:
                if "has active endpoints" not in err.message or await self._has_containers(name):
                    raise
                if time.monotonic() > until_s:
                    raise miscounted(what) from err
            else:
                return
            await asyncio.sleep(pause_s)
            pause_s = min(1.0, 2 * pause_s)

    async def _has_containers(self, network: str) -> bool:
        """[M] Docker 20.10 counts starts on one network side by side wrongly (github.com/moby/moby/issues/42119)."""
        try:
            found = await self._api.read_fields(path_of("networks", network), f"inspect network {network}")
        except EngineNotFoundError:
            return False
        return any(True for _ in found.child("Containers").named_children())

    async def create_volume(self, spec: VolumeSpec) -> None:
        await self._post("/volumes/create", f"create volume {spec.name}", body=encode_volume(spec))

    async def remove_volume(self, name: str) -> None:
        await self._remove(path_of("volumes", name), f"remove volume {name}")

    async def create_container(self, spec: ContainerSpec) -> Created:
        api_version = await self._api.version()
        query = {"name": spec.name} | ({"platform": spec.service.platform} if spec.service.platform else {})
        what = f"create container {spec.name}"
        needs = list(unmet_needs(spec, api_version))
        _refuse(what, needs, api_version)
        body = encode_container(with_inline_profiles(spec), api_version)
        async with self._changes:
            call = Call("POST", "/containers/create", what, self._api.deadlines.create_s, query, body)
            answer = read_object((await self._api.call(call)).body, what)
            container_id = answer.required_text("Id")
            try:
                for endpoint in later_endpoints(spec, api_version):
                    await self._attach(container_id, spec.name, endpoint, api_version)
            except BaseException:
                # Also when interrupted: half a container would pass for the whole one at the next observation.
                await asyncio.shield(self.remove_container(container_id, volumes=True))
                raise
        warnings = (*(f"{need.sentence}, and is left out here" for need in needs), *answer.texts("Warnings"))
        return Created(container_id, warnings)

    async def copy_files(self, name: str, files: Collection[CopiedFile]) -> None:
        # Imported here, as few appliances need it, and tarfile is a tenth of what `up` imports.
        from boxship.engine.archive import pack_files  # noqa: PLC0415 (see above)

        what = f"copy {', '.join(sorted(file.target for file in files))} into {name}"
        path = path_of("containers", name, "archive")
        archive = pack_files(files)

        async def chunks() -> AsyncIterator[bytes]:
            yield archive

        call = Call(
            "PUT", path, what, self._api.deadlines.create_s, {"path": "/"},
            chunks=chunks(), content_type=images.TAR, length=len(archive),
        )  # fmt: skip
        async with self._changes:
            await self._api.call(call)

    async def _attach(self, container_id: str, name: str, endpoint: Endpoint, api_version: tuple[int, int]) -> None:
        body = {"Container": container_id, "EndpointConfig": encode_endpoint(endpoint, api_version)}
        path = path_of("networks", endpoint.network, "connect")
        await self._post(path, f"connect {name} to network {endpoint.network}", body=body)

    async def start_container(self, name: str) -> None:
        async with self._changes:
            try:
                await self._change(name, "start", self._api.deadlines.start_s)
            except HalfStartedError:
                # [M] Docker 20.10: the first try ended what ran without the engine's knowledge, so a second one works.
                # Where it doesn't, nothing runs: a new container can take the place without two of them at work.
                await self._change(name, "start", self._api.deadlines.start_s)

    async def stop_container(self, name: str, grace_s: float | None = None) -> None:
        async with self._changes:
            await self._stop(name, "stop", grace_s, self._api.deadlines.stop_extra_s)

    async def restart_container(self, name: str, grace_s: float | None = None) -> None:
        async with self._changes:
            await self._stop(name, "restart", grace_s, self._api.deadlines.stop_extra_s + self._api.deadlines.start_s)

    async def _stop(self, name: str, verb: str, grace_s: float | None, extra_s: float) -> None:
        if grace_s is None:
            # Its own grace time is needed for the deadline; the engine applies it by itself.
            detail = await self._api.read_fields(path_of("containers", name, "json"), f"{verb} {name}")
            config = detail.child("Config")
            own_grace_s = config.number("StopTimeout", _ENGINE_GRACE_S)
            await self._change(name, verb, own_grace_s + extra_s)
        else:
            await self._change(name, verb, grace_s + extra_s, {"t": str(math.ceil(grace_s))})

    async def kill_container(self, name: str, signal: str = "SIGKILL") -> None:
        await self._change_unless(name, "kill", "is not running", {"signal": signal})

    async def pause_container(self, name: str) -> None:
        await self._change_unless(name, "pause", "already paused")

    async def unpause_container(self, name: str) -> None:
        await self._change_unless(name, "unpause", "not paused")

    async def set_restart(self, name: str, policy: Literal["no", "on-failure"]) -> None:
        body = {"RestartPolicy": {"Name": policy}}
        path = path_of("containers", name, "update")
        await _unless_absent(self._post(path, f"set the restart policy of {name}", body=body))

    async def rename_container(self, name: str, new_name: str) -> None:
        path = path_of("containers", name, "rename")
        deadline_s = self._api.deadlines.quick_s
        await self._api.call(Call("POST", path, f"rename {name} to {new_name}", deadline_s, {"name": new_name}))

    async def remove_container(self, name: str, *, volumes: bool = False) -> None:
        what = f"remove container {name}"
        query = {"force": "1"} | ({"v": "1"} if volumes else {})
        try:
            await self._remove(path_of("containers", name), what, query)
        except EngineConflictError as err:
            if "already in progress" not in err.message:
                raise
            path = path_of("containers", name, "wait")
            call = Call("POST", path, what, self._api.deadlines.remove_s, {"condition": "removed"})
            await _unless_absent(self._api.call(call))

    async def inspect_container(self, name: str) -> ContainerDetail:
        return decode_detail(await self._api.read_fields(path_of("containers", name, "json"), f"inspect {name}"))

    async def wait_container(self, name: str) -> int:
        what = f"wait for {name}"
        call = Call("POST", path_of("containers", name, "wait"), what, self._api.deadlines.quick_s)
        # The answer begins at once, and its body comes when the container has ended.
        async with self._api.stream(call, idle_s=None) as body:
            result = read_object(await body.whole(), what)
        if failure := result.child("Error").text("Message"):
            raise EngineError(f"cannot {what}: {failure}")
        return result.number("StatusCode")

    async def run_exec(self, name: str, argv: tuple[str, ...], *, timeout_s: float) -> ExecResult:
        return await execs.run_exec(self._api, name, argv, timeout_s)

    async def open_exec(self, name: str, request: ExecRequest) -> ExecSession:
        return await execs.open_exec(self._api, name, request)

    # The next ones are of few verbs, and what they import costs the others nothing.

    async def attach_container(self, name: str, request: AttachRequest) -> Session:
        from boxship.engine.attach import attach_container  # noqa: PLC0415 (see above)

        return await attach_container(self._api, name, request)

    async def stat_path(self, name: str, path: str) -> PathStat | None:
        from boxship.engine.inside import stat_path  # noqa: PLC0415 (see above)

        return await stat_path(self._api, name, path)

    async def read_archive(self, name: str, path: str) -> AsyncGenerator[bytes, None]:
        from boxship.engine.inside import read_archive  # noqa: PLC0415 (see above)

        async with aclosing(read_archive(self._api, name, path)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def write_archive(self, name: str, directory: str, archive: AsyncIterator[bytes]) -> None:
        from boxship.engine.inside import write_archive  # noqa: PLC0415 (see above)

        await write_archive(self._api, name, directory, archive)

    async def list_processes(self, name: str) -> Processes:
        from boxship.engine.inside import list_processes  # noqa: PLC0415 (see above)

        return await list_processes(self._api, name)

    async def follow_logs(
        self,
        name: str,
        *,
        follow: bool = False,
        tail: int | None = None,
        since: str = "",
        until: str = "",
        timestamps: bool = False,
    ) -> AsyncGenerator[LogLine, None]:
        detail = await self.inspect_container(name)
        what = f"read the log of {detail.name}"
        query = {
            "stdout": "1",
            "stderr": "1",
            "follow": "1" if follow else "",
            "tail": "" if tail is None else str(tail),
            "since": unix_time(since) if since else "",
            "until": unix_time(until) if until else "",
            "timestamps": "1" if timestamps else "",
        }
        chunks: Demultiplexer | RawStream = RawStream() if detail.tty else Demultiplexer(what)
        lines = LineSplitter(timestamps=timestamps, framed=not detail.tty)
        deadline_s = self._api.deadlines.quick_s
        path = path_of("containers", name, "logs")
        call = Call("GET", path, what, deadline_s, {key: value for key, value in query.items() if value})
        async with self._api.stream(call, idle_s=None if follow else deadline_s) as body:
            async for data in body.chunks():
                for chunk in chunks.feed(data):
                    for line in lines.feed(chunk):
                        yield line
        for line in lines.finish():
            yield line

    async def follow_events(
        self, appliance: str = "", *, since_s: float | None = None, until_s: float | None = None
    ) -> AsyncGenerator[EngineEvent, None]:
        filters = {"type": ["container"]}
        if appliance:
            filters["label"] = [f"{LABEL_APPLIANCE}={appliance}"]
        bounds = {"since": since_s, "until": until_s}
        query = {key: f"{at_s:.9f}" for key, at_s in bounds.items() if at_s is not None}
        query["filters"] = json.dumps(filters)
        quick_s = self._api.deadlines.quick_s
        call = Call("GET", "/events", "follow events", quick_s, query)
        # For months nothing may happen; but at a time that is given the engine ends it.
        idle_s = None if until_s is None else max(0.0, until_s - time.time()) + quick_s
        async with self._api.stream(call, idle_s=idle_s) as body:
            async for item in read_documents(body.chunks(), call.what):
                yield decode_event(item)

    async def follow_stats(self, name: str, *, follow: bool = False) -> AsyncGenerator[ContainerStats, None]:
        what = f"ask what {name} uses"
        deadline_s = self._api.deadlines.quick_s
        path = path_of("containers", name, "stats")
        call = Call("GET", path, what, deadline_s, {"stream": "1" if follow else "0"})
        async with self._api.stream(call, idle_s=deadline_s) as body:
            async for item in read_documents(body.chunks(), what):
                if (stats := decode_stats(item)) is not None:
                    yield stats

    async def pull_image(self, reference: str, *, platform: str | None = None) -> AsyncGenerator[PullProgress, None]:
        registry = registry_of(reference)
        headers = pull_headers(await self._logins.at(registry), registry)
        async with aclosing(images.pull_image(self._api, reference, platform, headers)) as lines:
            async for line in lines:
                yield line

    async def push_image(self, reference: str) -> AsyncGenerator[PullProgress, None]:
        registry = registry_of(reference)
        headers = push_headers(await self._logins.at(registry), registry)
        async with aclosing(images.push_image(self._api, reference, headers)) as lines:
            async for line in lines:
                yield line

    async def build_image(
        self, request: BuildRequest, context: AsyncIterator[bytes]
    ) -> AsyncGenerator[BuildOutput, None]:
        headers = build_headers(await self._logins.everywhere())
        async with aclosing(images.build_image(self._api, request, context, headers)) as lines:
            async for line in lines:
                yield line

    async def image_history(self, reference: str) -> ImageHistory:
        return await images.image_history(self._api, reference)

    async def load_images(self, archive: Path) -> None:
        await images.load_images(self._api, archive)

    async def load_archive(self, archive: AsyncIterator[bytes], what: str, tell: Heard = unheard) -> None:
        await images.load_archive(self._api, archive, what, tell)

    async def save_images(self, references: Collection[str]) -> AsyncGenerator[bytes, None]:
        async with aclosing(images.save_images(self._api, references)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def tag_image(self, reference: str, new_reference: str) -> None:
        await images.tag_image(self._api, reference, new_reference)

    async def remove_image(self, reference: str) -> None:
        await images.remove_image(self._api, reference)

    async def _post(self, path: str, what: str, *, body: object) -> None:
        await self._api.call(Call("POST", path, what, self._api.deadlines.create_s, body=body))

    async def _change(self, name: str, verb: str, deadline_s: float, query: dict[str, str] | None = None) -> None:
        path = path_of("containers", name, verb)
        await self._api.call(Call("POST", path, f"{verb} {name}", deadline_s, query or {}))

    async def _change_unless(self, name: str, verb: str, settled: str, query: dict[str, str] | None = None) -> None:
        """``settled``: the engine's words for "that is so already"."""
        try:
            await self._change(name, verb, self._api.deadlines.quick_s, query)
        except EngineError as err:
            if settled not in err.message:
                raise

    async def _remove(self, path: str, what: str, query: dict[str, str] | None = None) -> None:
        async with self._removals:
            await _unless_absent(self._api.call(Call("DELETE", path, what, self._api.deadlines.remove_s, query or {})))


def _refuse(what: str, needs: list[Need], api: tuple[int, int]) -> None:
    if reason := refusal_of(needs, api):
        raise EngineError(f"cannot {what}: {reason}", hint="remove the key, or use a newer engine")


async def _unless_absent(removal: Awaitable[object]) -> None:
    try:
        await removal
    except EngineNotFoundError:
        return


async def _side_by_side(*calls: Coroutine[object, object, bytes]) -> list[bytes]:
    """All answers; the first failure ends the others."""
    tasks = [asyncio.ensure_future(call) for call in calls]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
