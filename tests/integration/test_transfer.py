"""``pull`` and ``push`` with a real registry: what is there, what isn't, and connections of every kind."""

import io
import json
import os
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from boxship.engine.calls import Deadlines
from boxship.engine.docker import connect
from boxship.errors import ImageMissingError
from tests.integration.boxes import Box, run_aside
from tests.integration.flaky import Line, line_to
from tests.integration.registries import Registry, registry
from tests.integration.test_registry import docker, write_config

pytestmark = [pytest.mark.docker, pytest.mark.timeout(120)]

COMPOSE = """
services:
  web: {image: "${REGISTRY}/${NAME}:1", command: sleep 600}
  copy: {image: "${REGISTRY}/${NAME}:1", command: sleep 600}
  made:
    build:
      context: .
      dockerfile_inline: "FROM ${TEST_IMAGE}\\nENV MADE=${NAME}"
      tags: ["${REGISTRY}/${NAME}-made:2"]
    image: "${REGISTRY}/${NAME}-made:1"
"""
LAYER_BYTES = 1024 * 1024


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with registry(tmp_path_factory.mktemp("registry")) as made:
        yield made


@pytest.fixture
def line(store: Registry) -> Iterator[Line]:
    with line_to(store.address) as made:
        yield made


@pytest.fixture
def shop(store: Registry, line: Line, box: Box, tmp_path: Path) -> Iterator[Box]:
    """Its image is in the registry, in one layer that no other image has; it asks for it over the line."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        member = tarfile.TarInfo("noise")
        member.size = LAYER_BYTES
        tar.addfile(member, io.BytesIO(os.urandom(LAYER_BYTES)))
    made = subprocess.run(
        ["docker", "import", "-"], input=buffer.getvalue(), check=True, capture_output=True, timeout=60
    ).stdout.decode()
    store.push(made.strip(), f"{box.name}:1")
    box.write(COMPOSE)
    box.environment |= {"REGISTRY": line.address, "NAME": box.name}
    login = store.login["auths"]
    assert isinstance(login, dict)
    write_config(box, tmp_path, {"auths": {line.address: next(iter(login.values()))}})
    yield box
    for name in (f"{box.name}:1", f"{box.name}-made:1", f"{box.name}-made:2"):
        subprocess.run(["docker", "rmi", f"{line.address}/{name}"], check=False, capture_output=True, timeout=60)


def image_of(shop: Box) -> str:
    return f"{shop.environment['REGISTRY']}/{shop.name}:1"


def is_here(reference: str) -> bool:
    return bool(docker("images", "--quiet", reference).strip())


def test_images_are_pulled_once_with_bytes_and_rate_and_not_again_when_they_are_here(shop: Box, line: Line) -> None:
    line.pause_s = 0.03
    ran = shop.run("--json", "pull", "--ignore-buildable").must()
    events = [json.loads(text) for text in ran.stdout.splitlines()]
    progress = [event for event in events if event["event"] == "ImageProgress"]
    assert {event["image"] for event in progress} == {image_of(shop)}
    assert progress[-1]["done_bytes"] == progress[-1]["total_bytes"] > LAYER_BYTES * 0.9
    assert any("MiB, 0 of 1 layers" in event["text"] and "/s" in event["text"] for event in progress)
    line.pause_s = 0
    again = shop.run("pull", "--policy", "missing", "web").must()
    assert "nothing to do" in again.stderr


def test_a_registry_that_hangs_up_at_first_is_asked_again(shop: Box, line: Line) -> None:
    line.refuses = 2
    ran = shop.run("pull", "web").must()
    assert "the registry broke off: try 2 of 3 in 1 s" in ran.stderr
    assert is_here(image_of(shop))


def test_a_layer_that_breaks_off_is_gone_on_with(shop: Box, line: Line) -> None:
    line.cuts = 1
    ran = shop.run("--json", "pull", "web").must()
    assert "the registry broke off, the engine tries again" in ran.stdout
    assert is_here(image_of(shop))


def test_one_that_never_answers_is_told_apart_from_a_stuck_engine(shop: Box, line: Line) -> None:
    line.is_silent = True

    async def pull() -> None:
        engine = connect(None, deadlines=Deadlines(idle_s=1.0))
        try:
            async for _ in engine.pull_image(image_of(shop)):
                pass
        finally:
            await engine.close()

    with pytest.raises(ImageMissingError, match=r"the registry did not answer in time \(timeout: nothing came for 1 s"):
        run_aside(pull)


def test_failures_of_one_image_are_told_and_can_be_ignored(shop: Box, line: Line) -> None:
    shop.environment["NAME"] = f"{shop.name}-none"
    failed = shop.run("pull", "web")
    assert (failed.status, "the registry has no such" in failed.stderr) == (5, True)
    ignored = shop.run("pull", "--ignore-pull-failures", "web").must()
    assert "warning: image" in ignored.stderr
    # What could be built as well is no failure.
    assert "warning: image" in shop.run("pull", "made").must().stderr


def test_built_images_are_pushed_under_all_names_with_a_login_and_pulled_again(
    shop: Box, line: Line, tmp_path: Path
) -> None:
    unbuilt = shop.run("push")
    assert (unbuilt.status, "boxship build made" in unbuilt.stderr) == (5, True)
    shop.run("build", "-q", "made").must()
    home = Path(shop.environment["DOCKER_CONFIG"])
    shop.environment["DOCKER_CONFIG"] = str(tmp_path)
    refused = shop.run("push", "made")
    assert (refused.status, "the registry wants a login" in refused.stderr) == (9, True)
    assert f"docker login {line.address}" in refused.stderr
    shop.environment["DOCKER_CONFIG"] = str(home)
    pushed = shop.run("push").must()
    names = [f"{line.address}/{shop.name}-made:{tag}" for tag in (1, 2)]
    assert all(name in pushed.stderr for name in names)
    docker("rmi", *names)
    shop.run("pull", "-q", "made").must()
    assert is_here(names[0])
