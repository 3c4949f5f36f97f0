"""Published ports and addresses, as rows."""

from msgspec.structs import replace

from boxship.names import LABEL_ONE_OFF
from boxship.plan.facts import addresses_of, publications
from boxship.plan.observed import ContainerState, Observed, ObservedContainer, ObservedNetwork, ObservedPort


def container(service: str, number: int = 1, **fields: object) -> ObservedContainer:
    labels = {"boxship.replica": str(number)} if number > 1 else {}
    found = ObservedContainer(
        f"id-{service}-{number}",
        f"app.{service}",
        "img",
        "sha",
        ContainerState.RUNNING,
        appliance="app",
        service=service,
        labels=labels,
    )
    return replace(found, **fields)


def test_a_port_on_every_address_is_one_line_and_one_that_is_only_exposed_is_none() -> None:
    web = container(
        "web",
        ports=(
            ObservedPort(80, 8080, "tcp", "::"),
            ObservedPort(80, 8080, "tcp", "0.0.0.0"),
            ObservedPort(53, 5353, "udp", "127.0.0.1"),
            ObservedPort(53, 5353, "udp", "::1"),
            ObservedPort(90, None, "tcp", ""),
        ),
    )
    assert [(each.target, each.protocol, each.address) for each in publications(web)] == [
        (53, "udp", "127.0.0.1:5353"),
        (53, "udp", "[::1]:5353"),
        (80, "tcp", "0.0.0.0:8080"),
    ]


def test_a_port_on_ipv6_alone_is_told() -> None:
    only = container("web", ports=(ObservedPort(80, 8080, "tcp", "::"),))
    assert [each.address for each in publications(only)] == ["[::]:8080"]


def test_an_ipv6_address_stands_beside_the_other_and_alone_where_there_is_no_other() -> None:
    both = container("web", networks={"back": "10.0.1.2"}, addresses_v6={"back": "fd00::2"})
    only = container("web", 2, networks={"back": ""}, addresses_v6={"back": "fd00::3"})
    rows = addresses_of("app", Observed(containers=(both, only)))
    assert [(row.address, row.address_v6, row.every) for row in rows] == [
        ("10.0.1.2", "fd00::2", ("10.0.1.2", "fd00::2")),
        ("", "fd00::3", ("fd00::3",)),
    ]


def test_every_service_has_a_line_for_each_network_and_a_stopped_one_keeps_its_address() -> None:
    observed = Observed(
        containers=(
            container("web", networks={"app.back": "10.0.1.2", "app.front": "10.0.0.2"}),
            container("web", 2, networks={"app.front": "10.0.0.3"}),
            container("db", state=ContainerState.EXITED, networks={"app.back": ""}, addresses={"app.back": "10.0.1.3"}),
            container("tool", network_mode="container:id-db-1"),
            container("probe", network_mode="host"),
            container("stray", network_mode="container:gone"),
            container("extra", labels={LABEL_ONE_OFF: "1"}, networks={"app.front": "10.0.0.9"}),
        ),
        networks=(
            ObservedNetwork("1", "app.back", "bridge", appliance="app", key="back"),
            ObservedNetwork("2", "app.front", "bridge", appliance="app", key="front"),
        ),
    )
    rows = addresses_of("app", observed)
    assert [(row.replica, row.network, row.address, row.state) for row in rows] == [
        ("db", "back", "10.0.1.3", "exited"),
        ("probe", "host", "", "running"),
        ("stray", "that of another container", "", "running"),
        ("tool", "that of db", "", "running"),
        ("web", "back", "10.0.1.2", "running"),
        ("web", "front", "10.0.0.2", "running"),
        ("web.2", "front", "10.0.0.3", "running"),
    ]
