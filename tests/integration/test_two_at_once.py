"""Two that change one appliance at the same time: the second waits, says for whom, and finds its work done."""

import signal
import subprocess
from collections.abc import Iterable

import pytest

from tests.integration.boxes import Box

pytestmark = [pytest.mark.docker, pytest.mark.timeout(90)]

SLOW = """
services:
  db:
    image: ${TEST_IMAGE}
    command: sleep 600
    init: true
    post_start: [{command: [sh, -c, "until [ -e /tmp/go ]; do sleep 0.1; done"]}]
"""


def test_a_second_up_waits_for_the_first_and_has_nothing_to_do(box: Box) -> None:
    box.write(SLOW)
    with box.begin("up", "-d") as first:
        assert first.stderr is not None
        until(first.stderr, "post_start")
        with box.begin("up", "-d") as second:
            assert second.stderr is not None
            waiting = until(second.stderr, "waiting until it has ended")
            assert f"boxship up (pid {first.pid}" in waiting
            go(box)
            assert first.wait(timeout=60) == 0
            assert second.wait(timeout=60) == 0
            assert second.stdout is not None
            assert "nothing to do" in second.stdout.read()


def test_who_waits_can_give_up_and_nothing_happens_to_the_first(box: Box) -> None:
    box.write(SLOW)
    with box.begin("up", "-d") as first:
        assert first.stderr is not None
        until(first.stderr, "post_start")
        with box.begin("down") as second:
            assert second.stderr is not None
            until(second.stderr, "waiting until it has ended")
            second.send_signal(signal.SIGINT)
            assert second.wait(timeout=60) == 130
        go(box)
        assert first.wait(timeout=60) == 0
    assert box.ps()["db"]["ready"]


def test_who_waits_goes_on_when_the_holder_is_killed_and_finishes_what_it_had_begun(box: Box) -> None:
    box.write(SLOW)
    with box.begin("up", "-d") as first:
        assert first.stderr is not None
        until(first.stderr, "post_start")
        with box.begin("up", "-d") as second:
            assert second.stderr is not None
            until(second.stderr, "waiting until it has ended")
            first.kill()
            assert first.wait(timeout=60) == -signal.SIGKILL
            until(second.stderr, "post_start")
            go(box)
            assert second.wait(timeout=60) == 0
    assert box.ps()["db"]["ready"]


def test_a_down_waits_for_an_up_and_then_removes_what_it_made(box: Box) -> None:
    box.write(SLOW)
    with box.begin("up", "-d") as first:
        assert first.stderr is not None
        until(first.stderr, "post_start")
        with box.begin("down", "-t", "0") as second:
            assert second.stderr is not None
            until(second.stderr, "waiting until it has ended")
            go(box)
            assert first.wait(timeout=60) == 0
            assert second.wait(timeout=60) == 0
    assert box.observe().containers_of(box.name) == ()


def test_a_build_waits_for_nobody_as_it_changes_no_container(box: Box) -> None:
    box.write(SLOW + "  app: {build: {context: ., dockerfile_inline: 'FROM ${TEST_IMAGE}'}, profiles: [never]}\n")
    box.environment["XDG_CACHE_HOME"] = str(box.directory / "cache")
    with box.begin("up", "-d") as first:
        assert first.stderr is not None
        until(first.stderr, "post_start")
        try:
            box.run("build", "app").must()
        finally:
            subprocess.run(["docker", "image", "rm", f"{box.name}/app"], check=False, timeout=30, capture_output=True)
        go(box)
        assert first.wait(timeout=60) == 0


def until(lines: Iterable[str], words: str) -> str:
    """The first line that holds the words; whoever waits for it in vain is ended by the test's own deadline."""
    return next(line for line in lines if words in line)


def go(box: Box) -> None:
    """Let the hook end. It runs in a container that doesn't have its final name yet."""
    (container,) = box.observe().containers_of(box.name)
    subprocess.run(["docker", "exec", container.id, "touch", "/tmp/go"], check=True, timeout=30)
