"""``boxship emulate`` and ``boxship install --root``, as a person would type them."""

import asyncio
import subprocess
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from boxship.host.box_ports import PAGE_PORT
from boxship.host.places import read_line
from boxship.names import loader_before_name, loader_name
from tests.contracts.images import TEST_IMAGE
from tests.integration.boxes import Box
from tests.integration.sailing import stand_in_images

pytestmark = pytest.mark.docker
COMPOSE = 'services: {web: {image: "${TEST_IMAGE}", command: sleep 600, init: true}}\n'
SWAPPINESS = Path("/proc/sys/vm/swappiness").read_text().strip()  # as it is, so that nothing is set
APPLIANCE = f"name: NAME\nhost: {{sysctl: {{vm.swappiness: {SWAPPINESS}}}}}\n"
IMAGE = "boxship-test:loader-one"


@pytest.fixture(scope="module")
def images() -> tuple[str, str]:
    return asyncio.run(stand_in_images("one", "two"))


@pytest.fixture
def laptop(tmp_path: Path, images: tuple[str, str]) -> Iterator[Box]:
    box = Box(f"bxemu-{uuid.uuid4().hex[:8]}", tmp_path, {"TEST_IMAGE": TEST_IMAGE})
    box.write(COMPOSE)
    (tmp_path / "appliance.yaml").write_text(APPLIANCE.replace("NAME", box.name))
    yield box
    box.run("emulate", "--remove")
    box.remove()


def behave(laptop: Box, name: str, script: str) -> Path:
    state = laptop.directory / ".boxship" / "state"
    state.mkdir(parents=True, exist_ok=True)
    (state / f"behaviour-{name}").write_text(script)
    return state


def test_a_loader_that_ends_with_0_is_started_again_and_any_other_status_is_the_verbs(laptop: Box) -> None:
    state = behave(laptop, "one", '[ -e "$state/second" ] && exit 3; touch "$state/second"; report 1; exit 0')
    done = laptop.run("emulate", "--image", IMAGE)
    assert done.status == 3
    assert done.stdout.splitlines() == ["I am the Loader one"] * 2, "its log is shown"
    assert "the Loader ended with status 3" in done.stderr
    assert (state.parent / ".gitignore").read_text() == "*\n"


def test_ctrl_c_ends_the_loader_and_leaves_what_it_knows(laptop: Box) -> None:
    state = behave(laptop, "one", "report 1; wait_for_term")
    process = laptop.begin("emulate", "--image", IMAGE, "--", "--page-port", "8080")
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "I am the Loader one\n"
        assert process.stderr is not None
        while "reports: boot" not in process.stderr.readline():
            pass
        done = laptop.interrupt(process)
    finally:
        process.kill()
        process.wait()
    assert (done.status, done.stderr) == (0, "sail: ends the Loader, and itself\n")
    assert state.is_dir()
    words = ["docker", "container", "inspect", "--format", "{{json .Args}}", loader_name(laptop.name)]
    made = subprocess.run(words, capture_output=True, text=True, check=True, timeout=30)
    assert '"--page-port","8080"' in made.stdout
    assert read_line(state / "ports").split()[0] == "8080"


def test_removing_takes_the_folder_and_the_loaders_containers_and_nothing_else(
    laptop: Box, images: tuple[str, str]
) -> None:
    state = laptop.directory / ".boxship" / "state"
    for name, status in (("one", 1), ("two", 2)):
        behave(laptop, name, f"exit {status}")
        assert laptop.run("emulate", "--image", f"boxship-test:loader-{name}").status == status
    assert (read_line(state / "loader.previous"), read_line(state / "loader")) == images
    laptop.run("up", "-d").must()
    assert "would remove" in laptop.run("emulate", "--remove", "--dry-run").must().stdout
    gone = laptop.run("emulate", "--remove").must().stdout
    for each in (loader_name(laptop.name), loader_before_name(laptop.name), ".boxship"):
        assert each in gone
    assert not (laptop.directory / ".boxship").exists()
    assert [each.service for each in laptop.observe().containers_of(laptop.name)] == ["web"]
    assert laptop.run("emulate", "--remove").must().stdout == f"{laptop.name}: nothing to do\n"


def test_a_tree_of_files_is_installed_into_and_is_then_as_before(laptop: Box, images: tuple[str, str]) -> None:
    laptop.run("install", "--root", "tree", "--image", IMAGE).must()
    tree = laptop.directory / "tree"
    assert read_line(tree / "var/lib/boxship" / laptop.name / "loader") == images[0]
    assert f"vm.swappiness = {SWAPPINESS}" in (tree / f"etc/sysctl.d/60-boxship-{laptop.name}.conf").read_text()
    again = laptop.run("install", "--root", "tree", "--image", IMAGE).must()
    assert "wrote" not in again.stdout
    laptop.run("uninstall", "--root", "tree").must()
    assert list(tree.iterdir()) == []


def test_two_emulations_side_by_side_have_ports_of_their_own(laptop: Box, tmp_path: Path) -> None:
    other = Box(f"{laptop.name}-b", tmp_path / "other", laptop.environment)
    other.directory.mkdir()
    other.write(COMPOSE)
    try:
        for box in (laptop, other):
            behave(box, "one", "exit 4")
        # At the same time, as two terminals.
        with ThreadPoolExecutor() as pool:
            begun = [pool.submit(box.run, "emulate", "--image", IMAGE) for box in (laptop, other)]
            assert [each.result().status for each in begun] == [4, 4]
        kept = [read_line(box.directory / ".boxship/state/ports") for box in (laptop, other)]
        assert len({port for line in kept for port in line.split()}) == 4
        page, api = map(int, kept[1].split())
        if page != PAGE_PORT:
            assert f"its page is at port {page} of this host, and its API at {api}" in begun[1].result().stderr
        assert other.run("emulate", "--image", IMAGE).status == 4
        assert read_line(other.directory / ".boxship/state/ports") == kept[1], "they stay"
    finally:
        other.run("emulate", "--remove").must()
        other.remove()
    assert not [path for path in Path("/var/tmp").glob("boxship-ports-*/*") if str(other.directory) in path.read_text()]


def test_an_image_that_is_not_here_is_told(laptop: Box) -> None:
    done = laptop.run("install", "--root", "tree", "--image", "no/such:1")
    assert (done.status, done.stderr.splitlines()[0]) == (3, "error: no image no/such:1 on this engine")
