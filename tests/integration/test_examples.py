"""The example of every verb's --help is run as it stands, on a small appliance that runs.

A verb whose example needs more than that has a rule in ``RULES``; one whose example can't be run by its rule fails.
"""

import shlex
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import Struct

from boxship.cli.arguments import VERBS
from boxship.plan.observed import ContainerState, Health
from tests.eventually import eventually
from tests.integration.boxes import Box

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]

# A box's examples need a box: test_box_client.py.
EXAMPLES = {verb: example for verb, _, _, example in VERBS if verb != "box"}
APPLIANCE = {
    "compose.yaml": """\
services:
  db:
    image: ${TEST_IMAGE}
    init: true
    command: [sleep, infinity]
    healthcheck: {test: ["CMD", "true"], interval: 1s}
    volumes: [data:/data]
  migrate:
    image: ${TEST_IMAGE}
    command: [sh, -c, "echo migrated"]
    depends_on: {db: {condition: service_healthy}}
  web:
    build: .
    init: true
    command: [sh, -c, "echo listening; exec httpd -f -p 80 -h /srv"]
    ports: ["127.0.0.1::80"]
    develop: {watch: [{action: sync, path: ./page.html, target: /srv/index.html}]}
    depends_on: {migrate: {condition: service_completed_successfully}}
volumes: {data: {}}
""",
    "Dockerfile": "ARG TEST_IMAGE=boxship-test:busybox\nFROM ${TEST_IMAGE}\nCOPY page.html /srv/index.html\n",
    "page.html": "<p>hello</p>\n",
}
CRANE = {"crane.yml": "containers:\n  web:\n    image: boxship-test:busybox\n    run:\n      cmd: [sleep, infinity]\n"}


class Rule(Struct, frozen=True):
    """What an example needs and does. ``files``: what lies in its folder. ``is_running``: the appliance is up before.

    ``until``: it goes on by itself; once it has printed this (``is_told``: on stderr), ^C ends it.
    ``ends``: what it then says on stderr. ``status``: how it ends. ``after``: what takes away what it left.
    """

    files: str = "appliance"
    is_running: bool = True
    until: str = ""
    is_told: bool = False
    ends: str = ""
    status: int = 0
    after: tuple[str, ...] = ()


RULES = {
    "emulate": Rule(until="reports: boot", is_told=True, ends="ends the Loader", after=("emulate", "--remove")),
    "import": Rule(files="crane", is_running=False),
    "init": Rule(is_running=False),
    "loader": Rule(is_running=False, until="nothing is deployed yet", is_told=True),
    "logs": Rule(until="listening"),
    "watch": Rule(until="watching", is_told=True),
}


class Bench:
    """One appliance for all examples, brought up again whenever one has left it otherwise."""

    def __init__(self, folder: Path, image: str) -> None:
        self.box = Box(f"bxtest-{uuid.uuid4().hex[:8]}", folder, {"TEST_IMAGE": image})
        self._as_up: object = None

    def bring_up(self) -> None:
        if self._as_up is not None and self._seen() == self._as_up:
            return
        if self.box.run("up", "-d").status != 0:
            # An example may leave what up can't use, such as a paused container.
            self.box.run("down", "-t", "0").must()
            self.box.run("up", "-d").must()
        self._until_asked()
        self._as_up = self._seen()

    def _until_asked(self) -> None:
        """The engine asks for the first time after an interval; until then status says that it is starting."""

        def has_been_asked() -> bool:
            mine = self.box.observe().containers_of(self.box.name)
            return all(each.health is not Health.STARTING for each in mine)

        eventually(has_been_asked, "every service was asked for its health")

    def _seen(self) -> object:
        found = self.box.observe().containers_of(self.box.name)
        return sorted((each.service, each.number, each.id, each.state) for each in found)

    def remove(self) -> None:
        self.box.remove()
        made = (f"{self.box.name}/{name}" for name in ("web:latest", "web:dev", "db:dev", "migrate:dev"))
        subprocess.run(["docker", "rmi", "-f", *made], check=False, capture_output=True, timeout=60)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory, test_image: str) -> Iterator[Bench]:
    made = Bench(tmp_path_factory.mktemp("examples"), test_image)
    yield made
    made.remove()


@pytest.mark.parametrize("verb", list(EXAMPLES))
def test_the_example_of_a_verb_can_be_run_as_it_stands(verb: str, bench: Bench, tmp_path: Path) -> None:
    rule = RULES.get(verb, Rule())
    program, *arguments = shlex.split(EXAMPLES[verb])
    assert program == "boxship"
    assert verb in arguments
    bench.box.directory = tmp_path
    for name, text in (APPLIANCE if rule.files == "appliance" else CRANE).items():
        (tmp_path / name).write_text(text)
    if rule.is_running:
        bench.bring_up()
    if rule.until:
        _run_until(bench.box, arguments, rule)
        if rule.after:
            bench.box.run(*rule.after).must()
        return
    done = bench.box.run(*arguments)
    assert (done.status, "Traceback" in done.stderr) == (rule.status, False), f"{done.stderr}\n{done.stdout}"


def _run_until(box: Box, arguments: list[str], rule: Rule) -> None:
    process = box.begin(*arguments)
    try:
        lines = process.stderr if rule.is_told else process.stdout
        assert lines is not None
        seen = []
        for line in lines:
            seen.append(line)
            if rule.until in line:
                break
        else:
            pytest.fail(f"it ended without '{rule.until}': {seen}")
        done = box.interrupt(process)
    finally:
        process.kill()
        process.wait()
    assert (done.status, rule.ends in done.stderr) == (rule.status, True), done.stderr
    assert rule.ends or not done.stderr


def test_every_rule_is_of_a_verb_and_says_something() -> None:
    assert set(RULES) <= set(EXAMPLES)
    assert [verb for verb, rule in RULES.items() if rule == Rule()] == []


def test_the_appliance_of_the_examples_is_the_whole_one(bench: Bench, tmp_path: Path) -> None:
    bench.box.directory = tmp_path
    for name, text in APPLIANCE.items():
        (tmp_path / name).write_text(text)
    bench.bring_up()
    states = {each.service: each.state for each in bench.box.observe().containers_of(bench.box.name)}
    running = ContainerState.RUNNING
    assert states == {"db": running, "migrate": ContainerState.EXITED, "web": running}
