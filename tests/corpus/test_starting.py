"""Real projects start on a real engine: in their order, once, reachable, and without leaving anything behind.

Their images are replaced by a stand-in (``stand_in``), what would clash with the machine is moved (``replaced``), and
the order is judged by docker compose's reading of the dependencies, not by Boxship's.
"""

import json
import shutil
import subprocess
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct
from msgspec.structs import replace

from boxship.plan.observed import Observed
from tests.corpus.chosen import CHOSEN, Chosen
from tests.corpus.projects import Project, read_crane_project, read_project, with_dependencies
from tests.corpus.replaced import OVERRIDE, external_names, replaced, write_override
from tests.corpus.results import Results, Started
from tests.integration.boxes import Box, Ran

pytestmark = [pytest.mark.docker, pytest.mark.timeout(300)]
_DEADLINE_S = 60


@pytest.fixture(scope="session")
def foreign(stand_in: str) -> Iterator[str]:
    """A container, a network and a volume of somebody else's, with names that look like ours."""
    name = f"bxcorpus-{uuid.uuid4().hex[:8]}.not-ours"
    with external(networks=(name,), volumes=(name,)):
        docker("create", "--name", name, "--network", name, "--volume", f"{name}:/data", stand_in)
        try:
            yield name
        finally:
            docker("rm", "--force", name)


@pytest.mark.parametrize("chosen", CHOSEN, ids=lambda chosen: chosen.number)
def test_a_real_project_starts_in_order_rests_and_leaves_nothing_behind(
    chosen: Chosen, corpus: Path, stand_in: str, foreign: str, tmp_path: Path, results: Results
) -> None:
    project = read_project(corpus, chosen.number)
    profiles = set(chosen.profiles)
    expected = frozenset(
        name for name, keys in project.services.items() if not keys.get("profiles") or profiles & set(keys["profiles"])
    )
    with begun(project, expected, stand_in, tmp_path, results) as trial:
        trial.starts_in_order()
        trial.is_reachable()
        trial.rests()
        trial.leaves_nothing(foreign)
        results.started.append(trial.told(chosen.covers))


def test_the_original_appliance_boots_its_targets_from_its_crane_file(
    corpus: Path, stand_in: str, foreign: str, tmp_path: Path, results: Results
) -> None:
    project = read_crane_project(corpus, "01-aer0ss-aerofs.yml", "aer0ss/aerofs")
    # Boxship is what its loader was.
    default = with_dependencies(project, ("bunker", "nginx", "enforcer", "lipwig", "logrotator", "zephyr")) - {"loader"}
    maintenance = with_dependencies(project, ("maintenance-nginx",)) - {"loader"}
    assert default | maintenance == set(project.services) - {"loader"}
    with begun(project, default, stand_in, tmp_path, results) as trial:
        trial.starts_in_order()
        trial.is_reachable()
        trial.rests()
        switched = replace(trial, expected=maintenance)
        switched.starts_in_order("--target", "maintenance")
        switched.is_reachable()
        switched.leaves_nothing(foreign)
        everything = replace(trial, expected=default | maintenance)
        results.started.append(everything.told("a crane file: links, volumes-from, two groups as targets"))


@pytest.mark.parametrize(
    ("file", "target"),
    [("01-aer0ss-aerofs.yml", "default"), ("01-aer0ss-aerofs.yml", "maintenance"), ("02-aer0ss-aerofs.yml", "default")],
)
def test_what_is_imported_from_a_crane_file_makes_the_same_plan(
    file: str, target: str, corpus: Path, tmp_path: Path
) -> None:
    box = Box(f"bxcorpus-{uuid.uuid4().hex[:8]}", tmp_path)
    shutil.copyfile(corpus / "crane" / file, tmp_path / file)
    before = box.run("-f", file, "--target", target, "plan").must()
    box.run("import", file).must()
    (tmp_path / file).unlink()
    after = box.run("--target", target, "plan").must()
    assert "CreateContainer" in before.stdout
    assert after.stdout == before.stdout


