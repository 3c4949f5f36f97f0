"""The platform image: Loader, Config and CA are one image with several commands, made from signed packages and wheels.

Two layers: what Boxship runs with (Debian's packages without what only installs packages, and the pinned wheels), and
Boxship itself. The lower one changes seldom, so a newer Boxship is a small upgrade. All of Python's files are compiled
inside, as the Loader's root file system is read-only. The same packages, wheels and code give the same image id.
"""

import asyncio
import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

from msgspec import Struct

from boxship import __version__
from boxship.build.bases import BaseMaker
from boxship.build.bootstrap import host_architecture
from boxship.build.cache import FORMAT, BaseCache, CorruptEntryError, Entry, pack_tree
from boxship.build.image import LABEL_BASE, LABEL_BASE_LAYERS, HistoryStep, ImageConfig, layers_digest
from boxship.build.in_container import ContainerBuildEngine, change_tree
from boxship.build.layer import write_layer
from boxship.build.loading import demand_ownership, load_entry
from boxship.build.locks import held
from boxship.build.own_package import command_file, own_files, run_requirements, unpacked_wheels
from boxship.build.rootfs import Node, Rootfs, read_rootfs
from boxship.build.wheels import WheelCache
from boxship.errors import BuildError
from boxship.spec.model_build import Base, Wheels
from boxship.units import format_size

REFERENCE = f"boxship/platform:{__version__}"
BUDGET_BYTES = 150_000_000
SUITE = "bookworm"
PYTHON = "3.11"
"""That of the suite."""
PACKAGES = (
    "ca-certificates",  # for registries
    "iptables",  # keeps the outside away from a trial
    "libpython3.11-stdlib",
    "python3-minimal",
)
_RUNTIME = Base(f"boxship/platform-runtime:{SUITE}", suite=SUITE, packages=PACKAGES)
_BASE = "boxship/platform-base:latest"
_WHEELS_AT = "usr/lib/python3/dist-packages"
_OWN_AT = f"usr/local/lib/python{PYTHON}/dist-packages"
_OWN_ROOT = "/usr/local"
_COMMAND = "usr/local/bin/boxship"
_COMPILE = ("python3", "-m", "compileall", "-q", "-f", "--invalidation-mode", "unchecked-hash")
_LEFT_OUT = re.compile(
    # What installs packages, as nothing is ever installed here; the list of what is inside stays, for scanners.
    r"usr/bin/(apt|dpkg|debconf|perl|gpgv|deb-systemd|update-alternatives|localedef|iconv)[^/]*$"
    r"|usr/(lib|share|libexec)/(apt|dpkg|perl5?|debconf|keyrings)(/|$)"
    r"|usr/lib/[^/]+/(perl-base|perl5?|gconv|e2fsprogs)(/|$)"
    r"|usr/lib/[^/]+/lib(apt-pkg|apt-private|stdc\+\+|gnutls|db-5)[^/]*$"
    r"|usr/s?bin/(e2|mke2fs|mkfs|fsck|tune2fs|debugfs|resize2fs|dumpe2fs|badblocks)[^/]*$"
    r"|var/lib/dpkg/info(/|$)|var/cache/debconf/|var/lib/apt(/|$)|etc/apt(/|$)"
    # What Python has for learning, for old programs and for installing.
    rf"|usr/lib/python{PYTHON.replace('.', '[.]')}/(lib2to3|pydoc_data|ensurepip|idlelib|turtledemo|test)(/|$)"
)


class MadePlatform(Struct, frozen=True):
    """The image on the engine. ``layers``: what each holds -> its size in bytes, the lowest first."""

    reference: str
    image_id: str
    layers: Mapping[str, int]
    was_there: bool = False

    @property
    def size_bytes(self) -> int:
        return sum(self.layers.values())


