"""``make chaos``: every point of every operation on an engine of its own, or as many as there is time for.

``make chaos`` tries all of them, for hours; ``make chaos ARGS='--sample 8'`` so many of each operation and way, evenly
spread; ``ARGS=--brief`` leaves out the requests that only read (killed before one is as killed after the call before);
``ARGS='--time 1800'`` begins none after half an hour. It goes on where it was cut off (``.state/chaos``), and tries
again what did not hold; with ``--anew`` it begins anew. Prints a line for each point, then the matrix, and ends with 1
when something didn't hold.
"""

import argparse
import json
import signal
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

from tests.chaos.matrix import matrix_of
from tests.chaos.points import Cut, Way
from tests.chaos.subject import OPERATIONS, Subject, subject_on
from tests.integration.private_engine import PrivateEngine, private_engine

STATE = Path(__file__).resolve().parents[2] / ".state" / "chaos"
_TOLD = 3000
READING = frozenset(
    {"ping", "list containers", "list networks", "list volumes", "look up image", "stat path", "read archive", "top"}
    | {"stats", "inspect", "wait", "exec inspect", "logs", "events", "read something"}
)
_GOLDEN = 0.618033988749895


def main(argv: Sequence[str]) -> int:
    options = _parse(argv)
    STATE.mkdir(parents=True, exist_ok=True)
    # Whoever ends this ends its engine and its box as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    record = STATE / "points.jsonl"
    if options.anew:
        record.unlink(missing_ok=True)
    _keep_what_held(record)
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
    parser.add_argument("--brief", action="store_true", help="leave requests out that only read")
    parser.add_argument("--time", type=float, default=float("inf"), metavar="S", help="seconds until the last begins")
    parser.add_argument("--anew", action="store_true", help="forget what was tried")
    return parser.parse_args(argv)


def read_record(record: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in record.read_text().splitlines()] if record.exists() else []


def _keep_what_held(record: Path) -> None:
    """What failed is tried again."""
    held = [each for each in read_record(record) if not each["failure"]]
    record.write_text("".join(json.dumps(each) + "\n" for each in held))


def _run(options: argparse.Namespace, record: Path, until_s: float) -> bool:
    """Try what is left on a box; whether something may be left for another one, as this one is spoiled."""
    with private_engine() as engine, subject_on(engine) as subject:
        for operation in options.operations:
            _measure(subject, record, operation)
        for operation, cut in _left(options, read_record(record)):
            if time.monotonic() > until_s:
                return False
            line = _attempt(subject, engine, operation, cut)
            _write(record, line)
            if line["failure"]:
                return True
    return False


def _left(options: argparse.Namespace, known: Sequence[dict[str, Any]]) -> Iterator[tuple[str, Cut]]:
    """What wasn't tried yet, the operations by turns."""
    done = {(each["operation"], each["way"], each["number"]) for each in known}
    ways = [Way[name] for name in options.ways]
    rows = [
        [(operation, cut) for cut in points_of(known, operation, ways, options.sample, is_brief=options.brief)]
        for operation in options.operations
    ]
    for turn in zip_longest(*rows):
        for each in turn:
            if each is not None and (each[0], each[1].way.name, each[1].number) not in done:
                yield each


def _measure(subject: Subject, record: Path, operation: str) -> None:
    """How many points there are: once without any cut."""
    if any(each["operation"] == operation and each["way"] == "" for each in read_record(record)):
        return
    began_s = time.monotonic()
    whole = subject.cut(operation, None)
    line = {"operation": operation, "way": "", "number": 0, "kinds": whole.kinds, "commits": whole.commits}
    _write(record, {**line, "took_s": round(time.monotonic() - began_s, 2), "failure": ""})


def points_of(
    known: Sequence[dict[str, Any]], operation: str, ways: Sequence[Way], sample: int = 0, *, is_brief: bool = False
) -> Iterator[Cut]:
    """So many of each way (0: all), in an order whose every beginning is evenly spread.

    ``is_brief``: of the requests only those that change something.
    """
    (whole,) = [each for each in known if each["operation"] == operation and not each["way"]]
    turns: list[tuple[int, Cut]] = []
    for way in ways:
        numbers = list(range(1, whole["commits"] + 1))
        if not way.counts_commits:
            numbers = [at for at, kind in enumerate(whole["kinds"], 1) if not is_brief or kind not in READING]
        spread = sorted(range(len(numbers)), key=lambda index: (index + 1) * _GOLDEN % 1.0)
        kept = spread[: sample or len(spread)]
        turns += [(turn, Cut(way, numbers[index])) for turn, index in enumerate(kept)]
    return (cut for _, cut in sorted(turns, key=lambda each: each[0]))


def _attempt(subject: Subject, engine: PrivateEngine, operation: str, cut: Cut) -> dict[str, Any]:
    line: dict[str, Any] = {"operation": operation, "way": cut.way.name, "number": cut.number}
    began_s = time.monotonic()
    try:
        result = subject.cut(operation, cut)
    except Exception as failure:  # noqa: BLE001  # whatever goes wrong is a finding, and the campaign goes on
        told = f"{failure}\n{traceback.format_exc()}"
        return {**line, "failure": f"{told[-_TOLD:]}\nThe engine: {engine.last_words()}"}
    return {
        **line,
        "is_reached": result.is_reached,
        "outcome": result.outcome,
        "recovery_s": round(result.recovery_s, 2),
        "took_s": round(time.monotonic() - began_s, 2),
        "engine_restarts": result.engine_restarts,
        "failure": "",
    }


def _write(record: Path, line: dict[str, Any]) -> None:
    print(json.dumps(line), flush=True)
    with record.open("a") as file:
        file.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