class Trial(Struct, frozen=True):
    """One project on the engine; ``expected`` are the services that must run."""

    project: Project
    box: Box
    expected: frozenset[str]
    externals: Mapping[str, tuple[str, ...]]

    def run(self, *arguments: str) -> Ran:
        return self.box.run(*self.project.arguments(), "-f", OVERRIDE, *arguments)

    def starts_in_order(self, *options: str) -> None:
        self.run(*options, "up", "-d").must()
        rows = {row["service"]: row for row in json.loads(self.run("--json", "ps").must().stdout)}
        assert set(rows) == self.expected
        assert {row["container"]["state"] for row in rows.values()} <= {"running", "exited"}
        # The engine's own first answer to a health check comes after a whole interval; `up` has asked by itself.
        assert {row["why"].partition(",")[0] for row in rows.values()} <= {"", "health: starting"}
        began, fulfilled = self._times()
        for each in self.project.dependencies():
            if {each.service, each.on} <= self.expected:
                at = began if each.condition == "service_started" else fulfilled
                assert at[each.on] <= began[each.service], (
                    f"{each} began at {began[each.service]}, not after {at[each.on]}"
                )

    def _times(self) -> tuple[dict[str, float], dict[str, float]]:
        """When each stand-in began, and when it was about to do what others wait for; seconds of one clock."""
        times: dict[str, dict[str, float]] = {"began": {}, "fulfilled": {}}
        for text in self.run("--json", "logs").must().stdout.splitlines():
            line = json.loads(text)
            word, _, rest = line["text"].partition(" ")
            if word in times:
                # One that ended and was started again counts with its first life.
                times[word].setdefault(line["service"], float(rest.split()[0]))
        assert set(times["began"]) == self.expected
        return times["began"], times["fulfilled"]

    def is_reachable(self) -> None:
        """What the project publishes answers on the host, if it publishes anything."""
        publishing = {
            name
            for name in self.expected
            if any(port["protocol"] == "tcp" for port in self.project.services[name].get("ports") or ())
        }
        found = [
            port.published
            for container in self.box.observe().containers_of(self.box.name)
            for port in container.ports
            if container.service in publishing and port.protocol == "tcp" and port.published
        ]
        assert bool(found) == bool(publishing)
        for published in found[:1]:
            with urllib.request.urlopen(f"http://127.0.0.1:{published}/", timeout=_DEADLINE_S) as answer:
                assert answer.read() == b"ok\n"

    def rests(self) -> None:
        before = self._made(self.box.observe())
        again = self.run("up", "-d").must()
        assert "unchanged: " in again.stderr
        assert self._made(self.box.observe()) == before

    def leaves_nothing(self, foreign: str) -> None:
        """Nothing of its own, also no anonymous volume, while what is somebody else's stays."""
        keeping = {foreign, *self.externals["networks"], *self.externals["volumes"]}
        mine = self.box.observe().containers_of(self.box.name)
        used = {mount.source for container in mine for mount in container.mounts if mount.kind == "volume"}
        self.run("down", "--volumes").must()
        after = self.box.observe()
        assert self._made(after) == frozenset()
        there = {each.name for each in after.containers}
        there |= {each.name for each in after.networks} | {each.name for each in after.volumes}
        assert keeping <= there
        assert used & there <= keeping

    def told(self, covers: str) -> Started:
        project = self.project
        return Started(
            project.number, project.repository, len(project.services), len(self.expected), covers, replaced(project)
        )

    def _made(self, observed: Observed) -> frozenset[tuple[str, ...]]:
        """Everything of this appliance's that there is, and which it is."""
        mine = self.box.name
        return frozenset(
            (
                *((each.id, each.state) for each in observed.containers if each.appliance == mine),
                *((each.id, each.name) for each in observed.networks if each.appliance == mine),
                *((each.name,) for each in observed.volumes if each.appliance == mine),
            )
        )


@contextmanager
def begun(project: Project, expected: frozenset[str], image: str, directory: Path, results: Results) -> Iterator[Trial]:
    """A copy of the project, ready to be started; whatever is left of it at the end is removed."""
    results.tried += 1
    box = Box(f"bxcorpus-{project.number}-{uuid.uuid4().hex[:6]}", directory / "project")
    box.environment.update({"HOME": str(directory), **project.environment})
    # Not copytree's own copying: the corpus is read-only, and projects' containers write into their mounts.
    shutil.copytree(project.folder, box.directory, copy_function=shutil.copyfile)
    write_override(project, box.directory, box.name, image)
    externals = {kind: external_names(project, kind, box.name) for kind in ("networks", "volumes")}
    with external(**externals):
        try:
            yield Trial(project, box, expected, externals)
        finally:
            box.remove()


@contextmanager
def external(networks: tuple[str, ...] = (), volumes: tuple[str, ...] = ()) -> Iterator[None]:
    """Networks and volumes that somebody else has made."""
    made: list[tuple[str, str]] = []
    try:
        for kind, names in (("network", networks), ("volume", volumes)):
            for name in names:
                docker(kind, "create", name)
                made.append((kind, name))
        yield
    finally:
        for kind, name in reversed(made):
            docker(kind, "rm", name)


def docker(*arguments: str) -> Any:
    subprocess.run(["docker", *arguments], check=True, capture_output=True, timeout=_DEADLINE_S)
