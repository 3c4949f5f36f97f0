"""``watch``: as files change, containers get them, start again, or are made anew from a new image."""

import asyncio
import os
import posixpath
import shlex
import stat
import tarfile
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from time import monotonic

from msgspec import Struct

from boxship.build.images import build_images
from boxship.clock import Clock
from boxship.engine.port import Engine
from boxship.errors import BoxshipError, CancelledError, EngineUnreachableError, NotFoundError, ProbeError
from boxship.events import FilesFollowed, Notice
from boxship.execute.executor import Publish
from boxship.execute.hooks import HookRunner
from boxship.execute.owner import owner_in
from boxship.host.version import versioned
from boxship.operate.alone import alone
from boxship.operate.errand import Errand
from boxship.operate.interrupt import unless_interrupted
from boxship.operate.outcome import error_of
from boxship.operate.request import UpRequest
from boxship.operate.start import start_present
from boxship.operate.up import bring_up
from boxship.operate.watch_rules import Reaction, Rule, at_first, files_below, react
from boxship.plan.action import RunHook
from boxship.plan.containers import image_reference
from boxship.plan.observed import ContainerState, ObservedContainer
from boxship.plan.resolve import resolve
from boxship.plan.select import Selection, extended
from boxship.spec.model import Appliance
from boxship.spec.model_hooks import LifecycleHook

_COMMAND_WITHIN_S = 300.0
_REMOVE_WITHIN_S = 60.0


class WatchRequest(Struct, frozen=True):
    """What to watch. ``prunes``: an image that a rebuild replaced goes. ``profiles`` are the active ones."""

    rules: tuple[Rule, ...]
    engine_address: str
    profiles: tuple[str, ...] = ()
    prunes: bool = True


async def watch(
    appliance: Appliance,
    engine: Engine,
    publish: Publish,
    clock: Clock,
    request: WatchRequest,
    changes: AsyncIterator[frozenset[str]],
    interrupt: asyncio.Event,
) -> None:
    """Follow the changes until they end. Whatever fails is told as an event and goes on with the next change.

    Args:
        appliance: What runs; read once.
        engine: Where it runs.
        publish: Hears a FilesFollowed for every reaction.
        clock: For readiness.
        request: The rules.
        changes: Batches of paths that changed, an empty one once they are watched.
        interrupt: Ends what waits; a build is cut off.

    Raises:
        EngineUnreachableError: Nobody answers any more.
    """
    watcher = _Watcher(appliance, engine, publish, clock, request, interrupt)
    async for batch in changes:
        if batch:
            await watcher.follow(await asyncio.to_thread(_reactions, batch, request.rules))
        else:
            await watcher.follow(await asyncio.to_thread(at_first, request.rules))
            publish(Notice(_about(request.rules)))
        if interrupt.is_set():
            return


def _about(rules: Sequence[Rule]) -> str:
    services = ", ".join(sorted({rule.service for rule in rules}))
    return f"watching {_count(len({rule.path for rule in rules}), 'path')} for {services} (^C ends it)"


def _reactions(batch: frozenset[str], rules: Sequence[Rule]) -> tuple[Reaction, ...]:
    """What is there counts, not what was reported: a folder that came, with all that is in it by now."""
    gone = [path for path in batch if not _is_there(path)]
    changed = [file for path in batch if _is_there(path) for file in _meant(path, rules)]
    return react(changed, gone, rules)


def _is_there(path: str) -> bool:
    try:
        Path(path).lstat()
    except OSError:
        return False
    return True


def _meant(path: str, rules: Sequence[Rule]) -> tuple[str, ...]:
    """A folder's own time changes with each file in it, which is told by itself; a new one brings its files."""
    is_root = any(path == rule.path for rule in rules)
    if Path(path).is_symlink():
        return (path,)
    return () if is_root and Path(path).is_dir() else tuple(files_below(path))


