"""Whether a build has nothing to do is judged at a glance as it is judged while building."""

import asyncio
import os
import shutil
import time
from collections.abc import Callable, Collection
from pathlib import Path

import pytest
from msgspec.structs import replace

from boxship.build.at_rest import at_rest
from boxship.build.context import Source, open_source
from boxship.build.known import BuildOptions
from boxship.build.look import Look, take_look
from boxship.build.stamps import LABEL_REVISION, LABEL_VERSION, Stamps, demanded_of, stamps_of
from boxship.errors import EngineUnreachableError
from boxship.events import Event, Notice, Phase, SubjectChanged
from boxship.plan.observed import Observed
from boxship.spec.model_build import Base, ContextPart, Wheels
from tests.unit.build.shop import Shop

PATIENCE_S = 30.0


async def rests(shop: Shop, **options: object) -> tuple[Event, ...] | None:
    """What is told at a glance, the engine asked from a thread that may wait for it."""
    loop = asyncio.get_running_loop()

    def look(images: Collection[str]) -> Observed:
        return asyncio.run_coroutine_threadsafe(shop.engine.observe(images), loop).result(PATIENCE_S)

    given = BuildOptions(**options)  # type: ignore[arg-type]  # each test gives what fits
    names = tuple(shop.appliance.services)
    return await asyncio.to_thread(at_rest, shop.appliance, names, look, given, shop.cache_root)


async def built(root: Path, **dockerfiles: str) -> Shop:
    """Built while a look at its files vouches for them."""
    shop = Shop(root, None, **(dockerfiles or {"web": "FROM shop/lib\nARG A\n", "lib": "FROM debian\n"}))
    shop.engine.add_image("debian")
    await build_settled(shop)
    return shop


async def build_settled(shop: Shop, **options: object) -> None:
    """Build it as soon as no file could change once more within the same tick of the clock."""
    sources = [open_source(each.build, "at") for each in shop.appliance.services.values() if each.build is not None]
    async with asyncio.timeout(PATIENCE_S):
        while not all(look is not None and look.is_sure for look in looks(sources)):  # noqa: ASYNC110 (a clock ticks, and tells nobody)
            await asyncio.sleep(0.005)
    await shop.build(**options)


def looks(sources: list[Source]) -> list[Look | None]:
    return [take_look(source, time.time_ns()) for source in sources]


async def test_at_rest_is_told_what_building_would_have_told(tmp_path: Path) -> None:
    shop = await built(tmp_path)
    os.mkfifo(tmp_path / "web" / "pipe")
    await build_settled(shop)
    shop.engine.faults.calls.clear()
    told = await rests(shop, args={"TYPO": "1"})
    assert shop.engine.faults.calls.count("observe") == 1
    await shop.build(args={"TYPO": "1"})
    assert told == tuple(shop.events)
    assert [type(event) for event in told or ()] == [Notice, SubjectChanged, Notice, SubjectChanged]


