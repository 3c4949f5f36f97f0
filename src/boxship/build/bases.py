"""Base images: made from signed packages or pulled by digest, kept by content, and known to the engine by their tag."""

import asyncio
import hashlib
import json
import shutil
import time
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from boxship.build.bootstrap import BUILD_ONLY_FILES, BelowLayer, Bootstrap, Exchange, bootstrap
from boxship.build.cache import FORMAT, BaseCache, CorruptEntryError, Entry, pack_tree
from boxship.build.engine import BuildEngine
from boxship.build.image import (
    LABEL_BASE,
    LABEL_BASE_LAYERS,
    HistoryStep,
    ImageConfig,
    layers_digest,
)
from boxship.build.layer import removed_paths, write_layer
from boxship.build.loading import demand_ownership, is_image_of, load_entry
from boxship.build.locks import held
from boxship.build.rootfs import Node, read_rootfs
from boxship.errors import BuildError
from boxship.plan.observed import Observed, ObservedImage, with_default_tag
from boxship.spec.model_build import Base

_VARIANT = "minbase"


class MadeBase(Struct, frozen=True):
    """A base that the engine has under its tag. ``entry`` is None for one that was pulled."""

    reference: str
    image_id: str
    entry: Entry | None = None
    was_there: bool = False
    """Nothing had to be made, loaded or tagged."""


Progress = Callable[[str], None]


class Bootstrapper(Protocol):
    """How a tree is made: ``bootstrap`` itself, or what a test puts in its place."""

    def __call__(
        self, what: Bootstrap, target: Path, exchange: Exchange, on_line: Progress, /
    ) -> Coroutine[None, None, None]:
        """As ``bootstrap``."""


