"""The corpus's own scorer, run as it is: every case is one run of the real command."""

import os
import runpy
import subprocess
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from msgspec import Struct

BOXSHIP = Path(sys.executable).with_name("boxship")
_GOOD = ("pass", "kinder")
_DEADLINE_S = 60
T = TypeVar("T")
R = TypeVar("R")


class Score(Struct, frozen=True):
    """``failures``: one line for each case that isn't as it should be."""

    passed: int
    total: int
    failures: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.passed} of {self.total}"


def score_compose(folder: Path) -> Score:
    """Every case of a folder, by the corpus's ``check``; what Boxship accepts more kindly counts, as it does there."""
    judge = runpy.run_path(str(folder.parent / "check"))

    def run(case: Any) -> tuple[str, str, str]:
        verdict, why = judge["run"]([str(BOXSHIP)], case)
        return case[0].name, verdict, why

    found = _side_by_side(run, judge["cases"](folder))
    failures = tuple(f"{name}: {verdict}: {why}" for name, verdict, why in found if verdict not in _GOOD)
    return Score(len(found) - len(failures), len(found), failures)


def score_crane(folder: Path, *flags: str) -> Score:
    """Every crane file is accepted: with ``--lax`` as crane did, which ignored what it didn't know; else all good."""

    def judge(file: Path) -> str:
        done = _check(file, *flags)
        return f"{file.name}: exit {done.returncode}: {done.stderr.strip()[:300]}" if done.returncode else ""

    found = _side_by_side(judge, sorted(each for each in folder.iterdir() if each.name != "INDEX.tsv"))
    return Score(found.count(""), len(found), tuple(filter(None, found)))


def _check(file: Path, *flags: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [BOXSHIP, "check", *flags, "-f", file],
        cwd=file.parent,
        env={"PATH": os.environ["PATH"], "HOME": "/home/user", "LANG": "C.UTF-8", "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_DEADLINE_S,
        check=False,
    )


def _side_by_side(work: Callable[[T], R], items: Iterable[T]) -> list[R]:
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(work, items))
