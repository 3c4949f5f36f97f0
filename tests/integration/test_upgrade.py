"""Under `boxship loader`, past -> present -> future -> broken: what upgrades do to data, from folder and registry."""

import http.client
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from boxship.host.box_ports import API_PORT
from tests.integration.loaders import LoaderBox, free_ports, loader_box
from tests.integration.registries import Registry
from tests.integration.upgrade_example import APPLIANCE, MAGIC, STAGES, make_releases

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def port() -> int:
    return free_ports(1)[0]


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory, port: int) -> Path:
    folder = tmp_path_factory.mktemp("releases")
    make_releases(folder, port)
    return folder


@pytest.fixture
def box(releases: Path, tmp_path: Path) -> Iterator[LoaderBox]:
    with loader_box(APPLIANCE, tmp_path, None, "--source", f"dir:{releases}") as made:
        yield made


def fetch(port: int, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def write_what_is_hard_to_carry(folder: Path) -> None:
    """What images can't hold, or lose: times to the nanosecond, holes, names that are no text."""
    with (folder / "sparse").open("wb") as sparse:
        sparse.truncate(16 * 1024 * 1024)
    os.utime(folder / "file", ns=(1, 1_391_400_306_789_012_345))
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff\xfe")).write_bytes(b"not UTF-8")
    os.setxattr(folder / "file", "user.note", b"kept")


def assert_upgrades(box: LoaderBox, port: int) -> None:
    """The six steps of the original test, and what it left open."""
    box.to("1.0.0")
    first_id = box.boot()["id"]
    assert (box.boot()["tag"], box.boot()["target"]) == ("1.0.0", "default")
    assert fetch(port, "/data1/file") == (200, MAGIC)
    assert MAGIC not in fetch(port, "/data2/file")[1]
    write_what_is_hard_to_carry(box.volume("data-data1.g1"))
    before = box.volumes()["data-data1.g1"]

    box.to("2.0.0")
    assert box.boot()["tag"] == "2.0.0"
    assert fetch(port, "/data2/file") == (200, MAGIC)
    assert box.volumes()["data-data1.g1"] == before, "the generation before was written"
    # All that a file system knows: owner, mode, times to the nanosecond, links, holes, hidden files.
    assert box.volumes()["data-data1.g2"] == before
    carried = box.volume("data-data1.g2")
    assert (carried / "file").stat().st_nlink == 2
    assert (carried / "sparse").stat().st_blocks == 0
    assert (carried / ".hidden" / "key").stat().st_uid == 33
    assert (carried / "link").readlink() == Path("file")

    box.to("3.0.0")
    assert box.boot()["tag"] == "3.0.0"
    assert fetch(port, "/data2/file") == (200, MAGIC)
    assert fetch(port, "/data1/file")[0] == 404
    assert "data-data1.g3" not in box.volumes()
    assert box.boot()["id"] == first_id, "the Loader itself was replaced by nobody"


def assert_broken_falls_back(box: LoaderBox, port: int) -> None:
    """A release that never gets well leaves no trace in the data."""
    before = box.volumes()
    assert box.pull("4.0.0")["status"] == "done"
    failed = box.switch("4.0.0")
    assert failed["status"] == "failed"
    assert failed["failure"]["service"] == "nginx"
    assert "503" in failed["failure"]["got"]
    assert failed["failure"]["logs"]
    assert float(failed["result"]["downtime_s"]) > 0
    assert box.booted()["tag"] == "3.0.0"
    assert fetch(port, "/data2/file") == (200, MAGIC)
    assert box.volumes() == before


def assert_collects(box: LoaderBox) -> None:
    """Until gc all that was is there; then nothing is but what current and previous need, images too."""
    assert {each.generation for each in box.observe().containers_of(APPLIANCE)} == {1, 2, 3}
    assert "data-data1.g1" in box.volumes()
    foreseen = box.get("/v1/gc")
    assert any(name.endswith(".g1") for name in foreseen["volumes"])
    assert foreseen["images"]
    collected = box.over(box.begin("/v1/gc"))
    assert collected["status"] == "done", collected
    assert {each.generation for each in box.observe().containers_of(APPLIANCE)} == {2, 3}
    assert not any(name.endswith(".g1") for name in box.volumes())
    again = box.get("/v1/gc")
    assert [again[what] for what in ("containers", "volumes", "networks", "images", "releases")] == [[]] * 5


def test_past_present_future_broken_from_a_folder(box: LoaderBox, port: int) -> None:
    assert_upgrades(box, port)
    assert_broken_falls_back(box, port)
    assert_collects(box)
    # Again to the same release: a boot, and no generation more.
    assert box.switch("3.0.0")["status"] == "done"
    assert set(box.volumes()) == {"data-data1.g2", "data-data2.g2", "data-data2.g3"}


def test_past_present_future_broken_from_a_registry(tmp_path: Path, port: int) -> None:
    registry = Registry(tmp_path, has_login=False)
    registry.start()
    try:
        repository = f"{registry.address}/upgrade"
        make_releases(tmp_path, port, registry=repository)
        folder = tmp_path / "box"
        folder.mkdir()
        with loader_box(APPLIANCE, folder, None, "--source", repository) as box:
            assert box.get("/v1/tags/latest")["tag"] == "4.0.0"
            assert_upgrades(box, port)
            assert_broken_falls_back(box, port)
            assert_collects(box)
    finally:
        registry.stop()


def test_a_release_may_be_skipped_and_an_older_one_has_to_be_meant(box: LoaderBox, port: int) -> None:
    box.to("1.0.0")
    box.to("3.0.0")
    # Nobody has carried the file over: what the release between would have done is its own business.
    assert MAGIC not in fetch(port, "/data2/file")[1]
    refused = box.switch("1.0.0")
    assert refused["status"] == "failed"
    assert refused["failure"]["code"] == "precondition.failed"
    assert "older" in refused["failure"]["message"]
    assert box.switch("1.0.0", allow_downgrade=True)["status"] == "done"
    assert fetch(port, "/data1/file") == (200, MAGIC)


def test_going_back_brings_the_data_of_before_byte_for_byte(box: LoaderBox, port: int) -> None:
    box.to("1.0.0")
    before = box.volumes()["data-data1.g1"]
    box.to("2.0.0")
    (box.volume("data-data2.g2") / "later").write_text("written by 2.0.0")
    today = box.volumes()["data-data2.g2"]
    foreseen = box.get("/v1/rollback")
    assert "2.0.0" in str(foreseen)
    done = box.over(box.begin("/v1/rollback"))
    assert done["status"] == "done", done
    assert box.boot()["tag"] == "1.0.0"
    assert box.volumes()["data-data1.g3"] == before == box.volumes()["data-data1.g1"]
    assert box.volumes()["data-data2.g2"] == today


@pytest.mark.parametrize("stage", ["copying", "last-copy", "checking"])
def test_a_loader_killed_in_a_switch_is_followed_by_one_that_is_wholly_old(
    box: LoaderBox, releases: Path, port: int, stage: str
) -> None:
    box.to("1.0.0")
    before = box.volumes()
    assert box.pull("2.0.0")["status"] == "done"
    operation = box.begin("/v1/switch", {"version": "2.0.0"})
    seen = box.eventually(
        lambda: None if box.get(f"/v1/operations/{operation}")["stage"] in ("", "preparing") else True, stage
    )
    assert seen
    box.eventually(
        lambda: (
            box.get(f"/v1/operations/{operation}")["stage"] == stage
            or box.get(f"/v1/operations/{operation}")["status"] != "running"
        ),
        stage,
    )
    box.end(signal.SIGKILL)
    box.start("--source", f"dir:{releases}")
    tag = box.booted()["tag"]
    generation = {"1.0.0": 1, "2.0.0": 2}[tag]
    assert {name.rpartition(".")[2] for name in box.running()} == {f"g{generation}"}
    assert box.volumes()["data-data1.g1"] == before["data-data1.g1"]
    assert fetch(port, "/data1/file") == (200, MAGIC)
    assert box.get(f"/v1/operations/{operation}")["status"] in ("interrupted", "done")


def test_the_target_comes_back_and_an_unknown_one_changes_nothing(box: LoaderBox, releases: Path, port: int) -> None:
    box.to("1.0.0")
    status, problem = box.ask("POST", "/v1/boot/servicing")
    assert (status, problem["type"]) == (404, "not_found")
    assert fetch(port, "/health")[0] == 200
    assert box.over(box.begin("/v1/boot/maintenance"))["status"] == "done"
    assert fetch(port, "/anything") == (503, "maintenance\n")
    box.end(signal.SIGKILL)
    box.start("--source", f"dir:{releases}")
    assert box.booted()["target"] == "maintenance"
    assert fetch(port, "/anything") == (503, "maintenance\n")
    assert box.over(box.begin("/v1/boot/default"))["status"] == "done"
    assert fetch(port, "/data1/file") == (200, MAGIC)


def test_every_target_says_whether_it_is_ready(releases: Path, tmp_path: Path, port: int) -> None:
    # The edge asks the Loader where every box's is, but for those that were told otherwise.
    options = ("--source", f"dir:{releases}", "--api-port", str(API_PORT))
    with loader_box(APPLIANCE, tmp_path, None, *options) as box:
        box.to("1.0.0")
        for target in ("default", "maintenance", "default"):
            assert box.over(box.begin(f"/v1/boot/{target}"))["status"] == "done"
            status, answer = fetch(port, "/ship-ready")
            assert (status, json.loads(answer)["ready"], json.loads(answer)["target"]) == (200, True, target)


def test_every_stage_has_a_release() -> None:
    assert list(STAGES.values()) == ["past", "present", "future", "broken"]
