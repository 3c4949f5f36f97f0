import os
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path

import pytest

from boxship.build.images import build_images
from boxship.build.stamps import LABEL_REVISION, LABEL_VERSION, Stamps
from boxship.engine.port import BuildOutput, BuildRequest
from boxship.errors import BuildError, EngineError
from boxship.events import ImageProgress, Notice, Phase
from boxship.spec.model import Appliance, Service
from boxship.spec.model_build import Base, ContextPart
from boxship.where import Where
from tests.fakes.engine import FakeEngine
from tests.unit.build.shop import Shop


class RecordedEngine(FakeEngine):
    """Fails with what Docker 20.10.24 printed for a Dockerfile whose sixth line fails."""

    async def build_image(
        self, request: BuildRequest, context: AsyncIterator[bytes]
    ) -> AsyncGenerator[BuildOutput, None]:
        async for _ in context:
            pass
        for text in ("Step 1/4 : FROM debian", " ---> b39c16435107", "Step 3/4 : RUN false", " ---> Running in 3a"):
            yield BuildOutput(text=text)
        raise EngineError(f"cannot build {request.tags[0]}: The command '/bin/sh -c false' returned a non-zero code: 1")


class SavingEngine(FakeEngine):
    """While it builds for the first time, somebody saves a file."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._file = file

    async def build_image(
        self, request: BuildRequest, context: AsyncIterator[bytes]
    ) -> AsyncGenerator[BuildOutput, None]:
        if not self._file.exists():
            self._file.write_text("saved")
        async for line in super().build_image(request, context):
            yield line


def ids(engine: FakeEngine) -> dict[str, str]:
    return {tag: image.id for image in engine.world.images.values() for tag in image.tags}


async def test_images_are_built_after_those_they_begin_from(tmp_path: Path) -> None:
    shop = Shop(tmp_path, web="FROM shop/lib\n", lib="FROM scratch\n")
    assert await shop.build("web") == {"image:shop/lib": Phase.READY, "image:shop/web": Phase.READY}
    assert ids(shop.engine).keys() == {"shop/lib:latest", "shop/web:latest"}


async def test_the_references_to_create_containers_from_are_returned(tmp_path: Path) -> None:
    shop = Shop(tmp_path, web="FROM scratch\n")
    services = {**shop.appliance.services, "cache": Service("cache", image="redis:7")}
    appliance = Appliance("shop", "1.0", tmp_path, services=services)
    found = await build_images(appliance, ("web", "cache"), shop.engine, shop.events.append, cache_root=tmp_path / "c")
    assert found == {"web": "shop/web:latest", "cache": "redis:7"}


async def test_what_has_not_changed_is_not_even_sent_to_the_engine(tmp_path: Path) -> None:
    shop = Shop(tmp_path, web="FROM shop/lib\n", lib="FROM scratch\n")
    await shop.build()
    shop.engine.calls.clear()
    assert set((await shop.build()).values()) == {Phase.KEPT}
    (tmp_path / "web" / "new").write_text("x")
    assert await shop.build() == {"image:shop/lib": Phase.KEPT, "image:shop/web": Phase.READY}


async def test_a_change_below_is_a_change_above(tmp_path: Path) -> None:
    shop = Shop(tmp_path, web="FROM shop/lib\n", lib="FROM scratch\n")
    await shop.build()
    (tmp_path / "lib" / "new").write_text("x")
    assert await shop.build() == {"image:shop/lib": Phase.READY, "image:shop/web": Phase.READY}


async def test_an_image_that_somebody_replaced_is_built_again(tmp_path: Path) -> None:
    shop = Shop(tmp_path, web="FROM scratch\n")
    await shop.build()
    shop.engine.add_image("shop/web:latest", content="another")
    assert await shop.build() == {"image:shop/web": Phase.READY}


async def test_no_cache_builds_what_has_not_changed(tmp_path: Path) -> None:
    shop = Shop(tmp_path, web="FROM scratch\n")
    await shop.build()
    await shop.build(no_cache=True)
    assert any(isinstance(event, ImageProgress) for event in shop.events)


async def test_only_missing_leaves_alone_what_is_there_whatever_became_of_its_source(tmp_path: Path) -> None:
    shop = Shop(tmp_path, web="FROM shop/lib\n", lib="FROM scratch\n", other="FROM scratch\n")
    await shop.build("lib", "other")
    (tmp_path / "lib" / "new").write_text("x")
    (tmp_path / "other" / "Dockerfile").unlink()
    assert await shop.build(only_missing=True) == {"image:shop/web": Phase.READY}


async def test_a_failure_skips_its_dependants_and_nothing_else(tmp_path: Path) -> None:
    shop = Shop(tmp_path, web="FROM shop/lib\n", lib="FROM scratch\nRUN exit 3\n", other="FROM scratch\n")
    with pytest.raises(BuildError, match="image shop/lib:latest of service lib could not be built"):
        await shop.build()
    assert shop.phases == {
        "image:shop/lib": Phase.FAILED,
        "image:shop/web": Phase.SKIPPED,
        "image:shop/other": Phase.READY,
    }


async def test_several_failures_are_told_together(tmp_path: Path) -> None:
    shop = Shop(tmp_path, web="FROM scratch\nRUN exit 3\n", lib="FROM scratch\nRUN exit 4\n")
    with pytest.raises(BuildError, match=r"2 images could not be made:\n- .*lib.*\n- .*|2 images .*\n- .*web"):
        await shop.build()


async def test_a_failed_step_is_named_by_its_line_in_the_dockerfile(tmp_path: Path) -> None:
    text = "# web\nFROM debian\n\nLABEL a=b\n\nRUN false\nRUN true\n"
    shop = Shop(tmp_path, RecordedEngine(), web=text)
    with pytest.raises(BuildError) as caught:
        await shop.build()
    assert caught.value.message == (
        "compose.yaml:1:5: services.web.build: image shop/web:latest of service web could not be built: "
        f"{tmp_path}/web/Dockerfile:6: step 3 of 4 (RUN false): "
        "The command '/bin/sh -c false' returned a non-zero code: 1"
    )
    assert caught.value.image == "shop/web:latest"
    assert caught.value.output == ("Step 1/4 : FROM debian", "Step 3/4 : RUN false")
    assert "shop/web:latest" not in ids(shop.engine)


async def test_nothing_to_do_costs_the_engine_one_observation(tmp_path: Path) -> None:
    shop = Shop(tmp_path, web="FROM shop/lib\n", lib="FROM debian\n", other="FROM scratch\n")
    shop.engine.add_image("debian")
    await shop.build()
    await shop.build()
    shop.engine.faults.calls.clear()
    assert set((await shop.build()).values()) == {Phase.KEPT}
    assert shop.engine.faults.calls == ["observe"]


async def test_an_image_from_elsewhere_that_was_replaced_is_a_change(tmp_path: Path) -> None:
    shop = Shop(tmp_path, web="FROM debian\n")
    shop.engine.add_image("debian")
    await shop.build()
    shop.engine.add_image("debian", content="newer")
    assert await shop.build() == {"image:shop/web": Phase.READY}


async def test_what_changes_while_it_is_sent_is_built_again(tmp_path: Path) -> None:
    shop = Shop(tmp_path, SavingEngine(tmp_path / "web" / "app"), web="FROM scratch\n")
    assert await shop.build() == {"image:shop/web": Phase.READY}
    assert await shop.build() == {"image:shop/web": Phase.READY}
    assert await shop.build() == {"image:shop/web": Phase.KEPT}


async def test_parts_of_a_context_are_built_in_and_their_changes_are_changes(tmp_path: Path) -> None:
    shop = Shop(tmp_path, web="FROM scratch\n", other="FROM scratch\n")
    (tmp_path / "lib").mkdir()
    parts = {"web": (ContextPart(tmp_path / "lib", "lib"),)}
    shop.appliance = Appliance("shop", "1.0", tmp_path, services=shop.appliance.services, contexts=parts)
    await shop.build()
    (tmp_path / "lib" / "new").write_text("")
    assert await shop.build() == {"image:shop/web": Phase.READY, "image:shop/other": Phase.KEPT}


async def test_services_with_one_folder_and_different_parts_have_different_images(tmp_path: Path) -> None:
    shop = Shop(tmp_path, web="FROM scratch\n")
    (tmp_path / "lib").mkdir()
    build = shop.appliance.services["web"].build
    services = {name: Service(name, build=build) for name in ("one", "two", "three")}
    parts = {"one": (ContextPart(tmp_path / "lib"),)}
    shop.appliance = Appliance("shop", "1.0", tmp_path, services=services, contexts=parts)
    (tmp_path / "lib" / "file").write_text("")
    await shop.build()
    found = ids(shop.engine)
    assert found["shop/two:latest"] == found["shop/three:latest"] != found["shop/one:latest"]


async def test_a_version_is_stamped_and_another_one_is_stamped_anew(tmp_path: Path) -> None:
    shop = Shop(tmp_path, web="FROM shop/lib\n", lib="FROM scratch\n")

    def stamps(version: str) -> Stamps:
        return Stamps({LABEL_VERSION: version, LABEL_REVISION: "abc"}, frozenset({LABEL_VERSION}))

    def labels(tag: str) -> dict[str, str]:
        return next(image.labels for image in shop.engine.world.images.values() if tag in image.tags)

    await shop.build(stamps=stamps("1.0"))
    assert labels("shop/web:latest")[LABEL_VERSION] == "1.0"
    # An image that others begin from has none, or they would all be made anew for every release.
    assert LABEL_VERSION not in labels("shop/lib:latest")
    assert set((await shop.build(stamps=stamps("1.0"))).values()) == {Phase.KEPT}
    # `up` asks for no stamps and leaves those that are there.
    assert set((await shop.build()).values()) == {Phase.KEPT}
    assert await shop.build(stamps=stamps("1.1")) == {"image:shop/lib": Phase.KEPT, "image:shop/web": Phase.READY}


async def test_an_argument_reaches_the_dockerfiles_that_declare_it(tmp_path: Path) -> None:
    shop = Shop(tmp_path, web="ARG BELOW=shop/nothing\nFROM $BELOW\n", lib="FROM scratch\n")
    assert await shop.build("web", args={"BELOW": "shop/lib"}) == {
        "image:shop/lib": Phase.READY,
        "image:shop/web": Phase.READY,
    }
    assert await shop.build("lib") == {"image:shop/lib": Phase.KEPT}
    await shop.build("lib", args={"TYPO": "1"})
    told = [event.text for event in shop.events if isinstance(event, Notice)]
    assert (told, shop.phases) == (["--build-arg TYPO: no Dockerfile has an ARG TYPO"], {"image:shop/lib": Phase.KEPT})


async def test_a_proxy_needs_no_arg_and_makes_nothing_anew(tmp_path: Path) -> None:
    shop = Shop(tmp_path, web="FROM scratch\n")
    await shop.build()
    assert await shop.build(args={"http_proxy": "http://cache:3142"}) == {"image:shop/web": Phase.KEPT}
    assert not [event for event in shop.events if isinstance(event, Notice)]


async def test_what_needs_buildkit_is_refused_with_its_line_where_that_is_switched_off(tmp_path: Path) -> None:
    shop = Shop(tmp_path, web="FROM scratch\n\nRUN --mount=type=cache,target=/c make\n")
    with pytest.raises(BuildError, match=r"web/Dockerfile:3: RUN --mount needs BuildKit, which was switched off"):
        await shop.build(buildkit=False)


async def test_a_missing_dockerfile_stops_before_anything_is_built(tmp_path: Path) -> None:
    shop = Shop(tmp_path, web="FROM scratch\n", lib="FROM scratch\n")
    (tmp_path / "lib" / "Dockerfile").unlink()
    with pytest.raises(BuildError, match=r"compose.yaml:2:5: services.lib.build: no Dockerfile .*lib/Dockerfile"):
        await shop.build()
    assert ids(shop.engine) == {}


async def test_what_is_left_out_of_a_context_is_told(tmp_path: Path) -> None:
    shop = Shop(tmp_path, web="FROM scratch\n")
    os.mkfifo(tmp_path / "web" / "pipe")
    await shop.build()
    assert [event.is_warning for event in shop.events if isinstance(event, Notice)] == [True]


async def test_the_tag_of_an_image_that_boxship_did_not_make_is_not_moved(tmp_path: Path) -> None:
    shop = Shop(tmp_path, web="FROM share/base\n")
    mine = shop.engine.add_image("share/base", content="made by hand")
    bases = {"share/base": Base("share/base", suite="bookworm", where=Where("appliance.yaml", 9, 5))}
    shop.appliance = Appliance("shop", "1.0", tmp_path, services=shop.appliance.services, bases=bases)
    with pytest.raises(BuildError, match=r"^appliance.yaml:9:5: share/base is already the tag of another") as caught:
        await shop.build()
    assert "docker rmi share/base" in caught.value.hint
    assert ids(shop.engine) == {"share/base:latest": mine}


async def test_without_a_place_for_its_cache_a_base_is_not_made_and_an_image_is(tmp_path: Path) -> None:
    shop = Shop(tmp_path, web="FROM scratch\n", db="FROM mine\n")
    bases = {"mine": Base("mine", suite="bookworm")}
    shop.appliance = Appliance("shop", "1.0", tmp_path, services=shop.appliance.services, bases=bases)
    (tmp_path / "cache").write_text("not a folder")
    with pytest.raises(BuildError, match=r"image mine:latest could not be made: .*cache.*: not a directory") as caught:
        await shop.build()
    assert "XDG_CACHE_HOME" in caught.value.hint
    assert shop.phases == {"image:mine": Phase.FAILED, "image:shop/db": Phase.SKIPPED, "image:shop/web": Phase.READY}


async def test_a_base_can_only_extend_one_that_is_made_from_packages(tmp_path: Path) -> None:
    shop = Shop(tmp_path, web="FROM mine\n")
    bases = {"mine": Base("mine", parent="debian", packages=("x",))}
    shop.appliance = Appliance("shop", "1.0", tmp_path, services=shop.appliance.services, bases=bases)
    with pytest.raises(BuildError, match="mine: can't extend debian, which is not made from packages here"):
        await shop.build()