class _Watcher:
    def __init__(
        self,
        appliance: Appliance,
        engine: Engine,
        publish: Publish,
        clock: Clock,
        request: WatchRequest,
        interrupt: asyncio.Event,
    ) -> None:
        self._appliance = appliance
        self._engine = engine
        self._publish = publish
        self._clock = clock
        self._request = request
        self._interrupt = interrupt
        self._owners: dict[str, tuple[int, int]] = {}

    async def follow(self, reactions: Sequence[Reaction]) -> None:
        """Syncs first, as they take no time."""
        for reaction in reactions:
            if not reaction.rebuild:
                await self._told(reaction, self._sync(reaction))
        rebuilt = [reaction for reaction in reactions if reaction.rebuild]
        if rebuilt:
            names = tuple(reaction.service for reaction in rebuilt)
            causes = tuple(dict.fromkeys(cause for reaction in rebuilt for cause in reaction.causes))
            together = Reaction(", ".join(names), causes, rebuild=True)
            await self._told(together, self._rebuild(names))

    async def _told(self, reaction: Reaction, work: Awaitable[str]) -> None:
        began_s = monotonic()
        error: BoxshipError | None = None
        did = ""
        try:
            did = await work
        except EngineUnreachableError:
            raise
        except CancelledError:
            return
        except BoxshipError as err:
            error = err
        self._publish(
            FilesFollowed(
                service=reaction.service,
                did=did,
                files=reaction.causes,
                took_s=monotonic() - began_s,
                error=error.message if error else "",
                hint=error.hint if error else "",
                restarted=reaction.rebuild or reaction.restart,
                output=(*getattr(error, "output", ()), *getattr(error, "logs", ())),
            )
        )

    # -- into containers that run on

    async def _sync(self, reaction: Reaction) -> str:
        containers = await self._containers(reaction.service)
        did: list[str] = []
        if reaction.copies or reaction.removals:
            for container in containers:
                await self._copy(container, reaction)
            did += [f"{verb} {_count(many, 'file')}" for verb, many in _verbs(reaction) if many]
        for hook in reaction.hooks:
            for container in containers:
                await self._run_hook(container, reaction.service, hook)
            did.append(f"ran {shlex.join(hook.command)}")
        if reaction.restart:
            await self._restart(reaction.service)
            did.append("started again")
        return ", ".join(did)

    async def _containers(self, service: str) -> list[ObservedContainer]:
        mine = (await self._engine.observe(())).containers_of(self._appliance.name)
        running = [each for each in mine if each.service == service and each.state is ContainerState.RUNNING]
        if not running:
            raise NotFoundError(
                f"{service} does not run, so the change did not reach it", hint="boxship up -d starts it"
            )
        return running

    async def _copy(self, container: ObservedContainer, reaction: Reaction) -> None:
        """What was deleted goes first, as something else may have its name now; if it can't go, the rest comes."""
        try:
            if reaction.removals:
                await self._remove(container, reaction)
        finally:
            if reaction.copies:
                archive = await asyncio.to_thread(_pack, reaction.copies, await self._owner(container))
                await self._engine.write_archive(container.name, "/", _in_one(archive))

    async def _owner(self, container: ObservedContainer) -> tuple[int, int]:
        if container.id not in self._owners:
            user = (await self._engine.inspect_container(container.id)).user
            self._owners[container.id] = await owner_in(self._engine, container.id, user)
        return self._owners[container.id]

    async def _remove(self, container: ObservedContainer, reaction: Reaction) -> None:
        argv = ("rm", "-rf", "--", *reaction.removals)
        removed = await self._engine.run_exec(container.name, argv, timeout_s=_REMOVE_WITHIN_S)
        if removed.exit_code:
            raise ProbeError(
                f"{reaction.service}: what was deleted here could not be deleted there: {removed.output.strip()}",
                hint="its image needs the program rm, and its user the right",
            )

    async def _run_hook(self, container: ObservedContainer, service: str, hook: LifecycleHook) -> None:
        title = f"the sync+exec command of {service}"
        action = RunHook(container.name, "post_start", title, hook, _COMMAND_WITHIN_S)
        await HookRunner(self._engine, self._clock).run(action)

    async def _restart(self, service: str) -> None:
        desired = resolve(self._appliance, names=(service,), with_dependencies=False)
        async with alone(self._errand(), self._publish, self._interrupt):
            _, outcome = await start_present(
                lambda _: desired, self._engine, _nobody, self._clock, self._interrupt, again=True
            )
        if error := error_of(outcome, "restart"):
            raise error

    # -- new images

    async def _rebuild(self, names: tuple[str, ...]) -> str:
        references = [image_reference(self._appliance.name, self._appliance.services[name]) for name in names]
        before = await self._engine.observe(references)
        async with alone(self._errand(), self._publish, self._interrupt):
            building = build_images(versioned(self._appliance), names, self._engine, _nobody)
            await unless_interrupted(building, self._interrupt, CancelledError("the build was interrupted"))
            # Who depends on them follows by its own rules; nobody who isn't there is started.
            present = {each.service for each in before.containers_of(self._appliance.name)}
            services = extended(self._appliance, names, Selection(affected=True), present)
            request = UpRequest(
                profiles=self._request.profiles,
                services=tuple(sorted(services)),
                with_dependencies=False,
                build=False,
            )
            result = await bring_up(self._appliance, self._engine, _nobody, self._clock, request, self._interrupt)
        if error := error_of(result.outcome, "watch"):
            raise error
        if self._request.prunes:
            await self._prune({image.id for image in before.images}, references)
        return "rebuilt, and runs its new image" if result.plan.steps else "built again: its image is the same"

    async def _prune(self, before: set[str], references: Sequence[str]) -> None:
        now = {image.id for image in (await self._engine.observe(references)).images}
        for image in before - now:
            # Another tag or container may hold it.
            with suppress(BoxshipError):
                await self._engine.remove_image(image)

    def _errand(self) -> Errand:
        return Errand("watch", self._appliance.name, self._request.engine_address)


def _nobody(_: object) -> None:
    """One line for each change is all that a person wants to see."""


def _verbs(reaction: Reaction) -> tuple[tuple[str, int], ...]:
    return (("synced", len(reaction.copies)), ("deleted", len(reaction.removals)))


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def _pack(copies: Sequence[tuple[str, str]], owner: tuple[int, int]) -> bytes:
    """A tar for the container's root; a file that is gone again by now is left out."""
    packed = BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for source, place in copies:
            with suppress(FileNotFoundError):
                _add(archive, source, posixpath.normpath(place).lstrip("/"), owner)
    return packed.getvalue()


def _add(archive: tarfile.TarFile, source: str, name: str, owner: tuple[int, int]) -> None:
    """A regular file or a symbolic link; sockets and their like are of no use elsewhere."""
    status = os.lstat(source)
    member = tarfile.TarInfo(name)
    member.mode, member.mtime = stat.S_IMODE(status.st_mode), int(status.st_mtime)
    member.uid, member.gid = owner
    if stat.S_ISLNK(status.st_mode):
        member.type, member.linkname = tarfile.SYMTYPE, str(Path(source).readlink())
        archive.addfile(member)
    elif stat.S_ISREG(status.st_mode):
        # Read first: an editor may be at it, and its size must be that of what is sent.
        data = Path(source).read_bytes()
        member.size = len(data)
        archive.addfile(member, BytesIO(data))


async def _in_one(data: bytes) -> AsyncIterator[bytes]:
    yield data
