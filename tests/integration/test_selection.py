"""--dependencies and --affected mean the same with every verb."""

import json

import pytest

from tests.integration.boxes import Box

pytestmark = [pytest.mark.docker, pytest.mark.timeout(120)]

COMPOSE = """
x-quick: &quick {image: "${TEST_IMAGE}", command: sleep 600, init: true}
services:
  db: {<<: *quick}
  web: {<<: *quick, depends_on: [db]}
  edge: {<<: *quick, depends_on: [web]}
  tools: {<<: *quick, depends_on: [db], profiles: [tools]}
"""


def touched(box: Box, *words: str) -> list[str]:
    """The services that the plan of a verb is about."""
    data = json.loads(box.run("--json", "--dry-run", *words).must().stdout)
    subjects = {step["subject"] for step in data["steps"]} | {f"service:{name}" for name in data["kept"]}
    return sorted(name for kind, _, name in (each.partition(":") for each in subjects) if kind == "service")


def test_what_is_named_what_it_needs_and_what_is_affected(box: Box) -> None:
    box.write(COMPOSE)
    box.run("up", "-d").must()
    assert touched(box, "stop", "web") == ["web"]
    assert touched(box, "stop", "web", "--affected") == ["edge", "web"]
    assert touched(box, "down", "--dependencies", "web") == ["db", "web"]
    assert touched(box, "restart", "db", "--affected") == ["db", "edge", "web"]
    assert touched(box, "restart", "--only", "edge", "--dependencies", "-x", "db") == ["edge", "web"]
    # Not tools, which depends on it and isn't there.
    assert touched(box, "up", "db", "--affected") == ["db", "edge", "web"]
    assert touched(box, "up", "--only", "web") == ["web"]
    assert touched(box, "up", "--only", "web", "--dependencies") == ["db", "web"]
    rows = json.loads(box.run("--json", "ps", "web", "--affected").must().stdout)
    assert [row["service"] for row in rows] == ["web", "edge"]
    assert "db" not in box.run("graph", "--only", "web", "--affected").must().stdout
    # tools has a container neither, so nothing was left out by mistake above.
    assert "tools" in box.run("--profile", "tools", "graph", "--only", "db", "--affected").must().stdout
    none = box.run("stop", "web", "-x", "web")
    assert (none.status, "nothing of web is left" in none.stderr) == (2, True)
