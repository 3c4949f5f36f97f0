"""``boxship why``: a box's own word where there is one, and what runs where there is none."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from boxship.cli.main import main
from boxship.names import LABEL_LOADER, loader_name
from tests.contracts.images import TEST_IMAGE
from tests.integration.box_thread import BoxThread
from tests.integration.boxes import Box

COMPOSE = f"""
services:
  db: {{image: "{TEST_IMAGE}", init: true, command: [sleep, "600"]}}
  web: {{image: "{TEST_IMAGE}", init: true, command: [sleep, "600"]}}
"""
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def thread(tmp_path: Path) -> Iterator[BoxThread]:
    """A box that is emulated in the test's own folder."""
    folder = tmp_path / ".boxship" / "run"
    folder.mkdir(parents=True)
    made = BoxThread(folder)
    made.listen()
    made.do(lambda box: box.show(phase="starting-services", why="web is starting, 12 s left", is_ready=False))
    yield made
    made.close()


def test_a_box_is_asked_wherever_it_is_found_and_says_the_same_as_below_box(
    thread: BoxThread, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    assert main(["why", "--socket", thread.socket]) == 0
    monkeypatch.chdir(tmp_path)
    assert main(["why"]) == 0
    monkeypatch.chdir("/")
    monkeypatch.setenv("BOXSHIP_SOCKET", thread.socket)
    assert main(["why"]) == 0
    assert capsys.readouterr().out == "web is starting, 12 s left\n" * 3
    assert main(["why", "--json"]) == 0
    top = json.loads(capsys.readouterr().out)
    assert main(["box", "why", "--json"]) == 0
    assert top == json.loads(capsys.readouterr().out)


def test_a_box_that_does_not_answer_is_an_error_and_not_a_box_without_a_loader(
    thread: BoxThread, capsys: Capture
) -> None:
    thread.stop()
    assert main(["why", "--socket", thread.socket]) == 10
    assert "cannot reach the box at" in capsys.readouterr().err


@pytest.mark.docker
def test_where_no_loader_is_it_says_so_and_what_is_not_as_it_should_be(box: Box) -> None:
    box.write(COMPOSE)
    before = box.run("why").must()
    assert f"no Loader looks after {box.name}" in before.stdout
    assert "0 of 2 containers are as they should be" in before.stdout
    assert "web: not created" in before.stdout.splitlines()
    box.run("up", "-d").must()
    after = json.loads(box.run("why", "--json").must().stdout)
    assert (after["phase"], after["is_ready"], after["unready"]) == ("no-loader", True, {})
    assert "2 of 2 containers" in after["why"]


@pytest.mark.docker
def test_a_loader_whose_socket_cannot_be_seen_is_not_taken_for_none(box: Box) -> None:
    box.write(f"""
services:
  web:
    image: "{TEST_IMAGE}"
    init: true
    command: [sleep, "600"]
    container_name: {loader_name(box.name)}
    labels: {{{LABEL_LOADER}: {box.name}}}
""")
    box.run("up", "-d").must()
    asked = box.run("why")
    assert asked.status == 10
    assert "cannot reach the box at" in asked.stderr


@pytest.mark.docker
def test_a_name_that_nobody_has_is_not_found(box: Box) -> None:
    (box.directory / "compose.yaml").unlink(missing_ok=True)
    asked = box.run("why")
    assert asked.status == 3
    assert f"there is no appliance '{box.name}'" in asked.stderr