class BaseMaker:
    """Makes sure that bases are on the engine, each once in its life. ``refresh``: make anew what the cache has."""

    def __init__(
        self,
        engine: BuildEngine,
        cache: BaseCache,
        bases: Mapping[str, Base],
        architecture: str,
        *,
        refresh: bool = False,
        bootstrapper: Bootstrapper = bootstrap,
    ) -> None:
        self._engine = engine
        self._cache = cache
        self._bases = bases
        self._architecture = architecture
        self._refresh = refresh
        self._bootstrapper = bootstrapper
        self._lists: dict[str, Path] = {}
        self._made: dict[str, MadeBase] = {}
        self._turns = {reference: asyncio.Lock() for reference in bases}

    async def ensure(self, reference: str, on_progress: Progress, seen: Observed | None = None) -> MadeBase:
        """The base on the engine under its reference, and its parents before it.

        Args:
            reference: Its name.
            on_progress: Hears what happens.
            seen: A snapshot that holds it, when what it begins from is as it was then.

        Raises:
            BuildError: Packages couldn't be installed, or the tag belongs to an image that Boxship didn't make.
            HostError: A program of this host is missing.
            EngineError: The engine refused to load, pull or tag.
        """
        try:
            return await self._ensure(reference, on_progress, seen)
        except CorruptEntryError as err:
            on_progress(f"the cached base {err} is damaged; making it again")
            self._forget(reference)
        try:
            return await self._ensure(reference, on_progress)
        except CorruptEntryError as err:
            raise BuildError(
                f"{reference}: {self._cache.bases} damages what is written to it",
                hint="check that disk; another folder can be named in XDG_CACHE_HOME",
                image=reference,
            ) from err

    async def was_there(self, reference: str, on_progress: Progress, seen: Observed | None) -> bool:
        """``ensure`` it, and tell whether nothing had to be made, loaded or tagged."""
        return (await self.ensure(reference, on_progress, seen)).was_there

    def close(self) -> None:
        """Forget what is known about the archive."""
        for folder in self._lists.values():
            shutil.rmtree(folder, ignore_errors=True)
        self._lists.clear()

    def _lists_of(self, suite: str) -> Path:
        if suite not in self._lists:
            self._lists[suite] = self._cache.draft(f"lists-{suite}")
        return self._lists[suite]

    async def _ensure(self, reference: str, on_progress: Progress, seen: Observed | None = None) -> MadeBase:
        async with self._turns[reference]:
            if reference not in self._made:
                base = self._bases[reference]
                parent = base.parent
                below = await self._ensure(parent, on_progress, seen) if parent in self._bases and parent else None
                self._made[reference] = await self._make_or_keep(base, below, on_progress, seen)
            return self._made[reference]

    def _forget(self, reference: str | None) -> None:
        while reference is not None and reference in self._bases:
            self._made.pop(reference, None)
            reference = self._bases[reference].parent

    async def _make_or_keep(
        self, base: Base, below: MadeBase | None, on_progress: Progress, seen: Observed | None
    ) -> MadeBase:
        if base.digest_reference is not None:
            return await self._pull(base, base.digest_reference, on_progress, seen)
        if base.parent is not None and (below is None or below.entry is None):
            raise BuildError(
                f"{_address(base)}{base.reference}: can't extend {base.parent}, which is not made from packages here",
                hint="extend a base that has a suite, or install packages in a Dockerfile FROM it",
                image=base.reference,
            )
        tagged = (seen or await self._engine.observe((base.reference,))).image(base.reference)
        demand_ownership(base.reference, base.where, tagged)
        entry = await self._entry(base, below.entry if below is not None else None, on_progress)
        if tagged is not None and is_image_of(tagged, entry):
            return MadeBase(base.reference, tagged.id, entry, was_there=True)
        loaded, was_there = await load_entry(self._engine, self._cache, base.reference, entry, on_progress)
        return MadeBase(base.reference, loaded.id, entry, was_there=was_there)

    async def _entry(self, base: Base, below: Entry | None, on_progress: Progress) -> Entry:
        key = base_key(base, below, self._architecture)
        async with held(self._cache.lock(key), on_progress):
            found = await asyncio.to_thread(self._cache.find, key)
            if found is not None and not self._refresh:
                return found
            made = await self._make(key, base, below, on_progress)
            await asyncio.to_thread(self._cache.prune, time.time())
            return made

    async def _make(self, key: str, base: Base, below: Entry | None, on_progress: Progress) -> Entry:
        draft = await asyncio.to_thread(self._cache.draft, key)
        try:
            layers = await asyncio.to_thread(self._cache.layers, below) if below is not None else []
            lower = await asyncio.to_thread(self._cache.tree, below) if below is not None else {}
            what = Bootstrap(
                suite=below.suite if below is not None else base.suite or "",
                packages=tuple(sorted(set(base.packages))),
                architecture=self._architecture,
                below=tuple(BelowLayer(path, one.removed) for one, path in layers),
            )
            started_at_s = time.time()
            await self._bootstrap(what, draft, base, on_progress)
            on_progress("writing the layer")
            return await asyncio.to_thread(self._publish, draft, key, what, lower, below, started_at_s)
        finally:
            await asyncio.to_thread(shutil.rmtree, draft, True)

    async def _bootstrap(self, what: Bootstrap, draft: Path, base: Base, on_progress: Progress) -> None:
        offered, fresh = draft / "debs", draft / "fresh"
        for folder in (offered, fresh):
            await asyncio.to_thread(folder.mkdir)
        await asyncio.to_thread(self._cache.debs.offer, offered)
        try:
            exchange = Exchange(offered, fresh, await asyncio.to_thread(self._lists_of, what.suite))
            await self._bootstrapper(what, draft / "root.tar", exchange, _filtered(on_progress))
        except BuildError as err:
            raise BuildError(
                f"{_address(base)}{base.reference}: {err.message}",
                hint=err.hint,
                image=base.reference,
                output=err.output,
            ) from err
        await asyncio.to_thread(self._cache.debs.add, fresh)

    def _publish(
        self,
        draft: Path,
        key: str,
        what: Bootstrap,
        lower: Mapping[str, Node],
        below: Entry | None,
        started_at_s: float,
    ) -> Entry:
        root = draft / "root.tar"
        not_before_s = below.epoch_s if below is not None else 0
        upper = read_rootfs(root, started_at_s=started_at_s, not_before_s=not_before_s, without=BUILD_ONLY_FILES)
        layer = write_layer(root, upper, lower, draft / "layer.tar")
        root.unlink()
        for folder in ("debs", "fresh"):
            shutil.rmtree(draft / folder)
        tree = pack_tree(upper.nodes)
        (draft / "tree.json.gz").write_bytes(tree)
        diff_ids = (*(below.diff_ids if below is not None else ()), layer.digest)
        step = HistoryStep(f"boxship: {what.suite} + {' '.join(what.packages) or '(nothing)'}", upper.epoch_s)
        history = (*(below.history if below is not None else ()), step)
        labels = {LABEL_BASE: key, LABEL_BASE_LAYERS: layers_digest(diff_ids)}
        entry = Entry(
            key=key,
            suite=what.suite,
            epoch_s=upper.epoch_s,
            chain=(*(below.chain if below is not None else ()), key),
            diff_ids=diff_ids,
            history=history,
            removed=tuple(removed_paths(lower, upper.nodes)),
            config=ImageConfig(self._architecture, diff_ids, history, labels).to_json().decode(),
            layer_bytes=layer.size_bytes,
            tree_digest=hashlib.sha256(tree).hexdigest(),
        )
        if self._refresh:
            self._cache.discard(key)
        self._cache.publish(draft, entry)
        return entry

    async def _pull(self, base: Base, digest_reference: str, on_progress: Progress, seen: Observed | None) -> MadeBase:
        wanted = (base.reference, digest_reference)
        observed = seen or await self._engine.observe(wanted)
        tagged, pinned = observed.image(base.reference), _by_digest(observed, digest_reference)
        if pinned is not None and tagged is not None and tagged.id == pinned.id:
            return MadeBase(base.reference, pinned.id, was_there=True)
        if pinned is None:
            async for line in self._engine.pull_image(digest_reference):
                on_progress(f"{line.layer} {line.status}".strip())
            pinned = _by_digest(await self._engine.observe(wanted), digest_reference)
        if pinned is None:
            raise BuildError(
                f"{_address(base)}{digest_reference} was pulled, but the engine holds no image with that digest",
                image=base.reference,
            )
        await self._engine.tag_image(pinned.id, with_default_tag(base.reference))
        return MadeBase(base.reference, pinned.id)


def base_key(base: Base, below: Entry | None, architecture: str) -> str:
    """What a base is made from, as a name: equal keys mean equal declarations over equal layers."""
    inputs = {
        "format": FORMAT,
        "suite": base.suite,
        "packages": sorted(set(base.packages)),
        "below": layers_digest(below.diff_ids) if below is not None else None,
        "architecture": architecture,
        "variant": _VARIANT,
    }
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()[:32]


def _by_digest(observed: Observed, digest_reference: str) -> ObservedImage | None:
    digest = digest_reference.rpartition("@")[2]
    matches = (image for image in observed.images if any(one.endswith(f"@{digest}") for one in image.digests))
    return next(matches, None)


def _address(base: Base) -> str:
    return f"{base.where}: " if base.where is not None else ""


def _filtered(on_progress: Progress) -> Progress:
    """Of all that apt and dpkg say, what shows a person that it goes on."""

    def tell(line: str) -> None:
        if line.startswith(("I: ", "Setting up ")) and "-hook" not in line:
            on_progress(line.removeprefix("I: "))

    return tell
