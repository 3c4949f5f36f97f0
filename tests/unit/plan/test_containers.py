"""The container that a service becomes: names, hosts entries, namespaces, anonymous volumes, labels."""

import pytest
from msgspec.structs import replace

from boxship import names
from boxship.plan.action import ContainerSpec, EngineMount
from boxship.plan.containers import (
    LABEL_DEPENDS_ON,
    Wiring,
    container_spec,
    engine_network_name,
    engine_volume_name,
    image_reference,
    in_namespaces_of,
    with_anonymous_volumes,
)
from boxship.plan.observed import ContainerState, ObservedContainer, ObservedMount
from boxship.plan.resolve import Replica, resolve
from boxship.spec.model import Attachment, Mount, Network, Service, Volume
from tests.unit.plan.given import appliance, service

WIRING = Wiring(
    "app",
    {"default": "app.default", "back": "app.back"},
    {"data": "app.data"},
    {
        "default": {"web": "10.0.0.2", "db": "10.0.0.3", "cache": "10.0.0.4"},
        "back": {"web": "10.1.0.2", "db": "10.1.0.3"},
    },
)
ANONYMOUS = "0123456789abcdef" * 4


def spec_of(wanted: Service, *others: Service, wiring: Wiring = WIRING) -> ContainerSpec:
    return container_spec(Replica(wanted), resolve(appliance(wanted, *others)), wiring)


def old(*mounts: ObservedMount) -> ObservedContainer:
    return ObservedContainer("id", "app.web", "img:1", "sha256:1", ContainerState.RUNNING, mounts=mounts)


def test_a_declared_peer_is_in_the_hosts_file_under_both_its_names_and_its_aliases() -> None:
    db = service("db", networks={"default": Attachment(aliases=("postgres", "db"))})
    assert spec_of(service("web", "db"), db, service("cache")).extra_hosts == (
        "db:10.0.0.3",
        "db.service:10.0.0.3",
        "postgres:10.0.0.3",
    )


def test_a_link_gives_its_alias_to_the_one_that_declares_it() -> None:
    web = service("web", "db", links=("db:database",))
    assert "database:10.0.0.3" in spec_of(web, service("db")).extra_hosts
    assert "database:10.0.0.3" not in spec_of(service("web", "db"), service("db")).extra_hosts


def test_the_files_own_entries_come_first_and_nothing_comes_twice() -> None:
    web = service("web", "db", extra_hosts=("printer:192.0.2.7", "db:10.0.0.3"))
    assert spec_of(web, service("db")).extra_hosts == ("printer:192.0.2.7", "db:10.0.0.3", "db.service:10.0.0.3")


def test_a_peer_is_reached_on_a_network_that_both_are_on() -> None:
    on_back = {"back": Attachment()}
    both = service("web", "db", networks={"default": Attachment(), **on_back})
    assert "db:10.1.0.3" in spec_of(both, service("db", networks=on_back)).extra_hosts
    assert spec_of(service("web", "db"), service("db", networks=on_back)).extra_hosts == ()


def test_a_peer_that_lives_in_anothers_network_has_its_owners_address_and_not_its_aliases() -> None:
    owner = service("db", networks={"default": Attachment(aliases=("postgres",))})
    side = service("side", "db", networks={}, network_mode="service:db")
    assert spec_of(service("web", "side"), owner, side).extra_hosts == ("side:10.0.0.3", "side.service:10.0.0.3")


def test_owners_that_go_round_in_a_circle_have_no_address() -> None:
    one = service("one", networks={}, network_mode="service:two")
    two = service("two", networks={}, network_mode="service:one")
    wanted = replace(resolve(appliance(service("web"))), everything={"one": one, "two": two})
    assert container_spec(Replica(service("web", "one")), wanted, WIRING).extra_hosts == ()


def test_a_peer_without_a_stable_address_is_left_to_dns() -> None:
    assert spec_of(service("web", "db"), service("db"), wiring=replace(WIRING, addresses={})).extra_hosts == ()


def test_an_optional_peer_that_the_files_do_not_have_is_left_out() -> None:
    wanted = resolve(appliance(service("web")))
    assert container_spec(Replica(service("web", "gone")), wanted, WIRING).extra_hosts == ()


def test_who_lives_in_anothers_network_brings_no_hosts_entries_as_the_engine_refuses_them() -> None:
    side = service("side", "web", networks={}, network_mode="service:web", extra_hosts=("a:1.2.3.4",))
    assert spec_of(side, service("web")).extra_hosts == ()
    host = service("side", "web", networks={}, network_mode="host", extra_hosts=("a:1.2.3.4",))
    assert spec_of(host, service("web")).extra_hosts == ("a:1.2.3.4",)


def test_a_service_answers_to_its_name_its_service_name_and_its_aliases() -> None:
    (endpoint,) = spec_of(service("web", networks={"default": Attachment(aliases=("www", "web"))})).endpoints
    assert (endpoint.network, endpoint.ipv4_address) == ("app.default", "10.0.0.2")
    assert endpoint.aliases == ("web", "web.service", "www")


