"""--only, --exclude and --tag."""

import pytest
from msgspec.structs import replace

from boxship.errors import NotFoundError, UsageError
from boxship.plan.resolve import resolve
from boxship.plan.select import Selection, extended, members, replace_tag, select
from boxship.spec.model import Appliance, Build, Check, Dependency, HostHooks, TcpProbe
from tests.unit.plan.given import appliance, service


def shop() -> Appliance:
    made = appliance(
        service("db"),
        service("data"),
        service("web", "db", "data", links=("db:sql",), volumes_from=("data:ro", "container:x")),
        service("tools", "web"),
        targets={"default": ("web", "tools"), "base": ("db", "data")},
    )
    hooks = {"web": HostHooks(pre_start=("true",)), "db": HostHooks()}
    return replace(made, checks={"db": Check(TcpProbe(1)), "web": Check(TcpProbe(2))}, hooks=hooks)


def names(made: Appliance) -> list[str]:
    return sorted(resolve(made).names())


@pytest.mark.parametrize(
    ("selection", "left"),
    [
        (Selection(), ["data", "db", "tools", "web"]),
        (Selection(exclude=("tools",)), ["data", "db", "web"]),
        (Selection(exclude=("base",)), ["tools", "web"]),
        (Selection(only="web"), ["web"]),
        (Selection(only="base"), ["data", "db"]),
        (Selection(only="base", exclude=("data",)), ["db"]),
        (Selection(only="web", dependencies=True), ["data", "db", "web"]),
        (Selection(only="web", dependencies=True, exclude=("db",)), ["data", "web"]),
        (Selection(only="web", affected=True), ["tools", "web"]),
        (Selection(only="web", affected=True, dependencies=True), ["data", "db", "tools", "web"]),
    ],
)
def test_what_is_selected_is_what_boots(selection: Selection, left: list[str]) -> None:
    assert names(select(shop(), selection)) == left


def test_nothing_refers_to_what_is_left_out() -> None:
    left = select(shop(), Selection(exclude=("base",)))
    web = left.services["web"]
    assert (web.depends_on, web.links, web.volumes_from) == ({}, (), ("container:x",))
    assert (list(left.checks), list(left.hooks), list(left.targets)) == (["web"], ["web"], ["default"])


def test_without_a_selection_everything_is_the_same() -> None:
    assert select(shop(), Selection()) is not None
    assert select(shop(), Selection()) == shop()


@pytest.mark.parametrize("selection", [Selection(only="wbe"), Selection(exclude=("wbe",))])
def test_a_name_that_is_neither_target_nor_service_is_told(selection: Selection) -> None:
    with pytest.raises(NotFoundError, match="no target or service 'wbe'") as caught:
        select(shop(), selection)
    assert caught.value.hint == "did you mean 'web'?"


def test_a_selection_must_leave_something_and_whose_namespaces_are_lived_in() -> None:
    with pytest.raises(UsageError, match="nothing of app is left"):
        select(shop(), Selection(only="web", exclude=("web",)))
    sharing = appliance(service("vpn"), service("web", "vpn", networks={}, network_mode="service:vpn"))
    with pytest.raises(UsageError, match="web lives in a namespace of vpn"):
        select(sharing, Selection(exclude=("vpn",)))


def test_a_target_wins_over_a_service_of_its_name() -> None:
    made = appliance(service("web"), service("db"), targets={"web": ("web", "db")})
    assert members(made, "web") == {"web", "db"}


@pytest.mark.parametrize(
    ("reference", "tagged"),
    [
        ("web", "web:2"),
        ("web:1", "web:2"),
        ("shop/web:1", "shop/web:2"),
        ("example.com:5000/web", "example.com:5000/web:2"),
        ("example.com:5000/shop/web:1", "example.com:5000/shop/web:2"),
        ("web@sha256:abc", "web@sha256:abc"),
        ("example.com:5000/web:1@sha256:abc", "example.com:5000/web:1@sha256:abc"),
    ],
)
def test_a_tag_is_replaced_and_a_registrys_port_and_a_digest_are_not(reference: str, tagged: str) -> None:
    assert replace_tag(reference, "2") == tagged


def test_every_image_gets_the_tag_also_one_that_is_built_without_a_name() -> None:
    made = appliance(service("web", image="shop/web:1"), service("own", image=None, build=Build(appliance().directory)))
    images = {name: each.image for name, each in select(made, Selection(tag="9")).services.items()}
    assert images == {"web": "shop/web:9", "own": "app/own:9"}


@pytest.mark.parametrize(
    ("named", "selection", "present", "found"),
    [
        ("db", Selection(), None, "db"),
        ("db", Selection(affected=True), None, "db tools web"),
        ("db", Selection(affected=True), {"web"}, "db web"),
        ("db", Selection(affected=True), {"tools"}, "db"),
        ("tools", Selection(dependencies=True), {"web"}, "data db tools web"),
        ("tools", Selection(dependencies=True, exclude=("web",)), None, "tools"),
        ("data db", Selection(affected=True, exclude=("tools",)), None, "data db web"),
    ],
)
def test_who_is_needed_and_who_is_affected_come_along(
    named: str, selection: Selection, present: set[str] | None, found: str
) -> None:
    assert sorted(extended(shop(), named.split(), selection, present)) == found.split()


def test_an_optional_dependency_comes_along_unless_it_has_a_profile() -> None:
    optional = Dependency(required=False)
    made = appliance(
        service("web", depends_on={"mail": optional, "trace": optional}),
        service("mail"),
        service("trace", profiles=("debug",)),
    )
    assert extended(made, ["web"], Selection(dependencies=True)) == {"web", "mail"}


def test_services_that_wait_for_each_other_come_along_once() -> None:
    made = appliance(service("a", "b"), service("b", "a"))
    assert extended(made, ["a"], Selection(dependencies=True, affected=True)) == {"a", "b"}
