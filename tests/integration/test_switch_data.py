"""What a real Loader's switch does with data: what goes over, what doesn't, and how it is compared."""

import os
from collections.abc import Iterator, Mapping
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


def versions(box: LoaderBox, generation: int) -> Mapping[str, list[str]]:
    """Who has written each volume that this generation has, as it is now."""
    there = {"kept": f"kept.g{generation}", "shared": "shared", "fresh": f"fresh.g{generation}"}
    return {key: (box.volume(name) / "versions").read_text().split() for key, name in there.items()}


def mark(box: LoaderBox, generation: int, word: str) -> None:
    """Something that no release writes."""
    for name in (f"kept.g{generation}", "shared", f"fresh.g{generation}"):
        with (box.volume(name) / "versions").open("a") as file:
            file.write(f"{word}\n")


def test_shared_data_is_one_for_all_releases_and_fresh_data_begins_anew(box: LoaderBox) -> None:
    box.to("1.0.0")
    mark(box, 1, "first")
    switched = box.to("2.0.0")
    assert versions(box, 2) == {
        "kept": ["1.0.0", "first", "2.0.0"],
        "shared": ["1.0.0", "first", "2.0.0"],
        "fresh": ["2.0.0"],
    }
    assert [key for key in switched["result"] if key.startswith("volume.")] == ["volume.kept"]
    # The earlier generation has its own, but for what is shared.
    assert versions(box, 1) == {
        "kept": ["1.0.0", "first"],
        "shared": ["1.0.0", "first", "2.0.0"],
        "fresh": ["1.0.0", "first"],
    }


def test_a_failed_trial_gets_back_what_is_its_own_and_not_what_is_shared(box: LoaderBox) -> None:
    box.to("1.0.0")
    mark(box, 1, "first")
    before = box.volumes()
    assert box.pull("3.0.0")["status"] == "done"
    failed = box.switch("3.0.0")
    assert failed["status"] == "failed"
    assert box.booted()["tag"] == "1.0.0"
    assert versions(box, 1) == {
        "kept": ["1.0.0", "first"],
        "shared": ["1.0.0", "first", "3.0.0"],
        "fresh": ["1.0.0", "first"],
    }
    after = box.volumes()
    assert after.keys() == before.keys()
    assert {key for key in after if after[key] != before[key]} == {"shared"}


def test_going_back_by_a_person_s_wish_brings_fresh_data_back_as_well(box: LoaderBox) -> None:
    box.to("1.0.0")
    mark(box, 1, "first")
    box.to("2.0.0")
    mark(box, 2, "second")
    back = box.over(box.begin("/v1/rollback"))
    assert back["status"] == "done", back
    assert box.boot()["tag"] == "1.0.0"
    assert versions(box, 3) == {
        "kept": ["1.0.0", "first"],
        "shared": ["1.0.0", "first", "2.0.0", "second"],
        "fresh": ["1.0.0", "first"],
    }
    # And forth again, to the data that was there then.
    box.over(box.begin("/v1/rollback"))
    assert versions(box, 4)["fresh"] == ["2.0.0", "second"]


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
