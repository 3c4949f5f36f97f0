"""Images come from a real registry: with a login, without one, by digest, and when it is gone."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.boxes import Box
from tests.integration.registries import PASSWORD, USER, Registry, registry

pytestmark = [pytest.mark.docker, pytest.mark.timeout(90)]

COMPOSE = """
services:
  web: {image: "${IMAGE}", command: sleep 600, init: true, pull_policy: "${POLICY:-missing}"}
"""


@pytest.fixture
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with registry(tmp_path_factory.mktemp("registry")) as made:
        yield made


@pytest.fixture
def image(store: Registry, box: Box, test_image: str) -> Iterator[str]:
    """In the registry, and in the engine only once somebody pulled it."""
    reference = store.push(test_image, f"{box.name}/web:1")
    box.write(COMPOSE)
    box.environment["IMAGE"] = reference
    yield reference
    box.remove()
    listed = docker("images", "--quiet", "--no-trunc", "--digests", "--format", "{{.Repository}}:{{.Tag}}")
    mine = [each for each in listed.split() if each.startswith(f"{store.address}/") and not each.endswith(":<none>")]
    for each in mine:
        docker("rmi", each)


@pytest.fixture
def login(store: Registry, box: Box, tmp_path: Path) -> None:
    write_config(box, tmp_path, store.login)


def write_config(box: Box, folder: Path, config: dict[str, object]) -> None:
    home = folder / "docker-config"
    home.mkdir(exist_ok=True)
    (home / "config.json").write_text(json.dumps(config))
    box.environment["DOCKER_CONFIG"] = str(home)


def docker(*arguments: str) -> str:
    return subprocess.run(["docker", *arguments], check=True, capture_output=True, text=True, timeout=60).stdout


@pytest.mark.usefixtures("login")
def test_a_missing_image_is_pulled_with_the_login_that_docker_login_left(box: Box, image: str) -> None:
    up = box.run("up", "-d").must()
    assert image in up.stderr
    assert PASSWORD not in up.stderr + up.stdout
    assert box.container("web").image == image
    docker("rmi", "--force", image)
    assert "nothing to do" in box.run("up", "-d").must().stdout


def test_without_a_login_the_registry_s_no_is_told_and_nothing_is_left(
    box: Box, image: str, tmp_path: Path, store: Registry
) -> None:
    write_config(box, tmp_path, {})
    up = box.run("up", "-d")
    assert up.status != 0
    assert f"image '{image}'" in up.stderr
    assert f"docker login {store.address}" in up.stderr
    assert box.observe().containers_of(box.name) == ()


def test_a_credential_helper_is_asked(box: Box, image: str, tmp_path: Path, store: Registry) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    helper = programs / "docker-credential-bxtest"
    answer = json.dumps({"ServerURL": store.address, "Username": USER, "Secret": PASSWORD})
    helper.write_text(f'#!/bin/sh\n[ "$1" = get ] && [ "$(cat)" = "{store.address}" ] && echo \'{answer}\'\n')
    helper.chmod(0o755)
    box.environment["PATH"] = f"{programs}:/usr/sbin:/usr/bin:/sbin:/bin"
    write_config(box, tmp_path, {"credHelpers": {store.address: "bxtest"}})
    box.run("up", "-d").must()
    assert box.container("web").image == image


@pytest.mark.usefixtures("login")
def test_an_image_is_pulled_by_digest(box: Box, image: str) -> None:
    box.run("up", "-d").must()
    (digest,) = json.loads(docker("image", "inspect", "--format", "{{json .RepoDigests}}", image))[-1:]
    box.run("down", "-t", "0").must()
    docker("rmi", image)
    box.environment["IMAGE"] = digest
    box.run("up", "-d").must()
    assert box.container("web").image == digest
    box.run("down", "-t", "0").must()
    docker("rmi", digest)


@pytest.mark.usefixtures("login")
def test_a_newer_image_under_the_same_tag_is_found_when_asked_for(box: Box, image: str, store: Registry) -> None:
    box.run("up", "-d").must()
    before = box.container("web").id
    made = subprocess.run(
        ["docker", "build", "--quiet", "-"],
        input=f"FROM {image}\nENV NEWER=1\n",
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout.strip()
    store.push(made, image.partition("/")[2])
    assert box.container("web").id == before
    box.environment["POLICY"] = "always"
    box.run("up", "-d").must()
    assert box.container("web").id != before


@pytest.mark.usefixtures("login")
def test_a_tag_that_is_not_there_and_a_dead_registry_are_told_apart(box: Box, image: str, store: Registry) -> None:
    box.environment["IMAGE"] = f"{image}0"
    missing = box.run("up", "-d")
    assert "the registry has no such tag" in missing.stderr
    store.stop()
    box.environment["IMAGE"] = image
    dead = box.run("up", "-d")
    assert "the registry can't be reached" in dead.stderr
    assert dead.status == missing.status != 0
