"""Rounds of a campaign of signals: each is written down as it ends, and summed up."""

import json
import signal
import subprocess
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tests.abuse.subject import Ended

SIGNALS: tuple[tuple[signal.Signals, ...], ...] = (
    (signal.SIGINT,),
    (signal.SIGINT, signal.SIGINT),
    (signal.SIGTERM,),
    (signal.SIGKILL,),
)


def run_rounds(
    rounds: int, seed: int, record: Path, attempt: Callable[[], tuple[str, tuple[signal.Signals, ...], Ended]]
) -> int:
    """Append a line to ``record`` for each round. ``attempt``: the moment in words, the signals, and how it ended.

    1 when one ended badly.
    """
    failures = 0
    for number in range(rounds):
        line: dict[str, object] = {"seed": seed, "round": number}
        try:
            moment, signals, ended = attempt()
        except (AssertionError, subprocess.SubprocessError) as failure:
            failures += 1
            # An assertion without words is told by its line.
            line |= {"failure": (str(failure) or traceback.format_exc())[-4000:]}
        else:
            line |= {
                "moment": moment,
                "signals": "+".join(each.name for each in signals),
                "status": ended.ran.status,
                "is_reached": ended.is_reached,
                "after_s": round(ended.after_s, 2),
                "failure": "",
            }
        print(json.dumps(line), flush=True)
        with record.open("a") as file:
            file.write(json.dumps(line) + "\n")
    return 1 if failures else 0


def summary_of(record: Path) -> dict[str, object]:
    """How the rounds of a record ended."""
    known = [json.loads(line) for line in record.read_text().splitlines()]
    well = [each for each in known if not each["failure"]]
    cut = [each for each in well if each["is_reached"]]
    return {
        "rounds": len(known),
        "ended before the moment": len(well) - len(cut),
        **dict(sorted(Counter(f"{each['signals']} {each['status']}" for each in cut).items())),
        "longest to end": f"{max((each['after_s'] for each in cut), default=0.0):.1f} s",
        "failures": len(known) - len(well),
    }