CHANGES: dict[str, Callable[[Shop], object]] = {
    "a file": lambda shop: (shop.root / "web" / "new").write_text("x"),
    "a Dockerfile": lambda shop: (shop.root / "lib" / "Dockerfile").write_text("FROM debian\nRUN true\n"),
    "what is ignored": lambda shop: (shop.root / "lib" / ".dockerignore").write_text("x\n"),
    "a tag that was moved": lambda shop: shop.engine.add_image("shop/web:latest", content="another"),
    "a newer image below": lambda shop: shop.engine.add_image("debian", content="newer"),
    "no memory": lambda shop: shutil.rmtree(shop.cache_root / "builds"),
    "half a memory": lambda shop: [path.write_text("{") for path in (shop.cache_root / "builds").glob("*.json")],
    "no Dockerfile": lambda shop: (shop.root / "lib" / "Dockerfile").unlink(),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_what_building_would_not_keep_is_not_at_rest(change: str, tmp_path: Path) -> None:
    shop = await built(tmp_path)
    assert await rests(shop) is not None
    CHANGES[change](shop)
    assert await rests(shop) is None


async def test_an_image_that_is_gone_is_not_at_rest(tmp_path: Path) -> None:
    shop = await built(tmp_path)
    await shop.engine.remove_image("shop/web:latest")
    assert await rests(shop) is None


@pytest.mark.parametrize("option", ["no_cache", "pull"])
async def test_what_is_asked_for_anew_is_not_even_looked_at(option: str, tmp_path: Path) -> None:
    shop = await built(tmp_path)
    shop.engine.faults.calls.clear()
    assert await rests(shop, **{option: True}) is None
    assert shop.engine.faults.calls == []


@pytest.mark.parametrize("key", ["no_cache", "pull"])
async def test_a_build_that_its_file_asks_for_anew_is_not_at_rest(key: str, tmp_path: Path) -> None:
    shop = await built(tmp_path, web="FROM debian\n")
    service = shop.appliance.services["web"]
    assert service.build is not None
    anew = replace(service, build=replace(service.build, **{key: True}))
    shop.appliance = replace(shop.appliance, services={"web": anew})
    assert await rests(shop) is None


async def test_an_argument_that_changes_the_image_is_not_at_rest(tmp_path: Path) -> None:
    shop = await built(tmp_path)
    assert await rests(shop, args={"A": "1"}) is None


async def test_bases_prepared_wheels_and_parts_that_changed_are_left_to_who_builds(tmp_path: Path) -> None:
    shop = await built(tmp_path)
    appliance = shop.appliance
    part = (ContextPart(tmp_path / "lib", "below"),)
    for other in (
        replace(appliance, bases={"mine": Base("mine", suite="bookworm")}),
        replace(appliance, wheels={"web": Wheels("web", tmp_path / "requirements.txt")}),
        replace(appliance, contexts={"web": part}),
    ):
        shop.appliance = other
        assert await rests(shop) is None


async def test_another_version_is_not_at_rest_and_another_commit_is(tmp_path: Path) -> None:
    shop = await built(tmp_path, web="FROM debian\n")
    assert await rests(shop, stamps=demanded_of(shop.appliance)) is None
    await build_settled(shop, stamps=stamps_of(shop.appliance))
    assert await rests(shop, stamps=demanded_of(shop.appliance)) == (SubjectChanged("image:shop/web", Phase.KEPT),)
    other = Stamps({LABEL_VERSION: "1.0", LABEL_REVISION: "abc"}, frozenset({LABEL_VERSION}))
    assert await rests(shop, stamps=other) is not None
    assert await rests(shop, stamps=demanded_of(replace(shop.appliance, version="1.1"))) is None


async def test_a_label_of_the_files_that_a_stamp_may_replace_is_left_to_who_builds(tmp_path: Path) -> None:
    shop = await built(tmp_path, web="FROM debian\n")
    service = shop.appliance.services["web"]
    assert service.build is not None
    labelled = replace(service, build=replace(service.build, labels={LABEL_REVISION: "mine"}))
    shop.appliance = replace(shop.appliance, services={"web": labelled})
    await build_settled(shop)
    assert await rests(shop) is None


async def test_what_another_builder_built_is_not_at_rest(tmp_path: Path) -> None:
    shop = await built(tmp_path, web="FROM debian\n")
    assert await rests(shop, buildkit=False) is not None
    # It was not built with it.
    assert await rests(shop, buildkit=True) is None


async def test_an_engine_that_is_away_is_told(tmp_path: Path) -> None:
    shop = await built(tmp_path)

    def look(_images: Collection[str]) -> Observed:
        raise EngineUnreachableError("cannot reach the container engine")

    with pytest.raises(EngineUnreachableError):
        at_rest(shop.appliance, ("web",), look, BuildOptions(), shop.cache_root)
