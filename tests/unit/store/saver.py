"""A process that saves until it is killed, and another that kills it at random, again and again.

Run as a program: ``python -m tests.unit.store.saver <file> <kills> <seed>``. It prints what it found as one line of
JSON. Forking happens here, not in pytest, whose other threads a fork would leave behind.
"""

import json
import os
import random
import select
import signal
import sys
from pathlib import Path
from typing import NamedTuple

from boxship.state.operation import Operation, OperationKind
from boxship.state.state import State
from boxship.store.port import Token
from tests.unit.store.memories import NOW, open_at

_LONGEST_S = 0.012
_DEADLINE_S = 20.0
_WHILE_OPENING = 0.2


class Kept(NamedTuple):
    """What the one that was killed was told is kept: a revision, and the numbers of an audit entry and a token."""

    revision: int = 0
    audit: int = 0
    token: int = 0


def save_for_ever(path: Path, acknowledge: int) -> None:
    """Tell each revision when it is kept, as whoever asked would be told."""
    store = open_at(path)
    state = store.load().state
    while True:
        number = state.revision + 1
        operation = Operation(f"op{number}", OperationKind.SWITCH, "anna", NOW)
        state = store.save(State(state.revision, source=f"source {number}", next_generation=number), [operation])
        os.write(acknowledge, b"revision %d\n" % state.revision)
        os.write(acknowledge, b"audit %d\n" % store.append_audit(NOW, "anna", "save", str(number)).number)
        store.put_token(Token("t", str(number), "hash", ("read",), NOW))
        os.write(acknowledge, b"token %d\n" % number)


def kill_one(path: Path, chance: random.Random) -> Kept:
    """Let a process begin to save, and kill it."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            save_for_ever(path, writing)
        finally:
            os._exit(3)
    os.close(writing)
    # Some are killed while they open, most while they save.
    if chance.random() > _WHILE_OPENING:
        select.select([reading], [], [], _DEADLINE_S)
    select.select([], [], [], chance.random() * _LONGEST_S)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with os.fdopen(reading, "rb") as stream:
        words = [line.split() for line in stream.read().splitlines()]
    told = {what.decode(): int(number) for what, number in words}
    return Kept(told.get("revision", 0), told.get("audit", 0), told.get("token", 0))


def judge(path: Path, kept: Kept) -> tuple[Kept, list[str]]:
    """What the next process finds, and what is wrong with it."""
    store = open_at(path)
    state, warning = store.load()
    token = max((int(token.name) for token in store.tokens()), default=0)
    audit = max((entry.number for entry in store.audit()), default=0)
    found = Kept(state.revision, audit, token)
    checks = {
        "the revision": state.revision in (kept.revision, kept.revision + 1),
        "the token": token in (kept.token, found.revision),
        "the record": state.revision == 0 or state.source == f"source {state.revision}",
        "the operation": state.revision == 0 or store.operation(f"op{state.revision}") is not None,
        "a warning": not warning,
        "the audit": audit in (kept.audit, kept.audit + 1) and store.verify_audit().first_wrong == 0,
    }
    store.close()
    return found, [what for what, is_right in checks.items() if not is_right]


def main(path: Path, kills: int, seed: int) -> None:
    chance = random.Random(seed)
    last = Kept()
    wrong: list[object] = []
    ahead = 0
    for number in range(kills):
        told = kill_one(path, chance)
        told = Kept(*map(max, told, last))
        last, problems = judge(path, told)
        if problems:
            wrong.append([number, told, last, problems])
        ahead += last.revision > told.revision
    sys.stdout.write(json.dumps({"kills": kills, "revision": last.revision, "ahead": ahead, "wrong": wrong}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
