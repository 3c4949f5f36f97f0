"""Runs the tools in turn, round after round, and keeps what came of it."""

import re
import signal
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from benchmarks.big_files import BIG_FILES, big_compose
from benchmarks.engine import Container, EngineApi
from benchmarks.figures import Failure, Outcome, Sample
from benchmarks.measure import run_command
from benchmarks.rows import Row
from benchmarks.scenarios import (
    READY_PATH,
    Scenario,
    appliance_text,
    compose_text,
    count_false_ready,
    raw_plan,
    without_healthchecks,
)
from benchmarks.tools import BOXSHIP, Operation, Place, Tool

T = TypeVar("T")
SETTLE_S = 0.3
"""Between two commands: the engine still tidies up when it has answered."""
_UNTIMED_DEADLINE_S = 120
_ABOUT_NO_CONTAINERS = (Operation.VERSION, Operation.HELP, Operation.READ)
_CYCLE = (Operation.UP, Operation.UP_HEALTHY, Operation.NOOP, Operation.PS, Operation.DOWN)


def order_of_round(tools: Sequence[T], number: int) -> tuple[T, ...]:
    """Another one begins each round, and every second round goes backwards: nobody always follows the same one."""
    first = number % len(tools)
    turned = (*tools[first:], *tools[:first])
    return turned[::-1] if number % 2 else turned


@dataclass
class Ledger:
    """What came of every command: row -> tool -> outcomes, in the order in which they were run.

    ``titles``: key -> name of everybody so far. ``left_out``: a sentence for each who isn't here. ``unable``: row ->
    tool -> why it can't take part, in its own words.
    """

    titles: dict[str, str] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    outcomes: dict[str, dict[str, list[Outcome]]] = field(default_factory=dict)
    unable: dict[str, dict[str, str]] = field(default_factory=dict)

    def add(self, row: str, tool: str, outcome: Outcome) -> None:
        self.outcomes.setdefault(row, {}).setdefault(tool, []).append(outcome)

    def excuse(self, row: str, tool: str, reason: str) -> None:
        self.unable.setdefault(row, {})[tool] = reason


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
    unreadable: dict[str, str] = field(default_factory=dict)
    """Project -> why a peer can't read its file; "" when it can."""

    def run(self, rounds: int) -> Iterator[str]:
        """Yield a line about each tool's turn as soon as it is over. What it made is removed, also when interrupted."""
        groups = tuple(dict.fromkeys(row.scenario for row in self.rows))
        for number in range(rounds):
            for group in groups:
                rows = {_operation_of(row): row for row in self.rows if row.scenario == group}
                for tool in order_of_round(self.tools, number):
                    told = self._turn(tool, group, rows)
                    if told:
                        yield f"round {number + 1} of {rounds}: {tool.title}: {told}"

    def _turn(self, tool: Tool, group: str, rows: Mapping[Operation, Row]) -> str:
        place = self._place(tool, group)
        if group and not self._can_read(tool, place, rows.values()):
            return ""
        if group not in self.scenarios:
            return "; ".join(self._repeat(tool, place, row) for row in rows.values())
        return "; ".join(self._cycle(tool, place, self.scenarios[group], rows))

    def _can_read(self, tool: Tool, place: Place, rows: Iterable[Row]) -> bool:
        """Whether a peer takes the file at all: an older one may not know a key of it. Asked once, if it is small."""
        command = tool.command(Operation.READ, place)
        if tool.key == BOXSHIP or command is None:
            return True
        if place.project not in self.unreadable and place.scenario in self.scenarios:
            outcome = run_command(command, self.folder / f"{place.project}.log", _UNTIMED_DEADLINE_S)
            self.unreadable[place.project] = outcome.reason if isinstance(outcome, Failure) else ""
        reason = self.unreadable.get(place.project, "")
        for row in rows:
            if reason:
                self.ledger.excuse(row.key, tool.key, reason)
        return not reason

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
            outcome = self._once(tool, place, _operation_of(row), row.deadline_s)
            if outcome is None:
                return f"{row.key} n/a"
            if isinstance(outcome, Failure) and row.operation is Operation.READ and tool.key != BOXSHIP:
                self.unreadable[place.project] = outcome.reason
                self.ledger.excuse(row.key, tool.key, outcome.reason)
                return f"{row.key} can't be read: {outcome.reason}"
            self.ledger.add(row.key, tool.key, outcome)
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
        if operation in _ABOUT_NO_CONTAINERS:
            return run_command(command, log, deadline_s)
        before = self._found(tool, place)
        outcome = run_command(command, log, deadline_s)
        time.sleep(SETTLE_S)
        if isinstance(outcome, Failure):
            return outcome
        scenario, found = self.scenarios[place.scenario], self._found(tool, place)
        complaint = complain(operation, scenario, before, found, log.read_text(errors="replace"))
        if complaint:
            return Failure(complaint)
        if operation is Operation.UP_HEALTHY:
            ready_at_s = {_service_of(each, place): self.engine.modified_at_s(each.id, READY_PATH) for each in found}
            return with_readiness(outcome, scenario, ready_at_s)
        return outcome

    def _found(self, tool: Tool, place: Place) -> tuple[Container, ...]:
        return self.engine.containers(tool.names(place))

    def _place(self, tool: Tool, group: str) -> Place:
        """Where the files of a scenario are, written on the first use."""
        project = f"{self.name}-{tool.key}{f'-{group}' if group else ''}"
        scenario = self.scenarios.get(group)
        is_asked_by_us = scenario is not None and scenario.asks_http and tool.key == BOXSHIP
        appliance = self.folder / f"{project}.appliance.yaml" if is_asked_by_us else None
        place = Place(group, project, self.folder / f"{project}.yaml", self.folder / f"{project}.json", appliance)
        if scenario is not None and not place.compose_file.exists():
            composed = without_healthchecks(scenario) if is_asked_by_us else scenario
            place.compose_file.write_text(compose_text(composed))
            place.plan_file.write_text(raw_plan(scenario, project, self.engine.socket_path))
            if appliance is not None:
                appliance.write_text(appliance_text(scenario))
        elif group in BIG_FILES and not place.compose_file.exists():
            place.compose_file.write_text(big_compose(BIG_FILES[group]))
        return place


def complain(
    operation: Operation, scenario: Scenario, before: Sequence[Container], after: Sequence[Container], printed: str
) -> str:
    """What is wrong although the command ended with 0: a sentence, "" when nothing is."""
    running, wanted = sum(each.is_running for each in after), len(scenario.services)
    match operation:
        case Operation.VERSION | Operation.HELP | Operation.READ:
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


def with_readiness(outcome: Sample, scenario: Scenario, ready_at_s: Mapping[str, float | None]) -> Sample:
    """The same, with what the times at which its services became ready say of it."""
    if outcome.ended_at_s is None:
        return outcome
    ready = [at_s for at_s in ready_at_s.values() if at_s is not None]
    return replace(
        outcome,
        false_ready=count_false_ready(scenario.services, ready_at_s, outcome.ended_at_s),
        late_s=outcome.ended_at_s - max(ready) if ready else None,
    )


def _operation_of(row: Row) -> Operation:
    if row.operation is None:
        raise ValueError(f"{row.key} is no command")
    return row.operation


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
