"""``make abuse``: long campaigns on an engine of their own; each goes on where it was cut off (``.state/abuse``).

``make abuse ARGS='cycles --services 3 --cycles 1000'``, ``'faults --time 3600 --workers 2'``, ``'cuts --rounds 200'``,
``'pulls --rounds 50'``, ``'attached --rounds 50'``, ``'many --services 150'``, ``'operations --count 10000'``.
Without arguments: a little of each. Prints a table and one row of JSON for each, and ends with 1 when something went
wrong.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.abuse.operations import run_operations
from tests.abuse.rounds import SIGNALS
from tests.abuse.rounds import summary_of as summary_of_rounds
from tests.abuse.subject import SCENES, SCENES_INSIDE, Scene, Subject
from tests.contracts.images import TEST_IMAGE
from tests.integration.boxes import Box
from tests.integration.hostile_proxy import Fault, How, Moment, hostile_proxy
from tests.integration.private_engine import PrivateEngine, private_engine

ROOT = Path(__file__).resolve().parents[2]
STATE = ROOT / ".state" / "abuse"
_WRITING = threading.Lock()
_A_LITTLE = (
    ("cycles", "--services", "3", "--cycles", "20"),
    ("faults", "--time", "300"),
    ("cuts", "--rounds", "20"),
    ("pulls", "--rounds", "20"),
    ("attached", "--rounds", "20"),
    ("many", "--services", "50"),
)


def main(argv: Sequence[str]) -> int:
    if not argv:
        return max(main(each) for each in _A_LITTLE)
    options = _parse(argv)
    STATE.mkdir(parents=True, exist_ok=True)
    work: Callable[[argparse.Namespace, PrivateEngine], dict[str, object]] = options.work
    with private_engine() as engine:
        row = {"date": f"{datetime.now(UTC):%Y-%m-%d}", "campaign": options.campaign, **work(options, engine)}
    print("\n" + "\n".join(f"{key:24} {value}" for key, value in row.items()))
    print(json.dumps(row))
    with (STATE / "results.jsonl").open("a") as file:
        file.write(json.dumps(row) + "\n")
    return 1 if row.get("failures") else 0


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make abuse")
    campaigns = parser.add_subparsers(dest="campaign", required=True)
    cycles = campaigns.add_parser("cycles", help="up and down in one process")
    cycles.add_argument("--services", type=int, default=3)
    cycles.add_argument("--cycles", type=int, default=1000)
    cycles.set_defaults(work=_cycles)
    faults = campaigns.add_parser("faults", help="spoiled answers, each verb, each kind of call")
    faults.add_argument("--time", type=float, default=3600, metavar="S", help="seconds after which none is begun")
    faults.add_argument("--seed", type=int, default=1, help="of their order")
    faults.add_argument("--workers", type=int, default=1, help="appliances that are abused at a time")
    faults.set_defaults(work=_faults)
    cuts = campaigns.add_parser("cuts", help="signals at moments between any two calls")
    cuts.add_argument("--rounds", type=int, default=100)
    cuts.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    cuts.set_defaults(work=_cuts)
    for name, text in (("pulls", "signals in a pull"), ("attached", "signals in an attached up")):
        signals = campaigns.add_parser(name, help=text)
        signals.add_argument("--rounds", type=int, default=50)
        signals.add_argument("--seed", type=int, default=random.randrange(1 << 32))
        signals.set_defaults(work=_rounds)
    many = campaigns.add_parser("many", help="many services in one appliance")
    many.add_argument("--services", type=int, default=150)
    many.set_defaults(work=_many)
    operations = campaigns.add_parser("operations", help="of one Loader: does it grow?")
    operations.add_argument("--count", type=int, default=10_000)
    operations.set_defaults(work=_operations)
    return parser.parse_args(argv)


def _beside(engine: PrivateEngine, module: str, *arguments: str) -> int:
    """Run a module of the tests in the engine's namespaces, as Boxship runs on a box."""
    command = ("sh", "-c", 'cd "$1" && shift && exec "$@"', "sh", str(ROOT), sys.executable, "-m", module, *arguments)
    return subprocess.run(
        [*engine.enter, *command], env={**os.environ, "DOCKER_HOST": engine.address}, check=False
    ).returncode


