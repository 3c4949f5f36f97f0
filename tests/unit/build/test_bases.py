import asyncio
import io
import json
import tarfile
from collections.abc import Collection
from pathlib import Path

import pytest

from boxship.build.bases import BaseMaker
from boxship.build.bootstrap import Bootstrap, Exchange
from boxship.build.cache import BaseCache
from boxship.build.image import LABEL_BASE, image_id
from boxship.engine.port import PullProgress
from boxship.errors import BuildError
from boxship.plan.observed import Observed, ObservedImage
from boxship.spec.model_build import Base
from tests.fakes.engine import FakeEngine

ROOT = Base("share/base", suite="bookworm", packages=("ca",))
PYTHON = Base("share/python", parent="share/base", packages=("python3",))
BASES = {base.reference: base for base in (ROOT, PYTHON)}


class Shelf(FakeEngine):
    """An engine that keeps images with their labels, and counts what it had to load."""

    def __init__(self, *, own_ids: bool = False) -> None:
        super().__init__()
        self.images: dict[str, ObservedImage] = {}
        self.loads = 0
        self.own_ids = own_ids

    async def observe(self, images: Collection[str] | None = None) -> Observed:
        """Tells more than it was asked, as an engine may."""
        by_id: dict[str, list[str]] = {}
        for tag, image in self.images.items():
            by_id.setdefault(image.id, []).append(tag)
        images = {image.id: image for image in self.images.values()}
        return Observed(
            images=tuple(
                ObservedImage(one.id, tuple(by_id[one.id]), one.digests, labels=one.labels) for one in images.values()
            )
        )

    async def load_images(self, archive: Path) -> None:
        self.loads += 1
        with tarfile.open(archive) as tar:
            (entry,) = json.loads((tar.extractfile("manifest.json") or io.BytesIO()).read())
            config = (tar.extractfile(entry["Config"]) or io.BytesIO()).read()
        name = f"sha256:{len(self.images):064x}" if self.own_ids else image_id(config)
        for tag in entry["RepoTags"]:
            self.images[tag] = ObservedImage(name, labels=json.loads(config)["config"]["Labels"])

    async def tag_image(self, reference: str, new_reference: str) -> None:
        self.images[new_reference] = next(image for image in self.images.values() if image.id == reference)

    async def pull_image(self, reference: str, *, platform: str | None = None):  # type: ignore[no-untyped-def]
        yield PullProgress("", "Pulling")
        self.images[reference] = ObservedImage("sha256:77", digests=(reference,))


class Installer:
    """Makes a tree with one file per package, instead of installing any."""

    def __init__(self) -> None:
        self.made: list[tuple[str, ...]] = []
        self.release = "1"

    async def __call__(self, what: Bootstrap, target: Path, exchange: Exchange, on_line: object, /) -> None:
        assert exchange.debs.is_dir()
        assert exchange.fresh_debs.is_dir()
        self.made.append(what.packages)
        files: dict[str, bytes] = {}
        for layer in what.below:
            with tarfile.open(layer.archive) as tar:
                files |= {info.name: (tar.extractfile(info) or io.BytesIO()).read() for info in tar if info.isreg()}
        files |= {package: f"{package} {self.release}".encode() for package in what.packages}
        with tarfile.open(target, "w") as tar:
            for name, content in files.items():
                info = tarfile.TarInfo(f"./{name}")
                info.size, info.mtime = len(content), 1_700_000_000
                tar.addfile(info, io.BytesIO(content))


class Bench:
    def __init__(self, root: Path, engine: Shelf | None = None) -> None:
        self.cache = BaseCache(root)
        self.engine = engine or Shelf()
        self.installer = Installer()
        self.said: list[str] = []

    def maker(self, *, refresh: bool = False, bases: dict[str, Base] | None = None) -> BaseMaker:
        return BaseMaker(self.engine, self.cache, bases or BASES, "amd64", refresh=refresh, bootstrapper=self.installer)

    async def ensure(self, reference: str, *, refresh: bool = False, bases: dict[str, Base] | None = None) -> bool:
        maker = self.maker(refresh=refresh, bases=bases)
        try:
            return (await maker.ensure(reference, self.said.append)).was_there
        finally:
            maker.close()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def corrupt(bench: Bench, reference: str) -> Path:
    key = bench.engine.images[f"{reference}:latest"].labels[LABEL_BASE]
    path = bench.cache.bases / key / "layer.tar"
    path.write_bytes(path.read_bytes()[:-512] + bytes([1]) * 512)
    return path


async def test_a_base_and_its_parent_are_made_once_and_then_kept(bench: Bench) -> None:
    assert not await bench.ensure("share/python")
    assert bench.installer.made == [("ca",), ("python3",)]
    assert await bench.ensure("share/python")
    assert await bench.ensure("share/base")
    assert (len(bench.installer.made), bench.engine.loads) == (2, 2)
    assert [path.name for path in bench.cache.bases.iterdir() if path.name.startswith(".")] == []


