"""Sail keeps a Loader running on a real engine, whatever happens to either."""

import asyncio
import signal
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from boxship.host.places import read_line
from boxship.names import loader_before_name
from tests.eventually import eventually
from tests.integration.private_engine import private_engine
from tests.integration.sailing import DEADLINE_S, Sailing, sailing, stand_in_images

pytestmark = pytest.mark.docker
GOOD = "report $$; wait_for_term"


@pytest.fixture(scope="module")
def images() -> tuple[str, str]:
    """The ids of a Loader and of another one."""
    return asyncio.run(stand_in_images("one", "two"))


@pytest.fixture
def sail(tmp_path: Path, images: tuple[str, str]) -> Iterator[Sailing]:
    with sailing(f"sail-{uuid.uuid4().hex[:8]}", tmp_path) as found:
        found.record(images[0])
        yield found


def test_a_loader_that_fails_is_started_again_and_again(sail: Sailing) -> None:
    sail.behave("one", "echo dead by the sea; exit 7")
    sail.begin()
    sail.hears("ended with status 7", times=5)
    sail.hears("sail:   | dead by the sea")
    sail.hears("there is no previous one, so it is tried again and again")
    sail.behave("one", GOOD)
    sail.hears("reports: boot boot-")
    assert read_line(sail.places.starts).startswith("0 ")
    assert sail.end() == 0
    assert sail.running_image().startswith("false"), "the Loader ended with sail"


def test_after_three_starts_without_a_report_the_previous_loader_takes_over(
    sail: Sailing, images: tuple[str, str]
) -> None:
    one, two = images
    sail.behave("one", GOOD)
    sail.behave("two", "exit 1")
    sail.record(two)
    sail.begin()
    sail.hears("was started 3 times and never reported; goes back to the previous one")
    sail.hears("reports: boot")
    assert sail.running_image() == f"true {one}"
    assert sum("ended with status 1" in line for line in sail.said) == 3
    assert (read_line(sail.places.loader), read_line(sail.places.loader_failed)) == (one, two)
    before = sail.docker("container", "inspect", "--format", "{{.Image}}", loader_before_name(sail.appliance))
    assert before == two, "its log is kept"


def test_a_loader_that_recorded_another_is_followed_by_that(sail: Sailing, images: tuple[str, str]) -> None:
    until_heard = 'until [ -e "$state/heard" ]; do sleep 0.05; done'
    sail.behave("one", f'report 1; {until_heard}; echo {images[1]} >"$state/loader"; exit 0')
    sail.behave("two", GOOD)
    sail.begin()
    sail.hears("reports: boot")
    (sail.places.state / "heard").touch()
    sail.hears("the Loader asks to be started again")
    sail.hears("reports: boot", times=2)
    assert sail.running_image() == f"true {images[1]}"


def test_a_killed_loader_is_started_again_in_the_same_container(sail: Sailing) -> None:
    sail.behave("one", GOOD)
    sail.begin()
    sail.hears("reports: boot", times=1)
    sail.docker("container", "kill", sail.container)
    sail.hears("ended with status 137")
    sail.hears("reports: boot", times=2)
    log = sail.docker("container", "logs", sail.container)
    assert log.count("I am the Loader one") == 2


def test_a_loader_that_never_reports_in_time_is_ended_and_counted(tmp_path: Path, images: tuple[str, str]) -> None:
    with sailing(f"sail-{uuid.uuid4().hex[:8]}", tmp_path, report_polls=2) as sail:
        sail.record(images[0])
        sail.behave("one", "wait_for_term")
        sail.begin()
        sail.hears("has not reported in time; ends it", times=2)
        sail.until(lambda: int(read_line(sail.places.starts).split()[0]) >= 2, "two starts are counted")


def test_a_loader_that_hangs_without_ending_is_replaced(sail: Sailing) -> None:
    sail.behave("one", "report $$; give_signs $$")
    sail.begin()
    sail.hears("reports: boot")
    eventually(lambda: read_line(sail.places.loader_alive) != "", "a sign of life", said=lambda: sail.said)
    sail.docker("container", "kill", "--signal", "STOP", sail.container)
    sail.hears("runs, but gives no sign of life; ends it")
    sail.hears("ended with status 137")
    sail.hears("reports: boot", times=2)
    # The guard has ended with the one it guarded, and that of the next finds it well.
    started = sail.docker("container", "inspect", "--format", "{{.State.StartedAt}}", sail.container)
    eventually(lambda: signs(sail) > 80, "twice as long as it may be silent", said=lambda: sail.said)
    assert sail.docker("container", "inspect", "--format", "{{.State.StartedAt}}", sail.container) == started
    assert sum("no sign of life" in line for line in sail.said) == 1


