"""Signals in an attached ``up``: at a counted call while it brings up, after some lines of log, and while it stops.

``python -m tests.abuse.attached --rounds 50 --record FILE`` runs beside the engine of DOCKER_HOST.
"""

import argparse
import os
import random
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from boxship.plan.observed import ContainerState
from tests.abuse.rounds import SIGNALS, run_rounds
from tests.abuse.subject import SCENES, WHOLE, Ended, Scene, Subject, assert_told_well, cut_off
from tests.contracts.images import TEST_IMAGE
from tests.integration.boxes import Box
from tests.integration.hostile_proxy import Moment, hostile_proxy

_CHATTY = WHOLE.replace('[sleep, "3600"]', "[sh, -c, 'while echo tick; do sleep 0.1; done']")
_UP = ("up",)
SCENE_OF = {is_up: Scene("attached up", _UP, is_up, ()) for is_up in (False, True)}
KINDS = (*SCENES[0].kinds, "logs")
"""Of the calls that one makes which brings up from nothing."""
_ALWAYS_THREE = ("create container", "start")
_MOST_LINES = 12
_LONGEST_GAP_S = 0.6


@contextmanager
def attached(box: Box, engine: str) -> Iterator[Subject]:
    """An appliance that writes all the time. ``engine``: unix://..., as DOCKER_HOST has it."""
    with hostile_proxy(engine) as proxy:
        subject = Subject(box, proxy, _CHATTY)
        try:
            yield subject
        finally:
            subject.end()


def cut_attached(
    subject: Subject, moment: Moment | int, signals: tuple[signal.Signals, ...], gap_s: float = 0.05
) -> Ended:
    """An attached ``up`` that is cut off at a call, or after so many lines of log.

    Raises: AssertionError when it ends badly, or leaves running what it should have stopped.
    """
    subject.proxy.misbehave(None)
    if isinstance(moment, Moment):
        subject.proxy.stop_at(moment)

    def is_moment(said: Path) -> bool:
        if isinstance(moment, Moment):
            return subject.proxy.is_reached(0)
        return said.read_text().count("tick") >= moment

    ended = cut_off(subject.box, _UP, is_moment, signals, subject.proxy.go_on, gap_s)
    assert ended.is_reached, f"{moment} was not reached: {ended.ran}"
    if "error: " in ended.ran.stderr or ended.ran.status < 0:
        assert_told_well(ended.ran, may_be_killed=True)
    assert "Traceback" not in ended.ran.stderr, ended.ran.stderr
    assert ended.ran.status != 0, ended.ran
    if isinstance(moment, int) and len(signals) == 1 and signals != (signal.SIGKILL,):
        assert ended.ran.status == 130, ended.ran
        states = {each.service: each.state for each in subject.box.observe().containers_of(subject.box.name)}
        assert states == dict.fromkeys(("db", "job", "web"), ContainerState.EXITED)
    return ended


def choose(rng: random.Random, *, is_up_before: bool) -> tuple[Moment | int, tuple[signal.Signals, ...]]:
    """When a round is cut off, and by what."""
    signals = rng.choice(SIGNALS)
    if is_up_before or rng.random() < 0.5:
        return rng.randrange(1, _MOST_LINES), signals
    kind = rng.choice(KINDS)
    return Moment(kind, rng.choice((1, 2, 3)) if kind in _ALWAYS_THREE else 1, is_answered=rng.random() < 0.5), signals


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.abuse.attached")
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--record", type=Path, required=True)
    options = parser.parse_args(argv)
    rng = random.Random(options.seed)
    with tempfile.TemporaryDirectory(prefix="boxship-attached-") as folder:
        box = Box(f"attached-{os.getpid()}", Path(folder), {"TEST_IMAGE": TEST_IMAGE})
        with attached(box, os.environ["DOCKER_HOST"]) as subject:

            def attempt() -> tuple[str, tuple[signal.Signals, ...], Ended]:
                is_up_before = rng.random() < 0.3
                moment, signals = choose(rng, is_up_before=is_up_before)
                subject.prepare(SCENE_OF[is_up_before])
                ended = cut_attached(subject, moment, signals, rng.uniform(0.05, _LONGEST_GAP_S))
                subject.must_recover()
                return str(moment), signals, ended

            return run_rounds(options.rounds, options.seed, options.record, attempt)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
