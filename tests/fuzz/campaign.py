"""``make fuzz TIME=3600``: searches for inputs that break reading, and prints its figures as a table's row.

What it learns (the corpus) and what it finds stay under ``.state/fuzz``, so the next search goes on from there.
"""

import argparse
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from tests.fuzz.reached import reached_lines

ROOT = Path(__file__).resolve().parents[2]
SEEDS = Path(__file__).with_name("seeds")
STATE = ROOT / ".state" / "fuzz"
_TURN_S = 900
"""A worker is replaced after that: memory that the fuzzer itself collects doesn't count as ours."""
_HANG_S = 60
_GRACE_S = 120
_LARGEST = 65_536


@dataclass(frozen=True, slots=True)
class Figures:
    """What came of a search."""

    executions: int = 0
    edges: int = 0
    corpus: int = 0
    hangs: int = 0


def main(argv: Sequence[str]) -> int:
    """Returns: 1 when there are findings."""
    parser = argparse.ArgumentParser(prog="make fuzz", description="Search for inputs that break reading.")
    parser.add_argument("--time", type=int, default=600, metavar="S", help="seconds of searching (600)")
    options = parser.parse_args(argv)
    corpus, findings = STATE / "corpus", STATE / "findings"
    for directory in (corpus, findings):
        directory.mkdir(parents=True, exist_ok=True)
    began_at, began_s = datetime.now(UTC), time.monotonic()
    used_before_s = _children_cpu_s()
    figures = _search(options.time, corpus, findings)
    minutes, cpu_minutes = (time.monotonic() - began_s) / 60, (_children_cpu_s() - used_before_s) / 60
    reached, lines = reached_lines(corpus)
    found = sorted(path.stem for path in findings.glob("*.txt") if path.stat().st_mtime >= began_at.timestamp())
    print(
        "| date | minutes | CPU minutes | executions | corpus | edges | lines of spec/ reached | findings |\n"
        "| --- | --- | --- | --- | --- | --- | --- | --- |\n"
        f"| {began_at:%Y-%m-%d} | {minutes:.0f} | {cpu_minutes:.0f} | {figures.executions:,} | {figures.corpus:,} "
        f"| {figures.edges:,} | {reached:,} of {lines:,} | {len(found) + figures.hangs} |"
    )
    for name in found:
        print(f"\n{findings / name}.case\n{(findings / name).with_suffix('.txt').read_text()}")
    return 1 if found or figures.hangs else 0


def _children_cpu_s() -> float:
    times = os.times()
    return times.children_user + times.children_system


def _search(time_s: int, corpus: Path, findings: Path) -> Figures:
    """One worker after another until the time is over."""
    figures, until_s = Figures(), time.monotonic() + time_s
    while (left_s := int(until_s - time.monotonic())) > 0:
        turn = _turn(min(left_s, _TURN_S), corpus, findings)
        if turn.executions == 0:
            raise SystemExit(f"The fuzzer did not run; its last words are in {STATE / 'worker.log'}.")
        figures = replace(turn, executions=figures.executions + turn.executions, hangs=figures.hangs + turn.hangs)
        print(f"{max(0, until_s - time.monotonic()):6.0f} s left: {figures}", file=sys.stderr, flush=True)
    return figures


def _turn(time_s: int, corpus: Path, findings: Path) -> Figures:
    options = (
        f"-max_total_time={time_s}", f"-max_len={_LARGEST}", f"-timeout={_HANG_S}", f"-artifact_prefix={findings}/",
        "-rss_limit_mb=0", "-print_final_stats=1", "-reload=0", "-len_control=0",
    )  # fmt: skip
    log = STATE / "worker.log"
    with log.open("wb") as output:
        worker = subprocess.Popen(
            ["nice", "-n", "19", sys.executable, "-m", "tests.fuzz.worker", findings, *options, corpus, SEEDS],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            worker.wait(time_s + _GRACE_S)
        except subprocess.TimeoutExpired:
            worker.kill()
        except KeyboardInterrupt:
            worker.send_signal(signal.SIGINT)
            raise
        finally:
            worker.wait()
    return read_log(log.read_text(errors="replace"))


def read_log(text: str) -> Figures:
    """What libFuzzer's own lines say."""
    last = (re.findall(r"#(\d+)\s.*?cov: (\d+) .*?corp: (\d+)", text) or [("0", "0", "0")])[-1]
    total = re.search(r"number_of_executed_units:\s*(\d+)", text)
    hangs = len(re.findall(r"SUMMARY: libFuzzer: (?:timeout|deadly signal|out-of-memory)", text))
    return Figures(int(total[1]) if total else int(last[0]), int(last[1]), int(last[2]), hangs)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
