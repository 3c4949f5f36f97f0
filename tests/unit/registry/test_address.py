"""Where releases come from, as people write it."""

from pathlib import Path

import pytest

from boxship.errors import UsageError
from boxship.logins import HUB
from boxship.registry.address import RegistryAddress, parse_source


@pytest.mark.parametrize(
    ("text", "host", "path"),
    [
        ("registry.example.com/share", "registry.example.com", "share"),
        ("localhost/a/b-c", "localhost", "a/b-c"),
        ("127.0.0.1:5000/x", "127.0.0.1:5000", "x"),
        ("[::1]:5000/x", "[::1]:5000", "x"),
        ("docker.io/me/share", "registry-1.docker.io", "me/share"),
    ],
)
def test_a_registry_s_repository(text: str, host: str, path: str) -> None:
    assert parse_source(text) == RegistryAddress(host, path)


@pytest.mark.parametrize(
    ("text", "folder"), [("dir:/media/usb", "/media/usb"), ("/media/usb", "/media/usb"), ("dir:/a/../b", "/a/../b")]
)
def test_a_folder(text: str, folder: str) -> None:
    assert parse_source(text) == Path(folder)


def test_a_relative_folder_begins_here() -> None:
    assert parse_source("./releases") == Path.cwd() / "releases"


@pytest.mark.parametrize(
    "text", ["", "share", "me/share", "registry.example.com", "registry.example.com/", "https://a.b/c", "a.b/C", "dir:"]
)
def test_what_is_neither_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_source(text)
    assert "registry.example.com/share" in caught.value.hint


@pytest.mark.parametrize(
    ("host", "is_loopback"),
    [
        ("127.0.0.1:5000", True),
        ("127.8.9.1", True),
        ("localhost:5000", True),
        ("[::1]:5000", True),
        ("localhost.example.com", False),
        ("10.0.0.1:5000", False),
        ("127.0.0.1.example.com", False),
    ],
)
def test_only_this_machine_is_loopback(host: str, is_loopback: bool) -> None:
    assert RegistryAddress(host, "x").is_loopback is is_loopback


def test_the_login_of_docker_hub_has_its_own_name() -> None:
    hub = parse_source("docker.io/me/share")
    assert isinstance(hub, RegistryAddress)
    assert hub.login_name == HUB
    assert RegistryAddress("a.b:1", "x").login_name == "a.b:1"
