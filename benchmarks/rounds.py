"""Runs the tools in turn, round after round, and keeps what came of it."""

import re
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from benchmarks.big_files import BIG_FILES, big_compose
from benchmarks.builds import BUILDS, builds_compose, remove_images, write_contexts
from benchmarks.engine import Container, EngineApi
from benchmarks.figures import Failure, Outcome, Sample
from benchmarks.measure import run_command
from benchmarks.rows import Row
from benchmarks.scenarios import READY_PATH, Scenario, compose_text, count_false_ready, raw_plan
from benchmarks.tools import Operation, Place, Tool, contexts_of

T = TypeVar("T")
SETTLE_S = 0.3
"""Between two commands: the engine still tidies up when it has answered."""
_UNTIMED_DEADLINE_S = 120
_BUILD_DEADLINE_S = 600
_CYCLE = (Operation.UP, Operation.UP_HEALTHY, Operation.NOOP, Operation.PS, Operation.DOWN)


def order_of_round(tools: Sequence[T], number: int) -> tuple[T, ...]:
    """Another one begins each round, and every second round goes backwards: nobody always follows the same one."""
    first = number % len(tools)
    turned = (*tools[first:], *tools[:first])
    return turned[::-1] if number % 2 else turned


@dataclass
class Ledger:
    """What came of every command: row -> tool -> outcomes, in the order in which they were run."""

    outcomes: dict[str, dict[str, list[Outcome]]] = field(default_factory=dict)

    def add(self, row: Row, tool: Tool, outcome: Outcome) -> None:
        self.outcomes.setdefault(row.key, {}).setdefault(tool.key, []).append(outcome)

    def of(self, row: Row) -> Mapping[str, Sequence[Outcome]]:
        return self.outcomes.get(row.key, {})


