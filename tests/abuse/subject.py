"""One appliance that is abused through a proxy, and what must hold of it afterwards."""

import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from boxship.build.known import LABEL_BUILT_FOR
from boxship.plan.observed import ContainerState
from tests.abuse.cycles import things_of
from tests.integration.boxes import Box, Ran
from tests.integration.hostile_proxy import Fault, HostileProxy, Moment

ENDS_WITHIN_S = 60.0
"""For an abused verb, whose deadlines are 8 s at most; the rest is what a machine under load takes."""
TIMEOUT_S = "2"
"""BOXSHIP_ENGINE_TIMEOUT of an abused verb: 2 s for lists, 4 s for removals, 8 s for creates and starts."""
IDLE_S = "10"
"""BOXSHIP_ENGINE_IDLE_TIMEOUT of one: a build of the campaign says something every second, also on a busy machine."""
_POLL_S = 0.002
WHOLE = """
services:
  db:
    image: ${TEST_IMAGE}
    command: [sleep, "3600"]
    stop_signal: SIGKILL
    environment: {ROUND: "${ROUND:-0}"}
    healthcheck: {test: [CMD, "true"], interval: 30s, timeout: 2s}
    volumes: [data:/data]
  job: {image: "${TEST_IMAGE}", command: ["true"], depends_on: {db: {condition: service_healthy}}}
  web:
    image: ${TEST_IMAGE}
    command: [sleep, "3600"]
    stop_signal: SIGKILL
    depends_on: {job: {condition: service_completed_successfully}}
  tool:
    build: {context: ., dockerfile_inline: "FROM ${TEST_IMAGE}\\nRUN echo ${ROUND:-0} >/round\\n"}
    profiles: [never]
volumes: {data: {}}
"""


@dataclass(frozen=True, slots=True)
class Scene:
    """A verb, and what comes before it: from nothing, or from an appliance that runs, with another database wanted."""

    name: str
    verb: tuple[str, ...]
    is_up_before: bool
    kinds: tuple[str, ...]


_LISTS = ("list containers", "list networks", "list volumes")
_READY = ("inspect", "wait", "exec create", "exec start", "exec inspect")
SCENES = (
    Scene(
        "first up",
        ("up", "-d"),
        False,
        (*_LISTS, "look up image", "create network", "create volume", "create container", "start", *_READY),
    ),
    Scene("changing up", ("up", "-d"), True, ("create container", "stop", "start", "rename", "remove container")),
    Scene("down", ("down", "-v"), True, (*_LISTS, "stop", "remove container", "remove network", "remove volume")),
    Scene("build", ("build", "tool"), False, (*_LISTS, "look up image", "build")),
    Scene("logs", ("logs",), True, ("list containers", "inspect", "logs")),
)
_EXECS = ("exec create", "exec start", "exec inspect")
SCENES_INSIDE = (
    Scene("ps", ("ps",), True, (*_LISTS, "inspect")),
    Scene("exec", ("exec", "-T", "db", "echo", "hello"), True, ("list containers", *_EXECS)),
    Scene(
        "run",
        ("run", "--rm", "--no-deps", "-T", "web", "echo", "hello"),
        True,
        ("create container", "attach", "start", "wait", "inspect", "remove container"),
    ),
    Scene("restart", ("restart", "web"), True, ("inspect", "stop", "start", "wait")),
    Scene("kill", ("kill", "web"), True, ("kill",)),
    Scene("status", ("status", "--fresh"), True, _EXECS),
    Scene("top", ("top",), True, ("top",)),
    Scene("stats", ("stats", "--no-stream"), True, ("stats",)),
    Scene("events", ("events", "--since", "1m", "--until", "0s"), True, ("events",)),
    Scene("cp in", ("cp", "compose.yaml", "web:/tmp/"), True, ("stat path", "copy")),
    Scene("cp out", ("cp", "web:/bin/sh", "out"), True, ("stat path", "read archive")),
)
"""Verbs that act on what runs."""


