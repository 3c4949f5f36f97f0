"""Mounts and ports as they are typed."""

from pathlib import Path

import pytest

from boxship.errors import UsageError
from boxship.spec.model import Mount, Port
from boxship.spec.typed import parse_mount, parse_ports


@pytest.mark.parametrize(
    ("text", "mount"),
    [
        ("./here:/there:ro", Mount("bind", "/there", "/work/here", read_only=True)),
        ("~/x:/y", Mount("bind", "/y", "/home/me/x")),
        ("data:/y", Mount("volume", "/y", "data", create_host_path=False)),
        ("/y", Mount("volume", "/y", create_host_path=False)),
    ],
)
def test_a_typed_mount_is_read_as_one_of_the_files(text: str, mount: Mount) -> None:
    assert parse_mount(text, Path("/work"), "/home/me") == mount


@pytest.mark.parametrize("text", ["", ":/x", "a:b:c:d", "data:relative"])
def test_a_mount_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--volume"):
        parse_mount(text, Path("/work"), "/home/me")


def test_a_typed_port_is_read_as_one_of_the_files() -> None:
    assert parse_ports("127.0.0.1:8080:80/udp") == (Port(80, "8080", "udp", "127.0.0.1"),)
    assert [(each.published, each.target) for each in parse_ports("9000-9001:80-81")] == [("9000", 80), ("9001", 81)]


@pytest.mark.parametrize("text", ["", "x", "80:", "1.2.3:80:80", "80:70000"])
def test_a_port_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--publish"):
        parse_ports(text)
