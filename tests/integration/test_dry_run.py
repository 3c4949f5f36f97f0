"""``--dry-run``, over every verb that there is: it says what would be done, and the engine is only asked."""

import json
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from boxship.cli.arguments import VERBS
from tests.integration.boxes import Box
from tests.integration.onlookers import Onlooker, onlooker

pytestmark = [pytest.mark.docker, pytest.mark.timeout(120)]

COMPOSE = """
services:
  web:
    image: "${TEST_IMAGE}"
    command: sleep 600
    init: true
    depends_on: [db]
    develop: {watch: [{action: sync, path: ., target: /srv}]}
  db: {image: "${TEST_IMAGE}", command: sleep 600, init: true}
  made: {build: {context: ., dockerfile_inline: "FROM scratch"}, image: "${TEST_IMAGE}", profiles: [more]}
"""
CRANE = "services: {web: {image: busybox}}\n"

LOOKING = frozenset(
    {
        *("ps", "plan", "logs", "check", "show", "graph", "version", "config", "completion", "port", "top", "ip"),
        *("stats", "events", "images", "wait", "status", "metrics", "attach", "man", "volumes", "ls", "why"),
        "box",  # it asks no engine; its own rehearsals are in test_box_client.py
    }
)
"""What a verb that is not here must withstand. Whoever only looks has nothing to rehearse."""
LINES = {
    "up": "up -d --force-recreate",
    "build": "build made",
    "push": "push made",
    "start": "start db",
    "import": "import crane.yml -o elsewhere",
    "init": "init --force",
    "down": "down -v",
    "pull": "pull web",
}
"""Where the example of the verb would not change anything here."""


@pytest.fixture
def watched(box: Box, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Onlooker]:
    """A box that runs, whose engine from now on only answers questions."""
    box.write(COMPOSE)
    (box.directory / "crane.yml").write_text(CRANE)
    box.run("up", "-d").must()
    # Not below the test's own folder: a socket's path may have 107 characters.
    folder = Path(tmp_path_factory.mktemp("on"))
    with onlooker(folder) as made:
        box.environment["DOCKER_HOST"] = made.address
        yield made
        del box.environment["DOCKER_HOST"]
    shutil.rmtree(folder, ignore_errors=True)


def line_of(verb: str) -> list[str]:
    example = next(text for name, _, _, text in VERBS if name == verb)
    return shlex.split(LINES.get(verb, example.removeprefix("boxship ")))


def test_no_verb_changes_anything_in_a_dry_run_and_each_says_what_it_would_do(box: Box, watched: Onlooker) -> None:
    before = sorted(path.name for path in box.directory.iterdir())
    changing = [verb for verb, *_ in VERBS if verb not in LOOKING]
    assert {"up", "down", "start", "stop", "restart", "build", "exec"} <= set(changing)
    for verb in changing:
        name, *rest = line_of(verb)
        ran = box.run(name, "--dry-run", *rest)
        assert (ran.status, watched.refused) == (0, []), f"{verb}: {ran.stdout}{ran.stderr}"
        assert ran.stdout.strip(), verb
    assert sorted(path.name for path in box.directory.iterdir()) == before


def test_a_dry_run_names_causes_and_then_happens_as_it_said(box: Box, watched: Onlooker) -> None:
    said = json.loads(box.run("--json", "--dry-run", "down").must().stdout)
    assert [step["cause"] for step in said["steps"]][-1:] == ["the appliance goes down"]
    assert {step["subject"] for step in said["steps"]} == {"service:web", "service:db", "network:default"}
    stopped = box.run("stop", "--dry-run", "web").must().stdout
    assert "service:web, StopContainer, asked for" in stopped
    assert "service:db" not in stopped
    assert box.run("--dry-run", "start").must().stdout == "nothing to do: everything is as it should be\n"
    assert "would run 'sh -c' in" in box.run("exec", "--dry-run", "web", "sh", "-c").must().stdout
    for verb in ("up", "build", "exec"):
        name, *rest = line_of(verb)
        assert isinstance(json.loads(box.run("--json", name, "--dry-run", *rest).must().stdout), dict)
    wrong = box.run("up", "--dry-run", "wbe")
    assert (wrong.status, "no service 'wbe'" in wrong.stderr) == (3, True)
    assert watched.asked
    assert watched.refused == []
