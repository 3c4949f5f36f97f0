"""One appliance that is abused through a proxy, and what must hold of it afterwards."""

import os
import re
import signal
import subprocess
import time
from dataclasses import dataclass

from boxship.build.builder import LABEL_BUILT_FOR
from boxship.plan.observed import ContainerState
from tests.abuse.cycles import things_of
from tests.integration.boxes import Box, Ran
from tests.integration.hostile_proxy import Fault, HostileProxy, Moment

ENDS_WITHIN_S = 60.0
"""For an abused verb, whose deadlines are 8 s at most; the rest is what a machine under load takes."""
TIMEOUT_S = "2"
"""BOXSHIP_ENGINE_TIMEOUT of an abused verb: 2 s for lists, 4 s for removals, 8 s for creates and starts."""
_WHOLE = """
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


class Subject:
    """The appliance of one box, whose engine is behind a proxy."""

    def __init__(self, box: Box, proxy: HostileProxy) -> None:
        self.box = box
        self.proxy = proxy
        self.round = 0
        box.environment |= {"DOCKER_HOST": proxy.address, "XDG_CACHE_HOME": str(box.directory / "cache")}
        box.write(_WHOLE)

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
        self.box.environment["BOXSHIP_ENGINE_TIMEOUT"] = TIMEOUT_S
        try:
            ran = self.box.run(*scene.verb, deadline_s=ENDS_WITHIN_S)
        finally:
            del self.box.environment["BOXSHIP_ENGINE_TIMEOUT"]
            spoiled = self.proxy.spoiled
            self.proxy.misbehave(None)
        assert spoiled, f"{fault} hit nothing: {ran}"
        assert_told_well(ran)
        return ran, time.monotonic() - began_s

    def cut(self, scene: Scene, moment: Moment, signals: tuple[signal.Signals, ...]) -> tuple[int, bool]:
        """The verb, cut at a moment by signals: its status, and whether the moment came before its end."""
        self.proxy.misbehave(None)
        self.proxy.stop_at(moment)
        with self.box.begin(*scene.verb) as process:
            until_s = time.monotonic() + ENDS_WITHIN_S
            while not (is_reached := self.proxy.is_reached(0.02)) and process.poll() is None:
                assert time.monotonic() < until_s, f"{moment} never came, and {scene.verb} did not end"
            for number in signals if is_reached else ():
                process.send_signal(number)
                if number is not signals[-1]:
                    # So that the second one isn't merged with the first.
                    time.sleep(0.05)
            self.proxy.go_on()
            try:
                stdout, stderr = process.communicate(timeout=ENDS_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
                raise AssertionError(f"{scene.verb} goes on after {signals} at {moment}") from None
        assert_told_well(Ran(process.returncode, stdout, stderr), may_be_killed=True)
        return process.returncode, is_reached

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

    def must_converge(self) -> None:
        """The next plain ``up`` makes it as it should be."""
        self.box.run("up", "-d").must()
        mine = self.box.observe().containers_of(self.box.name)
        expected = {"db": ContainerState.RUNNING, "job": ContainerState.EXITED, "web": ContainerState.RUNNING}
        assert {each.service: each.state for each in mine} == expected
        assert sorted(each.name for each in mine) == [f"{self.box.name}.{name}" for name in sorted(expected)]
        assert [step for step in self.box.plan()["steps"] if step["action"] != "WaitReady"] == []


def assert_told_well(ran: Ran, *, may_be_killed: bool = False) -> None:
    """It succeeded, or said in one sentence what went wrong, and never that it doesn't know."""
    assert "Traceback" not in ran.stderr, ran.stderr
    assert "this is a bug" not in ran.stderr, ran.stderr
    errors = re.findall(r"^error: (.+)$", ran.stderr, re.MULTILINE)
    if ran.status < 0:
        assert may_be_killed, ran
    elif ran.status == 0:
        assert not errors, ran.stderr
    else:
        assert len(errors) == 1, ran.stderr
