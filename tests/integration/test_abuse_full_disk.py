"""The disk is full: the engine's own, while it builds, starts or copies, or that of Boxship's own files."""

import json
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.abuse.cycles import things_of
from tests.abuse.subject import assert_told_well
from tests.contracts.images import TEST_IMAGE
from tests.integration.boxes import Box
from tests.integration.private_engine import PrivateEngine, private_engine
from tests.integration.registries import registry

pytestmark = [pytest.mark.docker, pytest.mark.timeout(240)]

DISK_MB = 48
BUILT = """
services:
  web:
    build:
      context: .
      dockerfile_inline: |
        FROM ${TEST_IMAGE}
        RUN dd if=/dev/zero of=/large bs=1M count=${LARGE_MB}
    command: [sleep, "3600"]
    stop_signal: SIGKILL
"""
LARGE, SMALL = {"LARGE_MB": "200"}, {"LARGE_MB": "1"}


@pytest.fixture(scope="module")
def engine() -> Iterator[PrivateEngine]:
    with private_engine(disk_mb=DISK_MB) as made:
        yield made


@pytest.fixture
def box(tmp_path: Path, engine: PrivateEngine) -> Iterator[Box]:
    environment = {"TEST_IMAGE": TEST_IMAGE, "DOCKER_HOST": engine.address, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    made = Box(f"bxtest-{uuid.uuid4().hex[:8]}", tmp_path, environment)
    yield made
    made.remove()


@pytest.mark.parametrize("verb", [("build",), ("up", "-d")], ids=" ".join)
def test_a_build_that_fills_the_engines_disk_says_so_and_leaves_room_again(box: Box, verb: tuple[str, ...]) -> None:
    box.write(BUILT)
    box.environment |= LARGE
    ran = box.run(*verb)
    assert_told_well(ran)
    assert ran.status == 6
    assert "No space left on device" in ran.stderr
    # What it wrote is gone with its container, so the next, smaller one fits.
    box.environment |= SMALL
    box.run("up", "-d").must()
    box.run("down", "-v").must()
    assert things_of(box.observe(), box.name) == []


def test_a_context_that_does_not_fit_on_the_engines_disk_is_told_as_such(box: Box) -> None:
    box.write("services: {web: {build: ., command: [sleep, '3600'], stop_signal: SIGKILL}}\n")
    (box.directory / "Dockerfile").write_text(f"FROM {TEST_IMAGE}\nCOPY large /\n")
    with (box.directory / "large").open("wb") as file:
        file.truncate(DISK_MB * 2_000_000)
    ran = box.run("build")
    assert_told_well(ran)
    assert ran.status != 0
    assert "no space left on device" in ran.stderr.lower()
    (box.directory / "large").write_text("small")
    box.run("up", "-d").must()
    box.run("down", "-v").must()


@pytest.fixture
def large_image(test_image: str, tmp_path: Path, engine: PrivateEngine, box: Box) -> Iterator[str]:
    """In a registry that the small engine reaches, and too large for it; small as it travels, as it is all zeros."""
    name = f"{box.name}/large:1"
    dockerfile = f"FROM {test_image}\nRUN dd if=/dev/zero of=/large bs=1M count={3 * DISK_MB}\n"
    building = ["docker", "build", "--quiet", "--tag", name, "-"]
    subprocess.run(building, input=dockerfile, text=True, capture_output=True, check=True, timeout=120)
    (tmp_path / "registry").mkdir()
    with registry(tmp_path / "registry") as store:
        try:
            reference = store.push(name, name)
        finally:
            subprocess.run(["docker", "image", "rm", name], capture_output=True, check=False, timeout=60)
        store.stop()
        store.start(engine.enter)
        (tmp_path / "config.json").write_text(json.dumps(store.login))
        box.environment["DOCKER_CONFIG"] = str(tmp_path)
        yield reference


def test_a_pull_that_fills_the_engines_disk_says_so_and_leaves_room_again(box: Box, large_image: str) -> None:
    box.write('services: {web: {image: "${IMAGE}", command: [sleep, "3600"], stop_signal: SIGKILL}}\n')
    box.environment["IMAGE"] = large_image
    ran = box.run("up", "-d")
    assert_told_well(ran)
    assert ran.status == 5
    assert f"image '{large_image}' is not on this machine and cannot be pulled" in ran.stderr
    assert "no space left on device" in ran.stderr
    box.environment["IMAGE"] = TEST_IMAGE
    box.run("up", "-d").must()
    box.run("down", "-v").must()
    assert things_of(box.observe(), box.name) == []


@pytest.fixture
def full_folder(tmp_path: Path) -> Iterator[Path]:
    """On a disk of its own without a free byte."""
    folder = tmp_path / "full"
    folder.mkdir()
    mounting = ("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder))
    if subprocess.run(mounting, capture_output=True, check=False, timeout=30).returncode != 0:
        pytest.skip("a full disk needs root, and the right to mount")
    try:
        (folder / "filling").write_bytes(bytes(shutil.disk_usage(folder).free))
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True, timeout=30)


def test_no_room_for_files_of_its_own_keeps_nobody_from_building_starting_and_stopping(
    box: Box, full_folder: Path
) -> None:
    box.write(BUILT)
    box.environment |= dict.fromkeys(("XDG_CACHE_HOME", "XDG_RUNTIME_DIR", "TMPDIR"), str(full_folder)) | SMALL
    box.run("up", "-d", "--build").must()
    box.run("down", "-v").must()
    assert things_of(box.observe(), box.name) == []
    drafts = [path.name for path in full_folder.rglob(".*")]
    assert drafts == []