def signs(sail: Sailing) -> int:
    """How many the running Loader has given."""
    words = read_line(sail.places.loader_alive).split()
    return int(words[1]) if len(words) > 1 else 0


def test_a_loader_that_gives_no_signs_is_left_alone(sail: Sailing) -> None:
    """One from before there were any; and what another one left behind is no sign of this one."""
    sail.places.run.mkdir()
    sail.places.loader_alive.write_text("boot-old 7\n")
    count = 'n=0; while :; do n=$((n + 1)); echo $n >"$state/n"; sleep 0.05; done'
    sail.behave("one", f"report 1; trap 'exit 0' TERM; {count}")
    sail.begin()
    sail.hears("reports: boot")
    turns = sail.places.state / "n"
    eventually(
        lambda: int(read_line(turns) or "0") > 80, "twice as long as others may be silent", said=lambda: sail.said
    )
    assert not sail.places.loader_alive.exists()
    assert not [line for line in sail.said if "sign of life" in line]


def test_an_image_that_is_not_here_is_never_pulled_and_the_previous_one_takes_over(
    sail: Sailing, images: tuple[str, str]
) -> None:
    sail.behave("one", GOOD)
    sail.record(f"sha256:{'0' * 64}")
    sail.begin()
    sail.hears("can't make a container of the Loader 000000000000: Error", times=3)
    sail.hears("reports: boot")
    assert sail.running_image() == f"true {images[0]}"


def test_a_second_sail_of_an_appliance_refuses(sail: Sailing) -> None:
    sail.behave("one", GOOD)
    sail.begin()
    sail.hears("reports: boot")
    second = subprocess.run(
        ["/bin/sh", str(sail.script)], capture_output=True, text=True, timeout=DEADLINE_S, check=False
    )
    assert (second.returncode, second.stderr) == (75, f"sail: another sail looks after {sail.appliance} already\n")


def test_a_sail_that_was_killed_is_followed_by_one_that_takes_the_running_loader_over(sail: Sailing) -> None:
    sail.behave("one", GOOD)
    first = sail.begin()
    sail.hears("reports: boot")
    started = sail.docker("container", "inspect", "--format", "{{.State.StartedAt}}", sail.container)
    first.send_signal(signal.SIGKILL)
    first.wait(timeout=DEADLINE_S)
    sail.begin()
    sail.hears("takes over the Loader that runs")
    sail.hears("reports: boot", times=2)
    assert sail.docker("container", "inspect", "--format", "{{.State.StartedAt}}", sail.container) == started


def test_a_loader_that_sail_itself_ended_is_not_counted(sail: Sailing) -> None:
    sail.behave("one", "wait_for_term")
    sail.begin()
    sail.hears("started the Loader")
    assert sail.end() == 0
    assert read_line(sail.places.starts).startswith("0 ")


def test_appliances_whose_names_begin_alike_are_kept_apart(tmp_path: Path, images: tuple[str, str]) -> None:
    name = f"sail-{uuid.uuid4().hex[:8]}"
    for folder in ("short", "long"):
        (tmp_path / folder).mkdir()
    with sailing(f"{name}-2", tmp_path / "long") as other, sailing(name, tmp_path / "short") as sail:
        for each in (other, sail):
            each.record(images[0])
            each.behave("one", GOOD)
            each.begin()
            each.hears("reports: boot")
        assert sail.end() == 0
        assert other.running_image().startswith("true")


def test_a_container_of_somebody_else_with_the_name_is_left_alone(sail: Sailing) -> None:
    foreign = sail.docker("container", "create", "--name", sail.container, "boxship-test:busybox", "true")
    sail.begin()
    sail.hears(f"the container {sail.container} is that of another installation; leaves it alone")
    assert sail.docker("container", "inspect", "--format", "{{.Id}}", sail.container) == foreign


def test_another_installation_of_the_same_appliance_keeps_its_loader(sail: Sailing, tmp_path: Path) -> None:
    sail.behave("one", GOOD)
    sail.begin()
    sail.hears("reports: boot")
    (tmp_path / "other").mkdir()
    with sailing(sail.appliance, tmp_path / "other") as other:
        other.record(read_line(sail.places.loader))
        other.begin()
        other.hears(f"is that of another installation, in {sail.places.state}; leaves it alone")
        assert other.end() == 0
        assert sail.running_image().startswith("true")


