"""Into maintenance and out of it on a real box, with a vendor's check in between."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
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
  license: {{program: [sh, {license}]}}
"""
LICENSE = """
if [ -e {mark}.slow ]; then echo $$ >{mark}.pid; sleep 60; fi
test -e {mark} || {{ echo the license ended yesterday; exit 2; }}
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
    (files / "appliance.yaml").write_text(APPLIANCE_YAML.format(license=tmp_path / "license.sh"))
    (tmp_path / "license.sh").write_text(LICENSE.format(mark=mark))
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


def tell(box: LoaderBox, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*BOXSHIP, "box", *words, "--socket", str(box.socket)],
        cwd=box.folder, capture_output=True, text=True, timeout=90, check=False,
    )  # fmt: skip


def leave(box: LoaderBox) -> "subprocess.CompletedProcess[str]":
    return tell(box, "maintenance", "off")


def begin_by_button(browser: httpx.Client, word: str) -> None:
    proof = re.search(r'name="proof" value="([^"]+)"', browser.get("/boxship/operate").text)
    assert proof is not None
    answer = browser.post("/boxship/operate/maintenance", data={"proof": proof[1], "set": word})
    assert answer.status_code == 303, answer.text


def test_a_browser_with_a_token_begins_it_ends_it_and_reads_why_it_does_not_end(box: LoaderBox, mark: Path) -> None:
    status, made = box.ask("POST", "/v1/tokens", {"name": "ops", "scopes": ["admin"]})
    assert status == 201, made

    def over(said: str) -> str:
        page = browser.get("/boxship/operate").text
        return page if said in page else ""

    with httpx.Client(base_url=f"http://127.0.0.1:{box.page_port}", timeout=20) as browser:
        assert browser.post("/boxship/operate/sign-in", data={"token": made["secret"]}).status_code == 303
        begin_by_button(browser, "on")
        box.eventually(lambda: over(">done<"), "the page says that it is done")
        assert box.get("/v1/maintenance") == {"on": True, "target": "maintenance"}
        mark.unlink()
        begin_by_button(browser, "off")
        page = box.eventually(lambda: over(">failed<"), "the page says that it failed")
        assert "maintenance stays on: host: check license: the license ended yesterday" in page
        mark.touch()
        begin_by_button(browser, "off")
        box.eventually(lambda: box.get("/v1/maintenance")["on"] is False and over(">done<"), "it is left")
    entries = box.get("/v1/audit")["entries"]
    assert [each["action"] for each in entries if "token ops" in each["who"]] == ["sign in", *["maintenance"] * 3]


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


def test_leaving_is_cancelled_while_a_check_runs_and_the_check_ends(box: LoaderBox, mark: Path) -> None:
    assert box.over(box.begin("/v1/maintenance", {"on": True}))["status"] == "done"
    before = [each.id for each in box.observe().containers_of(APPLIANCE) if each.state == "running"]
    slow, pid_file = mark.with_suffix(".slow"), mark.with_suffix(".pid")
    slow.touch()
    begun = tell(box, "maintenance", "off", "--detach").stdout.split()[-1]
    box.eventually(lambda: pid_file.exists() and pid_file.read_text().endswith("\n"), "the check runs")
    assert tell(box, "cancel", begun).returncode == 0
    assert box.over(begun)["status"] == "cancelled"
    assert not Path(f"/proc/{int(pid_file.read_text())}").exists()
    assert box.get("/v1/maintenance") == {"on": True, "target": "maintenance"}
    assert [each.id for each in box.observe().containers_of(APPLIANCE) if each.state == "running"] == before
    slow.unlink()
    assert leave(box).returncode == 0
    assert box.running() == [f"{APPLIANCE}.web.g1"]