def _cycles(options: argparse.Namespace, engine: PrivateEngine) -> dict[str, object]:
    record = STATE / f"cycles-{options.services}.jsonl"
    arguments = ("--services", str(options.services), "--cycles", str(options.cycles), "--record", str(record))
    status = _beside(engine, "tests.abuse.cycles", *arguments)
    return summary_of(record) | {"failures": int(status != 0)}


def _operations(options: argparse.Namespace, engine: PrivateEngine) -> dict[str, object]:
    return run_operations(engine, options.count, STATE / "operations.jsonl")


def _rounds(options: argparse.Namespace, engine: PrivateEngine) -> dict[str, object]:
    """Of ``pulls`` or ``attached``."""
    record = STATE / f"{options.campaign}.jsonl"
    arguments = ("--rounds", str(options.rounds), "--seed", str(options.seed), "--record", str(record))
    _beside(engine, f"tests.abuse.{options.campaign}", *arguments)
    return {"last seed": options.seed, **summary_of_rounds(record)}


def summary_of(record: Path) -> dict[str, object]:
    """What the lines of a record of cycles say, the longest-lived process of all."""
    lines = [json.loads(line) for line in record.read_text().splitlines()]
    processes = _by_process(lines)
    ups, downs = (sorted(each for line in lines for each in line[key]) for key in ("up_s", "down_s"))
    of_one = max(processes, key=len)
    # Of the first lines, the second: by then all is imported and every kept connection is there.
    first, last = of_one[min(1, len(of_one) - 1)], of_one[-1]
    grew = {
        key: f"{first['own'][key]} -> {last['own'][key]}" for key in ("fds", "threads", "tasks", "rss_kb", "objects")
    }
    return {
        "services": last["services"],
        "cycles": len(ups),
        "in one process": last["cycle"] - of_one[0]["cycle"] + len(of_one[0]["up_s"]),
        "up median, longest": f"{ups[len(ups) // 2]:.1f} s, {ups[-1]:.1f} s",
        "down median, longest": f"{downs[len(downs) // 2]:.1f} s, {downs[-1]:.1f} s",
        **grew,
        "engine fds": f"{first['engine']['fds']} -> {last['engine']['fds']}",
        "engine goroutines": f"{first['engine']['goroutines']} -> {last['engine']['goroutines']}",
        "dockerd_rss_kb": f"{first['engine']['dockerd_rss_kb']} -> {last['engine']['dockerd_rss_kb']}",
        "miscounted networks": sum(each[-1].get("miscounts", 0) for each in processes),
    }


