"""Into maintenance and out of it on a real box, with a vendor's check in between."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.boxes import BOXSHIP
from tests.integration.loaders import LoaderBox, free_ports, loader_box

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(120)]

APPLIANCE = "bxtest-maintenance"
COMPOSE = """
services:
  web: &web
    image: {image}
    init: true
    command: [httpd, -f, -p, "8080"]
    ports: ["127.0.0.1:{port}:8080"]
    stop_grace_period: 1s
  page: *web
"""
APPLIANCE_YAML = """
version: 1.0.0
app: compose.yaml
targets: {{default: [web], maintenance: [page]}}
boot: {{timeout: 20s}}
preflight:
  license: {{program: [sh, -c, "test -e {mark} || {{{{ echo the license ended yesterday; exit 2; }}}}"]}}
"""


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    return tmp_path / "licensed"


@pytest.fixture
def box(tmp_path: Path, mark: Path, test_image: str) -> Iterator[LoaderBox]:
    files, output, home = tmp_path / "files", tmp_path / "releases", tmp_path / "box"
    files.mkdir()
    home.mkdir()
    (files / "compose.yaml").write_text(COMPOSE.format(image=test_image, port=free_ports(1)[0]))
    (files / "appliance.yaml").write_text(APPLIANCE_YAML.format(mark=mark).replace("{{", "{").replace("}}", "}"))
    made = subprocess.run(
        [*BOXSHIP, "-p", APPLIANCE, "release", "create", "--output", str(output)],
        cwd=files, env=dict(os.environ), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    mark.touch()
    with loader_box(APPLIANCE, home) as begun:
        assert begun.ask("POST", "/v1/registry", {"registry": f"dir:{output}"})[0] == 200
        begun.to("1.0.0")
        yield begun


def leave(box: LoaderBox) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*BOXSHIP, "box", "maintenance", "off", "--socket", str(box.socket)],
        cwd=box.folder, capture_output=True, text=True, timeout=90, check=False,
    )  # fmt: skip


def test_a_vendors_check_that_fails_keeps_maintenance_on_until_it_is_well(box: LoaderBox, mark: Path) -> None:
    assert box.over(box.begin("/v1/maintenance", {"on": True}))["status"] == "done"
    mark.unlink()
    before = [each.id for each in box.observe().containers_of(APPLIANCE) if each.state == "running"]
    refused = leave(box)
    assert refused.returncode == 9, refused
    assert "error: maintenance stays on: host: check license: the license ended yesterday" in refused.stderr
    assert "hint: " in refused.stderr
    assert box.get("/v1/maintenance") == {"on": True, "target": "maintenance"}
    assert [each.id for each in box.observe().containers_of(APPLIANCE) if each.state == "running"] == before
    mark.touch()
    left = leave(box)
    assert left.returncode == 0, left
    assert (box.booted()["target"], box.running()) == ("default", [f"{APPLIANCE}.web.g1"])