@dataclass(frozen=True, slots=True)
class Course:
    """One run: who takes part, in what, and where its files are. ``name`` is in the names of all it makes."""

    name: str
    folder: Path
    engine: EngineApi
    tools: tuple[Tool, ...]
    scenarios: Mapping[str, Scenario]
    rows: tuple[Row, ...]
    ledger: Ledger

    def run(self, rounds: int) -> Iterator[str]:
        """Yield a line about each tool's turn as soon as it is over. What it made is removed, also when interrupted."""
        try:
            yield from self._rounds(rounds)
        finally:
            with _uninterrupted():
                self._remove_images()

    def _rounds(self, rounds: int) -> Iterator[str]:
        groups = tuple(dict.fromkeys(row.scenario for row in self.rows))
        for number in range(rounds):
            for group in groups:
                rows = {row.operation: row for row in self.rows if row.scenario == group}
                for tool in order_of_round(self.tools, number):
                    told = self._turn(tool, group, rows)
                    if told:
                        yield f"round {number + 1} of {rounds}: {tool.title}: {told}"

    def _remove_images(self) -> None:
        for group in {row.scenario for row in self.rows} & BUILDS.keys():
            for tool in self.tools:
                remove_images(self._place(tool, group).project, BUILDS[group].services())

    def _turn(self, tool: Tool, group: str, rows: Mapping[Operation, Row]) -> str:
        place = self._place(tool, group)
        if group in BUILDS:
            self._build_first(tool, place)
        if group not in self.scenarios:
            return "; ".join(self._repeat(tool, place, row) for row in rows.values())
        return "; ".join(self._cycle(tool, place, self.scenarios[group], rows))

    def _build_first(self, tool: Tool, place: Place) -> None:
        """In a tool's first turn, untimed: what is compared is a build that has nothing to do."""
        mark = place.compose_file.with_suffix(".built")
        if tool.command(Operation.BUILD, place) is None or mark.exists():
            return
        write_contexts(BUILDS[place.scenario], contexts_of(place))
        place.compose_file.write_text(builds_compose(BUILDS[place.scenario], contexts_of(place)))
        time.sleep(SETTLE_S)
        self._once(tool, place, Operation.BUILD, _BUILD_DEADLINE_S)
        mark.touch()

    def _cycle(self, tool: Tool, place: Place, scenario: Scenario, rows: Mapping[Operation, Row]) -> list[str]:
        """Up, what is asked of a running application, and down. Ends early when it doesn't come up."""
        told: list[str] = []
        up = Operation.UP_HEALTHY if scenario.has_healthchecks else Operation.UP
        if tool.command(up, place) is None:
            return told
        try:
            for operation in _CYCLE:
                row = rows.get(operation)
                if row is not None:
                    told.append(self._repeat(tool, place, row))
                elif operation in {up, Operation.DOWN}:
                    self._once(tool, place, operation, _UNTIMED_DEADLINE_S)
                if operation is up and not self.engine.containers(tool.names(place)):
                    return told
        finally:
            with _uninterrupted():
                time.sleep(SETTLE_S)
                self.engine.sweep(tool.names(place))
        return told

    def _repeat(self, tool: Tool, place: Place, row: Row) -> str:
        told = []
        for _ in range(row.repeats):
            outcome = self._once(tool, place, row.operation, row.deadline_s)
            if outcome is None:
                return f"{row.key} n/a"
            self.ledger.add(row, tool, outcome)
            told.append(f"{outcome.wall_s:.2f} s" if isinstance(outcome, Sample) else f"failed: {outcome.reason}")
            if isinstance(outcome, Failure):
                break
        return f"{row.key} {' '.join(told)}"

    def _once(self, tool: Tool, place: Place, operation: Operation, deadline_s: float) -> Outcome | None:
        """Run one command and see whether it did what it should. None when the tool has no such command."""
        command = tool.command(operation, place)
        if command is None:
            return None
        log = self.folder / f"{place.project}.log"
        before = self._found(tool, place)
        outcome = run_command(command, log, deadline_s)
        returned_at_s = time.time()
        time.sleep(SETTLE_S)
        if isinstance(outcome, Failure) or operation in {Operation.HELP, Operation.READ, Operation.BUILD}:
            return outcome
        scenario, found = self.scenarios[place.scenario], self._found(tool, place)
        complaint = complain(operation, scenario, before, found, log.read_text(errors="replace"))
        if complaint:
            return Failure(complaint)
        if operation is Operation.UP_HEALTHY:
            ready_at_s = {_service_of(each, place): self.engine.modified_at_s(each.id, READY_PATH) for each in found}
            return replace(outcome, false_ready=count_false_ready(scenario.services, ready_at_s, returned_at_s))
        return outcome

    def _found(self, tool: Tool, place: Place) -> tuple[Container, ...]:
        return self.engine.containers(tool.names(place))

    def _place(self, tool: Tool, group: str) -> Place:
        """Where the files of a scenario are, written on the first use."""
        project = f"{self.name}-{tool.key}{f'-{group}' if group else ''}"
        place = Place(group, project, self.folder / f"{project}.yaml", self.folder / f"{project}.json")
        if group in self.scenarios and not place.compose_file.exists():
            place.compose_file.write_text(compose_text(self.scenarios[group]))
            place.plan_file.write_text(raw_plan(self.scenarios[group], project, self.engine.socket_path))
        elif group in BIG_FILES and not place.compose_file.exists():
            place.compose_file.write_text(big_compose(BIG_FILES[group]))
        return place


def complain(
    operation: Operation, scenario: Scenario, before: Sequence[Container], after: Sequence[Container], printed: str
) -> str:
    """What is wrong although the command ended with 0: a sentence, "" when nothing is."""
    running, wanted = sum(each.is_running for each in after), len(scenario.services)
    match operation:
        case Operation.HELP | Operation.READ | Operation.BUILD:
            return ""
        case Operation.UP | Operation.UP_HEALTHY:
            return "" if running == wanted else f"{running} of {wanted} containers run after it"
        case Operation.NOOP:
            return "" if set(before) == set(after) and running == wanted else "it was to change nothing, and did"
        case Operation.PS:
            missing = [
                each.name for each in scenario.services if not re.search(rf"\b{each.name}\b|_{each.name}_", printed)
            ]
            return f"it does not show {missing[0]}" if missing else ""
        case Operation.DOWN:
            return f"{len(after)} containers are left after it" if after else ""


def _service_of(container: Container, place: Place) -> str:
    """``project-s0-1``, ``project_s0_1`` and ``project.s0`` are s0."""
    return re.split("[._-]", container.name[len(place.project) + 1 :])[0]


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Not even by a second ^C: every call has a deadline."""
    kept = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
