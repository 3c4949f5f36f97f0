"""Appliances on the real engine, driven as a person would: by the command line."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, TypeVar

from boxship.clock import SystemClock
from boxship.engine.docker import connect
from boxship.execute.executor import execute
from boxship.plan.observed import Observed, ObservedContainer
from boxship.plan.verbs import plan_down

BOXSHIP = (sys.executable, "-m", "boxship.cli")
DEADLINE_S = 120
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended."""

    status: int
    stdout: str
    stderr: str

    def must(self) -> "Ran":
        assert self.status == 0, f"exit {self.status}\n{self.stderr}\n{self.stdout}"
        assert "Traceback" not in self.stderr
        return self


@dataclass
class Box:
    """One appliance in a folder of its own, under a name that nobody else has."""

    name: str
    directory: Path
    environment: dict[str, str] = field(default_factory=dict)

    def write(self, compose: str, appliance: str = "") -> None:
        (self.directory / "compose.yaml").write_text(compose)
        if appliance:
            (self.directory / "appliance.yaml").write_text(appliance)

    def run(self, *arguments: str, stdin: str = "", deadline_s: float = DEADLINE_S) -> Ran:
        done = subprocess.run(
            [*BOXSHIP, "-p", self.name, *arguments],
            cwd=self.directory,
            env=self._environment(),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=deadline_s,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def begin(
        self, *arguments: str, stdout: IO[str] | int = subprocess.PIPE, stderr: IO[str] | int = subprocess.PIPE
    ) -> "subprocess.Popen[str]":
        # A shell that runs the tests in the background has ^C ignored, and what is begun here is to hear it.
        return subprocess.Popen(
            ["env", "--default-signal=INT", *BOXSHIP, "-p", self.name, *arguments],
            cwd=self.directory,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            text=True,
        )

    def interrupt(self, process: "subprocess.Popen[str]") -> Ran:
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=DEADLINE_S)
        return Ran(process.returncode, stdout, stderr)

    def ps(self) -> dict[str, dict[str, Any]]:
        """Service -> its row."""
        rows = json.loads(self.run("--json", "ps").must().stdout)
        return {row["service"]: row for row in rows}

    def plan(self) -> dict[str, Any]:
        made: dict[str, Any] = json.loads(self.run("--json", "plan").must().stdout)
        return made

    def observe(self) -> Observed:
        return run_aside(lambda: _observe(self.environment.get("DOCKER_HOST")))

    def container(self, service: str) -> ObservedContainer:
        (found,) = [each for each in self.observe().containers_of(self.name) if each.service == service]
        return found

    def remove(self) -> None:
        """Everything with this appliance's label, files or not."""
        run_aside(lambda: _remove(self.name, self.environment.get("DOCKER_HOST")))

    def _environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("COMPOSE_")}
        return {**kept, "NO_COLOR": "1", **self.environment}


def run_aside(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """In a thread of its own: playwright keeps a loop running in the main one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: asyncio.run(work())).result()


async def _observe(docker_host: str | None) -> Observed:
    engine = connect(docker_host)
    try:
        return await engine.observe()
    finally:
        await engine.close()


async def _remove(name: str, docker_host: str | None) -> None:
    engine = connect(docker_host)
    try:
        plan = plan_down(name, await engine.observe(), {}, volumes=True, grace_s=0)
        await execute(plan, engine, lambda _: None, SystemClock())
    finally:
        await engine.close()
