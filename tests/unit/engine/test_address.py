"""Where the engine is looked for, and what the host already routes."""

from pathlib import Path

import pytest

from boxship.engine.address import Address, find_address, parse_address
from boxship.engine.routes import parse_routes, read_host_subnets
from boxship.errors import UsageError

ROUTES = """Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0
eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
vpn\t0100080A\t00000000\t0005\t0\t0\t0\tFFFFFFFF\t0\t0\t0
"""


def test_what_is_given_wins_over_the_environment() -> None:
    assert find_address("/a", {"DOCKER_HOST": "unix:///b"}) == Address(path="/a")
    assert find_address(None, {"DOCKER_HOST": "unix:///b"}) == Address(path="/b")
    assert find_address("", {}) == Address(path="/var/run/docker.sock")


def test_a_rootless_engine_is_found_only_when_there_is_no_other(tmp_path: Path) -> None:
    (tmp_path / "docker.sock").touch()
    found = find_address(None, {"XDG_RUNTIME_DIR": str(tmp_path)})
    is_usual_there = Path("/var/run/docker.sock").exists()
    assert found.path == ("/var/run/docker.sock" if is_usual_there else str(tmp_path / "docker.sock"))


def test_a_tcp_address_has_a_port_by_default() -> None:
    assert str(parse_address("tcp://h")) == "tcp://h:2375"
    assert parse_address("tcp://h:99") == Address(host="h", port=99)


@pytest.mark.parametrize("text", ["ssh://me@h", "http://h", "unix://", "h:1"])
def test_other_addresses_are_refused_with_what_to_set(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_address(text)
    assert text in caught.value.message
    assert "DOCKER_HOST" in caught.value.hint


def test_tls_is_refused_rather_than_left_out() -> None:
    with pytest.raises(UsageError):
        find_address("tcp://h:2376", {"DOCKER_TLS_VERIFY": "1"})


def test_routes_are_told_without_the_default_one() -> None:
    assert parse_routes(ROUTES) == ("10.8.0.1/32", "172.17.0.0/16", "192.0.2.0/24")


def test_a_host_without_a_table_routes_nothing(tmp_path: Path) -> None:
    assert read_host_subnets(tmp_path / "none") == ()
