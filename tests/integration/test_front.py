"""Port 80 of a real box from its first start: the page, until somebody else or its first release has the port."""

import json
import os
import signal
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from msgspec import Struct

from boxship.engine.docker import connect
from tests.contracts.images import TEST_IMAGE
from tests.integration.boxes import BOXSHIP, run_aside
from tests.integration.loaders import LoaderBox, loader_box
from tests.integration.outside import HOST, Outside, outside_of
from tests.integration.private_engine import PrivateEngine, private_engine

pytestmark = [pytest.mark.docker, pytest.mark.timeout(180)]

COMPOSE = """
services:
  web:
    image: ${TEST_IMAGE}
    init: true
    command: sleep 600
    stop_grace_period: 0s
    ports: ["80:8000"]
"""
SOON_S = 25.0
"""Longer than it takes the Loader to look at the firewall's rules again."""


class Site(Struct):
    engine: PrivateEngine
    outside: Outside
    box: LoaderBox
    options: tuple[str, ...]

    def page(self) -> str:
        """The headline of whatever answers at port 80, "" for nothing."""
        argv = [*self.outside.enter, "curl", "--silent", "--max-time", "3", f"http://{HOST}/some/path"]
        answer = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False).stdout
        return answer.partition("<h1>")[2].partition("</h1>")[0]

    def shows(self, headline: str) -> None:
        self.box.eventually(lambda: self.page() == headline, f"port 80 shows '{headline}'", within_s=SOON_S)

    def answers(self, text: str) -> None:
        ask = f"tcp,{HOST},80,0"
        self.box.eventually(lambda: self.outside.ask(ask) == [text], f"port 80 says {text}", within_s=SOON_S)

    def rules(self) -> str:
        saved = [[*self.engine.enter, f"{family}-save"] for family in ("iptables", "ip6tables")]
        return "".join(subprocess.run(each, capture_output=True, text=True, check=True).stdout for each in saved)

    def pid(self) -> int:
        return run_aside(lambda: _pid(self.engine.address, f"{self.box.appliance}.web.g1"))


async def _pid(address: str, name: str) -> int:
    engine = connect(address)
    try:
        return (await engine.inspect_container(name)).pid
    finally:
        await engine.close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """An empty box; its vendor has one release."""
    name, source = f"bxfront-{uuid.uuid4().hex[:8]}", tmp_path / "source"
    source.mkdir()
    (source / "compose.yaml").write_text(COMPOSE)
    (source / "appliance.yaml").write_text(json.dumps({"name": name, "version": "1.0.0", "app": "compose.yaml"}))
    with ExitStack() as ending:
        engine = ending.enter_context(private_engine())
        outside = ending.enter_context(outside_of(engine))
        environment = {"TEST_IMAGE": TEST_IMAGE, "DOCKER_HOST": engine.address}
        argv = [*BOXSHIP, "release", "create", "--output", str(tmp_path / "releases")]
        subprocess.run(argv, cwd=source, env=os.environ | environment, timeout=60, check=True)
        options = ("--source", f"dir:{tmp_path / 'releases'}", "--front-port", "80")
        box = ending.enter_context(loader_box(name, tmp_path, environment, *options, enter=engine.enter[:4]))
        yield Site(engine, outside, box, options)


def test_the_page_is_there_from_the_first_start_until_the_first_release_has_the_port(site: Site) -> None:
    site.shows("Nothing is installed yet")
    assert site.box.pull("1.0.0")["status"] == "done"
    site.shows("Nothing is installed yet")
    assert site.box.switch("1.0.0")["status"] == "done"
    assert site.page() == ""
    with site.outside.serving("app", "8000", container_pid=site.pid()):
        site.answers("app")
        assert "REDIRECT" not in site.rules()


def test_another_program_of_the_host_gets_the_port_whenever_it_wants(site: Site) -> None:
    site.shows("Nothing is installed yet")
    with site.outside.serving("somebody else", "80"):
        site.answers("somebody else")
        # The Loader that comes next finds it there.
        assert site.box.end() == 0
        site.box.start(*site.options)
        assert site.outside.ask(f"tcp,{HOST},80,0") == ["somebody else"]
    site.shows("Nothing is installed yet")


def test_a_second_empty_box_leaves_the_port_to_the_first(site: Site, tmp_path: Path) -> None:
    site.shows("Nothing is installed yet")
    name, folder = f"bxfront-{uuid.uuid4().hex[:8]}", tmp_path / "second"
    folder.mkdir()
    environment = {"DOCKER_HOST": site.engine.address}
    with loader_box(name, folder, environment, "--front-port", "80", enter=site.engine.enter[:4]) as second:
        second.eventually(lambda: "nothing is deployed yet" in second.get("/v1/why")["why"], "it has looked around")
        assert str(second.page_port) not in site.rules()
        assert site.page() == "Nothing is installed yet"


def test_a_loader_that_ends_leaves_no_rule_and_one_that_was_killed_leaves_it_to_the_next(site: Site) -> None:
    site.shows("Nothing is installed yet")
    assert site.box.end() == 0
    assert "BOXSHIP-GATE" not in site.rules()
    assert site.outside.ask(f"tcp,{HOST},80,0") == ["refused"]
    site.box.start(*site.options)
    site.shows("Nothing is installed yet")
    site.box.end(signal.SIGKILL)
    assert "BOXSHIP-GATE" in site.rules()
    with site.outside.serving("somebody else", "80"):
        site.box.start(*site.options)
        site.answers("somebody else")
