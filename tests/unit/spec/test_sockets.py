"""Who gets the engine's socket, by whatever way, and whose file allows it."""

import pytest
from msgspec.structs import replace

from boxship.spec.model import Appliance, Mount, Service, Volume
from boxship.spec.model_files import Grant, SharedFile
from boxship.spec.sockets import has_engine_socket, refused_on_a_box
from tests.unit.plan.given import appliance, service
from tests.unit.spec.conftest import Read

SOCKET = Mount("bind", "/s", "/var/run/docker.sock", read_only=True)


def refused(made: Appliance) -> list[str]:
    return [sentence.partition(" gets")[0] for sentence in refused_on_a_box(made, frozenset(made.services))]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/var/run/docker.sock", True),
        ("/run/user/1000/podman/podman.sock", True),
        ("/", True),
        ("/run/", True),
        ("/var/./run", True),
        ("//run", True),
        ("/var/run/../run/docker.sock", True),
        ("/run/lock", False),
        ("/srv/docker.sock.d", False),
    ],
)
def test_a_socket_and_the_folders_around_it_are_known(path: str, expected: bool) -> None:
    assert has_engine_socket(path) is expected


@pytest.mark.parametrize(
    "asking",
    [
        service("proxy", mounts=(SOCKET,)),
        service("proxy", mounts=(Mount("bind", "/host", "/"),)),
        service("proxy", mounts=(Mount("volume", "/run", "run"),)),
        service("proxy", use_api_socket=True),
        service("proxy", volumes_from=("lender:ro",)),
        service("proxy", secrets=(Grant("engine"),)),
    ],
    ids=["socket", "folder", "volume", "key", "volumes_from", "secret"],
)
def test_no_way_to_it_goes_unseen(asking: Service) -> None:
    volumes = {"run": Volume("run", driver_opts={"type": "none", "o": "bind", "device": "/var/run"})}
    lender = service("lender", mounts=(SOCKET,))
    secrets = {"engine": SharedFile("engine", "secret", file="/var/run/docker.sock")}
    made = replace(appliance(asking, service("web"), lender), volumes=volumes, secrets=secrets)
    assert refused(made) == ["lender", "proxy"]
    assert refused(replace(made, allowed_engine=frozenset({"proxy"}))) == ["lender"]


def test_what_is_mounted_otherwise_is_no_business_of_this() -> None:
    harmless = (Mount("volume", "/data", "data"), Mount("tmpfs", "/run"), Mount("bind", "/c", "/x/conf"))
    assert refused(appliance(service("web", mounts=harmless))) == []


def test_the_files_say_who_may(read: Read) -> None:
    text = """
        services:
          a: {image: 'a:1', volumes: ['/run/docker.sock:/s'], x-boxship: {allow: [engine-socket]}}
          b: {image: 'b:1', volumes: ['/run/docker.sock:/s'], x-boxship: {allow: [host-path]}}
        """
    assert read(text).appliance.allowed_engine == {"a"}
    everywhere = text.replace("services:", "x-boxship: {allow: [engine-socket]}\n        services:", 1)
    assert read(everywhere).appliance.allowed_engine == {"a", "b"}
