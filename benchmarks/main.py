"""Options, then: look around, run the rounds, print the tables, keep the samples, compare, draw."""

import argparse
import compileall
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from msgspec.structs import replace

from benchmarks.compare import render_comparison
from benchmarks.engine import find_engine
from benchmarks.faults import BenchError
from benchmarks.figures import Failure
from benchmarks.goals import Goals, read_goals
from benchmarks.history import Run, append_run, read_history
from benchmarks.image import find_image
from benchmarks.machine import look_at_machine
from benchmarks.measure import UNWANTED
from benchmarks.page import PICTURE, draw_lines, pick_lines, render_section, replace_section
from benchmarks.perform import perform
from benchmarks.programme import ROWS, choose_rows
from benchmarks.rounds import Ledger
from benchmarks.rows import Row
from benchmarks.table import render_goals, render_row
from benchmarks.tools import BOXSHIP, ROOT, find_tools
from benchmarks.trials import Stage

_INTERRUPTED = 130
_PAGE = ROOT / "docs" / "benchmarks.md"


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
    parser.add_argument("--again", action="store_true", help="measure nothing: show the last run that was kept")
    parser.add_argument("--compare", action="store_true", help="say what has changed since the last run of each row")
    parser.add_argument("--draw", action="store_true", help="write the newest figures of each row to docs/benchmarks.*")
    parser.add_argument(
        "--json",
        default="benchmarks/history.jsonl",
        metavar="FILE",
        help="the file of the project that runs are appended to (benchmarks/history.jsonl)",
    )
    return parser.parse_args(argv)


def _at_least_one(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of rounds: give 1 or more")
    return int(text)


def _run(options: argparse.Namespace) -> int:
    rows, goals, path = choose_rows(options.only), read_goals(), ROOT / options.json
    history = read_history(path)
    if history.unread:
        print(f"{path.name}: {history.unread} lines are no runs, and are left out.", file=sys.stderr)
    if options.again:
        if not history.runs:
            raise BenchError(f"There is no run in {path.name} yet: run make bench.")
        *earlier, run = history.runs
        rows = tuple(row for row in rows if row.key in run.rows)
        _print_head(run)
        is_interrupted = False
    else:
        earlier = list(history.runs)
        run, is_interrupted = _measure(rows, 1 if options.quick else options.rounds)
        append_run(path, run)
    _print_tables(rows, run, goals)
    if options.compare:
        print()
        print("\n".join(render_comparison(rows, earlier, run, BOXSHIP)))
    if options.draw and not is_interrupted:
        _draw((*earlier, run), goals)
    if is_interrupted:
        return _INTERRUPTED
    return 1 if _ours_failed(run) else 0


def _measure(rows: Sequence[Row], rounds: int) -> tuple[Run, bool]:
    """The run, and whether it was interrupted. Raises: BenchError when nothing can be run."""
    engine = find_engine(os.environ)
    machine = look_at_machine(engine)
    found = find_tools(engine, os.environ)
    image = find_image(engine)
    ledger = Ledger({tool.key: tool.title for tool in found.tools}, list(found.left_out))
    begun = Run(datetime.now(UTC), rounds, image.reference, machine, ledger.titles, ledger.outcomes, ledger.unable)
    _print_head(replace(begun, left_out=found.left_out))
    _write_bytecode()
    is_interrupted = False
    with tempfile.TemporaryDirectory(prefix="bxbench-") as folder:
        stage = Stage(f"bxbench-{os.urandom(3).hex()}", Path(folder), engine, image, os.environ)
        try:
            for line in perform(stage, found.tools, rows, rounds, ledger):
                print(line, file=sys.stderr, flush=True)
        except KeyboardInterrupt:
            is_interrupted = True
            print("\nInterrupted; this is what was measured until then.", file=sys.stderr)
    return replace(begun, left_out=tuple(ledger.left_out), load_after=os.getloadavg()[0]), is_interrupted


def _write_bytecode() -> None:
    """As installing a package does: nobody's first run is slower than the others."""
    for folder in ("src", "benchmarks"):
        compileall.compile_dir(ROOT / folder, quiet=2)


def _print_head(run: Run) -> None:
    print(f"{run.at:%Y-%m-%d %H:%M} UTC, {run.rounds} round{'s' if run.rounds > 1 else ''}, image {run.image}")
    print("\n".join(run.machine.lines()))
    if limit := os.environ.get("COMPOSE_PARALLEL_LIMIT"):
        print(f"COMPOSE_PARALLEL_LIMIT={limit} slows the peers down.")
    if UNWANTED in os.environ:
        print(f"{UNWANTED} is kept from all commands: it would double what Python takes to start.")
    if run.machine.is_busy or run.machine.others:
        print("Others use this machine: CPU and wall figures below include what they cost.")
    print("\n".join([*run.left_out, "Ratios are ours / theirs, of medians. CPU is in seconds."]), flush=True)


def _print_tables(rows: Sequence[Row], run: Run, goals: Goals) -> None:
    for row in rows:
        print()
        print("\n".join(render_row(row, run, goals, BOXSHIP)))
    print()
    print("\n".join(render_goals(rows, run, goals, BOXSHIP)))
    if run.load_after is not None:
        print(f"\nload after: {run.load_after:.2f}")


def _draw(runs: Sequence[Run], goals: Goals) -> None:
    """Raises: BenchError when there is nothing to draw, or no place in the page for it."""
    lines = pick_lines(ROWS, runs, goals, BOXSHIP)
    if not lines:
        raise BenchError("There are no figures of ours to draw: run make bench.")
    try:
        page = replace_section(_PAGE.read_text(), "\n".join(render_section(lines, goals, BOXSHIP)))
    except ValueError as err:
        raise BenchError(f"{_PAGE.name} has no place for figures: put the marks of benchmarks/page.py in it.") from err
    picture = _PAGE.with_name(PICTURE)
    picture.write_text(draw_lines(lines, BOXSHIP))
    _PAGE.write_text(page)
    print(f"\nWritten: {_PAGE.relative_to(ROOT)} and {picture.relative_to(ROOT)}.")


def _ours_failed(run: Run) -> bool:
    return any(isinstance(each, Failure) for tools in run.rows.values() for each in tools.get(BOXSHIP, ()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
