"""Whose commands are timed: ours, the peers', and the raw engine's. Each says what it would run for an operation."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import NamedTuple, Protocol

from benchmarks.engine import EngineApi, Names
from benchmarks.faults import BenchError

ROOT = Path(__file__).resolve().parents[1]
OUR_PROGRAM = ROOT / ".venv/bin/boxship"
BOXSHIP, COMPOSE_V2, COMPOSE_V1, RAW, RAW_UP = "boxship", "compose-v2", "compose-v1", "raw", "raw-up"
_VERSION_DEADLINE_S = 30
_PYTHON = (sys.executable, "-s", "-S", "-P")
"""Without site packages: they are not needed, and finding them takes time."""
_PROGRAM_FOLDERS = ("/usr/local/bin", "/usr/bin")
_PLUGIN_FOLDERS = (
    "/usr/local/lib/docker/cli-plugins",
    "/usr/local/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins",
    "/usr/libexec/docker/cli-plugins",
)


class Operation(Enum):
    """What a command is to achieve."""

    VERSION = "version"
    HELP = "help"
    READ = "read and check"
    UP = "up"
    UP_HEALTHY = "up until healthy"
    NOOP = "no-op up"
    PS = "ps"
    DOWN = "down"


class Place(NamedTuple):
    """Where the files of a scenario lie, and the name of the application for one tool."""

    scenario: str
    project: str
    compose_file: Path
    plan_file: Path
    appliance_file: Path | None = None
    """Ours alone, where the scenario has one."""


@dataclass(frozen=True, slots=True)
class Command:
    """What is run; ``environment`` is added to ours."""

    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


class Tool(Protocol):
    """One column of the comparison."""

    @property
    def key(self) -> str: ...

    @property
    def title(self) -> str:
        """With its version."""

    def command(self, operation: Operation, place: Place) -> Command | None:
        """None when it can't do that."""

    def names(self, place: Place) -> Names:
        """Which containers and networks of an engine are its work."""


@dataclass(frozen=True, slots=True)
class ComposeLike:
    """Boxship and both docker composes: their command lines are the same, but for the word for reading."""

    key: str
    title: str
    program: str
    can_wait: bool = True

    def command(self, operation: Operation, place: Place) -> Command | None:
        files = (place.compose_file, place.appliance_file) if self.key == BOXSHIP else (place.compose_file,)
        named = (word for file in files if file is not None for word in ("-f", str(file)))
        base = (self.program, *named, "-p", place.project)
        match operation:
            case Operation.VERSION:
                return Command((self.program, "version"))
            case Operation.HELP:
                return Command((self.program, "--help"))
            case Operation.READ:
                return Command((*base, "check" if self.key == BOXSHIP else "config", "-q"))
            case Operation.UP | Operation.NOOP:
                return Command((*base, "up", "-d"))
            case Operation.UP_HEALTHY:
                return Command((*base, "up", "-d", "--wait")) if self.can_wait else None
            case Operation.PS:
                return Command((*base, "ps"))
            case Operation.DOWN:
                return Command((*base, "down"))

    def names(self, place: Place) -> Names:
        return Names.of_project(place.project)


@dataclass(frozen=True, slots=True)
class RawEngine:
    """raw_look.py and raw_walk.py beside this file."""

    key: str = RAW
    title: str = "raw engine script"

    def command(self, operation: Operation, place: Place) -> Command | None:
        plan = str(place.plan_file)
        match operation:
            case Operation.READ:
                return None
            case Operation.VERSION | Operation.HELP:
                return self._script("raw_look.py", "--help")
            case Operation.NOOP:
                return self._script("raw_look.py", "noop", plan)
            case Operation.PS:
                return self._script("raw_look.py", "ps", plan)
            case Operation.UP | Operation.UP_HEALTHY:
                return self._script("raw_walk.py", "up", plan)
            case Operation.DOWN:
                return self._script("raw_walk.py", "down", plan)

    def _script(self, name: str, *arguments: str) -> Command:
        return Command((*_PYTHON, str(ROOT / "benchmarks" / name), *arguments), {"PYTHONPATH": str(ROOT)})

    def names(self, place: Place) -> Names:
        return Names.of_project(place.project)


