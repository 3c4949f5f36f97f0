"""Completion in a real bash, and what of the other shells can be tried here."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from boxship.cli.arguments import VERBS
from boxship.cli.grammar import Kind, grammar
from boxship.cli.main import main
from boxship.cli.render.shells import SHELLS

COMPOSE = "services:\n  db: {image: a}\n  web: {image: a}\n  worker: {image: a, profiles: [extra]}\n"
TARGETS = "app: compose.yaml\ntargets: {default: [web], maintenance: [db]}\n"
ASK = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 )); COMPREPLY=()
_boxship
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("completion")
    (made / "compose.yaml").write_text(COMPOSE)
    (made / "appliance.yaml").write_text(TARGETS)
    (made / "elsewhere").mkdir()
    (made / "elsewhere/compose.yaml").write_text("services:\n  lonely: {image: a}\n")
    for shell, write in SHELLS.items():
        (made / f"script.{shell}").write_text(write(grammar()))
    (made / "bin").mkdir()
    program = made / "bin/boxship"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m boxship.cli "$@"\n')
    program.chmod(0o755)
    return made


def complete(folder: Path, *words: str) -> list[str]:
    """What bash offers for the last of ``words``."""
    done = subprocess.run(
        ["bash", "--norc", "-c", ASK, "ask", str(folder / "script.bash"), "boxship", *words],
        cwd=folder,
        env={"PATH": f"{folder / 'bin'}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.stderr == ""
    return [line for line in done.stdout.splitlines() if line]


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("lo",), ["logs", "loader"]),
        (("logs", "--foll"), ["--follow"]),
        (("logs", ""), ["db", "web", "worker"]),
        (("logs", "-f", "w"), ["web", "worker"]),
        (("logs", "--tail", ""), []),
        (("logs", "--tail", "3", "d"), ["db"]),
        (("logs", "db", "we"), ["web"]),
        (("--target", "m"), ["maintenance"]),
        (("--profile", ""), ["extra"]),
        (("up", "--profile", ""), ["extra"]),
        (("-f", "elsewhere/compose.yaml", "logs", ""), ["lonely"]),
        (("--file", "=", "elsewhere/compose.yaml", "logs", ""), ["lonely"]),
        (("-f", "comp"), ["compose.yaml"]),
        (("show", "--format", "c"), ["compose"]),
        (("show", "--format", "=", "c"), ["compose"]),
        (("show", "--format", "="), ["json", "compose", "yaml"]),
        (("completion", ""), ["bash", "zsh", "fish"]),
        (("completion", "bash", ""), []),
        (("exec", "w"), ["web", "worker"]),
        (("up", "--js"), ["--json"]),
        (("nonsense", ""), []),
    ],
    ids=" ".join,
)
def test_bash_offers_what_may_come_next(words: tuple[str, ...], offered: list[str], folder: Path) -> None:
    assert complete(folder, *words) == offered


def test_bash_offers_every_verb(folder: Path) -> None:
    assert complete(folder, "") == [name for name, *_ in VERBS]


def test_nothing_is_said_where_the_files_are_wrong(folder: Path) -> None:
    (folder / "elsewhere/broken.yaml").write_text("services: [")
    assert complete(folder, "-f", "elsewhere/broken.yaml", "logs", "") == []


@pytest.mark.parametrize("shell", list(SHELLS))
def test_a_shell_that_is_here_reads_its_script(shell: str, folder: Path) -> None:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"there is no {shell} on this machine")
    argv = [program, "-n", str(folder / f"script.{shell}")]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_fish_offers_what_may_come_next(folder: Path) -> None:
    fish = shutil.which("fish")
    if fish is None:
        pytest.skip("there is no fish on this machine")
    asked = {"boxship logs w": ["web", "worker"], "boxship show --format c": ["compose"], "boxship logs --tail ": []}
    for line, offered in asked.items():
        argv = [fish, "--no-config", "-c", f"source script.fish; complete -C '{line}'"]
        environment = {"PATH": f"{folder / 'bin'}:/usr/bin:/bin", "HOME": str(folder), "LANG": "C.UTF-8"}
        done = subprocess.run(
            argv, cwd=folder, env=environment, capture_output=True, text=True, timeout=30, check=False
        )
        assert [each.partition("\t")[0] for each in done.stdout.splitlines()] == offered


def test_every_service_of_the_grammar_can_be_completed() -> None:
    known = grammar()
    words = {word.metavar: word.kind for verb in known.verbs for word in verb.words}
    assert words["SERVICE"] is Kind.SERVICE
    assert [verb.name for verb in known.verbs] == [name for name, *_ in VERBS]


def test_completion_prints_the_script_and_needs_a_shell(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "fish"]) == 0
    assert capsys.readouterr().out == SHELLS["fish"](grammar())
    assert main(["completion"]) == 2
    assert "source <(boxship completion bash)" in capsys.readouterr().err
