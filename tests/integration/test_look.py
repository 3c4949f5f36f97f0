"""The verbs that only look, on the real engine, through the command line."""

import json
import select
import signal
import subprocess

import pytest

from tests.integration.boxes import DEADLINE_S, Box

pytestmark = pytest.mark.docker

TALKERS = """
services:
  web:
    image: ${TEST_IMAGE}
    init: true
    command: [sh, -c, "echo ${WORD:-one}; echo careful >&2; exec sleep 1000"]
    healthcheck: {test: [CMD-SHELL, "true"], interval: 50s}
  job:
    image: ${TEST_IMAGE}
    command: [sh, -c, "echo working; echo done"]
    depends_on: {web: {condition: service_healthy}}
  mute:
    image: ${TEST_IMAGE}
    init: true
    command: [sh, -c, "echo nobody hears this; exec sleep 1000"]
    logging: {driver: none}
"""
SICK = """
services:
  db:
    image: ${TEST_IMAGE}
    init: true
    command: [sleep, "1000"]
    healthcheck: {test: [CMD-SHELL, "echo queue is full; exit 3"], interval: 0.2s, retries: 1, timeout: 20s}
  web:
    image: ${TEST_IMAGE}
    command: [sleep, "1000"]
    depends_on: {db: {condition: service_healthy}}
"""


def read_until(process: "subprocess.Popen[str]", text: str) -> list[str]:
    """The lines up to the one with ``text``; the test's own time limit bounds the wait."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line.rstrip())
        if text in line:
            return lines
    raise AssertionError(f"no '{text}' in {lines}")


def test_logs_are_by_time_marked_and_chosen(box: Box) -> None:
    box.write(TALKERS)
    box.run("up", "-d").must()
    lines = box.run("logs").must().stdout.splitlines()
    assert "mute     ! (its log can't be read: its logging driver keeps nothing on this machine)" in lines
    said = [line for line in lines if not line.startswith("mute")]
    assert sorted(said[:2]) == ["web      ! careful", "web      | one"]
    assert said[2:] == ["job      | working", "job      | done"]
    assert box.run("logs", "--no-log-prefix", "-g", "^D", "-i", "job").must().stdout == "done\n"
    assert box.run("logs", "-n", "1", "-v", "-g", "done", "job").must().stdout == ""
    assert box.run("logs", "--since", "1h", "--until", "30m", "web").must().stdout == ""
    (line,) = box.run("--json", "logs", "-g", "careful", "web").must().stdout.splitlines()
    told = json.loads(line)
    assert (told["service"], told["stream"], told["text"], told["number"]) == ("web", "stderr", "careful", 1)
    missing = box.run("logs", "web.2").must()
    assert (missing.stdout, missing.stderr) == ("", "web.2 has no containers: boxship up creates them\n")


def test_followed_logs_go_on_after_a_restart_and_in_a_replacement(box: Box) -> None:
    box.write(TALKERS)
    box.run("up", "-d", "web").must()
    process = box.begin("logs", "-f", "web")
    try:
        read_until(process, "one")
        box.run("restart", "-t", "0", "web").must()
        read_until(process, "one")
        before = box.container("web").id
        box.environment["WORD"] = "two"
        box.run("up", "-d", "web").must()
        assert box.container("web").id != before
        assert read_until(process, "two").count("web      | one") == 0
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=DEADLINE_S)
        assert process.returncode == 0
    finally:
        process.kill()
        process.wait()


def test_followed_logs_end_with_what_they_follow(box: Box) -> None:
    box.write(TALKERS)
    box.run("up", "-d").must()
    process = box.begin("logs", "-f", "--tail", "1")
    try:
        read_until(process, "done")
        box.run("down", "-t", "0").must()
        _, stderr = process.communicate(timeout=DEADLINE_S)
        assert (process.returncode, stderr) == (0, "")
    finally:
        process.kill()
        process.wait()


def test_ps_says_why_and_what_is_waited_for(box: Box) -> None:
    box.write(SICK)
    assert box.run("up", "-d").status == 8
    rows = box.ps()
    assert rows["db"]["why"] == "health: unhealthy, the check exited 3: queue is full"
    assert rows["web"]["why"] == "created, waits for db"
    assert rows["db"]["restarts"] == 0
    table = box.run("ps").must().stdout
    assert "queue is full" in table
    assert box.run("ps", "--services", "--status", "running").must().stdout == "db\n"
    assert box.run("ps", "-q", "--filter", "status=exited").must().stdout == ""
    (line,) = box.run("ps", "--format", "json", "db").must().stdout.splitlines()
    assert json.loads(line)["Health"] == "unhealthy"


def test_ps_knows_what_answered_up_before_the_engine_asks(box: Box) -> None:
    box.write(TALKERS)
    box.run("up", "-d", "web").must()
    web = box.ps()["web"]
    assert web["container"]["health"] == "starting"
    assert (web["ready"], web["why"], web["note"]) == (True, "", "it answered up; the engine asks later")


def test_stats_events_and_images_tell_of_the_services(box: Box) -> None:
    box.write(TALKERS)
    box.run("up", "-d").must()
    table = box.run("stats", "--no-stream").must().stdout.splitlines()
    assert [line.split()[0] for line in table] == ["SERVICE", "mute", "web"]
    rows = json.loads(box.run("--json", "stats", "--no-stream", "-a").must().stdout)
    assert {row["service"]: row["stats"] is not None for row in rows} == {"job": False, "mute": True, "web": True}
    process = box.begin("--json", "stats", "web")
    try:
        assert process.stdout is not None
        figures = [json.loads(process.stdout.readline())[0]["stats"] for _ in range(2)]
        assert figures[0]["pids"] >= 1
        box.interrupt(process)
        assert process.returncode == 0
    finally:
        process.kill()
        process.wait()
    told = box.run("--json", "events", "--since", "10m", "--until", "0.01s", "job").must().stdout.splitlines()
    # The engine remembers 256 events of everybody's, so the oldest may be gone.
    assert {json.loads(line)["action"] for line in told} <= {"create", "start", "die", "attach", "rename"}
    images = json.loads(box.run("--json", "images").must().stdout)
    assert {each["service"] for each in images} == {"web", "job", "mute"}
    assert {each["id"] for each in images} == {box.container("web").image_id}
    assert box.run("images", "-q").must().stdout.splitlines() == [box.container("web").image_id]


def test_events_are_told_as_they_happen(box: Box) -> None:
    box.write(TALKERS)
    box.run("up", "-d", "web").must()
    process = box.begin("events", "web")
    try:
        # It is heard from when the engine was asked, which only its first line proves: so until that comes, again.
        assert process.stdout is not None
        while not select.select([process.stdout], [], [], 0)[0]:
            box.run("restart", "-t", "0", "web").must()
        assert process.stdout.readline().split()[1] == "web"
        ended = box.interrupt(process)
        assert (ended.status, ended.stderr) == (0, "")
    finally:
        process.kill()
        process.wait()
