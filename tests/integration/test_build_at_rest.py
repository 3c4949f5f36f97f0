"""A build with nothing to do on the real engine: seen at a glance, and never where there is something to do."""

import re
import subprocess
from collections.abc import Iterator

import pytest

from tests.integration.boxes import Box

pytestmark = [pytest.mark.docker, pytest.mark.timeout(180)]

COMPOSE = """
services:
  web: {build: web}
  lib: {build: lib}
"""
NOTHING = "nothing to do"
DEADLINE_S = 60


def docker(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False, timeout=DEADLINE_S)
    return done.stdout.strip()


def image_id(box: Box, name: str) -> str:
    return docker("image", "inspect", "--format", "{{.Id}}", f"{box.name}/{name}")


@pytest.fixture
def built(box: Box) -> Iterator[Box]:
    """A box whose two images are built, one from the other."""
    box.write(COMPOSE)
    for name, text in (("web", f"FROM {box.name}/lib\nCOPY . /web\n"), ("lib", "FROM scratch\nCOPY . /lib\n")):
        (box.directory / name).mkdir()
        (box.directory / name / "Dockerfile").write_text(text)
        (box.directory / name / "file").write_text(box.name)
    box.environment["XDG_CACHE_HOME"] = str(box.directory / "cache")
    assert NOTHING not in box.run("build").must().stderr
    yield box
    for name in ("web", "lib"):
        docker("rmi", f"{box.name}/{name}")


def build(box: Box, *options: str, verb: tuple[str, ...] = ("build",)) -> tuple[bool, bool]:
    """Whether it says that there was nothing to do, and whether it found that out without a loop."""
    box.environment["PYTHONPROFILEIMPORTTIME"] = "1"
    said = box.run(*verb, *options).must().stderr
    return NOTHING in said, re.search(r"\| +asyncio$", said, re.MULTILINE) is None


def test_nothing_to_do_is_seen_at_a_glance(built: Box) -> None:
    assert build(built) == (True, True)
    assert build(built, "lib") == (True, True)


def test_a_glance_tells_as_json_what_a_closer_look_tells(built: Box) -> None:
    quick = built.run("--json", "build").must().stdout
    # Hooks are run where nothing is built, too, so with one there is more to do than to look.
    (built.directory / "appliance.yaml").write_text("hooks: {web: {pre-build: 'true'}}\n")
    slow = built.run("--json", "build").must().stdout
    assert quick.splitlines() == [line for line in slow.splitlines() if "pre-build" not in line]
    assert '"phase": "unchanged"' in quick
    assert len(slow.splitlines()) == 3
    (built.directory / "appliance.yaml").unlink()
    assert built.run("build", "-q").must().stderr == ""


def test_a_changed_file_is_built(built: Box) -> None:
    before = image_id(built, "web")
    (built.directory / "web" / "file").write_text("another")
    assert build(built) == (False, False)
    assert image_id(built, "web") != before
    assert build(built) == (True, True)


def test_a_changed_dockerfile_is_built_with_what_begins_from_it(built: Box) -> None:
    before = image_id(built, "web")
    (built.directory / "lib" / "Dockerfile").write_text("FROM scratch\nCOPY file /\n")
    assert build(built) == (False, False)
    assert image_id(built, "web") != before


def test_an_image_that_is_gone_is_built(built: Box) -> None:
    docker("rmi", f"{built.name}/web")
    assert image_id(built, "web") == ""
    assert build(built)[1] is False
    assert image_id(built, "web") != ""


def test_a_tag_that_was_moved_is_moved_back(built: Box) -> None:
    before = image_id(built, "web")
    docker("tag", f"{built.name}/lib", f"{built.name}/web")
    assert image_id(built, "web") != before
    assert build(built)[1] is False
    assert image_id(built, "web") == before


@pytest.mark.parametrize("option", ["--no-cache", "--pull", "--sizes"])
def test_what_is_asked_for_beyond_is_done(built: Box, option: str) -> None:
    assert build(built, option)[1] is False


def test_up_with_build_looks_at_a_glance_and_builds_what_changed(built: Box) -> None:
    up = ("up", "-d", "--build")
    compose = "services: {web: {build: web, init: true, command: sleep 600}}\n"
    built.write(compose)
    (built.directory / "web" / "Dockerfile").write_text(f"FROM {built.environment['TEST_IMAGE']}\nCOPY . /web\n")
    built.run(*up).must()
    before = built.container("web").id
    assert build(built, verb=up)[1] is True
    assert built.container("web").id == before
    (built.directory / "web" / "file").write_text("another")
    assert build(built, verb=up)[1] is False
    assert built.container("web").id != before
    built.run("down").must()
