"""What docker login left is found, in all its forms, and what can't be read says where."""

import base64
import json
from pathlib import Path

import pytest

from boxship.errors import HostError
from boxship.host.logins import DockerLogins
from boxship.logins import HUB, Login, build_headers, pull_headers, registry_of

ANN = base64.b64encode(b"ann:se:cret").decode()


def logins(folder: Path, config: object) -> DockerLogins:
    (folder / "config.json").write_text(config if isinstance(config, str) else json.dumps(config))
    return DockerLogins({"DOCKER_CONFIG": str(folder)})


def helper(folder: Path, script: str) -> None:
    program = folder / "docker-credential-it"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


@pytest.mark.parametrize(
    ("reference", "registry"),
    [
        ("nginx", HUB),
        ("library/nginx:1", HUB),
        ("docker.io/library/nginx", HUB),
        ("localhost/nginx", "localhost"),
        ("registry.example.com/a/b:1", "registry.example.com"),
        ("127.0.0.1:5000/a@sha256:0", "127.0.0.1:5000"),
    ],
)
def test_a_reference_says_which_registry_it_is_from(reference: str, registry: str) -> None:
    assert registry_of(reference) == registry


@pytest.mark.parametrize(
    "key", ["registry.example.com", "https://registry.example.com", "https://registry.example.com/v2/"]
)
async def test_a_login_is_found_however_its_registry_is_written(tmp_path: Path, key: str) -> None:
    found = logins(tmp_path, {"auths": {key: {"auth": ANN}}})
    assert await found.at("registry.example.com") == Login("ann", "se:cret")
    assert await found.at("other.example.com") is None


async def test_docker_hub_is_known_by_its_old_name(tmp_path: Path) -> None:
    assert await logins(tmp_path, {"auths": {"https://index.docker.io/v1/": {"auth": ANN}}}).at(HUB) is not None


async def test_a_token_takes_the_place_of_name_and_password(tmp_path: Path) -> None:
    entry = {"auth": ANN, "identitytoken": "abc"}
    assert await logins(tmp_path, {"auths": {"r.example": entry}}).at("r.example") == Login(identity_token="abc")


@pytest.mark.parametrize("config", [{}, {"auths": {}}, {"auths": {"r.example": {}}}, {"auths": None}])
async def test_where_nothing_is_stored_there_is_no_login(tmp_path: Path, config: object) -> None:
    assert await logins(tmp_path, config).at("r.example") is None


async def test_without_a_file_there_is_no_login(tmp_path: Path) -> None:
    assert await DockerLogins({"HOME": str(tmp_path)}).everywhere() == {}


@pytest.mark.parametrize(
    "config", ["{", "[]", {"auths": {"r.example": {"auth": "%"}}}, {"auths": {"r.example": {"auth": "YQ=="}}}]
)
async def test_what_cannot_be_read_names_the_file(tmp_path: Path, config: object) -> None:
    with pytest.raises(HostError, match=r"config\.json"):
        await logins(tmp_path, config).at("r.example")


async def test_a_helper_answers_for_the_registries_that_name_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    helper(tmp_path, '[ "$(cat)" = r.example ] && echo \'{"Username": "<token>", "Secret": "t"}\'')
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    config = {"credHelpers": {"r.example": "it"}, "auths": {"other.example": {"auth": ANN}}}
    found = await logins(tmp_path, config).everywhere()
    assert found == {"other.example": Login("ann", "se:cret"), "r.example": Login(identity_token="t")}


async def test_a_helper_that_has_nothing_is_no_error_and_one_that_fails_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    helper(tmp_path, "echo credentials not found in native keychain; exit 1")
    assert await logins(tmp_path, {"credsStore": "it"}).at("r.example") is None
    helper(tmp_path, "echo the key ring is locked >&2; exit 1")
    with pytest.raises(HostError, match="the key ring is locked"):
        await logins(tmp_path, {"credsStore": "it"}).at("r.example")


async def test_a_helper_that_is_not_installed_is_named(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="docker-credential-not-there"):
        await logins(tmp_path, {"credsStore": "not-there"}).at("r.example")


def test_a_login_is_sent_encoded_and_never_shown() -> None:
    header = pull_headers(Login("ann", "se:cret"), "r.example")["X-Registry-Auth"]
    sent = json.loads(base64.urlsafe_b64decode(header))
    assert sent == {"serveraddress": "r.example", "username": "ann", "password": "se:cret"}
    assert "se:cret" not in repr(Login("ann", "se:cret"))
    assert pull_headers(None, "r.example") == build_headers({}) == {}
