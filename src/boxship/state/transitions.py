"""Every way in which the state changes: a state in, a state out, or a refusal.

The invariants that ``state.py`` names hold because nothing else makes a State. ConflictError: not now, as something
else is under way or stands against it. BugError: the Loader asked for what no order of events allows. The caller saves
what it gets before it acts on it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from msgspec.structs import replace

from boxship.errors import BugError, ConflictError
from boxship.state.deployment import Deployment
from boxship.state.operation import Failure, Operation, OperationKind, OperationStatus
from boxship.state.state import Boots, State

BACKOFF_FIRST_S = 10.0
"""After the first failed boot; doubled with each. A service that only lost a race needs no more."""
BACKOFF_MOST_S = 300.0
"""As the engine's own back-off has a bound, so that a box that can be mended is up soon after it was."""
BAD_RELEASES_KEPT = 200
"""More than any box meets in its life; the oldest are forgotten first."""


class Allocated(NamedTuple):
    """A state, and the number that no generation had before."""

    state: State
    generation: int


class Recovered(NamedTuple):
    """``sentence``: what was found and what becomes of it, "" when the Loader before had ended well."""

    state: State
    sentence: str


def begin_operation(state: State, operation: Operation) -> State:
    """One at a time changes the box. Raises: ConflictError with the id of the one under way."""
    if state.operation_id:
        raise ConflictError(
            f"operation {state.operation_id} is under way",
            hint="wait for its end, or cancel it",
            fields={"operation_id": state.operation_id},
        )
    return replace(state, operation_id=operation.id)


def end_operation(state: State, operation_id: str) -> State:
    """However it ended. A trial was committed or abandoned before."""
    _expect_operation(state, operation_id)
    if state.trial is not None:
        raise BugError(f"operation {operation_id} ends while {state.trial} is still on trial")
    return replace(state, operation_id="")


def allocate_generation(state: State) -> Allocated:
    """A number that is never given twice, so whatever a cut-off switch left behind under it is nobody's data."""
    _expect_any_operation(state)
    return Allocated(replace(state, next_generation=state.next_generation + 1), state.next_generation)


def deploy_first(state: State, deployment: Deployment) -> State:
    """The first release of a box is current at once: there is nothing that a trial could go back to."""
    _expect_any_operation(state)
    if state.current is not None:
        raise BugError(f"{state.current} is current, so {deployment} is not the first")
    _expect_allocated(state, deployment)
    return replace(state, current=deployment, boots=Boots())


def refuse_first(state: State, version: str, failure: Failure, now_s: float) -> State:
    """The release that the Loader would begin with can't be deployed: try again later, as with a failed boot.

    Nothing changes when a person was quicker. ``now_s``: unix time.
    """
    if state.current is not None:
        return state
    failures = state.boots.failures + 1 if state.boots.refused_version == version else 1
    boots = Boots(failures, failure, next_try_at_s=now_s + backoff_s(failures), refused_version=version)
    return replace(state, boots=boots)


def begin_trial(state: State, operation: Operation, trial: Deployment, *, is_asked_for: bool) -> State:
    """``is_asked_for``: a person named this release, so that its trial failed before doesn't speak against it.

    Raises: ConflictError for a release that runs already, and for a bad one that nobody asked for.
    """
    _expect_operation(state, operation.id)
    if operation.kind not in (OperationKind.SWITCH, OperationKind.ROLLBACK):
        raise BugError(f"a trial belongs to a switch or a rollback, not to a {operation.kind}")
    if state.trial is not None:
        raise BugError(f"{state.trial} is on trial already")
    if state.current is None:
        raise BugError(f"there is nothing to go back to from the trial of {trial}")
    _expect_allocated(state, trial)
    if trial.release_id == state.current.release_id:
        raise ConflictError(f"{state.current.version} is current already", hint="another of its targets can be booted")
    if not is_asked_for and not may_choose(state, trial.release_id):
        raise ConflictError(
            f"the trial of {trial.version} failed before: {state.bad_releases[trial.release_id]}",
            hint="a person may switch to it by name",
        )
    return replace(state, trial=trial)


def commit_trial(state: State, now_s: float) -> State:
    """The trial is current, and what was current can be gone back to. ``now_s``: unix time."""
    if state.trial is None or state.current is None:
        raise BugError("there is no trial to commit")
    return replace(
        state,
        current=state.trial,
        trial=None,
        # Who comes back to it doesn't want its fallback.
        previous=replace(state.current, target=state.wanted_target),
        previous_until_s=now_s,
        source=state.pending_source or state.source,
        pending_source="",
        boots=Boots(),
        bad_releases=_without(state.bad_releases, state.trial.release_id),
    )


def abandon_trial(state: State, why: str) -> State:
    """Current stays what it was; the Loader itself never chooses the release again. ``why``: a sentence."""
    if state.trial is None:
        raise BugError("there is no trial to abandon")
    bad = {**_without(state.bad_releases, state.trial.release_id), state.trial.release_id: why}
    return replace(state, trial=None, bad_releases=dict(list(bad.items())[-BAD_RELEASES_KEPT:]))


def boot_failed(state: State, failure: Failure, now_s: float, *, attempts: int, fallback: str) -> State:
    """Try again later; at the ``attempts``-th failure in a row enter the target ``fallback`` ("": none), at once.

    Data stays as it is. A fallback that fails, too, is tried again and again: there is nowhere else to go.
    """
    current = _expect_booted(state)
    failures = state.boots.failures + 1
    is_fallen_back = bool(state.boots.fallen_back_from)
    if failures >= attempts and fallback not in ("", current.target) and not is_fallen_back:
        boots = Boots(last=failure, fallen_back_from=current.target, next_try_at_s=now_s)
        return replace(state, current=replace(current, target=fallback), boots=boots)
    boots = replace(state.boots, failures=failures, last=failure, next_try_at_s=now_s + backoff_s(failures))
    return replace(state, boots=boots)


