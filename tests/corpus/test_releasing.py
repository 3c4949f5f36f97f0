"""Real projects become releases that read elsewhere as they read here, or are refused for a reason that is told."""

import csv
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from boxship.bundle.pack import unpack
from boxship.bundle.prepare import prepare
from boxship.bundle.read import read_release
from boxship.errors import PreconditionError, SpecError
from boxship.spec.load import load
from boxship.spec.loaded import EVERY_PROFILE, Loaded, LoadOptions
from boxship.spec.release import Release
from boxship.spec.render import to_compose

# What must never be lost again. The others mount their whole folder, or something of the machine they were written on.
RELEASED_FLOOR = 137
pytestmark = pytest.mark.timeout(300)


def test_real_projects_read_in_a_release_as_they_do_at_home(corpus: Path, tmp_path: Path) -> None:
    with (corpus / "compose" / "INDEX.tsv").open() as index:
        rows = list(csv.DictReader(index, delimiter="\t"))
    released = [row["id"] for row in rows if is_released(corpus / "compose" / row["id"], row, tmp_path)]
    assert len(released) >= RELEASED_FLOOR, len(released)


def is_released(folder: Path, row: Mapping[str, str], tmp_path: Path) -> bool:
    options = options_of(folder, row)
    try:
        loaded = load(options)
    except SpecError:
        return False  # it lacks files of its project
    return reads_the_same(loaded, options, tmp_path / row["id"])


def reads_the_same(loaded: Loaded, options: LoadOptions, folder: Path) -> bool:
    try:
        prepared = prepare(loaded, options, tuple(loaded.appliance.services), "1.0.0", with_secrets=True)
    except PreconditionError as err:
        if not err.reasons:
            raise
        return False
    archive = folder.with_suffix(".tar.gz")
    archive.write_bytes(prepared.archive)
    unpack(archive, prepared.files, folder, folder.name)
    release = Release(loaded.appliance.name, "1.0.0", services={}, files=prepared.files, reading=prepared.reading)
    there = replace(loaded, appliance=read_release(folder, release))
    root = Path(os.path.normpath(loaded.appliance.directory / os.path.relpath(".", prepared.reading.directory)))
    assert shown(there, folder) == shown(loaded, root), folder.name
    return True


def options_of(folder: Path, row: Mapping[str, str]) -> LoadOptions:
    mode, said = row["reference_mode"], folder / "reference-env.json"
    return LoadOptions(
        files=tuple(map(Path, row["files"].split("|"))),
        env_files=(Path(mode.partition(" ")[2]),) if mode.startswith("--env-file") else (),
        directory=folder,
        environ={"HOME": "/root", "PATH": "/usr/bin", **(json.loads(said.read_text()) if said.exists() else {})},
        profiles=(EVERY_PROFILE,),
        lax=True,
    )


def shown(loaded: Loaded, root: Path) -> Any:
    """What docker compose would be shown of it, without what only a build looks at."""
    document = json.loads(json.dumps(to_compose(loaded)).replace(str(root), "/ROOT"))
    for service in document["services"].values():
        service.pop("build", None)
        service.pop("develop", None)
    return document