FACTS = """
exec >"$state/facts"
[ -S /run/docker.sock ] && echo the engine
[ "$(ls -d /proc/[0-9]* | wc -l)" -gt 5 ] && echo the processes
ip link show docker0 >/dev/null 2>&1 && echo the networks
touch /tmp/x && echo /tmp
touch /x 2>/dev/null || echo not its own root
mount -t tmpfs none /tmp 2>/dev/null || echo not to mount
grep -q "^NoNewPrivs:.*1" /proc/self/status && echo no more rights
grep "^CapEff" /proc/self/status
"""


def test_the_loader_sees_the_host_and_may_no_more_than_it_needs(sail: Sailing) -> None:
    sail.behave("one", f"report 1; {FACTS}; wait_for_term")
    sail.begin()
    facts = sail.places.state / "facts"
    sail.until(lambda: facts.exists() and "CapEff" in facts.read_text(), "it tells the facts")
    *found, rights = facts.read_text().splitlines()
    assert found == [
        *("the engine", "the processes", "the networks", "/tmp", "not its own root", "not to mount", "no more rights")
    ]
    # Docker's usual ones, and NET_ADMIN (12) and SYS_PTRACE (19).
    assert int(rights.split()[1], 16) == 0xA80425FB | 1 << 12 | 1 << 19
    mounts = sail.docker(
        "container", "inspect", "--format", "{{range .Mounts}}{{println .Source}}{{end}}", sail.container
    )
    root = sail.docker("info", "--format", "{{.DockerRootDir}}")
    folders = {str(sail.places.state), str(sail.places.run), f"{root}/volumes", str(sail.settings.socket)}
    assert set(mounts.split()) == folders


def test_an_emulation_ends_with_the_loaders_status(tmp_path: Path, images: tuple[str, str]) -> None:
    with sailing(f"sail-{uuid.uuid4().hex[:8]}", tmp_path, stops_on_failure=True) as sail:
        sail.record(images[0])
        sail.behave("one", '[ -e "$state/second" ] && exit 3; touch "$state/second"; report 1; exit 0')
        process = sail.begin()
        assert process.wait(timeout=DEADLINE_S) == 3, "status 0 means: start me again"


def test_an_engine_that_died_is_waited_for_and_what_it_cut_short_is_not_counted(tmp_path: Path) -> None:
    with private_engine() as engine:
        one, _ = asyncio.run(stand_in_images("one", "two", engine.address))
        socket = Path(engine.address.removeprefix("unix://"))
        with sailing("sail", tmp_path, socket, call_s=2, stop_s=1) as sail:
            sail.record(one)
            sail.behave("one", "wait_for_term")
            sail.begin()
            sail.hears("started the Loader")
            sail.until(lambda: sail.running_image().startswith("true"), "it runs")
            engine.kill()
            sail.hears("lost sight of the Loader")
            sail.hears("the container engine does not answer; waits for it")
            assert read_line(sail.places.starts) == f"0 {one}"
            sail.behave("one", GOOD)
            engine.start()
            sail.hears("the container engine answers")
            sail.hears("reports: boot")
            engine.freeze()
            assert sail.end() == 0, "it doesn't wait for ever for one that has hung itself up"
            engine.thaw()


def test_a_loader_that_outlived_its_engine_is_started_anew_as_it_has_the_socket_of_before(tmp_path: Path) -> None:
    with private_engine(more=("--live-restore",)) as engine:
        one, _ = asyncio.run(stand_in_images("one", "two", engine.address))
        socket = Path(engine.address.removeprefix("unix://"))
        with sailing("sail", tmp_path, socket) as sail:
            sail.record(one)
            sail.behave("one", GOOD)
            sail.begin()
            sail.hears("reports: boot")
            started = sail.docker("container", "inspect", "--format", "{{.State.StartedAt}}", sail.container)
            engine.kill()
            sail.hears("the container engine does not answer; waits for it")
            engine.start()
            sail.hears("the engine has another socket than when the Loader was started; starts it again")
            sail.hears("reports: boot", times=2)
            again = sail.docker("container", "inspect", "--format", "{{.State.StartedAt}}", sail.container)
            assert started < again
            assert read_line(sail.places.starts) == f"0 {one}"
