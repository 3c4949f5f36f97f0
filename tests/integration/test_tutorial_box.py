"""docs/tutorial-box.md, done as it is written: every command runs, and what it is shown to say is said."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.boxes import Box
from tests.integration.loaders import free_ports

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]
NAME = "bxtest-tutorial"
# It begins in a copy of that folder, which no git knows.
_ELSEWHERE = ("cd docs/tutorial", "git checkout")
_VARIES = re.compile(
    r" (is here, .* in|runs, after|nobody was served for|after the stop in) [0-9.]+ s|^visits \S+ is in "
)


def blocks() -> list[tuple[list[str], list[str]]]:
    """For each block of the page its commands, and the lines that are shown as their answers."""
    text = (ROOT / "docs/tutorial-box.md").read_text()
    found = []
    for block in re.findall(r"^```console\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
        lines = block.splitlines()
        found.append(
            ([each[2:] for each in lines if each.startswith("$ ")], [each for each in lines if each[:2] != "$ "])
        )
    return found


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    folder = tmp_path / "tutorial"
    shutil.copytree(ROOT / "docs/tutorial", folder, ignore=shutil.ignore_patterns(".boxship", "releases"))
    made = Box(NAME, folder)
    yield made
    made.run("emulate", "--remove")
    made.remove()


def test_the_tutorial_of_a_box_goes_as_it_is_written(box: Box) -> None:
    port, page_port = free_ports(2)
    compose = box.directory / "compose.yaml"
    compose.write_text(compose.read_text().replace("8088", str(port)))
    commands = [each for some, _ in blocks() for each in some if not each.startswith(_ELSEWHERE)]
    script = "\n".join(["set -eu", "set -o pipefail", *commands]).replace("localhost:8088", f"localhost:{port}")
    script = script.replace("dir:$PWD/releases", f"dir:$PWD/releases --page-port {page_port}")
    script = script.replace("box switch 0.3.0", "box switch 0.3.0 && exit 99 || [ $? = 8 ]")
    # Ended by a signal, or by itself: either is an end.
    script = script.replace("kill %1; wait %1", "kill $!; wait $! || true")
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "NO_COLOR": "1"}
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=box.directory,
        env={**environment, "COMPOSE_PROJECT_NAME": NAME},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=800,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    said = done.stdout.splitlines()
    shown = [line for _, lines in blocks() for line in lines if not _VARIES.search(line)]
    assert [line for line in shown if line not in said and not _is_quick(line)] == [], done.stdout


def _is_quick(line: str) -> bool:
    """A stage that may be over before anybody looks."""
    return line.startswith("switch:  ")
