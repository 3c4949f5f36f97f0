"""``watch`` with real files, a real build and real containers; every wait is for a fact, with a deadline."""

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.eventually import eventually
from tests.integration.boxes import Box

pytestmark = [pytest.mark.docker, pytest.mark.timeout(180)]

_DEADLINE_S = 60.0

COMPOSE = """
services:
  web:
    build: .
    init: true
    command: sh -c "echo begun with $$(cat /app/conf); exec sleep 600"
    develop:
      x-note: kept
      watch:
        - {action: sync, path: ./src, target: /app/src, ignore: ["*.log"]}
        - {action: sync+restart, path: ./conf, target: /app/conf}
        - {action: rebuild, path: ./Dockerfile}
  mail:
    image: "${TEST_IMAGE}"
    init: true
    command: sleep 600
    depends_on: {web: {condition: service_started, restart: true}}
"""


class Run:
    """A boxship that goes on; what it has said so far."""

    def __init__(self, box: Box, *arguments: str) -> None:
        self._process = box.begin(*arguments)
        self.said = ""
        self._heard = 0
        self._selector = selectors.DefaultSelector()
        for stream in (self._process.stdout, self._process.stderr):
            assert stream is not None
            os.set_blocking(stream.fileno(), False)
            self._selector.register(stream.fileno(), selectors.EVENT_READ)

    def hear(self, words: str) -> None:
        """Return once it has said so, after what was heard before."""
        deadline_s = time.monotonic() + _DEADLINE_S
        while words not in self.said[self._heard :]:
            assert time.monotonic() < deadline_s, f"not heard: {words!r} in\n{self.said}"
            assert self._process.poll() is None, self.said
            self._read()
        self._heard = self.said.index(words, self._heard) + len(words)

    def _read(self) -> None:
        for key, _ in self._selector.select(timeout=1.0):
            self.said += os.read(key.fd, 65536).decode()

    def end(self) -> int:
        self._process.send_signal(signal.SIGINT)
        deadline_s = time.monotonic() + _DEADLINE_S
        while self._process.poll() is None:
            assert time.monotonic() < deadline_s, self.said
            self._read()
        self._read()
        return self._process.returncode

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(timeout=_DEADLINE_S)
        for stream in (self._process.stdout, self._process.stderr):
            assert stream is not None
            stream.close()
        self._selector.close()


@pytest.fixture
def desk(box: Box) -> Iterator[Box]:
    box.write(COMPOSE)
    (box.directory / "src").mkdir()
    (box.directory / "src" / "page").write_text("one")
    (box.directory / "conf").write_text("first")
    write_dockerfile(box, "LABEL made=first")
    yield box
    box.remove()
    subprocess.run(["docker", "rmi", f"{box.name}/web"], check=False, capture_output=True, timeout=60)


def write_dockerfile(box: Box, line: str) -> None:
    text = f"FROM {box.environment['TEST_IMAGE']}\nCOPY src /app/src\nCOPY conf /app/conf\n{line}\n"
    (box.directory / "Dockerfile").write_text(text)


def inside(box: Box, *argv: str) -> str:
    name = box.container("web").name
    return subprocess.run(
        ["docker", "exec", name, *argv], capture_output=True, text=True, timeout=60, check=False
    ).stdout


def test_files_are_followed_builds_may_fail_and_an_interrupt_leaves_all_running(desk: Box) -> None:
    run = Run(desk, "watch")
    try:
        run.hear("watching 3 paths for web")
        first = desk.container("web")
        (desk.directory / "src" / "noise.log").write_text("x")
        (desk.directory / "src" / "page").write_text("two")
        run.hear("synced 1 file")
        assert inside(desk, "cat", "/app/src/page") == "two"
        assert "noise.log" not in inside(desk, "ls", "/app/src")
        (desk.directory / "src" / "page").rename(desk.directory / "src" / "leaf")
        eventually(lambda: inside(desk, "ls", "/app/src") == "leaf\n", "the folder is in the container as it is here")

        (desk.directory / "conf").write_text("second")
        run.hear("started again")
        assert desk.container("web").id == first.id
        eventually(lambda: "begun with second" in desk.run("logs", "web").must().stdout, "it begins again")

        write_dockerfile(desk, "RUN false")
        run.hear("failed:")
        run.hear("hint:")
        assert desk.container("web").id == first.id
        mail = desk.container("mail")
        write_dockerfile(desk, "LABEL made=again")
        run.hear("rebuilt, and runs its new image")
        assert desk.container("web").image_id != first.image_id
        assert desk.container("mail").id != mail.id
        assert run.end() == 0, run.said
    finally:
        run.close()
    assert "Traceback" not in run.said
    assert desk.container("web").state == "running"


def test_up_can_watch_beside_its_logs_which_follow_the_new_container(desk: Box) -> None:
    refused = desk.run("up", "-d", "--watch")
    assert (refused.status, "boxship watch --no-up" in refused.stderr) == (2, True)
    run = Run(desk, "up", "--watch", "-t", "0")
    try:
        run.hear("watching 3 paths for web")
        (desk.directory / "conf").write_text("second")
        run.hear("begun with second")
        (desk.directory / "conf").write_text("third")
        write_dockerfile(desk, "LABEL made=again")
        run.hear("begun with third")
        assert run.end() == 130
    finally:
        run.close()
    assert run.said.count("begun with second") == 1
    assert desk.container("web").state == "exited"


def test_nothing_to_watch_and_what_cannot_be_watched_are_told(box: Box) -> None:
    box.write('services: {web: {image: "${TEST_IMAGE}"}}\n')
    nothing = box.run("watch")
    assert (nothing.status, "says what to watch" in nothing.stderr) == (2, True)
    box.write('services: {web: {image: "${TEST_IMAGE}", develop: {watch: [{path: ./no, action: sync}]}}}\n')
    wrong = box.run("watch", "--no-up")
    assert (wrong.status, "does not exist on this host" in wrong.stderr) == (2, True)
