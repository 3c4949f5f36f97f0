"""Which ports of the host a gate has to close."""

from boxship.plan.gated import GatedPort, gated_of
from boxship.spec.model import Port, Service


def service(*ports: Port, **more: str) -> Service:
    return Service(name="web", image="web", ports=ports, **more)  # type: ignore[arg-type]  # texts only


def test_port_80_shows_the_page_and_others_are_refused() -> None:
    gated = gated_of([service(Port(8000, "80"), Port(8443, "443"), Port(53, "53", "udp"))])
    assert gated.ports == (GatedPort(53, "udp"), GatedPort(80, shows_page=True), GatedPort(443))
    assert gated.holes == ()


def test_whoever_says_what_it_speaks_is_believed() -> None:
    gated = gated_of([service(Port(1, "8080", app_protocol="http"), Port(1, "80", app_protocol="https"))])
    assert gated.ports == (GatedPort(80), GatedPort(8080, shows_page=True))


def test_a_range_is_each_of_its_ports() -> None:
    gated = gated_of([service(Port(1, "8000-8002", host_ip="127.0.0.1"))])
    assert [(each.port, each.address) for each in gated.ports] == [(at, "127.0.0.1") for at in (8000, 8001, 8002)]


def test_what_nobody_knows_before_the_start_is_a_hole() -> None:
    gated = gated_of([service(Port(8000), Port(8001, "0")), service(network_mode="host")])
    assert gated.ports == ()
    assert gated.holes == (
        "web publishes 8000/tcp at any free port of the host",
        "web publishes 8001/tcp at any free port of the host",
        "web uses the host's own network: its ports can't be closed from outside",
    )