class PlatformMaker:
    """Makes sure that the platform image is on the engine."""

    def __init__(self, engine: ContainerBuildEngine, root: Path, on_progress: Callable[[str], None]) -> None:
        self._engine = engine
        self._cache = BaseCache(root)
        self._wheels = WheelCache(root)
        self._tell = on_progress

    async def ensure(self, reference: str = REFERENCE, own: Mapping[str, bytes] | None = None) -> MadePlatform:
        """The image under ``reference``; nothing is made when its packages, wheels and code are what they were.

        Args:
            reference: Its tag.
            own: The files of Boxship itself; None: those of the Boxship that runs.

        Raises:
            BuildError: A part can't be had or compiled, the image is over its budget, or the tag is somebody else's.
            HostError: A program of this host is missing.
            EngineError: The engine refused.
        """
        try:
            return await self._ensure(reference, own)
        except CorruptEntryError as err:
            self._tell(f"the cached layer {err} is damaged; making it again")
        return await self._ensure(reference, own)

    async def _ensure(self, reference: str, own: Mapping[str, bytes] | None) -> MadePlatform:
        tagged = (await self._engine.observe((reference,))).image(reference)
        demand_ownership(reference, None, tagged)
        runtime = await self._runtime()
        files = await asyncio.to_thread(own_files, _OWN_AT) if own is None else own
        entry = await self._on_top(runtime, files)
        layers = await asyncio.to_thread(self._cache.layers, entry)
        sizes = {step.created_by: one.layer_bytes for step, (one, _) in zip(entry.history, layers, strict=True)}
        _check_budget(reference, sizes)
        image, was_there = await load_entry(self._engine, self._cache, reference, entry, self._tell)
        return MadePlatform(reference, image.id, sizes, was_there)

    async def _runtime(self) -> Entry:
        """The lower layer."""
        pinned = Wheels("platform", run_requirements(), python=PYTHON)
        found = await self._wheels.ensure(pinned, os.uname().machine, self._tell)
        digests = await asyncio.to_thread(_digests, found)
        maker = BaseMaker(self._engine, self._cache, {_RUNTIME.reference: _RUNTIME}, host_architecture())
        with closing(maker):
            made = await maker.ensure(_RUNTIME.reference, self._tell)
        if made.entry is None:
            raise BuildError(f"{_RUNTIME.reference} was not made from packages")
        inputs = [FORMAT, made.entry.diff_ids, digests, _LEFT_OUT.pattern, _COMPILE]
        key = hashlib.sha256(json.dumps(inputs).encode()).hexdigest()[:32]
        async with held(self._cache.lock(key), self._tell):
            entry = await asyncio.to_thread(self._cache.find, key)
            if entry is None:
                self._tell("compiling what Boxship runs with")
                files = await asyncio.to_thread(unpacked_wheels, found.values(), _WHEELS_AT)
                entry = await self._make_runtime(key, made.entry, made.image_id, files)
        return entry

    async def _make_runtime(self, key: str, below: Entry, image: str, files: Mapping[str, bytes]) -> Entry:
        draft = await asyncio.to_thread(self._cache.draft, key)
        try:
            started_at_s = time.time()
            plain = {path: (0o644, content) for path, content in files.items()}
            folders = (f"/usr/lib/python{PYTHON}", f"/{_WHEELS_AT}")
            await change_tree(self._engine, image, plain, (*_COMPILE, *folders), "/", draft / "root.tar", below.epoch_s)
            step = HistoryStep(f"boxship: {SUITE} + {' '.join(PACKAGES)} + {len(files)} files of wheels", below.epoch_s)
            return await asyncio.to_thread(self._publish_runtime, draft, key, step, started_at_s)
        finally:
            await asyncio.to_thread(shutil.rmtree, draft, True)

    def _publish_runtime(self, draft: Path, key: str, step: HistoryStep, started_at_s: float) -> Entry:
        whole = read_rootfs(draft / "root.tar", started_at_s=started_at_s, not_before_s=step.created_at_s)
        nodes = {path: node for path, node in whole.nodes.items() if not _LEFT_OUT.match(path)}
        upper = Rootfs(nodes, whole.sources, step.created_at_s, whole.generated)
        return self._publish(draft, key, upper, None, {}, step, {})

    async def _on_top(self, runtime: Entry, files: Mapping[str, bytes]) -> Entry:
        """Boxship itself, over the lower layer."""
        digests = {path: hashlib.sha256(content).hexdigest() for path, content in files.items()}
        inputs = [FORMAT, runtime.diff_ids, digests, command_file().decode(), _COMPILE]
        key = hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()[:32]
        async with held(self._cache.lock(key), self._tell):
            entry = await asyncio.to_thread(self._cache.find, key)
            if entry is None:
                self._tell("compiling Boxship")
                entry = await self._make_on_top(key, runtime, files)
        return entry

    async def _make_on_top(self, key: str, runtime: Entry, files: Mapping[str, bytes]) -> Entry:
        below, _ = await load_entry(self._engine, self._cache, _BASE, runtime, self._tell)
        draft = await asyncio.to_thread(self._cache.draft, key)
        try:
            started_at_s = time.time()
            given = {path: (0o644, content) for path, content in files.items()}
            given[_COMMAND] = (0o755, command_file())
            argv = (*_COMPILE, f"/{_OWN_AT}")
            await change_tree(self._engine, below.id, given, argv, _OWN_ROOT, draft / "root.tar", runtime.epoch_s)
            step = HistoryStep(f"boxship: boxship {__version__}", runtime.epoch_s)
            return await asyncio.to_thread(self._publish_on_top, draft, key, runtime, step, started_at_s)
        finally:
            await asyncio.to_thread(shutil.rmtree, draft, True)

    def _publish_on_top(self, draft: Path, key: str, below: Entry, step: HistoryStep, started_at_s: float) -> Entry:
        lower = self._cache.tree(below)
        own = read_rootfs(draft / "root.tar", started_at_s=started_at_s, not_before_s=below.epoch_s)
        upper = Rootfs(dict(sorted({**lower, **own.nodes}.items())), own.sources, own.epoch_s, own.generated)
        labels = {
            "org.opencontainers.image.title": "Boxship's platform: Loader, Config and CA",
            "org.opencontainers.image.version": __version__,
        }
        return self._publish(draft, key, upper, below, lower, step, labels)

    def _publish(
        self,
        draft: Path,
        key: str,
        upper: Rootfs,
        below: Entry | None,
        lower: Mapping[str, Node],
        step: HistoryStep,
        labels: Mapping[str, str],
    ) -> Entry:
        root = draft / "root.tar"
        layer = write_layer(root, upper, lower, draft / "layer.tar")
        root.unlink()
        tree = pack_tree(upper.nodes)
        (draft / "tree.json.gz").write_bytes(tree)
        diff_ids = (*(below.diff_ids if below else ()), layer.digest)
        history = (*(below.history if below else ()), step)
        config = ImageConfig(
            host_architecture(),
            diff_ids,
            history,
            {LABEL_BASE: key, LABEL_BASE_LAYERS: layers_digest(diff_ids), **labels},
            entrypoint=("boxship",) if below else (),
            environment=("LANG=C.UTF-8", "PYTHONDONTWRITEBYTECODE=1"),
        )
        entry = Entry(
            key=key,
            suite=SUITE,
            epoch_s=step.created_at_s,
            chain=(*(below.chain if below else ()), key),
            diff_ids=diff_ids,
            history=history,
            removed=(),
            config=config.to_json().decode(),
            layer_bytes=layer.size_bytes,
            tree_digest=hashlib.sha256(tree).hexdigest(),
        )
        self._cache.publish(draft, entry)
        return entry


def _digests(found: Mapping[str, Path]) -> list[tuple[str, str]]:
    return [(name, hashlib.sha256(path.read_bytes()).hexdigest()) for name, path in sorted(found.items())]


def _check_budget(reference: str, sizes: Mapping[str, int]) -> None:
    total = sum(sizes.values())
    if total > BUDGET_BYTES:
        raise BuildError(
            f"{reference} would take {format_size(total)}, {format_size(total - BUDGET_BYTES)} more than it may",
            hint="leave something out in build/platform.py",
            output=[f"{format_size(size)} by {name}" for name, size in sizes.items()],
        )
