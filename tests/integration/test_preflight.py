"""``preflight`` of a real place: ports that somebody has, programs of the machine, commands in containers."""

import json
import socket
from typing import Any

import pytest

from tests.integration.boxes import Box

pytestmark = pytest.mark.docker

COMPOSE = """
services:
  web:
    image: ${TEST_IMAGE}
    init: true
    command: sleep 600
    stop_grace_period: 0s
    environment: {LICENSE: "until 2030"}
    ports: ["127.0.0.1:${PORT}:8000"]
"""
APPLIANCE = """
preflight:
  storage: {program: [./check-storage]}
  license: {service: web, command: [sh, -c, 'echo "$${LICENSE}, $$(ls /sys/class/net | tr "\\\\n" " ")"']}
  expired: {service: web, command: [sh, -c, "echo it has expired; exit 2"], soft: true}
  missing: {service: web, command: [no-such-program], soft: true}
host: {needs: {ram: 64MiB, cpus: 1, kernel: 3, engine: 1}}
"""


def found(box: Box, *arguments: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """The exit status, and check -> its result."""
    ran = box.run("preflight", "--json", *arguments)
    return ran.status, {each["check"]: each for each in json.loads(ran.stdout)["results"]}


@pytest.fixture
def placed(box: Box) -> Box:
    box.write(COMPOSE, APPLIANCE)
    script = box.directory / "check-storage"
    script.write_text('#!/bin/sh\necho \'{"status": "ok", "message": "fast enough", "values": {"mb_s": 120}}\'\n')
    script.chmod(0o755)
    with socket.create_server(("127.0.0.1", 0)) as server:
        box.environment["PORT"] = str(server.getsockname()[1])
    return box


def test_a_place_is_asked_before_anything_is_there(placed: Box) -> None:
    status, results = found(placed)
    assert status == 0, results
    assert (results["storage"]["message"], results["storage"]["values"]) == ("fast enough", {"program.mb_s": 120.0})
    # It has the service's environment, and no network but its own.
    assert results["license"]["message"] == "until 2030, lo"
    assert (results["expired"]["level"], results["expired"]["message"]) == ("fail", "it has expired")
    assert results["missing"]["level"] == "fail"
    assert results["port"]["message"] == "free"
    assert results["engine"]["level"] == results["kernel"]["level"] == results["needs"]["level"] == "ok"
    assert placed.observe().one_offs_of(placed.name) == ()
    assert placed.run("preflight", "--strict", "--quiet").status == 8


def test_a_port_that_somebody_has_is_an_issue_until_it_is_ours(placed: Box) -> None:
    placed.write(COMPOSE, "version: 1.0.0\n")
    with socket.create_server(("127.0.0.1", int(placed.environment["PORT"]))):
        status, results = found(placed)
        assert status == 8
        assert results["port"]["level"] == "fail"
        assert "(process " in results["port"]["message"]
        said = placed.run("preflight").stdout
        assert "[host.port]" in said
        assert "stop who has it, or publish another" in said
    placed.run("up", "-d").must()
    status, results = found(placed)
    assert (status, results["port"]["message"]) == (
        0,
        f"the container {placed.name}.web has it, of this appliance",
    )


def test_without_an_engine_the_machine_is_asked_all_the_same(placed: Box) -> None:
    placed.environment["DOCKER_HOST"] = "unix:///nonexistent/docker.sock"
    try:
        status, results = found(placed)
    finally:
        del placed.environment["DOCKER_HOST"]
    assert status == 8
    assert results["engine"]["level"] == "fail"
    assert results["storage"]["level"] == "ok"
    assert results["license"]["level"] == "skipped"