@dataclass(frozen=True, slots=True)
class ForeignRaw:
    """Somebody else's script, ``$RAW_UP up|noop|down 20``, with names, a network and an image of its own.

    SOCK is the engine's socket, CONC the calls in flight: two for ``down``, as it removes with as many.
    """

    script: Path
    socket_path: str
    key: str = RAW_UP
    title: str = "$RAW_UP script"

    IMAGE = "debian:bookworm-slim"
    NAMES = Names(re.compile("bx_s[0-9]+"), re.compile("bx"))

    def command(self, operation: Operation, place: Place) -> Command | None:
        verb = {Operation.UP: "up", Operation.NOOP: "noop", Operation.DOWN: "down"}.get(operation)
        if verb is None or place.scenario != "dag20":
            return None
        environment = {"SOCK": self.socket_path, "CONC": "2" if verb == "down" else "8"}
        return Command((*_PYTHON, str(self.script), verb, "20"), environment)

    def names(self, place: Place) -> Names:
        return self.NAMES


class Found(NamedTuple):
    """Ours comes first. ``left_out``: a sentence for each that isn't here."""

    tools: tuple[Tool, ...]
    left_out: tuple[str, ...]


def find_tools(engine: EngineApi, environment: Mapping[str, str]) -> Found:
    """Raises: BenchError when our own doesn't start."""
    tools: list[Tool] = [_find_boxship()]
    left_out: list[str] = []
    found_peers = (_find_compose_v2(environment), find_compose_v1(environment), _find_raw_up(engine, environment))
    for found in found_peers:
        if isinstance(found, str):
            left_out.append(found)
        elif found is not None:
            tools.append(found)
    return Found((*tools, RawEngine()), tuple(left_out))


def _find_boxship() -> Tool:
    if not OUR_PROGRAM.exists():
        raise BenchError(f"There is no {OUR_PROGRAM.relative_to(ROOT)}: run make bench, which makes it.")
    said = _ask(str(OUR_PROGRAM), "version")
    if said is None:
        raise BenchError("boxship doesn't start: see .venv/bin/boxship version.")
    return ComposeLike(BOXSHIP, f"boxship {said.split()[1]}", str(OUR_PROGRAM))


def _find_compose_v2(environment: Mapping[str, str]) -> Tool | str:
    named = environment.get("COMPOSE_V2")
    home = environment.get("DOCKER_CONFIG") or str(Path.home() / ".docker")
    plugins = [Path(folder, "docker-compose") for folder in (f"{home}/cli-plugins", *_PLUGIN_FOLDERS)]
    program = named or next((str(path) for path in plugins if os.access(path, os.X_OK)), None)
    if program is None:
        return "docker compose 2.x is left out: install it as a CLI plugin of docker, or name its binary in COMPOSE_V2."
    version = _ask(program, "version", "--short")
    if version is None:
        return f"docker compose 2.x is left out: {program} doesn't start; name another binary in COMPOSE_V2."
    return ComposeLike(COMPOSE_V2, f"docker compose {version.strip().partition('-')[0]}", str(Path(program).resolve()))


def find_compose_v1(environment: Mapping[str, str]) -> Tool | str:
    """The first on PATH or where packages put it: 2.x has the same name, and may come before it."""
    folders = dict.fromkeys([*environment.get("PATH", "").split(os.pathsep), *_PROGRAM_FOLDERS])
    programs = (str(Path(folder, "docker-compose")) for folder in folders if folder)
    for program in programs:
        version = _ask(program, "version", "--short") if os.access(program, os.X_OK) else None
        if version is not None and version.startswith("1."):
            return ComposeLike(COMPOSE_V1, f"docker-compose {version.strip()}", program, can_wait=False)
    return "docker-compose 1.29 is left out: install it (Debian 12 has the package docker-compose), or put it on PATH."


def _find_raw_up(engine: EngineApi, environment: Mapping[str, str]) -> Tool | str | None:
    named = environment.get("RAW_UP")
    if not named:
        return None
    script = Path(named).resolve()
    if not script.is_file():
        return f"The script in RAW_UP is left out: {named} is no file."
    if not engine.has_image(ForeignRaw.IMAGE):
        return f"The script in RAW_UP is left out: it wants {ForeignRaw.IMAGE}, which isn't on the engine."
    if engine.containers(ForeignRaw.NAMES) or engine.networks(ForeignRaw.NAMES):
        return "The script in RAW_UP is left out: its names (bx, bx_s0...) are taken on this engine."
    return ForeignRaw(script, engine.socket_path)


def _ask(*argv: str) -> str | None:
    """What it prints, None when it fails."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=_VERSION_DEADLINE_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 and done.stdout.strip() else None
