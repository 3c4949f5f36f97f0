"""One command, timed."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from benchmarks.engine_cpu import cpu_between_s, read_usage
from benchmarks.figures import Failure, Outcome, Sample
from benchmarks.launch import GRACE_S
from benchmarks.tools import Command

_LAUNCHER = Path(__file__).with_name("launch.py")
UNWANTED = "PYTHONDONTWRITEBYTECODE"
"""With it every start compiles again what no earlier one was allowed to keep: it doubles our start-up, and raw's."""
_MARGIN_S = 30
_SHOWN_CHARACTERS = 200


def run_command(command: Command, log: Path, deadline_s: float) -> Outcome:
    """Run it to its end, or until the deadline. What it prints goes to ``log``."""
    before = read_usage()
    # A session of its own: ^C reaches us first, and the command is ended in good order.
    launcher = subprocess.Popen(
        [sys.executable, "-I", "-S", _LAUNCHER, str(deadline_s), log, *command.argv],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        env=environment_of(command, os.environ),
        start_new_session=True,
    )
    try:
        said, _ = launcher.communicate(timeout=deadline_s + GRACE_S + _MARGIN_S)
    finally:
        if launcher.poll() is None:
            launcher.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                launcher.wait(GRACE_S + _MARGIN_S)
    engine_cpu_s = cpu_between_s(before, read_usage())
    return read_report(said, log.read_text(errors="replace") if log.exists() else "", deadline_s, engine_cpu_s)


def environment_of(command: Command, ours: Mapping[str, str]) -> Mapping[str, str]:
    """What a command sees: our environment and its own, but nothing that keeps Python from its cached bytecode."""
    return {**{name: value for name, value in ours.items() if name != UNWANTED}, **command.environment}


def read_report(said: str, output: str, deadline_s: float, engine_cpu_s: float | None) -> Outcome:
    """What the launcher's line means. ``output`` is what the command printed."""
    fields = said.split()
    if len(fields) != 7:  # as many as the launcher prints
        return Failure("it could not be started")
    wall_s, user_s, system_s, peak_kib, exit_status, how, ended_at_s = fields
    if how != "ended":
        return Failure(f"no end within {deadline_s:g} s")
    if exit_status != "0":
        lines = output.strip().splitlines() or ["(it printed nothing)"]
        return Failure(f"exit status {exit_status}: {lines[-1][:_SHOWN_CHARACTERS]}")
    return Sample(
        float(wall_s),
        float(user_s) + float(system_s),
        engine_cpu_s,
        int(peak_kib) / 1024,
        ended_at_s=float(ended_at_s),
    )
