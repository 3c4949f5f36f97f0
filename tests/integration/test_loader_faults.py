"""Loaders in trouble, on an engine of the tests' own: full disks, stubborn containers, slow migrations, lost clocks."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from boxship.host.volumes.manifest import fingerprint, manifest
from tests.contracts.images import TEST_IMAGE
from tests.integration.faketime import faked_by, faketime_library
from tests.integration.loaders import LoaderBox
from tests.integration.loop_mounts import EXT4, make_image, mounted
from tests.integration.private_engine import PrivateEngine, private_engine
from tests.integration.releases_of import create_releases

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(240)]

APPLIANCE = "bxtest-faults"
ENGINE_TIMEOUT_S = "10"
MIB = 1024 * 1024
BIG_IMAGE = "bxtest-faults-big:4"
BIG = f"""
FROM {TEST_IMAGE}
RUN head -c 62914560 /dev/urandom > /big && mkdir /many && for i in $(seq 400); do echo $i > /many/$i; done
"""
COMPOSE = """
services:
  db:
    image: ${IMAGE}
    init: ${HAS_INIT}
    command: [sh, -c, "echo ${VERSION} >> /data/versions; ${COMMAND}"]
    volumes: [data:/data]
    stop_grace_period: 2s
    healthcheck: {test: [CMD, test, -e, /tmp/ready], interval: 1s, timeout: 5s, retries: 3, start_period: 600s}
