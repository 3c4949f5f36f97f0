"""Which of several errors is the one that is told."""

import pytest

from boxship.errors import (
    BoxshipError,
    CancelledError,
    EngineConflictError,
    EngineTimeoutError,
    EngineUnreachableError,
    OperationError,
    ProbeError,
)
from boxship.execute.executor import Failure, Outcome
from boxship.operate.outcome import error_of
from boxship.plan.action import RemoveVolume, Step

PROBE = ProbeError("web ended with status 1", hint="see more: boxship logs web", logs=["no such file"])
CONFLICT = EngineConflictError("port 80 is taken", hint="stop it")


def step(subject: str) -> Step:
    return Step(1, RemoveVolume("x"), subject, "why")


def failed(*errors: BoxshipError, interrupted: bool = False) -> Outcome:
    failures = tuple(Failure(step(f"service:s{number}"), error) for number, error in enumerate(errors))
    return Outcome(failures=failures, skipped=(step("service:rest"),), is_interrupted=interrupted)


def test_what_is_complete_has_no_error() -> None:
    assert error_of(Outcome(done=(step("service:web"),)), "up") is None


@pytest.mark.parametrize("interrupted", [False, True])
@pytest.mark.parametrize("kind", [EngineUnreachableError, EngineTimeoutError])
def test_a_lost_engine_is_told_before_all_else_with_the_way_on(
    kind: type[EngineUnreachableError | EngineTimeoutError], *, interrupted: bool
) -> None:
    lost = kind("nobody answers", hint="start it")
    error = error_of(failed(PROBE, lost, CONFLICT, interrupted=interrupted), "down")
    assert type(error) is kind
    assert error.message == "down was cut off: nobody answers"
    assert error.hint == "start it, then run it again: boxship down goes on from what it finds"


def test_a_lost_engine_without_a_hint_leaves_no_gap() -> None:
    error = error_of(failed(EngineUnreachableError("nobody answers")), "up")
    assert error is not None
    assert error.hint == "then run it again: boxship up goes on from what it finds"


def test_an_interrupt_is_told_rather_than_what_failed_before_it() -> None:
    error = error_of(failed(PROBE, CONFLICT, interrupted=True), "restart")
    assert isinstance(error, CancelledError)
    assert error.message == "restart was interrupted"
    assert error.exit_status == 130


def test_a_single_failure_is_told_as_it_is_with_its_hint_and_lines() -> None:
    assert error_of(failed(PROBE), "up") is PROBE


def test_several_failures_are_told_together_each_with_its_sentence_its_last_words_and_a_hint_once() -> None:
    error = error_of(failed(CONFLICT, PROBE, CONFLICT), "up")
    assert isinstance(error, OperationError)
    first, *sentences = error.message.splitlines()
    assert first == "up failed for s0, s1, s2:"
    assert sentences == [
        "  port 80 is taken",
        "    hint: stop it",
        "  web ended with status 1",
        "    | no such file",
        "    hint: see more: boxship logs web",
        "  port 80 is taken",
    ]
    assert error.fields["failures"] == [
        {"subject": "service:s0", "message": CONFLICT.message},
        {"subject": "service:s1", "message": PROBE.message},
        {"subject": "service:s2", "message": CONFLICT.message},
    ]
