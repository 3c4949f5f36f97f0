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


def until(lines: Iterable[str], words: str) -> str:
    """The first line that holds the words; whoever waits for it in vain is ended by the test's own deadline."""
    return next(line for line in lines if words in line)


def go(box: Box) -> None:
    """Let the hook end. It runs in a container that doesn't have its final name yet."""
    (container,) = box.observe().containers_of(box.name)
    subprocess.run(["docker", "exec", container.id, "touch", "/tmp/go"], check=True, timeout=30)
