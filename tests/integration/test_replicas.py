"""Several containers of one service, and hooks around their lives, on the real engine."""

import json
import re

import pytest

from boxship.plan.observed import ObservedContainer
from tests.integration.boxes import Box

pytestmark = pytest.mark.docker

SHOP = """
services:
  web:
    image: ${TEST_IMAGE}
    init: true
    command: [sh, -c, "echo I am $$HOSTNAME; exec httpd -f -p 8000 -h /bin"]
    environment: {GREETING: "${GREETING:-hello}"}
    scale: 3
    healthcheck: {test: [CMD, wget, -qO-, "http://127.0.0.1:8000/busybox"], interval: 30s}
  client:
    image: ${TEST_IMAGE}
    init: true
    command: [sleep, infinity]
    depends_on: {web: {condition: service_healthy}}
"""
HOOKS = """
services:
  db:
    image: ${TEST_IMAGE}
    init: true
    command: [sleep, infinity]
    environment: {GREETING: "${GREETING:-hello}"}
    volumes: [kept:/kept]
    post_start:
      - command: [sh, -c, "echo $$WHO from $$(pwd) >> /kept/started"]
        working_dir: /tmp
        environment: [WHO=me]
      - command: [sh, -c, "test $$(id -u) = 7; ${SECOND:-true}"]
        user: "7"
    pre_stop:
      - command: ["false"]
      - command: [sh, -c, "echo $$GREETING >> /kept/stopped"]
  web:
    image: ${TEST_IMAGE}
    init: true
    command: [sleep, infinity]
    depends_on: [db]
volumes: {kept: {}}
"""


def containers(box: Box, service: str) -> dict[str, ObservedContainer]:
    """The service's containers by name, the appliance's part left out."""
    mine = box.observe().containers_of(box.name)
    return {each.name.partition(".")[2]: each for each in mine if each.service == service}


def addresses_of(box: Box, name: str) -> set[str]:
    """What the engine's DNS answers inside the client."""
    answer = box.run("exec", "-T", "client", "nslookup", name, "127.0.0.11").must().stdout
    return {address for address in re.findall(r"Address.*?\s(\d+\.\d+\.\d+\.\d+)\b", answer) if address != "127.0.0.11"}


def test_several_containers_are_made_found_by_dns_and_scaled(box: Box) -> None:
    box.write(SHOP)
    up = box.run("--json", "up", "-d").must()
    result = json.loads(up.stdout.splitlines()[-1])["result"]
    assert {(row["service"], row["number"]): (row["ready"], row["why"]) for row in result} == dict.fromkeys(
        [("client", 1), ("web", 1), ("web", 2), ("web", 3)], (True, "")
    )
    three = containers(box, "web")
    assert sorted(three) == ["web", "web.2", "web.3"]
    assert addresses_of(box, "web") == {address for each in three.values() for address in each.networks.values()}
    assert " web" not in box.run("exec", "-T", "client", "cat", "/etc/hosts").must().stdout

    said = box.run("logs", "web").must().stdout
    assert {line.split()[0] for line in said.splitlines()} == {"web", "web.2", "web.3"}
    assert box.run("logs", "web.2").must().stdout.count("\n") == 1
    inside = box.run("exec", "-T", "--index", "2", "web", "hostname").must().stdout
    assert three["web.2"].id.startswith(inside.strip())
    assert "there are: 1, 2, 3" in box.run("exec", "--index", "4", "web", "true").stderr

    assert box.run("up", "-d").must().stderr.count("unchanged: client, web, web.2, web.3") == 1
    box.run("up", "-d", "--scale", "web=4").must()
    four = containers(box, "web")
    assert {name: each.id for name, each in four.items() if name in three} == {
        name: each.id for name, each in three.items()
    }
    assert len(addresses_of(box, "web")) == 4
    client = box.container("client").id
    box.run("up", "-d", "--scale", "web=2").must()
    assert sorted(containers(box, "web")) == ["web", "web.2"]
    assert box.container("client").id == client
    table = [line.split()[:3] for line in box.run("ps").must().stdout.splitlines()]
    # How many are ready is the engine's word here, and its first question comes after the interval.
    assert [(name, count[-2:], state) for name, count, state in table[1:]] == [
        *(("web", "/3", "running"), ("web.2", "/3", "running"), ("web.3", "/3", "missing")),
        ("client", "/1", "running"),
    ]

    box.run("stop").must()
    box.run("start").must()
    assert {each.id for each in containers(box, "web").values()} == {three[name].id for name in ("web", "web.2")}
    box.run("up", "-d", "--scale", "web=0").must()
    assert containers(box, "web") == {}


def test_a_change_replaces_one_container_after_the_other(box: Box) -> None:
    box.write(SHOP)
    box.run("up", "-d").must()
    before = containers(box, "web")
    box.environment["GREETING"] = "good evening"
    plan = box.plan()
    waits = {step["subject"]: step["id"] for step in plan["steps"] if step["action"] == "WaitReady"}
    stops = {step["subject"]: step["after"] for step in plan["steps"] if step["action"] == "StopContainer"}
    assert waits["service:web"] in stops["service:web.2"]
    assert waits["service:web.2"] in stops["service:web.3"]
    box.run("up", "-d").must()
    after = containers(box, "web")
    assert sorted(after) == ["web", "web.2", "web.3"]
    assert {each.id for each in after.values()}.isdisjoint(each.id for each in before.values())


def kept(box: Box, file: str) -> list[str]:
    return box.run("exec", "-T", "db", "cat", f"/kept/{file}").must().stdout.splitlines()


def test_hooks_run_after_each_start_and_before_each_stop(box: Box) -> None:
    box.write(HOOKS)
    box.run("up", "-d").must()
    assert kept(box, "started") == ["me from /tmp"]
    box.run("up", "-d").must()
    assert kept(box, "started") == ["me from /tmp"]

    restarted = box.run("restart", "db").must()
    assert "warning: pre_stop hook 1 of db (false) exited 1" in restarted.stderr
    assert len(kept(box, "started")) == 2
    assert kept(box, "stopped") == ["hello"]

    # What is stopped has the hooks that it was made with, also when the files are gone.
    (box.directory / "compose.yaml").unlink()
    box.run("stop", "db").must()
    box.environment["GREETING"] = "bye"
    box.write(HOOKS)
    box.run("up", "-d").must()
    assert kept(box, "stopped") == ["hello", "hello"]
    assert list(containers(box, "db")) == ["db"]


def test_a_failed_hook_fails_up_with_its_last_lines_until_it_is_mended(box: Box) -> None:
    box.write(HOOKS)
    box.environment["SECOND"] = "echo no disk; exit 3"
    for _ in range(2):
        failed = box.run("up", "-d")
        assert failed.status == 8
        assert (
            "error: post_start hook 2 of db (sh -c 'test $(id -u) = 7; echo no disk; exit 3') exited 3" in failed.stderr
        )
        assert "  | no disk" in failed.stderr
        assert box.ps()["db"]["why"] == "its post_start hooks have not run through"
        assert box.ps()["web"]["why"] == "created, waits for db"
    box.environment["SECOND"] = "true"
    box.run("up", "-d").must()
    assert all(row["ready"] for row in box.ps().values())
    assert list(containers(box, "db")) == ["db"]
