"""Nothing is worse after a cut: `up` killed at random points, and the engine killed midway."""

import random
import signal
import subprocess
import time

import pytest

from boxship.plan.observed import ContainerState
from tests.integration.boxes import Box

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]

ROUNDS = 20
FOUR = """
services:
  db:
    image: ${TEST_IMAGE}
    init: true
    command: sleep 600
    environment: {ROUND: "${ROUND}"}
    healthcheck: {test: [CMD, "true"], interval: 30s}
    volumes: [data:/data]
  init: {image: "${TEST_IMAGE}", command: "true", environment: {ROUND: "${ROUND}"}}
  web:
    image: ${TEST_IMAGE}
    init: true
    command: sleep 600
    environment: {ROUND: "${WEB_ROUND}"}
    depends_on: {db: {condition: service_healthy}, init: {condition: service_completed_successfully}}
  side: {image: "${TEST_IMAGE}", init: true, command: sleep 600, network_mode: "service:web", depends_on: [web]}
volumes: {data: {}}
"""


def test_up_killed_at_random_points_converges_with_the_next_up(box: Box) -> None:
    box.write(FOUR)
    seed = random.randrange(1 << 32)
    rng = random.Random(seed)
    box.environment |= {"ROUND": "0", "WEB_ROUND": "0"}
    began = time.monotonic()
    box.run("up", "-d").must()
    whole_s = time.monotonic() - began
    for number in range(ROUNDS):
        # Every other round changes the database as well, so that all are recreated in order.
        box.environment["WEB_ROUND"] = str(number)
        box.environment["ROUND"] = str(number // 2)
        process = box.begin("up", "-d")
        try:
            process.wait(timeout=rng.uniform(0.1, whole_s))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
        process.communicate(timeout=30)
        box.run("up", "-d").must()
        mine = box.observe().containers_of(box.name)
        assert sorted(each.name for each in mine) == sorted(
            f"{box.name}.{name}" for name in ("db", "init", "web", "side")
        ), f"round {number}, seed {seed}"
        up = {each.service for each in mine if each.state is ContainerState.RUNNING}
        assert up == {"db", "web", "side"}, f"round {number}, seed {seed}"
        changes = [step for step in box.plan()["steps"] if step["action"] != "WaitReady"]
        assert changes == [], f"round {number}, seed {seed}"
