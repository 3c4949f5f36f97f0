"""What a real Loader's switch does with data on the real engine: how it is compared."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contracts.images import TEST_IMAGE
from tests.integration.loaders import LoaderBox
from tests.integration.releases_of import create_releases

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(120)]

APPLIANCE = "bxtest-data"
COMPOSE = """
services:
  db:
    image: ${TEST_IMAGE}
    command:
      - sh
      - -c
      - |
        for file in /kept/versions /shared/versions /fresh/versions; do
          grep -qx ${VERSION} $$file || echo ${VERSION} >> $$file
        done
        ${READY} touch /tmp/ready
        trap '' TERM
        while :; do sleep 1; done
    volumes: [kept:/kept, shared:/shared, fresh:/fresh]
    stop_grace_period: 2s
    healthcheck: {test: [CMD, test, -e, /tmp/ready], interval: 1s, timeout: 5s, retries: 3, start_period: 600s}
volumes: {kept: {}, shared: {}, fresh: {}}
"""
APPLIANCE_YAML = """
version: ${VERSION}
app: compose.yaml
targets: {default: [db]}
boot: {timeout: 4s, attempts: 2}
volumes:
  shared: {on_switch: share}
  fresh: {on_switch: fresh}
"""
VERSIONS = {
    "1.0.0": {"READY": ""},
    "2.0.0": {"READY": ""},
    # It never gets well.
    "3.0.0": {"READY": "sleep 3600;"},
}


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    said = {version: {**each, "TEST_IMAGE": TEST_IMAGE} for version, each in VERSIONS.items()}
    return create_releases(
        APPLIANCE, {"compose.yaml": COMPOSE, "appliance.yaml": APPLIANCE_YAML}, said, tmp_path_factory
    )


@pytest.fixture
def box(releases: Path, tmp_path: Path) -> Iterator[LoaderBox]:
    made = LoaderBox(APPLIANCE, tmp_path)
    try:
        made.start("--source", f"dir:{releases}")
        yield made
    finally:
        made.remove()


@pytest.mark.parametrize("verify", ["touched", "full"])
def test_a_copy_that_a_disk_spoils_before_the_last_pass_is_found_when_all_of_it_is_verified(
    box: LoaderBox, verify: str
) -> None:
    box.to("1.0.0")
    dear = box.volume("kept.g1") / "dear"
    dear.write_bytes(b"dear" * 1000)
    assert box.pull("2.0.0")["status"] == "done"
    before = box.volumes()
    operation = box.begin("/v1/switch", {"version": "2.0.0", "verify": verify})
    # The old release takes two seconds to stop, and the copy is there by then.
    box.eventually(lambda: box.get(f"/v1/operations/{operation}")["stage"] == "stopping", "the old release stops")
    copy = box.volume("kept.g2") / "dear"
    status = copy.stat()
    with copy.open("r+b") as file:
        file.write(b"D")
    os.utime(copy, ns=(status.st_atime_ns, status.st_mtime_ns))

    over = box.over(operation)

    assert dear.read_bytes() == b"dear" * 1000
    if verify == "touched":
        assert over["status"] == "done"
        assert copy.read_bytes().startswith(b"Dear")
        return
    assert over["failure"]["message"] == "the copy of the volume kept is not like its source: dear differs", over
    assert box.booted()["tag"] == "1.0.0"
    assert box.running() == [f"{APPLIANCE}.db.g1"]
    assert box.volumes() == before
    again = box.switch("2.0.0", verify="full")
    assert again["status"] == "done"
    assert again["result"]["volume.kept"].endswith("; verified by content: 2 files")
