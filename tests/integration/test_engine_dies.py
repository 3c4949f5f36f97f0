"""The engine is killed, hangs, or isn't there: Boxship ends in time and says so once, and the next run converges."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from boxship.plan.observed import ContainerState, Observed
from tests.contracts.images import TEST_IMAGE
from tests.eventually import eventually
from tests.integration.boxes import Box, Ran
from tests.integration.private_engine import PrivateEngine, private_engine

pytestmark = [pytest.mark.docker, pytest.mark.timeout(90)]

ENDS_WITHIN_S = 40
"""What does not notice goes on for ever, or for minutes."""
SLOW = """
services:
  db:
    image: ${TEST_IMAGE}
    init: true
    command: [sh, -c, "sleep 0.4; touch /tmp/is-ready; exec sleep 600"]
    healthcheck: {test: [CMD, test, -e, /tmp/is-ready], interval: 1s, timeout: 2s, retries: 30}
    volumes: [data:/data]
  init:
    image: ${TEST_IMAGE}
    command: [sleep, "${INIT_S:-0.3}"]
    depends_on: {db: {condition: service_healthy}}
  web:
    image: ${TEST_IMAGE}
    command: [sh, -c, "echo at your service; exec sleep 600"]
    environment: {GREETING: "${GREETING:-hello}"}
    stop_grace_period: 1s
    healthcheck: {test: [CMD, "true"], interval: 1s}
    depends_on: {init: {condition: service_completed_successfully}}
  side: {image: "${TEST_IMAGE}", init: true, command: sleep 600, network_mode: "service:web"}
