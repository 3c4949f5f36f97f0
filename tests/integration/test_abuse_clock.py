"""The wall clock is set while Boxship waits: deadlines belong to a clock that only goes on, so nothing changes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.boxes import Box
from tests.integration.faketime import faked_by, faketime_library
from tests.integration.hostile_proxy import HostileProxy, Moment, hostile_proxy

pytestmark = [pytest.mark.docker, pytest.mark.timeout(90)]

SLOW = """
services:
  db:
    image: ${TEST_IMAGE}
    command: [sh, -c, "sleep 1; touch /tmp/ready; exec sleep 3600"]
    stop_signal: SIGKILL
    healthcheck: {test: [CMD, test, -e, /tmp/ready], interval: 1s, timeout: 20s, retries: 60, start_period: 60s}
  web:
    image: ${TEST_IMAGE}
    command: [sleep, "3600"]
    stop_signal: SIGKILL
    depends_on: {db: {condition: service_healthy}}
"""
ENDS_WITHIN_S = 60


@pytest.fixture(scope="session")
def library() -> Path:
    return faketime_library()


@pytest.fixture
def proxy() -> Iterator[HostileProxy]:
    with hostile_proxy("unix:///var/run/docker.sock") as made:
        yield made


@pytest.mark.parametrize("step", ["-30d", "+30d"])
def test_a_clock_that_is_set_while_a_service_is_waited_for_changes_nothing(
    box: Box, proxy: HostileProxy, library: Path, tmp_path: Path, step: str
) -> None:
    clock = tmp_path / "clock"
    clock.write_text("+0\n")
    box.write(SLOW)
    faked = faked_by(library, clock)
    real = dict(box.environment)
    box.environment |= {"DOCKER_HOST": proxy.address, **faked}
    try:
        proxy.stop_at(Moment("exec inspect"))
        with box.begin("up", "-d") as up:
            assert proxy.is_reached(ENDS_WITHIN_S)
            clock.write_text(f"{step}\n")
            proxy.go_on()
            _, stderr = up.communicate(timeout=ENDS_WITHIN_S)
            assert up.returncode == 0, stderr
        box.run("down").must()
    finally:
        box.environment.clear()
        box.environment.update(real)
    assert box.observe().containers_of(box.name) == ()
