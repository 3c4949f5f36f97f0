"""The corpus's real projects, and what docker compose makes of them: the judge that isn't Boxship.

There is no such judge for crane files; the little of them that is judged here is read in the plainest way.
"""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from msgspec import Struct

PROJECT = "/PROJECT"
"""How the recorded models spell the project's folder."""


class Dependency(Struct, frozen=True):
    """``service`` starts after ``on``, once that is started, healthy or completed."""

    service: str
    on: str
    condition: str


class Project(Struct, frozen=True):
    """One real project; ``model`` is what docker compose resolved it to, with every profile."""

    number: str
    repository: str
    folder: Path
    files: tuple[str, ...]
    env_files: tuple[str, ...]
    environment: Mapping[str, str]
    model: Mapping[str, Any]

    @property
    def services(self) -> Mapping[str, Mapping[str, Any]]:
        found: Mapping[str, Mapping[str, Any]] = self.model["services"]
        return found

    def dependencies(self) -> Iterator[Dependency]:
        for name, service in self.services.items():
            for on, how in (service.get("depends_on") or {}).items():
                yield Dependency(name, on, how["condition"])

    def arguments(self) -> tuple[str, ...]:
        """What a person types before the verb."""
        flags = (("-f", self.files), ("--env-file", self.env_files))
        return tuple(word for flag, values in flags for value in values for word in (flag, value))


def read_project(corpus: Path, number: str) -> Project:
    """Return the project with this number (``024``)."""
    with (corpus / "compose" / "INDEX.tsv").open() as index:
        (row,) = (row for row in csv.DictReader(index, delimiter="\t") if row["id"].startswith(f"{number}-"))
    folder = corpus / "compose" / row["id"]
    mode = row["reference_mode"]
    return Project(
        number=number,
        repository=row["repo"],
        folder=folder,
        files=tuple(row["files"].split("|")),
        env_files=(mode.partition(" ")[2],) if mode.startswith("--env-file") else (),
        environment=_read_json(folder / "reference-env.json") if mode.endswith("reference-env.json") else {},
        model=_read_json(folder / "docker-compose-2.40.3.json"),
    )


def read_crane_project(corpus: Path, file: str, repository: str) -> Project:
    """Return the project of a crane file with ``containers``; its links and volumes-from are waited for."""
    said = yaml.safe_load((corpus / "crane" / file).read_text())
    return Project(
        number=file.partition("-")[0],
        repository=repository,
        folder=corpus / "crane",
        files=(file,),
        env_files=(),
        environment={},
        model={"services": {name: _as_compose(keys.get("run") or {}) for name, keys in said["containers"].items()}},
    )


def _as_compose(run: Mapping[str, Any]) -> dict[str, Any]:
    needed = (each.partition(":")[0] for key in ("link", "volumes-from") for each in run.get(key, ()))
    binds = (each.split(":") for each in run.get("volume", ()))
    return {
        "depends_on": {name: {"condition": "service_healthy"} for name in needed},
        "ports": [{"target": int(each.split(":")[-1]), "protocol": "tcp"} for each in run.get("publish", ())],
        "volumes": [{"type": "bind", "source": source, "target": target} for source, target, *_ in binds],
        "privileged": run.get("privileged", False),
    }


def with_dependencies(project: Project, roots: Iterable[str]) -> frozenset[str]:
    """Return the roots and everything that they need, however far away."""
    found: set[str] = set()
    left = set(roots)
    while left:
        found |= left
        left = {each.on for each in project.dependencies() if each.service in left} - found
    return frozenset(found)


def _read_json(path: Path) -> Any:
    return json.loads(path.read_text())
