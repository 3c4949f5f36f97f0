"""What a build costs when nothing has to be done: ours beside ``docker build``, on folders that both share."""

import random
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from benchmarks.figures import Failure, Outcome
from benchmarks.goals import Quantity
from benchmarks.measure import run_command
from benchmarks.rounds import SETTLE_S
from benchmarks.rows import Row
from benchmarks.tools import BOXSHIP, OUR_PROGRAM, Command
from benchmarks.trials import Contest, Stage

DOCKER_BUILD = "docker-build"
_FIRST_DEADLINE_S = 600
_PER_FOLDER = 100


class Sources(NamedTuple):
    """So many images, each of its own folder with so many files of so many bytes."""

    images: int
    files: int
    bytes_each: int

    @property
    def services(self) -> tuple[str, ...]:
        return tuple(f"i{number}" for number in range(self.images))


SOURCES = {"build-20k": Sources(1, 20_000, 5_000), "build-8": Sources(8, 20, 2_000)}
"""By row; 20,000 files are 100 MB."""


class Builds:
    """The trial."""

    rows = (
        Row("build-20k", "no-op build: 1 image of 20,000 files, 100 MB", Quantity.WALL, deadline_s=240),
        Row("build-8", "no-op build: 8 images of 20 files", Quantity.WALL),
    )

    @contextmanager
    def open(self, stage: Stage) -> Iterator[Contest]:
        docker = shutil.which("docker", path=stage.environment.get("PATH"))
        contest = BuildContest(stage, str(OUR_PROGRAM), docker)
        try:
            yield contest
        finally:
            contest.remove_images()


BUILDS = Builds()


class BuildContest:
    """Each builds everything once, untimed, in its first turn: what is compared is the build after that."""

    def __init__(self, stage: Stage, ours: str, docker: str | None) -> None:
        self._stage = stage
        self._programs = {BOXSHIP: ours} | ({DOCKER_BUILD: docker} if docker else {})
        self._begun: dict[tuple[str, str], bool] = {}
        """(Contestant, row) -> whether its first build succeeded."""

    @property
    def titles(self) -> Mapping[str, str]:
        return {key: "boxship" if key == BOXSHIP else "docker build" for key in self._programs}

    @property
    def left_out(self) -> Sequence[str]:
        return () if DOCKER_BUILD in self._programs else ("docker build is left out: put the docker command on PATH.",)

    def turn(self, key: str, row: Row) -> Iterable[Outcome]:
        command = self._command(key, row.key)
        if not self._begun.get((key, row.key)):
            self._begun[key, row.key] = False
            outcome = self._run(command, _FIRST_DEADLINE_S)
            if isinstance(outcome, Failure):
                return (Failure(f"its first build: {outcome.reason}"),)
            self._begun[key, row.key] = True
        before = self._images(key, row.key)
        outcome = self._run(command, row.deadline_s)
        if isinstance(outcome, Failure):
            return (outcome,)
        return (complain(before, self._images(key, row.key)) or outcome,)

    def remove_images(self) -> None:
        """Those that were asked for, whether they were made or not."""
        for key, row in self._begun:
            for reference in self._references(key, row):
                self._stage.engine.remove_image(reference)

    def _run(self, command: Command, deadline_s: float) -> Outcome:
        outcome = run_command(command, self._stage.folder / "build.log", deadline_s)
        time.sleep(SETTLE_S)
        return outcome

    def _command(self, key: str, row: str) -> Command:
        """What it runs; the folders are written on the first use."""
        root, project = self._stage.folder / f"contexts-{row}", self._project(key, row)
        if not root.exists():
            write_sources(SOURCES[row], root)
        if key == DOCKER_BUILD:
            return docker_build(self._programs[key], SOURCES[row], root, project)
        compose_file = self._stage.folder / f"{project}.yaml"
        compose_file.write_text(compose_text(SOURCES[row], root))
        # What it remembers goes with the folder.
        memory = {name: str(self._stage.folder / name.lower()) for name in ("XDG_CACHE_HOME", "XDG_STATE_HOME")}
        return Command((self._programs[key], "-f", str(compose_file), "-p", project, "build", "-q"), memory)

    def _project(self, key: str, row: str) -> str:
        return f"{self._stage.name}-{key}-{row}"

    def _references(self, key: str, row: str) -> tuple[str, ...]:
        return tuple(f"{self._project(key, row)}/{service}:latest" for service in SOURCES[row].services)

    def _images(self, key: str, row: str) -> Mapping[str, str | None]:
        return {each: self._stage.engine.image_id(each) for each in self._references(key, row)}


def complain(before: Mapping[str, str | None], after: Mapping[str, str | None]) -> Failure | None:
    """What is wrong although the command ended with 0: there are images missing, or others than before."""
    missing = [reference for reference, found in after.items() if found is None]
    if missing:
        return Failure(f"it made no {missing[0]}")
    return Failure("it was to change nothing, and did") if before != after else None


def write_sources(sources: Sources, root: Path) -> None:
    """A folder for each image; the same bytes each time."""
    chance = random.Random(sources.files)
    for service in sources.services:
        folder = root / service
        folder.mkdir(parents=True)
        (folder / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
        for number in range(sources.files):
            file = folder / f"d{number // _PER_FOLDER:03}" / f"f{number % _PER_FOLDER:02}.bin"
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(chance.randbytes(sources.bytes_each))


def compose_text(sources: Sources, root: Path) -> str:
    """A Compose file that builds them."""
    lines = [f"  {service}: {{build: {str(root / service)!r}}}" for service in sources.services]
    return "\n".join(("services:", *lines)) + "\n"


def docker_build(program: str, sources: Sources, root: Path, project: str) -> Command:
    """``docker build`` of one folder after the other, as one command."""
    builds = (f'"$0" build -q -t {project}/{service} "$1/{service}" || exit 1' for service in sources.services)
    # BuildKit would else attach when it was run, and with some engines that makes another image each time.
    return Command(("/bin/sh", "-c", "\n".join(builds), program, str(root)), {"BUILDX_NO_DEFAULT_ATTESTATIONS": "1"})