volumes: {data: {}}
"""


@pytest.fixture(scope="session")
def one_engine() -> Iterator[PrivateEngine]:
    with private_engine() as engine:
        yield engine


@pytest.fixture
def engine(one_engine: PrivateEngine) -> PrivateEngine:
    """Running, whatever the test before has done to it."""
    one_engine.start()
    return one_engine


@pytest.fixture
def box(tmp_path: Path, engine: PrivateEngine) -> Iterator[Box]:
    environment = {"TEST_IMAGE": TEST_IMAGE, "DOCKER_HOST": engine.address}
    made = Box(f"bxtest-{uuid.uuid4().hex[:8]}", tmp_path, environment)
    made.write(SLOW)
    yield made
    engine.start()
    made.remove()


class Watched:
    """A command under way whose stderr is read all the time, so that it can be waited for what it says."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self._said: list[str] = []
        self._changed = threading.Condition()
        self._has_ended = False
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._changed:
                self._said.append(line)
                self._changed.notify_all()
        with self._changed:
            self._has_ended = True
            self._changed.notify_all()

    def says(self, *words: str) -> None:
        """Return as soon as it has said a line of these words."""

        def is_said() -> bool:
            return any(line.split()[: len(words)] == list(words) for line in self._said)

        with self._changed:
            assert self._changed.wait_for(lambda: self._has_ended or is_said(), timeout=60)
            assert is_said(), self._said

    def ends(self, within_s: float = ENDS_WITHIN_S) -> Ran:
        try:
            status = self.process.wait(timeout=within_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            pytest.fail(f"it goes on after {within_s} s: {self._said}")
        finally:
            self._reader.join()
            assert self.process.stdout is not None
            stdout = self.process.stdout.read()
            self.process.stdout.close()
            if self.process.stderr is not None:
                self.process.stderr.close()
        return Ran(status, stdout, "".join(self._said))


def errors_of(ran: Ran) -> tuple[str, str]:
    """The one error that it reports, and its hint."""
    assert "Traceback" not in ran.stderr
    lines = ran.stderr.splitlines()
    (error,) = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    (hint,) = [line.removeprefix("hint: ") for line in lines if line.startswith("hint: ")]
    assert lines[-2:] == [f"error: {error}", f"hint: {hint}"]
    return error, hint


def assert_cut_off(ran: Ran, verb: str) -> str:
    error, hint = errors_of(ran)
    assert ran.status == 5, error
    assert error.startswith(f"{verb} was cut off: ")
    assert "the container engine" in error
    assert f"run it again: boxship {verb} goes on from what it finds" in hint
    return error


def assert_up_converges(box: Box) -> None:
    box.run("up", "-d").must()
    mine = box.observe().containers_of(box.name)
    assert {each.service: each.state for each in mine} == {
        "db": ContainerState.RUNNING,
        "init": ContainerState.EXITED,
        "web": ContainerState.RUNNING,
        "side": ContainerState.RUNNING,
    }
    assert len(mine) == 4
    assert [step for step in box.plan()["steps"] if step["action"] != "WaitReady"] == []


def things_of(observed: Observed, name: str) -> list[str]:
    """The names of all that belongs to the appliance."""
    names = (
        *(each.name for each in observed.containers),
        *(each.name for each in observed.networks),
        *(each.name for each in observed.volumes),
    )
    return [each for each in names if each.startswith(f"{name}.")]


def assert_down_removes_everything(box: Box) -> None:
    box.run("down", "-v", "-t", "0").must()
    assert things_of(box.observe(), box.name) == []


@pytest.mark.parametrize("moment", [("init", "probing"), ("web", "starting")], ids=" ".join)
def test_up_ends_when_the_engine_is_killed_and_the_next_up_converges(
    box: Box, engine: PrivateEngine, moment: tuple[str, str]
) -> None:
    up = Watched(box.begin("up", "-d"))
    up.says(*moment)
    engine.kill()
    assert_cut_off(up.ends(), "up")
    engine.start()
    assert_up_converges(box)
    assert_down_removes_everything(box)


def test_a_container_whose_start_was_cut_off_inside_the_engine_is_made_anew(box: Box, engine: PrivateEngine) -> None:
    before = engine.tasks()
    up = Watched(box.begin("up", "-d"))
    up.says("db", "starting")
    # Looked at without a pause worth the name: this is the moment between a container's process and its start.
    eventually(lambda: not engine.tasks() <= before, "the engine starts a container", poll_s=0.002)
    engine.kill()
    # Which call is told is chance: another service may be in the middle of its creation just then.
    assert_cut_off(up.ends(), "up")
    engine.start()
    assert_up_converges(box)
    assert_down_removes_everything(box)


def test_a_replacement_that_the_engines_death_cut_off_is_finished_by_the_next_up(
    box: Box, engine: PrivateEngine
) -> None:
    box.run("up", "-d").must()
    box.environment["GREETING"] = "bonjour"
    up = Watched(box.begin("up", "-d", "-t", "1"))
    up.says("web", "stopping")
    engine.kill()
    assert_cut_off(up.ends(), "up")
    engine.start()
    assert_up_converges(box)
    said = box.run("exec", "-T", "web", "sh", "-c", "echo $GREETING").must()
    assert said.stdout == "bonjour\n"
    assert_down_removes_everything(box)


def test_down_ends_when_the_engine_is_killed_and_the_next_down_removes_the_rest(
    box: Box, engine: PrivateEngine
) -> None:
    box.run("up", "-d").must()
    down = Watched(box.begin("down", "-v", "-t", "2"))
    down.says("web", "stopping")
    engine.kill()
    assert_cut_off(down.ends(), "down")
    engine.start()
    assert_down_removes_everything(box)


def test_following_logs_ends_when_the_engine_is_killed(box: Box, engine: PrivateEngine) -> None:
    up = Watched(box.begin("up"))
    assert up.process.stdout is not None
    assert f"{box.name} is up" in up.process.stdout.readline()
    assert "at your service" in up.process.stdout.readline()
    engine.kill()
    ended = up.ends()
    assert ended.status == 5
    error, hint = errors_of(ended)
    # A stream breaks, of lines or of events, or, when they had ended a moment before, the next call finds nobody.
    streams = ("read the log of ", "follow events")
    broke = any(f"the connection to the container engine broke during '{each}" in error for each in streams)
    assert broke or "cannot reach the container engine at " in error
    assert hint


def test_a_frozen_engine_is_given_up_at_the_deadline_and_up_converges_after_it(box: Box, engine: PrivateEngine) -> None:
    box.environment["BOXSHIP_ENGINE_TIMEOUT"] = "2"
    engine.freeze()
    try:
        looked = Watched(box.begin("ps")).ends()
    finally:
        engine.thaw()
    assert looked.status == 5
    error, hint = errors_of(looked)
    assert error == "the container engine did not answer 'list containers' within 2 s"
    assert "restart it, then run the command again" in hint
    # While a one-shot is waited for, no answer of the engine's is due for as long as it runs.
    box.environment["INIT_S"] = "4"
    up = Watched(box.begin("up", "-d"))
    up.says("init", "probing")
    engine.freeze()
    try:
        ended = up.ends()
    finally:
        engine.thaw()
    assert "did not answer" in assert_cut_off(ended, "up")
    assert_up_converges(box)
    assert_down_removes_everything(box)


def test_a_frozen_engine_does_not_hold_whoever_follows_logs_and_interrupts(box: Box, engine: PrivateEngine) -> None:
    box.environment["BOXSHIP_ENGINE_TIMEOUT"] = "2"
    up = Watched(box.begin("up"))
    assert up.process.stdout is not None
    assert f"{box.name} is up" in up.process.stdout.readline()
    engine.freeze()
    try:
        up.process.send_signal(signal.SIGINT)
        ended = up.ends()
    finally:
        engine.thaw()
    assert ended.status == 5
    assert "did not answer 'list containers' within 2 s" in errors_of(ended)[0]


def test_a_timeout_that_is_none_is_refused(tmp_path: Path) -> None:
    box = Box("bxtest-none", tmp_path, {"BOXSHIP_ENGINE_TIMEOUT": "soon"})
    ran = box.run("down")
    assert ran.status == 2
    assert errors_of(ran) == (
        "BOXSHIP_ENGINE_TIMEOUT is 'soon', and has to be a number of seconds",
        "from 0.1 to 3600, or leave it unset for 30",
    )


@pytest.fixture
def no_engine(tmp_path: Path) -> Box:
    made = Box("bxtest-none", tmp_path, {"DOCKER_HOST": f"unix://{tmp_path}/engine.sock"})
    made.write("services: {web: {image: any}}\n")
    return made


@pytest.mark.parametrize("verb", [("up", "-d"), ("down",), ("ps",), ("logs",), ("exec", "web", "true")], ids=" ".join)
def test_without_a_socket_it_says_where_it_looked_and_how_to_start_the_engine(
    no_engine: Box, verb: tuple[str, ...]
) -> None:
    ran = no_engine.run(*verb)
    assert ran.status == 5
    assert errors_of(ran) == (
        f"cannot reach the container engine at {no_engine.directory}/engine.sock: no such file",
        "start it (systemctl start docker), or set DOCKER_HOST to where it listens",
    )


def test_a_socket_that_nobody_serves_says_that_the_engine_has_stopped(no_engine: Box) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(f"{no_engine.directory}/engine.sock")
    ran = no_engine.run("up", "-d")
    assert ran.status == 5
    assert errors_of(ran) == (
        f"cannot reach the container engine at {no_engine.directory}/engine.sock: nobody listens there",
        "it has stopped: start it (systemctl start docker), or set DOCKER_HOST to where it listens",
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody without permission")
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="needs setpriv")
def test_a_socket_without_permission_says_how_to_get_it(no_engine: Box) -> None:
    # It may read what root may, as Python and these files may be in root's home, but not write to the socket.
    may = "-all,+dac_read_search"
    nobody = [
        *("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"),
        *("--inh-caps", may, "--bounding-set", may, "--ambient-caps", may),
    ]
    with socket.socket(socket.AF_UNIX) as closed:
        closed.bind(f"{no_engine.directory}/engine.sock")
        closed.listen()
        done = subprocess.run(
            [*nobody, sys.executable, "-m", "boxship.cli", "up", "-d"],
            cwd=no_engine.directory,
            env={**os.environ, **no_engine.environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 5, done.stderr
    assert errors_of(Ran(done.returncode, done.stdout, done.stderr)) == (
        f"cannot reach the container engine at {no_engine.directory}/engine.sock: permission denied",
        "run as root, or add yourself to the group 'docker' and log in again",
    )
