"""A trial of a real Loader, asked from outside all the time: nobody gets in before the commit, whatever is flushed."""

import json
import os
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.contracts.images import TEST_IMAGE
from tests.integration.boxes import BOXSHIP
from tests.integration.loaders import LoaderBox, loader_box
from tests.integration.outside import HOST, Outside, outside_of
from tests.integration.private_engine import PrivateEngine, private_engine

pytestmark = [pytest.mark.docker, pytest.mark.timeout(120)]

# As a page it says its version; 2.0.0 is well once the test lets it.
COMPOSE = """
services:
  web:
    image: ${TEST_IMAGE}
    init: true
    command: [sh, -c, "mkdir -p /www; echo ${VERSION} > /www/index.html; exec httpd -f -p 80 -h /www"]
    ports: ["80:80"]
    stop_grace_period: 0s
    volumes: ["${GATES}:/gates:ro"]
"""
DEADLINE_S = 60


class Site:
    def __init__(self, engine: PrivateEngine, outside: Outside, box: LoaderBox, gates: Path) -> None:
        self.engine = engine
        self.outside = outside
        self.box = box
        self.gates = gates

    def tool(self, *argv: str) -> None:
        subprocess.run([*self.engine.enter, *argv], check=True, capture_output=True, timeout=20)

    def asked(self) -> str:
        """What somebody outside gets at port 80."""
        argv = ["curl", "-s", "--max-time", "5", f"http://{HOST}/"]
        done = subprocess.run([*self.outside.enter, *argv], capture_output=True, text=True, timeout=20, check=False)
        return done.stdout.strip() if done.returncode == 0 else f"curl {done.returncode}"

    def is_page(self) -> bool:
        return "<h1>" in self.asked()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    source, output, home, gates = (tmp_path / name for name in ("source", "releases", "box", "gates"))
    for each in (source, home, gates):
        each.mkdir()
    name = f"bxtrial-{uuid.uuid4().hex[:8]}"
    (source / "compose.yaml").write_text(COMPOSE)
    with ExitStack() as ending:
        engine = ending.enter_context(private_engine())
        outside = ending.enter_context(outside_of(engine))
        environment = {"TEST_IMAGE": TEST_IMAGE, "DOCKER_HOST": engine.address, "GATES": str(gates)}
        for version in ("1.0.0", "2.0.0"):
            appliance = {
                "name": name,
                "version": version,
                "app": "compose.yaml",
                "boot": {"timeout": "50s"},
                "checks": {"web": {"exec": ["test", "-e", f"/gates/{version}"]}},
            }
            (source / "appliance.yaml").write_text(json.dumps(appliance))
            made = subprocess.run(
                [*BOXSHIP, "release", "create", "--output", str(output)],
                cwd=source, env=os.environ | environment | {"VERSION": version},
                capture_output=True, text=True, timeout=DEADLINE_S, check=False,
            )  # fmt: skip
            assert made.returncode == 0, made.stderr
        options = ("--source", f"dir:{output}")
        box = ending.enter_context(loader_box(name, home, environment, *options, enter=engine.enter[:4]))
        (gates / "1.0.0").touch()
        box.to("1.0.0")
        yield Site(engine, outside, box, gates)


def begin_trial(site: Site) -> str:
    assert site.asked() == "1.0.0"
    assert site.box.pull("2.0.0")["status"] == "done"
    switching = site.box.begin("/v1/switch", {"version": "2.0.0"})
    site.box.eventually(
        lambda: site.box.running() == [f"{site.box.appliance}.web.g2"], "the trial runs, and isn't well yet"
    )
    return switching


def test_nobody_gets_into_a_trial_and_after_the_commit_everybody_does(site: Site) -> None:
    switching = begin_trial(site)
    assert {site.is_page() for _ in range(5)} == {True}
    (site.gates / "2.0.0").touch()
    assert site.box.over(switching)["status"] == "done"
    assert site.asked() == "2.0.0"


@pytest.mark.parametrize("table", ["filter", "nat"])
def test_a_firewall_that_is_loaded_anew_in_a_trial_is_closed_again(site: Site, table: str) -> None:
    switching = begin_trial(site)
    site.tool("iptables", "-t", table, "-F", "PREROUTING" if table == "nat" else "DOCKER-USER")
    site.box.eventually(lambda: "the gate is closed again" in site.box.last_words(), "the Loader says so", within_s=20)
    assert {site.is_page() for _ in range(3)} == {True}
    site.box.ask("DELETE", f"/v1/operations/{switching}")
    assert site.box.over(switching)["status"] == "cancelled"
    assert site.asked() == "1.0.0"