volumes: {data: {}}
"""
APPLIANCE_YAML = """
version: ${VERSION}
app: compose.yaml
targets: {default: [db]}
boot: {timeout: 8s, attempts: 2, heartbeat_limit: 60s}
"""
LATE_BYTES = 60 * MIB
WRITE_LATE = f"head -c {LATE_BYTES} /dev/zero > /data/late"
READY = "touch /tmp/ready; exec sleep 3600"
RELEASES = {
    "1.0.0": ("true", READY),
    "2.0.0": ("true", READY),
    # Its migration takes twice the boot timeout.
    "3.0.0": ("true", f"sleep 16; {READY}"),
    # Its image is BIG_IMAGE, which the engine doesn't have.
    "4.0.0": ("true", READY),
    # It writes much while it is being stopped.
    "1.5.0": ("false", f"trap '{WRITE_LATE}; sleep 1; exit 0' TERM; touch /tmp/ready; sleep 3600 & wait"),
    # A shell as process 1 that ignores SIGTERM.
    "0.9.0": ("false", "trap '' TERM; touch /tmp/ready; while :; do sleep 1; done"),
}


@pytest.fixture(scope="module")
def engine() -> Iterator[PrivateEngine]:
    with private_engine(disk_mb=300) as made:
        yield made


@pytest.fixture(scope="module")
def releases(engine: PrivateEngine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("image")
    (folder / "Dockerfile").write_text(BIG)
    docker = ("env", "DOCKER_BUILDKIT=0", "docker", "--host", engine.address)
    engine.run(*docker, "build", "--quiet", "--tag", BIG_IMAGE, str(folder))
    said = {
        version: {"COMMAND": command, "HAS_INIT": has_init, "IMAGE": BIG_IMAGE if version == "4.0.0" else TEST_IMAGE}
        for version, (has_init, command) in RELEASES.items()
    }
    files = {"compose.yaml": COMPOSE, "appliance.yaml": APPLIANCE_YAML}
    output = create_releases(APPLIANCE, files, said, tmp_path_factory, engine.address)
    # Under the release's name, too.
    engine.run(*docker, "image", "rm", BIG_IMAGE, f"{APPLIANCE}/db:4.0.0")
    return output


Whole = tuple[dict[str, tuple[str, str]], set[str], dict[str, str]]
"""Containers with their ids and states, networks, and volumes with the sha256 of what is in them."""


class Trouble(LoaderBox):
    """A box on that engine, which is asked for its sentence."""

    def __init__(self, engine: PrivateEngine, releases: Path, folder: Path, **environment: str) -> None:
        said = {"DOCKER_HOST": engine.address, "BOXSHIP_ENGINE_TIMEOUT": ENGINE_TIMEOUT_S, **environment}
        super().__init__(APPLIANCE, folder, said, enter=engine.enter)
        self._source = f"dir:{releases}"
        self._root = engine.root
        self._address = engine.address

    def up(self) -> None:
        self.start("--source", self._source)

    def why(self) -> str:
        return str(self.get("/v1/why"))

    def says(self, words: str) -> None:
        self.eventually(lambda: words in self.why(), f"it says '{words}'")

    def versions(self, generation: int) -> list[str]:
        """Empty until the first one has written."""
        file = self.file(generation, "versions")
        return file.read_text().split() if file.exists() else []

    def file(self, generation: int, name: str) -> Path:
        return self.seen(self.volume(f"data.g{generation}") / name)

    def seen(self, path: Path) -> Path:
        """Its disk is mounted where the engine lives, and nowhere else."""
        return self._root / path.relative_to("/")

    def volumes(self) -> dict[str, str]:
        mine = [each for each in self.observe().volumes if each.appliance == self.appliance]
        return {each.name: fingerprint(self.seen(Path(each.mountpoint))) for each in mine}

    def lines(self, generation: int) -> list[str]:
        """All that the file system knows of its data, but for what the release writes at each start."""
        found = manifest(self.seen(self.volume(f"data.g{generation}")))
        return [line for line in found if not line.startswith(("versions", "."))]

    def remove_containers(self) -> None:
        """And the Loader, which would start them again."""
        self.end(signal.SIGKILL)
        for each in self.observe().containers_of(self.appliance):
            command = ("docker", "--host", self._address, "rm", "--force", each.id)
            subprocess.run(command, check=True, capture_output=True, timeout=30)

    def whole(self) -> Whole:
        """All of it, to be compared."""
        there = self.observe()
        containers = {each.name: (each.id, str(each.state)) for each in there.containers_of(self.appliance)}
        return containers, {each.name for each in there.networks}, self.volumes()


@pytest.fixture
def box(engine: PrivateEngine, releases: Path, tmp_path: Path) -> Iterator[Trouble]:
    made = Trouble(engine, releases, tmp_path)
    try:
        made.up()
        yield made
    finally:
        made.remove()


def test_a_switch_whose_copies_have_no_room_is_refused_with_everything_untouched(
    box: Trouble, engine: PrivateEngine
) -> None:
    box.to("1.0.0")
    assert box.pull("2.0.0")["status"] == "done"
    engine.run("sh", "-c", f"head -c 60M /dev/urandom > {box.volume('data.g1')}/big")
    before = box.whole()
    with engine.free(40 * MIB):
        refused = box.switch("2.0.0")
    assert refused["failure"]["code"] == "precondition.failed", refused
    message, hint = refused["failure"]["message"], refused["failure"]["hint"]
    assert re.search(r"no room: 60 MiB are needed and (39\.\d|40) MiB free at \S+/volumes", message), message
    assert "boxship box gc" in hint
    assert box.whole() == before
    assert box.boot()["is_ready"]
    assert "downtime_s" not in refused["result"]
    assert box.switch("2.0.0")["status"] == "done"


def test_a_switch_whose_copies_have_no_inodes_is_refused_with_everything_untouched(
    box: Trouble, engine: PrivateEngine
) -> None:
    box.to("1.0.0")
    assert box.pull("2.0.0")["status"] == "done"
    engine.run("sh", "-c", f"cd {box.volume('data.g1')} && for i in $(seq 400); do echo $i > $i; done")
    before = box.whole()
    # Room for all bytes, and for half of the files.
    with engine.free_inodes(200):
        refused = box.switch("2.0.0")
    assert refused["failure"]["code"] == "precondition.failed", refused
    assert "402 inodes are needed and 200 free at " in refused["failure"]["message"], refused
    assert box.whole() == before
    assert box.switch("2.0.0")["status"] == "done"


def test_a_disk_that_fills_up_in_the_copy_leaves_what_runs(box: Trouble, engine: PrivateEngine) -> None:
    box.to("1.0.0")
    assert box.pull("2.0.0")["status"] == "done"
    # Each is a page of this disk, and all together keep the copy busy for seconds.
    engine.run("sh", "-c", f"cd {box.volume('data.g1')} && for i in $(seq 20000); do echo $i > $i; done")
    before = box.whole()
    operation = box.begin("/v1/switch", {"version": "2.0.0"})
    box.eventually(lambda: box.get(f"/v1/operations/{operation}")["stage"] == "copying", "it copies")
    with engine.free(0):
        failed = box.over(operation)
        assert box.boot()["is_ready"]
    assert "No space left" in failed["failure"]["message"], failed
    assert "downtime_s" not in failed["result"]
    assert box.whole() == before
    assert box.switch("2.0.0")["status"] == "done"


def test_a_disk_that_fills_up_in_the_last_copy_leads_back_with_the_data_as_it_was_left(
    box: Trouble, engine: PrivateEngine
) -> None:
    box.to("1.5.0")
    assert box.pull("2.0.0")["status"] == "done"
    box.file(1, "dear").write_bytes(b"dear" * 1000)
    before = box.lines(1)
    # Enough for what is there when the room is looked for, and not for twice what is written then.
    with engine.free(90 * MIB):
        failed = box.switch("2.0.0")
        assert "No space left" in failed["failure"]["message"], failed
        assert "data" in failed["failure"]["message"]
        assert float(failed["result"]["downtime_s"]) > 0
        assert box.booted()["tag"] == "1.5.0"
    assert box.running() == [f"{APPLIANCE}.db.g1"]
    assert not [each.name for each in box.observe().volumes if each.name.endswith(".g2")]
    assert box.file(1, "late").read_bytes() == bytes(LATE_BYTES)
    assert [line for line in box.lines(1) if not line.startswith("late")] == before


def test_a_volume_disk_that_turns_read_only_in_a_switch_leads_back_with_the_data_as_it_was_left(
    engine: PrivateEngine, releases: Path, tmp_path: Path
) -> None:
    box = Trouble(engine, releases, tmp_path)
    volumes = str(engine.data / "volumes")
    mount = ("mount", "-o", "loop", str(make_image(EXT4, tmp_path, size_mib=300)), volumes)
    engine.run(*mount)
    try:
        box.up()
        box.to("1.5.0")
        assert box.pull("2.0.0")["status"] == "done"
        operation = box.begin("/v1/switch", {"version": "2.0.0"})
        late = box.file(1, "late")
        box.eventually(lambda: late.exists() and late.stat().st_size == LATE_BYTES, "it writes as it is stopped")
        # As the kernel does after an error of the disk, also while files are open for writing.
        engine.run("mount", "-o", "remount,abort", volumes)
        left = box.volumes()[f"{APPLIANCE}.data.g1"]
        failed = box.over(operation)
        assert "Read-only file system" in failed["failure"]["message"], failed
        assert "read-only" in failed["failure"]["hint"]
        assert box.booted()["tag"] == "1.5.0"
        assert box.running() == [f"{APPLIANCE}.db.g1"]
        assert box.volumes()[f"{APPLIANCE}.data.g1"] == left
    finally:
        box.remove_containers()
        engine.run("umount", volumes)
        engine.run(*mount)
        box.remove()
        engine.run("umount", volumes)


def test_a_pull_that_has_no_room_is_refused_with_numbers_before_anything_is_fetched(
    box: Trouble, engine: PrivateEngine
) -> None:
    box.to("1.0.0")
    before = box.whole()
    # 60 MiB travel, and are 69 on a disk; the engine has both at one moment.
    with engine.free(100 * MIB):
        refused = box.pull("4.0.0")
    assert refused["failure"]["code"] == "precondition.failed", refused
    message = refused["failure"]["message"]
    assert re.search(rf"no room for {APPLIANCE} 4\.0\.0: 130 MiB are needed and (99\.\d|100) MiB free at ", message), (
        message
    )
    assert message.endswith(f" at {engine.data}")
    assert "boxship box gc" in refused["failure"]["hint"]
    assert not list((box.state / "blobs").glob("*"))
    assert box.whole() == before
    assert box.boot()["is_ready"]
    assert box.pull("4.0.0")["status"] == "done"


def test_a_pull_that_fills_the_engine_s_disk_leaves_what_runs(box: Trouble, engine: PrivateEngine) -> None:
    box.to("1.0.0")
    before = box.whole()
    # Room for all bytes, and for half of its files: nobody can foresee that.
    with engine.free_inodes(200):
        failed = box.pull("4.0.0")
        assert "no space left" in failed["failure"]["message"].lower(), failed
        assert box.whole() == before
        assert box.boot()["is_ready"]
    assert box.pull("4.0.0")["status"] == "done"
    assert box.switch("4.0.0")["status"] == "done"


def test_a_pull_asks_for_room_where_the_state_is(engine: PrivateEngine, releases: Path, tmp_path: Path) -> None:
    box = Trouble(engine, releases, tmp_path)
    with mounted(EXT4, tmp_path) as place:
        box.state = place / "state"
        engine.run("mount", "-o", "loop", str(tmp_path / "ext4.img"), str(place))
        try:
            box.up()
            refused = box.pull("4.0.0")
            assert refused["failure"]["code"] == "precondition.failed", refused
            assert refused["failure"]["message"].endswith(f" MiB free at {box.state}"), refused
            assert box.pull("1.0.0")["status"] == "done"
        finally:
            box.remove()
            engine.run("umount", str(place))


def test_a_container_that_ignores_the_stop_is_killed_after_its_grace_time(box: Trouble) -> None:
    box.to("0.9.0")
    done = box.to("1.0.0")
    assert float(done["result"]["downtime_s"]) >= 2.0
    assert box.running() == [f"{APPLIANCE}.db.g2"]


def test_a_slow_migration_passes_with_heartbeats_and_fails_without(box: Trouble) -> None:
    box.to("1.0.0")
    assert box.pull("3.0.0")["status"] == "done"
    silent = box.switch("3.0.0")
    assert "not ready after 8 s" in silent["failure"]["message"]
    assert box.booted()["tag"] == "1.0.0"
    operation = box.begin("/v1/switch", {"version": "3.0.0"})

    def is_over() -> bool:
        status, answer = box.ask("POST", "/v1/services/db/heartbeat", {"within_s": 15, "note": "table 3 of 9"})
        assert (status, answer) == (200, {"limit_s": 60.0})
        return bool(box.get(f"/v1/operations/{operation}")["status"] != "running")

    box.eventually(is_over, "the switch ends")
    done = box.get(f"/v1/operations/{operation}")
    assert (done["status"], done["failure"]) == ("done", None)
    assert box.boot()["tag"] == "3.0.0"


def test_of_two_admins_the_second_is_told_what_runs(box: Trouble) -> None:
    box.to("0.9.0")
    assert box.pull("1.0.0")["status"] == "done"
    operation = box.begin("/v1/switch", {"version": "1.0.0"})
    for path, body in (("/v1/switch", {"version": "0.9.0"}), ("/v1/gc", {}), ("/v1/boot/default", {})):
        status, problem = box.ask("POST", path, body)
        assert (status, problem["type"], problem["fields"]["operation_id"]) == (409, "busy", operation)
    assert box.over(operation)["status"] == "done"


def test_an_engine_that_hangs_is_said_and_waited_for(box: Trouble, engine: PrivateEngine) -> None:
    box.to("1.0.0")
    engine.freeze()
    try:
        failed = box.over(box.begin("/v1/boot/default"))
        assert failed["failure"]["code"] == "engine.timeout"
        box.says("the container engine doesn't answer")
        assert not box.boot()["is_ready"]
    finally:
        engine.thaw()
    box.booted()
    assert box.running() == [f"{APPLIANCE}.db.g1"]


def test_a_state_file_that_was_cut_off_is_replaced_by_its_copy_and_that_is_said(box: Trouble) -> None:
    box.to("1.0.0")
    before = box.boot()["id"]
    box.end(signal.SIGKILL)
    # Both: what was written last may be in its log alone, and then nothing is lost.
    os.truncate(box.state / "state.db", 5000)
    (box.state / "state.db-wal").write_bytes(b"")
    box.up()
    assert box.booted()["tag"] == "1.0.0"
    assert box.boot()["id"] != before
    assert "its copy was taken" in box.last_words()
    assert box.running() == [f"{APPLIANCE}.db.g1"]


def test_a_state_folder_that_turns_read_only_is_said_and_what_runs_goes_on(
    engine: PrivateEngine, releases: Path, tmp_path: Path
) -> None:
    box = Trouble(engine, releases, tmp_path)
    with mounted(EXT4, tmp_path) as place:
        box.state = place / "state"
        # The engine's namespaces have the mounts of their beginning.
        engine.run("mount", "-o", "loop", str(tmp_path / "ext4.img"), str(place))
        try:
            box.up()
            box.to("1.0.0")
            # As the kernel does after an error of the disk, also while files are open for writing.
            engine.run("mount", "-o", "remount,abort", str(place))
            status, problem = box.ask("POST", "/v1/boot/default")
            assert status >= 500
            assert "read-only" in str(problem)
            assert box.process.poll() is None
            assert box.running() == [f"{APPLIANCE}.db.g1"]
            assert box.boot()["is_ready"]
        finally:
            box.remove()
            engine.run("umount", str(place))


@pytest.mark.parametrize("step", ["-1d", "+1d"])
def test_a_clock_that_is_set_by_a_day_changes_nothing(
    engine: PrivateEngine, releases: Path, tmp_path: Path, step: str
) -> None:
    clock = tmp_path / "clock"
    clock.write_text("+0\n")
    box = Trouble(engine, releases, tmp_path, **faked_by(faketime_library(), clock))
    try:
        box.up()
        box.to("1.0.0")
        clock.write_text(f"{step}\n")
        (mine,) = box.observe().containers_of(APPLIANCE)
        engine.run("docker", "--host", engine.address, "kill", mine.id)
        box.eventually(lambda: box.running() == [f"{APPLIANCE}.db.g1"], "it runs again")
        # What mends it is an operation of its own.
        begun = box.eventually(
            lambda: answer if (answer := box.ask("POST", "/v1/boot/default", {}))[0] == 202 else None, "it is mended"
        )
        assert box.over(begun[1]["id"])["status"] == "done"
        assert box.to("2.0.0")["status"] == "done"
        box.eventually(lambda: box.versions(2)[-1:] == ["2.0.0"], "the new release has written")
    finally:
        box.remove()
