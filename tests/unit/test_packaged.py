"""The manual pages and completions that the wheel carries."""

import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from boxship.cli.arguments import VERBS
from scripts import packaged
from scripts.tracked import ROOT


@pytest.mark.docs
def test_manual_pages_and_completions_are_current() -> None:
    assert packaged.stale(packaged.files()) == [], "run: make docs"


def test_every_verb_has_a_page_with_its_example() -> None:
    pages = {path.name: text for path, text in packaged.files().items()}
    for verb, _, _, example in VERBS:
        assert example.replace("-", "\\-") in pages[f"boxship-{verb}.1"]


def test_the_manual_is_good_troff(tmp_path: Path) -> None:
    if shutil.which("man") is None or shutil.which("groff") is None:
        pytest.skip("there is no man, or no groff, on this machine")
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "MANWIDTH": "80"}
    for path, text in packaged.files().items():
        if path.suffix != ".1":
            continue
        page = tmp_path / path.name
        page.write_text(text)
        argv = ["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", str(page)]
        done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=30, check=False)
        assert (done.returncode, done.stderr) == (0, ""), path.name


def test_the_wheel_carries_them_where_programs_look(tmp_path: Path) -> None:
    argv = [str(ROOT / ".venv/bin/python"), "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(argv, cwd=ROOT, check=True, capture_output=True, timeout=60)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        plain = set(archive.namelist())
        pins = archive.read("boxship/build/requirements.txt")
    names = {name.partition(".data/data/")[2] for name in plain}
    assert {
        "share/man/man1/boxship.1",
        "share/man/man1/boxship-logs.1",
        "share/bash-completion/completions/boxship",
        "share/zsh/site-functions/_boxship",
        "share/fish/vendor_completions.d/boxship.fish",
    } <= names
    assert {"boxship/host/sail/sail.sh", "boxship/host/sail/boxship.sh", "boxship/host/sail/unit.service"} <= plain
    assert pins == (ROOT / "requirements/run.txt").read_bytes()