def boot_succeeded(state: State) -> State:
    """The next failure is the first in a row. A fallback that runs well still says what it stands in for, and why."""
    _expect_booted(state)
    if not state.boots.fallen_back_from:
        return replace(state, boots=Boots(), engine_restart_at_s=0.0)
    boots = replace(state.boots, failures=0, next_try_at_s=0.0)
    return replace(state, boots=boots, engine_restart_at_s=0.0)


def engine_started(state: State, start: str) -> State:
    """Nothing runs any more that this start of the engine has brought up out of turn."""
    return replace(state, engine_start=start)


def engine_restart_asked(state: State, now_s: float) -> State:
    """Written before it is asked for, as the engine takes the Loader along."""
    return replace(state, engine_restart_at_s=now_s)


def set_target(state: State, target: str) -> State:
    """What is booted from now on, also after the host's own reboot; on the same data, and with all attempts anew."""
    _expect_any_operation(state)
    current = _expect_booted(state)
    return replace(state, current=replace(current, target=target), boots=Boots())


def boot_anew(state: State) -> State:
    """Boot the same target again, with all attempts anew. A fallback goes on standing in for what didn't boot."""
    _expect_any_operation(state)
    _expect_booted(state)
    boots = state.boots
    if not boots.fallen_back_from:
        return replace(state, boots=Boots())
    return replace(state, boots=Boots(last=boots.last, fallen_back_from=boots.fallen_back_from))


def set_source(state: State, source: str) -> State:
    """Where the next releases come from: from the next switch on, or at once for a box that has none yet."""
    if state.current is None:
        return replace(state, source=source, pending_source="")
    return replace(state, pending_source="" if source == state.source else source)


def begin_source(state: State, source: str) -> State:
    """Where releases come from, for a box that was told nothing else; at once, as it would be without being written."""
    return state if state.source or state.pending_source else replace(state, source=source)


def pulled(state: State, version: str, release_id: str) -> State:
    """All of a release is here. A version that was published anew goes by its newest release."""
    return replace(state, pulled={**state.pulled, version: release_id})


def forget_release(state: State, release_id: str) -> State:
    """Before its files and images are removed. That its trial failed is kept: the same bytes may come again.

    Raises: ConflictError while a deployment needs it.
    """
    for name, kept in (("current", state.current), ("on trial", state.trial), ("previous", state.previous)):
        if kept is not None and kept.release_id == release_id:
            raise ConflictError(f"{kept.version} is {name}", hint="only a release that no deployment needs can go")
    rest = {version: its_id for version, its_id in state.pulled.items() if its_id != release_id}
    return replace(state, pulled=rest)


def may_choose(state: State, release_id: str) -> bool:
    """Whether the Loader may switch to it without being asked by a person."""
    return release_id not in state.bad_releases


def recover(state: State) -> Recovered:
    """What a new Loader makes of what the one before left, wherever that ended. Current is never touched.

    The release on trial is marked bad: nobody can tell a power cut from a release that takes its box down, and the
    second would be tried for ever.
    """
    if state.trial is not None:
        why = f"the Loader ended during the trial of {state.trial.version}, so {state.current} stays"
        return Recovered(replace(abandon_trial(state, why), operation_id=""), why)
    if state.operation_id:
        runs = "nothing is deployed yet" if state.current is None else f"{state.current} is current"
        why = f"the Loader ended during operation {state.operation_id}, which was interrupted; {runs}"
        return Recovered(replace(state, operation_id=""), why)
    return Recovered(state, "")


def interrupt(operation: Operation, now: datetime, why: str) -> Operation:
    """The record of an operation whose Loader ended; one that is over stays as it is."""
    if operation.status.is_over:
        return operation
    return replace(
        operation,
        status=OperationStatus.INTERRUPTED,
        ended_at=now,
        updated_at=now,
        can_cancel=False,
        failure=Failure(code="interrupted", message=why),
    )


def backoff_s(failures: int) -> float:
    """How long to wait after so many failed boots in a row (1 or more)."""
    doublings = min(failures - 1, 16)  # far beyond the bound, and no overflow after a million failures
    return min(BACKOFF_FIRST_S * 2.0**doublings, BACKOFF_MOST_S)


def _without(bad: Mapping[str, str], release_id: str) -> dict[str, str]:
    return {its_id: why for its_id, why in bad.items() if its_id != release_id}


def _expect_any_operation(state: State) -> None:
    if not state.operation_id:
        raise BugError("the box changes only by an operation, and none is under way")


def _expect_operation(state: State, operation_id: str) -> None:
    _expect_any_operation(state)
    if state.operation_id != operation_id:
        raise BugError(f"operation {state.operation_id} is under way, not {operation_id}")


def _expect_allocated(state: State, deployment: Deployment) -> None:
    taken = 0 if state.current is None else max(state.current.generation, _generation(state.previous))
    if not taken < deployment.generation < state.next_generation:
        raise BugError(f"generation {deployment.generation} of {deployment} is not a new one")


def _generation(deployment: Deployment | None) -> int:
    return 0 if deployment is None else deployment.generation


def _expect_booted(state: State) -> Deployment:
    """Current, as what boots. A trial that doesn't boot is abandoned instead."""
    if state.current is None:
        raise BugError("nothing is deployed that could boot")
    if state.trial is not None:
        raise BugError(f"{state.trial} is on trial: until it is committed or abandoned, current doesn't boot")
    return state.current