def _by_process(lines: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Each process counts its CPU time from 0; their numbers repeat from namespace to namespace."""
    found: list[list[dict[str, Any]]] = []
    for line in lines:
        if not found or line["pid"] != found[-1][-1]["pid"] or line["cpu_s"] < found[-1][-1]["cpu_s"]:
            found.append([])
        found[-1].append(line)
    return found


def _many(options: argparse.Namespace, engine: PrivateEngine) -> dict[str, object]:
    record = STATE / f"many-{options.services}.json"
    status = _beside(engine, "tests.abuse.many", "--services", str(options.services), "--record", str(record))
    return {**json.loads(record.read_text()), "failures": int(status != 0)}


@contextmanager
def _subject(engine: PrivateEngine, number: int = 0) -> Iterator[Subject]:
    with tempfile.TemporaryDirectory(prefix="boxship-abuse-") as folder, hostile_proxy(engine.address) as proxy:
        box = Box(f"abuse-{os.getpid()}-{number}", Path(folder), {"TEST_IMAGE": TEST_IMAGE})
        subject = Subject(box, proxy)
        yield subject
        subject.end()


def _faults(options: argparse.Namespace, engine: PrivateEngine) -> dict[str, object]:
    record = STATE / "faults.jsonl"
    known = [json.loads(line) for line in record.read_text().splitlines()] if record.exists() else []
    done = {(each["scene"], each["kind"], each["how"]) for each in known if not each["failure"]}
    every = [(scene, kind, how) for scene in (*SCENES, *SCENES_INSIDE) for kind in scene.kinds for how in How]
    random.Random(options.seed).shuffle(every)
    left = [each for each in every if (each[0].name, each[1], each[2].value) not in done]
    until_s = time.monotonic() + options.time

    def abuse(number: int) -> None:
        with _subject(engine, number) as subject:
            for scene, kind, how in left[number :: options.workers]:
                if time.monotonic() > until_s:
                    return
                attempt = _attempt_fault(subject, scene, kind, how)
                _write_down(known, record, {"scene": scene.name, "kind": kind, "how": how.value, **attempt})

    with ThreadPoolExecutor(options.workers) as pool:
        # list(): raises what one of them raised.
        list(pool.map(abuse, range(options.workers)))
    last = {(each["scene"], each["kind"], each["how"]): each for each in known}
    statuses = Counter(str(each["status"]) for each in last.values())
    return {
        "tried": len(last),
        "of": len(every),
        "ended well all the same": statuses.pop("0", 0),
        "ended with one error": sum(statuses.values()),
        "longest": f"{max(each['took_s'] for each in last.values()):.1f} s",
        "failures": sum(bool(each["failure"]) for each in last.values()),
    }


def _write_down(known: list[dict[str, Any]], record: Path, line: dict[str, Any]) -> None:
    with _WRITING:
        known.append(line)
        print(json.dumps(line), flush=True)
        with record.open("a") as file:
            file.write(json.dumps(line) + "\n")


def _attempt_fault(subject: Subject, scene: Scene, kind: str, how: How) -> dict[str, object]:
    status, took_s, said = -1, 0.0, ""
    try:
        subject.prepare(scene)
        ran, took_s = subject.suffer(scene, Fault(kind, how))
        status = ran.status
        said = next((line for line in ran.stderr.splitlines() if line.startswith("error: ")), "")
        # What was killed all the same can't be killed again.
        if scene.verb[0] not in ("up", "down", "kill"):
            subject.must_succeed(scene)
        if scene in SCENES:
            subject.must_recover()
        else:
            # It changes little or nothing: that all of it can be removed again is tried often enough.
            subject.must_converge()
    except (AssertionError, subprocess.TimeoutExpired) as failure:
        # An assertion without words is told by its line.
        told = str(failure) or traceback.format_exc()
        return {"status": status, "took_s": took_s, "said": said, "failure": told[-2000:]}
    return {"status": status, "took_s": round(took_s, 1), "said": said, "failure": ""}


def _cuts(options: argparse.Namespace, engine: PrivateEngine) -> dict[str, object]:
    rng = random.Random(options.seed)
    record = STATE / "cuts.jsonl"
    with _subject(engine) as subject:
        for number in range(options.rounds):
            scene, signals = rng.choice(SCENES[:4]), rng.choice(SIGNALS)
            moment = Moment(rng.choice(scene.kinds), rng.choice((1, 1, 2, 3)), is_answered=rng.random() < 0.5)
            line = {
                "seed": options.seed,
                "round": number,
                "scene": scene.name,
                "moment": asdict(moment),
                "signals": "+".join(each.name for each in signals),
                **_attempt_cut(subject, scene, moment, signals, is_last=number % 5 == 4),
            }
            print(json.dumps(line), flush=True)
            with record.open("a") as file:
                file.write(json.dumps(line) + "\n")
        subject.must_recover()
    known = [json.loads(line) for line in record.read_text().splitlines()]
    endings = Counter(f"{each['signals']} {each['status']}" for each in known if each["is_reached"])
    return {
        "last seed": options.seed,
        "rounds": len(known),
        "ended before the moment": sum(not each["is_reached"] for each in known),
        **dict(sorted(endings.items())),
        "failures": sum(bool(each["failure"]) for each in known),
    }


def _attempt_cut(
    subject: Subject, scene: Scene, moment: Moment, signals: tuple[signal.Signals, ...], *, is_last: bool
) -> dict[str, object]:
    """``is_last``: also look whether ``down`` leaves nothing; else the next round begins with what is there."""
    status, is_reached = 0, False
    try:
        subject.prepare(scene)
        status, is_reached = subject.cut(scene, moment, signals)
        if is_last:
            subject.must_recover()
        else:
            subject.must_converge()
    except (AssertionError, subprocess.TimeoutExpired) as failure:
        told = str(failure) or traceback.format_exc()
        return {"status": status, "is_reached": is_reached, "failure": told[-2000:]}
    return {"status": status, "is_reached": is_reached, "failure": ""}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
