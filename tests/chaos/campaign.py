"""``make chaos``: every point of every operation on an engine of its own, or as many as there is time for.

``make chaos`` tries all of them, for hours; ``make chaos ARGS='--sample 8'`` so many of each operation and way, evenly
spread; ``ARGS='--time 1800'`` begins none after half an hour. It goes on where it was cut off (``.state/chaos``); with
``--anew`` it begins anew. Prints a line for each point, then the matrix, and ends with 1 when something didn't hold.
"""

import argparse
import json
import signal
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.chaos.matrix import matrix_of
from tests.chaos.points import Cut, Way
from tests.chaos.subject import OPERATIONS, Subject, subject_on
from tests.integration.private_engine import private_engine

STATE = Path(__file__).resolve().parents[2] / ".state" / "chaos"
_TOLD = 3000
_GOLDEN = 0.618033988749895


def main(argv: Sequence[str]) -> int:
    options = _parse(argv)
    STATE.mkdir(parents=True, exist_ok=True)
    # Whoever ends this ends its engine and its box as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    record = STATE / "points.jsonl"
    if options.anew:
        record.unlink(missing_ok=True)
    until_s = time.monotonic() + options.time
    while time.monotonic() < until_s and _run(options, record, until_s):
        pass
    lines = read_record(record)
    print("\n" + matrix_of(lines))
    return 1 if any(each.get("failure") for each in lines) else 0


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make chaos")
    parser.add_argument("--operations", nargs="+", choices=OPERATIONS, default=list(OPERATIONS))
    parser.add_argument("--ways", nargs="+", choices=[way.name for way in Way], default=[way.name for way in Way])
    parser.add_argument("--sample", type=int, default=0, metavar="N", help="so many of each operation and way (all)")
    parser.add_argument("--time", type=float, default=float("inf"), metavar="S", help="seconds until the last begins")
    parser.add_argument("--anew", action="store_true", help="forget what was tried")
    return parser.parse_args(argv)


def read_record(record: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in record.read_text().splitlines()] if record.exists() else []


def _run(options: argparse.Namespace, record: Path, until_s: float) -> bool:
    """Try what is left on a box; whether something may be left for another one, as this one is spoiled."""
    with private_engine() as engine, subject_on(engine) as subject:
        for operation in options.operations:
            _measure(subject, record, operation)
            known = read_record(record)
            done = {(each["operation"], each["way"], each["number"]) for each in known}
            for cut in points_of(known, operation, [Way[name] for name in options.ways], options.sample):
                if (operation, cut.way.name, cut.number) in done:
                    continue
                if time.monotonic() > until_s:
                    return False
                line = _attempt(subject, operation, cut)
                _write(record, line)
                if line["failure"]:
                    return True
    return False


def _measure(subject: Subject, record: Path, operation: str) -> None:
    """How many points there are: once without any cut."""
    if any(each["operation"] == operation and each["way"] == "" for each in read_record(record)):
        return
    began_s = time.monotonic()
    whole = subject.cut(operation, None)
    line = {"operation": operation, "way": "", "number": 0, "requests": whole.requests, "commits": whole.commits}
    _write(record, {**line, "took_s": round(time.monotonic() - began_s, 2), "failure": ""})


def points_of(known: Sequence[dict[str, Any]], operation: str, ways: Sequence[Way], sample: int) -> Iterator[Cut]:
    """So many of each way (0: all), in an order whose every beginning is evenly spread."""
    (whole,) = [each for each in known if each["operation"] == operation and not each["way"]]
    turns: list[tuple[int, Cut]] = []
    for way in ways:
        count = int(whole["commits"] if way.counts_commits else whole["requests"])
        numbers = sorted(range(1, count + 1), key=lambda number: number * _GOLDEN % 1.0)
        turns += [(turn, Cut(way, number)) for turn, number in enumerate(numbers) if not sample or turn < sample]
    return (cut for _, cut in sorted(turns, key=lambda each: each[0]))


def _attempt(subject: Subject, operation: str, cut: Cut) -> dict[str, Any]:
    line: dict[str, Any] = {"operation": operation, "way": cut.way.name, "number": cut.number}
    began_s = time.monotonic()
    try:
        result = subject.cut(operation, cut)
    except Exception as failure:  # noqa: BLE001  # whatever goes wrong is a finding, and the campaign goes on
        told = f"{failure}\n{traceback.format_exc()}"
        return {**line, "failure": told[-_TOLD:]}
    return {
        **line,
        "is_reached": result.is_reached,
        "outcome": result.outcome,
        "recovery_s": round(result.recovery_s, 2),
        "took_s": round(time.monotonic() - began_s, 2),
        "failure": "",
    }


def _write(record: Path, line: dict[str, Any]) -> None:
    print(json.dumps(line), flush=True)
    with record.open("a") as file:
        file.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