class Subject:
    """The appliance of one box, whose engine is behind a proxy."""

    def __init__(self, box: Box, proxy: HostileProxy, compose: str = WHOLE) -> None:
        self.box = box
        self.proxy = proxy
        self.round = 0
        box.environment |= {"DOCKER_HOST": proxy.address, "XDG_CACHE_HOME": str(box.directory / "cache")}
        box.write(compose)

    def prepare(self, scene: Scene) -> None:
        """As the scene begins. Raises: AssertionError when a plain verb doesn't do it."""
        self.proxy.misbehave(None)
        self.box.run(*(("up", "-d") if scene.is_up_before else ("down", "-v"))).must()
        self.round += 1
        self.box.environment["ROUND"] = str(self.round)

    def suffer(self, scene: Scene, fault: Fault) -> tuple[Ran, float]:
        """The verb under a fault, and how long it took. Raises: AssertionError when it ends badly."""
        self.proxy.misbehave(fault)
        began_s = time.monotonic()
        self.box.environment |= {"BOXSHIP_ENGINE_TIMEOUT": TIMEOUT_S, "BOXSHIP_ENGINE_IDLE_TIMEOUT": IDLE_S}
        try:
            ran = self.box.run(*scene.verb, deadline_s=ENDS_WITHIN_S)
        finally:
            del self.box.environment["BOXSHIP_ENGINE_TIMEOUT"], self.box.environment["BOXSHIP_ENGINE_IDLE_TIMEOUT"]
            spoiled = self.proxy.spoiled
            self.proxy.misbehave(None)
        assert spoiled, f"{fault} hit nothing: {ran}"
        assert_told_well(ran, may_report=scene.name == "status")
        return ran, time.monotonic() - began_s

    def cut(self, scene: Scene, moment: Moment, signals: tuple[signal.Signals, ...]) -> tuple[int, bool]:
        """The verb, cut at a moment by signals: its status, and whether the moment came before its end."""
        self.proxy.misbehave(None)
        self.proxy.stop_at(moment)
        ended = cut_off(self.box, scene.verb, lambda _: self.proxy.is_reached(0), signals, self.proxy.go_on)
        assert_told_well(ended.ran, may_be_killed=True)
        return ended.ran.status, ended.is_reached

    def end(self) -> None:
        """Leave nothing on the engine, which is asked without the proxy from here on."""
        self.proxy.misbehave(None)
        self.box.environment["DOCKER_HOST"] = self.proxy.engine
        self.box.remove()
        environment = {**os.environ, "DOCKER_HOST": self.proxy.engine}
        made = ("docker", "image", "ls", "--all", "--quiet", "--filter", f"label={LABEL_BUILT_FOR}={self.box.name}")
        done = subprocess.run(made, env=environment, capture_output=True, text=True, timeout=ENDS_WITHIN_S, check=True)
        if images := set(done.stdout.split()):
            remove = ("docker", "image", "rm", "--force", *images)
            subprocess.run(remove, env=environment, capture_output=True, timeout=ENDS_WITHIN_S, check=False)

    def must_recover(self) -> None:
        """The next plain ``up`` makes it as it should be, and ``down`` leaves nothing."""
        self.must_converge()
        self.box.run("down", "-v").must()
        assert (left := things_of(self.box.observe(), self.box.name)) == [], left

    def must_succeed(self, scene: Scene) -> None:
        """The same verb does it now, from where the fault has left everything."""
        self.box.run(*scene.verb).must()

    def must_converge(self) -> None:
        """The next plain ``up`` makes it as it should be."""
        self.box.run("up", "-d").must()
        mine = self.box.observe().containers_of(self.box.name)
        expected = {"db": ContainerState.RUNNING, "job": ContainerState.EXITED, "web": ContainerState.RUNNING}
        assert {each.service: each.state for each in mine} == expected
        assert sorted(each.name for each in mine) == [f"{self.box.name}.{name}" for name in sorted(expected)]
        assert [step for step in self.box.plan()["steps"] if step["action"] != "WaitReady"] == []


@dataclass(frozen=True, slots=True)
class Ended:
    """How a verb that was to be cut off ended. ``after_s``: how long after the last signal."""

    ran: Ran
    is_reached: bool
    after_s: float


def cut_off(
    box: Box,
    verb: tuple[str, ...],
    is_moment: Callable[[Path], bool],
    signals: tuple[signal.Signals, ...],
    go_on: Callable[[], None] = lambda: None,
    gap_s: float = 0.05,
) -> Ended:
    """Begin the verb, and send the signals once ``is_moment``, unless it has ended before; then ``go_on``.

    Args:
        is_moment: Asked again and again, with the file into which the verb writes its standard output.
        gap_s: Between two signals, so that the second one isn't merged with the first.

    Raises: AssertionError when the moment never comes, or when the verb doesn't end.
    """
    # Read from files: a verb that writes without end must not wait for a full pipe.
    with tempfile.TemporaryFile("w+") as stdout, tempfile.TemporaryFile("w+") as stderr:
        said, told = (Path(f"/proc/self/fd/{each.fileno()}") for each in (stdout, stderr))
        process = box.begin(*verb, stdout=stdout, stderr=stderr)
        try:
            until_s = time.monotonic() + ENDS_WITHIN_S
            while not (is_reached := is_moment(said)) and process.poll() is None:
                assert time.monotonic() < until_s, f"the moment never came, and {verb} did not end"
                time.sleep(_POLL_S)
            for place, number in enumerate(signals if is_reached else ()):
                # Not at once after the last one: the first would be merged with it.
                time.sleep(gap_s if place else 0)
                process.send_signal(number)
            sent_s = time.monotonic()
            go_on()
            try:
                process.wait(timeout=ENDS_WITHIN_S)
            except subprocess.TimeoutExpired:
                raise AssertionError(f"{verb} goes on after {signals}") from None
        finally:
            process.kill()
            process.wait(timeout=ENDS_WITHIN_S)
        after_s = time.monotonic() - sent_s
        return Ended(Ran(process.returncode, said.read_text(), told.read_text()), is_reached, after_s)


def assert_told_well(ran: Ran, *, may_be_killed: bool = False, may_report: bool = False) -> None:
    """It succeeded, or said in one sentence what went wrong, and never that it doesn't know.

    ``may_report``: what went wrong may be a line of its report as well.
    """
    assert "Traceback" not in ran.stderr, ran.stderr
    assert "this is a bug" not in ran.stderr, ran.stderr
    errors = re.findall(r"^error: (.+)$", ran.stderr, re.MULTILINE)
    if ran.status < 0:
        assert may_be_killed, ran
    elif ran.status == 0:
        assert not errors, ran.stderr
    else:
        assert len(errors) == 1 or (may_report and "error: " in ran.stdout), ran