def test_the_network_of_the_highest_priority_comes_first() -> None:
    networks = {"default": Attachment(), "back": Attachment(priority=10)}
    assert [each.network for each in spec_of(service("web", networks=networks)).endpoints] == [
        "app.back",
        "app.default",
    ]


def test_a_written_address_is_used_where_boxship_gives_none() -> None:
    web = service("web", networks={"default": Attachment(ipv4_address="10.9.0.9")})
    assert spec_of(web, wiring=replace(WIRING, addresses={})).endpoints[0].ipv4_address == "10.9.0.9"


def test_without_networks_and_mode_there_is_no_network() -> None:
    spec = spec_of(service("web", networks={}))
    assert (spec.network_mode, spec.endpoints) == ("none", ())


def test_shared_namespaces_name_the_container_of_their_owner() -> None:
    side = service("side", "db", networks={}, network_mode="service:db", ipc="service:db", pid="host")
    spec = spec_of(side, service("db", container_name="the-db"))
    assert (spec.network_mode, spec.ipc, spec.pid) == ("container:the-db", "container:the-db", "host")


def test_a_change_of_an_owner_changes_who_lives_in_its_namespaces_also_through_another() -> None:
    one = service("one", networks={}, network_mode="service:db")
    two = service("two", networks={}, ipc="service:one")
    digests = [
        spec_of(two, one, service("db", command=command)).labels[names.LABEL_DIGEST] for command in (None, ("new",))
    ]
    assert digests[0] != digests[1]


def test_a_namespace_can_be_pointed_at_the_container_that_really_owns_it() -> None:
    side = service("side", networks={}, network_mode="service:db", ipc="service:db", pid="container:other")
    spec = in_namespaces_of(spec_of(side, service("db")), {"app.db": "id-of-db"})
    assert (spec.network_mode, spec.ipc, spec.pid) == ("container:id-of-db", "container:id-of-db", "container:other")


def test_labels_say_whose_it_is_and_what_it_depends_on_and_the_users_stay() -> None:
    labels = spec_of(service("web", "db", "cache", labels={"a": "b"}), service("db"), service("cache")).labels
    expected = {
        "a": "b",
        names.LABEL_APPLIANCE: "app",
        names.LABEL_SERVICE: "web",
        LABEL_DEPENDS_ON: "cache,db",
    }
    assert {key: labels[key] for key in expected} == expected


def test_boxships_own_labels_cannot_be_written_over() -> None:
    assert spec_of(service("web", labels={names.LABEL_APPLIANCE: "else"})).labels[names.LABEL_APPLIANCE] == "app"


def test_mounts_get_engine_names() -> None:
    mounts = (Mount("volume", "/d", "data"), Mount("volume", "/tmp/cache"), Mount("bind", "/etc/x", "/srv/x", True))
    assert spec_of(service("web", mounts=mounts)).mounts == (
        EngineMount("volume", "/d", "app.data"),
        EngineMount("volume", "/tmp/cache", ""),
        EngineMount("bind", "/etc/x", "/srv/x", True),
    )


@pytest.mark.parametrize(
    ("name", "external", "expected"),
    [(None, False, "app.n"), (None, True, "n"), ("mine", False, "mine"), ("mine", True, "mine")],
)
def test_engine_names_of_networks_and_volumes(name: str | None, *, external: bool, expected: str) -> None:
    assert engine_network_name("app", Network("n", name=name, external=external)) == expected
    assert engine_volume_name("app", Volume("n", name=name, external=external)) == expected


def test_an_image_is_the_files_or_the_one_its_build_is_tagged_with() -> None:
    assert image_reference("app", service("Web")) == "img:1"
    assert image_reference("app", service("Web", image=None)) == "app/web:latest"


def test_anonymous_volumes_of_the_old_container_go_on_in_the_new_one() -> None:
    spec = spec_of(service("web", mounts=(Mount("volume", "/cache"), Mount("volume", "/d", "data"))))
    before = old(
        ObservedMount("volume", ANONYMOUS, "/cache"),
        ObservedMount("volume", ANONYMOUS[::-1], "/from/image"),
        ObservedMount("volume", "app.data", "/was/elsewhere"),
        ObservedMount("bind", "/srv", "/srv"),
    )
    assert [(each.target, each.source) for each in with_anonymous_volumes(spec, before).mounts] == [
        ("/cache", ANONYMOUS),
        ("/d", "app.data"),
        ("/from/image", ANONYMOUS[::-1]),
    ]


def test_what_the_file_now_mounts_there_takes_the_place_of_an_anonymous_volume() -> None:
    spec = spec_of(service("web", mounts=(Mount("volume", "/cache", "data"), Mount("tmpfs", "/tmp"))))
    before = old(ObservedMount("volume", ANONYMOUS, "/cache"), ObservedMount("volume", ANONYMOUS[::-1], "/tmp"))
    assert with_anonymous_volumes(spec, before) == spec


def test_without_an_old_container_anonymous_volumes_are_new() -> None:
    spec = spec_of(service("web", mounts=(Mount("volume", "/cache"),)))
    assert with_anonymous_volumes(spec, None) is spec