async def test_an_engine_that_lost_its_images_gets_them_from_the_cache(bench: Bench) -> None:
    await bench.ensure("share/python")
    first = dict(bench.engine.images)
    bench.engine.images.clear()
    await bench.ensure("share/python")
    assert bench.engine.images == first
    assert len(bench.installer.made) == 2


async def test_an_image_under_another_name_is_tagged_and_not_loaded(bench: Bench) -> None:
    await bench.ensure("share/base")
    renamed = {"other/base": Base("other/base", suite="bookworm", packages=("ca",))}
    await bench.ensure("other/base", bases=renamed)
    assert bench.engine.loads == 1
    assert bench.engine.images["other/base:latest"].id == bench.engine.images["share/base:latest"].id


async def test_an_engine_with_ids_of_its_own_is_not_sent_the_same_image_twice(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Shelf(own_ids=True))
    assert not await bench.ensure("share/python")
    assert await bench.ensure("share/python")
    assert bench.engine.loads == 2


async def test_a_damaged_layer_below_is_made_again_with_what_is_on_it(bench: Bench) -> None:
    await bench.ensure("share/python")
    first = dict(bench.engine.images)
    damaged = corrupt(bench, "share/base")
    bench.engine.images.clear()
    await bench.ensure("share/python")
    assert any("damaged" in text for text in bench.said)
    assert bench.engine.images == first
    assert bench.cache.find(damaged.parent.name) is not None


async def test_a_damaged_own_layer_is_made_again(bench: Bench) -> None:
    await bench.ensure("share/python")
    first = dict(bench.engine.images)
    corrupt(bench, "share/python")
    del bench.engine.images["share/python:latest"]
    await bench.ensure("share/python")
    assert bench.engine.images == first
    assert bench.installer.made == [("ca",), ("python3",), ("python3",)]


async def test_damage_that_matters_to_nobody_is_not_looked_for(bench: Bench) -> None:
    await bench.ensure("share/python")
    corrupt(bench, "share/base")
    assert await bench.ensure("share/python")


async def test_a_refresh_that_finds_nothing_newer_changes_no_image(bench: Bench) -> None:
    await bench.ensure("share/python")
    first = dict(bench.engine.images)
    assert await bench.ensure("share/python", refresh=True)
    assert bench.engine.images == first
    assert len(bench.installer.made) == 4


async def test_a_newer_package_below_makes_everything_above_anew(bench: Bench) -> None:
    await bench.ensure("share/python")
    first = dict(bench.engine.images)
    bench.installer.release = "2"
    await bench.ensure("share/base", refresh=True)
    assert bench.engine.images["share/base:latest"] != first["share/base:latest"]
    await bench.ensure("share/python")
    assert bench.engine.images["share/python:latest"] != first["share/python:latest"]


async def test_two_builds_at_once_install_once(tmp_path: Path) -> None:
    one, two = Bench(tmp_path), Bench(tmp_path)
    two.installer = one.installer
    await asyncio.gather(one.ensure("share/python"), two.ensure("share/python"))
    assert one.installer.made == [("ca",), ("python3",)]
    assert one.engine.images == two.engine.images


async def test_a_failed_installation_leaves_no_entry_and_no_draft(bench: Bench) -> None:
    class Broken(Installer):
        async def __call__(self, what: Bootstrap, target: Path, exchange: Exchange, on_line: object, /) -> None:
            await asyncio.to_thread(target.write_bytes, b"half")
            raise BuildError("Unable to locate package ca", output=["E: Unable"])

    bench.installer = Broken()
    with pytest.raises(BuildError, match="share/base: Unable to locate package ca") as caught:
        await bench.ensure("share/base")
    assert (caught.value.image, caught.value.output) == ("share/base", ("E: Unable",))
    assert [path.name for path in bench.cache.bases.iterdir() if path.is_dir()] == []
    assert bench.engine.images == {}


async def test_a_base_named_by_digest_is_pulled_checked_and_tagged_once(bench: Bench) -> None:
    digest = f"docker.io/library/redis@sha256:{'b' * 64}"
    bases = {"share/redis": Base("share/redis", digest_reference=digest)}
    assert not await bench.ensure("share/redis", bases=bases)
    assert bench.engine.images["share/redis:latest"].id == "sha256:77"
    assert await bench.ensure("share/redis", bases=bases)
    assert bench.installer.made == []


async def test_a_pulled_base_can_not_be_extended_with_packages(bench: Bench) -> None:
    pulled = Base("share/redis", digest_reference=f"redis@sha256:{'b' * 64}")
    bases = {"share/redis": pulled, "mine": Base("mine", parent="share/redis", packages=("x",))}
    with pytest.raises(BuildError, match="mine: can't extend share/redis"):
        await bench.ensure("mine", bases=bases)


async def test_a_tag_that_is_not_ours_is_never_moved(bench: Bench) -> None:
    bench.engine.images["share/base:latest"] = ObservedImage("sha256:1234", labels={"maintainer": "somebody"})
    with pytest.raises(BuildError, match="already the tag of another image"):
        await bench.ensure("share/base")
    assert bench.engine.loads == 0
