"""^C at moments at which nothing is under way yet, or any more."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

_DEADLINE_S = 30
_WHEN_IMPORTING = """
import os, signal, sys
from importlib.abc import MetaPathFinder

chosen = sys.argv[1]

class Presser(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == chosen:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Presser())
"""
_WHEN_FLUSHING = """
import io, os, signal, sys

chosen = int(sys.argv[1])

class Presser(io.StringIO):
    flushes = 0
    def flush(self):
        # The first one is the door's own, at the end of the verb.
        Presser.flushes += 1
        if Presser.flushes == chosen + 1:
            os.kill(os.getpid(), signal.SIGINT)

sys.stdout = Presser()
"""
_RUN = """
from boxship.cli.entry import entry
sys.argv[1:] = ["check"]
entry()
"""


def run_pressed(script: str, argument: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    (folder / "compose.yaml").write_text("services: {web: {image: 'web:1'}}\n")
    return subprocess.run(
        # What a shell begins in the background ignores ^C, and so does all that this begins.
        ["env", "--default-signal=INT", sys.executable, "-c", script + _RUN, argument],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=_DEADLINE_S,
        check=False,
    )


@pytest.mark.parametrize("module", ["boxship.cli.arguments", "boxship.cli.files", "boxship.cli.main"])
def test_an_interrupt_while_it_is_still_loading_ends_it_without_a_word(module: str, tmp_path: Path) -> None:
    ran = run_pressed(_WHEN_IMPORTING, module, tmp_path)
    assert (ran.returncode, ran.stderr) == (-signal.SIGINT, "")


@pytest.mark.parametrize(("flushes", "status"), [(0, 130), (1, -signal.SIGINT)])
def test_an_interrupt_at_the_very_end_ends_it_without_a_word(flushes: int, status: int, tmp_path: Path) -> None:
    ran = run_pressed(_WHEN_FLUSHING, str(flushes), tmp_path)
    assert (ran.returncode, ran.stderr) == (status, "")


def test_who_has_interrupts_ignored_still_has_them_ignored(tmp_path: Path) -> None:
    ignoring = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n" + _WHEN_IMPORTING
    ran = run_pressed(ignoring, "boxship.cli.main", tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")
