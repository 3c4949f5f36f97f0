"""Run every check that needs no container engine, side by side: ``python -m scripts.check [NAME...]``.

Each check prints one line; a failed one then shows what it said. The exit status is 1 when any failed.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from scripts.tracked import ROOT, text_files

DEADLINE_S = 300
BIN = Path(sys.executable).parent
DOCS_TESTS = ROOT / "tests/unit/test_docs.py"


@dataclass(frozen=True, slots=True)
class Check:
    """A program that exits with 0 when all is well."""

    name: str
    argv: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a check."""

    check: Check
    passed: bool
    output: str
    duration_s: float

    def __str__(self) -> str:
        return f"{'ok' if self.passed else 'FAILED':7}{self.check.name:16}{self.duration_s:5.1f} s"


def checks() -> Iterator[Check]:
    """Yield the checks, the longest first."""
    yield Check("types", (_tool("mypy"),))
    if DOCS_TESTS.exists():
        yield Check("documents", (sys.executable, "-m", "pytest", "-q", "-m", "docs", str(DOCS_TESTS)))
    yield Check("layers", (_tool("lint-imports"), "--no-cache"))
    yield Check("dependencies", (_tool("deptry"), "src"))
    yield Check("spelling", (_tool("codespell"), *_spelled()))
    if shellcheck := shutil.which("shellcheck", path=f"{BIN}{os.pathsep}{os.environ.get('PATH', os.defpath)}"):
        yield Check("shell", (shellcheck, *_shell_scripts()))
    else:
        print("The check 'shell' is left out: there is no shellcheck on this machine.")
    yield Check("lint", (_tool("ruff"), "check", "--quiet", "--output-format", "concise", "."))
    yield Check("format", (_tool("ruff"), "format", "--quiet", "--check", "--diff", "."))
    yield Check("secrets", (sys.executable, "-m", "scripts.secret_scan"))
    yield Check("places", (sys.executable, "-m", "scripts.place_scan"))


def _tool(name: str) -> str:
    return str(BIN / name)


def _spelled() -> tuple[str, ...]:
    names = (
        "src",
        "tests",
        "scripts",
        "docs",
        "examples",
        "benchmarks",
        "images",
        *(path.name for path in ROOT.glob("*.md")),
    )
    return tuple(name for name in names if (ROOT / name).exists())


def _shell_scripts() -> tuple[str, ...]:
    shells = ("#!/bin/sh", "#!/bin/bash", "#!/usr/bin/env bash", "#!/usr/bin/env sh")
    return tuple(path for path, content in text_files() if content.startswith(shells))


def run(check: Check) -> Verdict:
    """Run one check to its end, or to the deadline."""
    started = time.monotonic()
    try:
        done = subprocess.run(
            check.argv,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )
    except subprocess.TimeoutExpired as err:
        said = f"No end within {DEADLINE_S} s.\n{err.output or ''}"
        return Verdict(check, passed=False, output=said, duration_s=DEADLINE_S)
    return Verdict(check, done.returncode == 0, done.stdout, time.monotonic() - started)


def main(argv: list[str]) -> int:
    """Run the named checks, or all. Returns: the exit status."""
    wanted = [check for check in checks() if not argv or check.name in argv]
    if not wanted:
        print(f"There is no check {' '.join(argv)}; there are {', '.join(check.name for check in checks())}.")
        return 2
    failed = []
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for done in as_completed([pool.submit(run, check) for check in wanted]):
            verdict = done.result()
            print(verdict, flush=True)
            if not verdict.passed:
                failed.append(verdict)
    for verdict in failed:
        print(f"\n{verdict.check.name}:\n{verdict.output.rstrip()}")
    print(f"\n{len(wanted) - len(failed)} of {len(wanted)} checks passed.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
