"""A database that is written all the time goes from release to release: it loses nothing that it has confirmed."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.integration.boxes import BOXSHIP
from tests.integration.loaders import LoaderBox, loader_box

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(600)]
NAME = "bxtest-postgres"
COMPOSE = """
services:
  db:
    build: .
    init: true
    volumes: ["data:/data"]
    stop_grace_period: 30s
    shm_size: 64m
volumes:
  data:
"""
APPLIANCE = """
name: bxtest-postgres
version: {version}
app: compose.yaml
boot: {{attempts: 2, timeout: 60s}}
checks:
  db: {{exec: [pg_isready, -q]}}
build:
  bases:
    share/base: {{suite: bookworm, packages: [ca-certificates]}}
    share/postgres-base: {{from: share/base, packages: [postgresql-15]}}
"""


def make_releases(folder: Path) -> Path:
    """Two that differ in their version alone."""
    files = folder / "files"
    shutil.copytree(Path(__file__).parent / "postgres", files)
    (files / "compose.yaml").write_text(COMPOSE)
    for version in ("1.0.0", "2.0.0"):
        (files / "appliance.yaml").write_text(APPLIANCE.format(version=version))
        for verb in (["build", "--quiet"], ["release", "create", "--output", str(folder / "releases")]):
            subprocess.run(
                [*BOXSHIP, *verb], cwd=files, env=dict(os.environ), check=True, capture_output=True, timeout=400
            )
    return folder / "releases"


def execute(box: LoaderBox, generation: int, *argv: str, timeout_s: float = 120) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["docker", "exec", f"{NAME}.db.g{generation}", *argv],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


def test_postgresql_under_transfers_is_copied_whole(tmp_path: Path) -> None:
    releases = make_releases(tmp_path)
    with loader_box(NAME, tmp_path, None, "--source", f"dir:{releases}") as box:
        box.to("1.0.0")
        assert box.pull("2.0.0")["status"] == "done"
        writing = subprocess.Popen(
            ["docker", "exec", f"{NAME}.db.g1", "bench", "60"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        history = "select count(*) from pgbench_history"
        box.eventually(
            lambda: int(execute(box, 1, "psql", "-Atc", history, "postgres").stdout.strip() or 0) > 200,
            "transfers are made",
        )
        switched = box.switch("2.0.0")
        assert switched["status"] == "done", switched
        assert writing.wait(timeout=60) != 0, "the transfers were to be cut off by the switch"
        agreed = execute(box, 2, "agree")
        assert agreed.returncode == 0, agreed.stderr
        is_right, _, transfers = agreed.stdout.strip().partition("|")
        assert is_right == "t"
        assert int(transfers) > 200
        # And back: the data of before, which nobody has touched since.
        assert box.over(box.begin("/v1/rollback"))["status"] == "done"
        assert execute(box, 3, "agree").stdout.startswith("t|")
