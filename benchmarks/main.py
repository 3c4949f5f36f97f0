"""Options, then: look around, run the rounds, print the table, keep the samples."""

import argparse
import json
import os
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.engine import find_engine
from benchmarks.faults import BenchError
from benchmarks.figures import Failure, Outcome
from benchmarks.image import find_image
from benchmarks.machine import Machine, look_at_machine
from benchmarks.rounds import Course, Ledger
from benchmarks.rows import ROWS, choose_rows
from benchmarks.scenarios import Image, Scenario, chain, dag
from benchmarks.table import render_row
from benchmarks.tools import BOXSHIP, ROOT, find_tools

_INTERRUPTED = 130


def main(argv: Sequence[str]) -> int:
    """Returns: 0, also when a goal is missed; 1 when a command of ours failed or nothing can be run; 130 after ^C."""
    options = _parse(argv)
    for number in (signal.SIGINT, signal.SIGTERM):  # also when a shell started us with ^C ignored
        signal.signal(number, signal.default_int_handler)
    try:
        return _run(options)
    except BenchError as err:
        print(err, file=sys.stderr)
        return 1


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks/run.py", description="Our figures beside the peers'.")
    parser.add_argument("--rounds", type=_at_least_one, default=5, metavar="N", help="how many (5)")
    parser.add_argument("--quick", action="store_true", help="one round: does it run at all?")
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="ROW",
        help=f"this row ({', '.join(row.key for row in ROWS)}); 'healthy' and 'read' are all of these; repeatable",
    )
    parser.add_argument(
        "--json",
        default="benchmarks/history.jsonl",
        metavar="FILE",
        help="append every sample to this file of the project (benchmarks/history.jsonl)",
    )
    return parser.parse_args(argv)


def _at_least_one(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of rounds: give 1 or more")
    return int(text)


def _run(options: argparse.Namespace) -> int:
    rows, rounds = choose_rows(options.only), 1 if options.quick else options.rounds
    engine = find_engine(os.environ)
    machine = look_at_machine(engine)
    tools, left_out = find_tools(engine, os.environ)
    image = find_image(engine)
    _print_header(machine, image, rounds, left_out)
    titles = {tool.key: tool.title for tool in tools}
    ledger, is_interrupted = Ledger(), False
    with tempfile.TemporaryDirectory(prefix="bxbench-") as folder:
        name = f"bxbench-{os.urandom(3).hex()}"
        course = Course(name, Path(folder), engine, tools, _scenarios(image), rows, ledger)
        try:
            for line in course.run(rounds):
                print(line, file=sys.stderr, flush=True)
        except KeyboardInterrupt:
            is_interrupted = True
            print("\nInterrupted; this is what was measured until then.", file=sys.stderr)
    for row in rows:
        print()
        print("\n".join(render_row(row, titles, ledger.of(row), BOXSHIP)))
    print(f"\nload after: {os.getloadavg()[0]:.2f}")
    _keep(ROOT / options.json, machine, image, rounds, titles, ledger)
    if is_interrupted:
        return _INTERRUPTED
    return 1 if _ours_failed(ledger) else 0


def _scenarios(image: Image) -> Mapping[str, Scenario]:
    found = (dag(image), chain(image, 1), chain(image, 5), chain(image, None))
    return {scenario.key: scenario for scenario in found}


def _print_header(machine: Machine, image: Image, rounds: int, left_out: Sequence[str]) -> None:
    print(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {rounds} round{'s' if rounds > 1 else ''}, image {image.reference}")
    print("\n".join(machine.lines()))
    if limit := os.environ.get("COMPOSE_PARALLEL_LIMIT"):
        print(f"COMPOSE_PARALLEL_LIMIT={limit} slows the peers down.")
    if machine.is_busy or machine.others:
        print("Others use this machine: CPU and wall figures below include what they cost.")
    print("\n".join([*left_out, "Ratios are ours / theirs, of medians. CPU is in seconds."]), flush=True)


def _ours_failed(ledger: Ledger) -> bool:
    return any(isinstance(each, Failure) for tools in ledger.outcomes.values() for each in tools.get(BOXSHIP, ()))


def _keep(path: Path, machine: Machine, image: Image, rounds: int, titles: Mapping[str, str], ledger: Ledger) -> None:
    """Append the run as one line of JSON."""
    record = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "rounds": rounds,
        "image": image.reference,
        "machine": machine.record(),
        "tools": titles,
        "rows": {
            row: {tool: [_sample(each) for each in outcomes] for tool, outcomes in tools.items()}
            for row, tools in ledger.outcomes.items()
        },
    }
    with path.open("a") as file:
        file.write(json.dumps(record) + "\n")


def _sample(outcome: Outcome) -> Mapping[str, object]:
    return {"failed": outcome.reason} if isinstance(outcome, Failure) else asdict(outcome)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
