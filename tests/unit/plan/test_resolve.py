"""What should run, and in which order."""

import random

import pytest
from msgspec.structs import replace

from boxship.errors import NotFoundError
from boxship.plan.resolve import Desired, dependencies_of, namespace_owner, namespace_owners, resolve, start_order
from boxship.spec.model import Appliance, Condition, Dependency, Mount, Network, Service
from boxship.spec.model_boot import Boot
from tests.unit.plan.given import appliance, service

OPTIONAL = Dependency(Condition.STARTED, required=False)


def names(wanted: Desired) -> list[str]:
    return [each.name for each in wanted.services]


def shop() -> Appliance:
    return appliance(
        service("web", "db"),
        service("db"),
        service("page"),
        service("debug", profiles=("dev",)),
        targets={"default": ("web",), "maintenance": ("page",)},
    )


def test_without_targets_every_service_without_a_profile_runs() -> None:
    wanted = resolve(appliance(service("web", "db"), service("db"), service("debug", profiles=("dev",))))
    assert names(wanted) == ["db", "web"]
    assert (wanted.target, wanted.is_whole) == ("default", False)


def test_a_target_is_its_roots_and_all_they_depend_on() -> None:
    wanted = resolve(shop())
    assert names(wanted) == ["db", "web"]
    assert (wanted.target, wanted.is_whole) == ("default", True)
    assert names(resolve(shop(), target="maintenance")) == ["page"]


def test_the_boot_target_is_the_one_that_is_wanted_when_none_is_named() -> None:
    assert names(resolve(replace(shop(), boot=Boot(target="maintenance")))) == ["page"]


@pytest.mark.parametrize("profile", ["dev", "*"])
def test_an_active_profile_adds_its_services_with_and_without_targets(profile: str) -> None:
    assert names(resolve(shop(), profiles=(profile,))) == ["db", "debug", "web"]
    assert names(resolve(replace(shop(), targets={}), profiles=(profile,))) == ["db", "debug", "page", "web"]


def test_a_profile_that_no_service_has_adds_nothing() -> None:
    assert names(resolve(shop(), profiles=("test",))) == ["db", "web"]


def test_named_services_come_with_their_dependencies_and_are_not_the_whole() -> None:
    wanted = resolve(shop(), names=("web",))
    assert names(wanted) == ["db", "web"]
    assert (wanted.target, wanted.is_whole) == ("", False)


def test_named_services_come_alone_when_asked_for_each_once() -> None:
    assert names(resolve(shop(), names=("web", "page", "web"), with_dependencies=False)) == ["page", "web"]


def test_a_service_of_an_inactive_profile_runs_when_it_is_named() -> None:
    assert names(resolve(shop(), names=("debug",))) == ["debug"]


def test_a_required_dependency_follows_whatever_its_profile() -> None:
    wanted = resolve(appliance(service("web", "extra"), service("extra", profiles=("dev",))))
    assert names(wanted) == ["extra", "web"]


@pytest.mark.parametrize(
    ("profiles", "expected"),
    [((), ["web"]), (("dev",), ["extra", "web"]), (("*",), ["extra", "web"]), (("test",), ["web"])],
)
def test_an_optional_dependency_follows_only_with_its_profile(profiles: tuple[str, ...], expected: list[str]) -> None:
    web = service("web", depends_on={"extra": OPTIONAL})
    made = appliance(web, service("extra", profiles=("dev",)), targets={"default": ("web",)})
    wanted = resolve(made, names=("web",), profiles=profiles)
    assert names(wanted) == expected
    assert list(dependencies_of(web, {each.name: each for each in wanted.services})) == expected[:-1]


def test_an_optional_dependency_without_a_profile_follows() -> None:
    made = appliance(service("web", depends_on={"extra": OPTIONAL}), service("extra"))
    assert names(resolve(made, names=("web",))) == ["extra", "web"]


def test_an_unknown_target_is_named_with_those_there_are() -> None:
    with pytest.raises(NotFoundError, match="no target 'rescue' in app") as caught:
        resolve(shop(), target="rescue")
    assert caught.value.hint == "its targets: default, maintenance"
    with pytest.raises(NotFoundError) as caught:
        resolve(appliance(service("web")), target="rescue")
    assert caught.value.hint == "its targets: default"


def test_default_is_a_target_also_where_none_is_written() -> None:
    assert names(resolve(appliance(service("web")), target="default")) == ["web"]


def test_an_unknown_service_is_named_with_those_there_are() -> None:
    with pytest.raises(NotFoundError, match="no service 'queue' in app") as caught:
        resolve(shop(), names=("web", "queue"))
    assert caught.value.hint == "its services: web, db, page, debug"
    with pytest.raises(NotFoundError) as caught:
        resolve(appliance(), names=("web",))
    assert caught.value.hint == "its services: none"


def test_a_service_that_was_mistyped_is_guessed() -> None:
    with pytest.raises(NotFoundError, match="no service 'wbe' in app") as caught:
        resolve(shop(), names=("wbe",))
    assert caught.value.hint == "did you mean 'web'?"


def test_only_what_the_chosen_services_use_is_made() -> None:
    base = appliance(service("web"), service("store", mounts=(Mount("volume", "/d", "data"),), networks={}))
    made = replace(base, networks={"default": Network("default"), "unused": Network("unused")})
    assert (list(resolve(made, names=("web",)).networks), list(resolve(made, names=("web",)).volumes)) == (
        ["default"],
        [],
    )
    assert (list(resolve(made, names=("store",)).networks), list(resolve(made, names=("store",)).volumes)) == (
        [],
        ["data"],
    )


def test_addresses_are_given_to_all_so_everything_is_passed_on() -> None:
    assert list(resolve(shop(), target="maintenance").everything) == ["web", "db", "page", "debug"]


def test_start_order_puts_dependencies_first_and_equals_by_name() -> None:
    made = [service("web", "db", "cache"), service("cache", "net"), service("db"), service("net"), service("alone")]
    by_name = {each.name: each for each in made}
    assert start_order(by_name, by_name) == ("alone", "net", "cache", "db", "web")


@pytest.mark.parametrize("seed", range(5))
def test_start_order_does_not_depend_on_the_order_of_the_files(seed: int) -> None:
    made = [
        service(f"s{number}", *(f"s{other}" for other in (number // 2, number // 3) if other < number))
        for number in range(1, 40)
    ] + [service("s0")]
    expected = names(resolve(appliance(*made)))
    random.Random(seed).shuffle(made)
    assert names(resolve(appliance(*made))) == expected


def test_a_dependency_that_is_not_chosen_orders_nothing() -> None:
    made: dict[str, Service] = {each.name: each for each in (service("a", "b"), service("b", "c"), service("c"))}
    assert start_order(made, ["a", "c"]) == ("a", "c")


def test_a_chain_of_five_thousand_services_is_put_in_order() -> None:
    made = [service("s00000"), *(service(f"s{number:05}", f"s{number - 1:05}") for number in range(1, 5000))]
    assert names(resolve(appliance(*reversed(made)))) == [each.name for each in made]


@pytest.mark.parametrize(
    ("mode", "owner"), [("service:db", "db"), ("container:db", None), ("host", None), ("", None), (None, None)]
)
def test_a_namespace_is_shared_with_a_service_only_when_it_says_so(mode: str | None, owner: str | None) -> None:
    assert namespace_owner(mode) == owner


def test_every_shared_namespace_has_its_owner() -> None:
    shared = service("a", networks={}, network_mode="service:b", ipc="service:c", pid="host")
    assert namespace_owners(shared) == {"b", "c"}
