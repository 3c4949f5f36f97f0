from pathlib import Path

import pytest

from boxship.build.dockerfile import Dockerfile
from boxship.build.graph import plan_builds
from boxship.errors import BuildError
from boxship.plan.observed import Observed, ObservedImage
from boxship.spec.model import Appliance, Build, Service
from boxship.spec.model_build import Base, Wheels


def appliance(dockerfiles: dict[str, str], bases: tuple[Base, ...] = (), **images: str) -> Appliance:
    services = {name: Service(name, image=images.get(name), build=Build(Path(f"/{name}"))) for name in dockerfiles}
    services |= {name: Service(name, image=image) for name, image in images.items() if name not in dockerfiles}
    return Appliance("shop", "1.0", Path("/"), services=services, bases={base.reference: base for base in bases})


def parsed(dockerfiles: dict[str, str]) -> dict[str, Dockerfile]:
    return {name: Dockerfile.parse(text) for name, text in dockerfiles.items()}


def planned(dockerfiles: dict[str, str], *wanted: str, bases: tuple[Base, ...] = (), **images: str) -> list[str]:
    made = appliance(dockerfiles, bases, **images)
    return [
        f"{build.name} <- {' '.join(build.needs)}".rstrip(" <-")
        for build in plan_builds(made, wanted or tuple(made.services), parsed(dockerfiles), Observed())
    ]


BASES = (Base("share/base", suite="bookworm"), Base("share/python", parent="share/base"), Base("unused", suite="sid"))


def test_bases_come_before_what_begins_from_them_and_unused_ones_not_at_all() -> None:
    assert planned({"web": "FROM share/python\n", "db": "FROM docker.io/share/base:latest"}, bases=BASES) == [
        "share/base:latest",
        "share/python:latest <- share/base:latest",
        "shop/web:latest <- share/python:latest",
        "shop/db:latest <- share/base:latest",
    ]


def test_services_may_begin_from_each_other_and_copy_from_each_other() -> None:
    files = {"web": "FROM shop/lib\nCOPY --from=shop/assets /a /a", "assets": "FROM node", "lib": "FROM debian"}
    assert planned(files, "web") == [
        "shop/lib:latest",
        "shop/assets:latest",
        "shop/web:latest <- shop/lib:latest shop/assets:latest",
    ]


def test_a_base_that_a_service_runs_as_it_is_is_made() -> None:
    assert planned({}, bases=BASES, redis="share/python") == [
        "share/base:latest",
        "share/python:latest <- share/base:latest",
    ]


def test_images_from_elsewhere_are_left_to_the_engine() -> None:
    assert planned({"web": "FROM nginx:1"}, cache="redis:7") == ["shop/web:latest"]


def test_a_circle_is_shown_whole() -> None:
    with pytest.raises(BuildError, match="a:1 -> b:1 -> c:1 -> a:1"):
        planned({"a": "FROM b:1", "b": "FROM c:1", "c": "FROM a:1"}, a="a:1", b="b:1", c="c:1")


def test_services_that_build_the_same_share_one_image() -> None:
    build = Build(Path("/nginx"))
    services = {name: Service(name, build=build) for name in ("edge", "maintenance")}
    made = Appliance("shop", "1", Path("/"), services=services)
    (image,) = plan_builds(made, tuple(services), parsed(dict.fromkeys(services, "FROM x")), Observed())
    assert (image.references, image.services) == (
        ("shop/edge:latest", "shop/maintenance:latest"),
        ("edge", "maintenance"),
    )


def test_services_with_other_wheels_do_not_share() -> None:
    build = Build(Path("/app"))
    services = {name: Service(name, build=build) for name in ("web", "worker")}
    wheels = {"web": Wheels("web", Path("/r.txt"))}
    made = Appliance("shop", "1", Path("/"), services=services, wheels=wheels)
    assert len(plan_builds(made, tuple(services), parsed(dict.fromkeys(services, "FROM x")), Observed())) == 2


def test_one_tag_names_one_image() -> None:
    with pytest.raises(BuildError, match="shop/x:latest would be the image of both service a and service b"):
        planned({"a": "FROM x", "b": "FROM x"}, a="shop/x", b="shop/x:latest")


def test_an_image_is_present_when_all_its_tags_are() -> None:
    services = {"web": Service("web", build=Build(Path("/web"), tags=("web:2",)))}
    made = Appliance("shop", "1", Path("/"), services=services)
    for tags, is_present in ((("shop/web:latest",), False), (("shop/web:latest", "web:2"), True)):
        observed = Observed(images=(ObservedImage("sha256:1", tags),))
        (image,) = plan_builds(made, ("web",), parsed({"web": "FROM x"}), observed)
        assert image.is_present is is_present
