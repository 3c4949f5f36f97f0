"""Each way in which the state changes, and each refusal."""

import pytest
from msgspec.structs import replace

from boxship.errors import BugError, ConflictError
from boxship.state.operation import OperationKind, OperationStatus
from boxship.state.state import Boots, State
from boxship.state.transitions import (
    BACKOFF_FIRST_S,
    BACKOFF_MOST_S,
    BAD_RELEASES_KEPT,
    abandon_trial,
    allocate_generation,
    backoff_s,
    begin_operation,
    begin_source,
    begin_trial,
    boot_anew,
    boot_failed,
    boot_succeeded,
    commit_trial,
    deploy_first,
    end_operation,
    engine_started,
    forget_release,
    interrupt,
    may_choose,
    pulled,
    recover,
    refuse_first,
    set_source,
    set_target,
)
from tests.unit.state.given import (
    BOX,
    FAILURE,
    NOW,
    NOW_S,
    ON_TRIAL,
    ONE,
    SWITCHING,
    THREE,
    TWICE,
    TWO,
    operation,
)


def test_the_start_of_the_engine_is_kept_beside_everything_else() -> None:
    assert engine_started(BOX, "boot bridge") == replace(BOX, engine_start="boot bridge")


def test_one_operation_at_a_time_changes_the_box() -> None:
    begun = begin_operation(BOX, operation())
    assert begun.operation_id == "op1"
    with pytest.raises(ConflictError, match="operation op1 is under way") as refused:
        begin_operation(begun, operation(operation_id="op2"))
    assert refused.value.fields == {"operation_id": "op1"}
    assert end_operation(begun, "op1") == BOX


def test_an_operation_ends_only_by_its_own_id_and_without_a_trial() -> None:
    with pytest.raises(BugError, match="none is under way"):
        end_operation(BOX, "op1")
    with pytest.raises(BugError, match="op1 is under way, not op2"):
        end_operation(SWITCHING, "op2")
    with pytest.raises(BugError, match="still on trial"):
        end_operation(ON_TRIAL, "op1")


def test_a_generation_is_given_once() -> None:
    first = allocate_generation(SWITCHING)
    second = allocate_generation(first.state)
    assert (first.generation, second.generation, second.state.next_generation) == (3, 4, 5)
    with pytest.raises(BugError, match="none is under way"):
        allocate_generation(BOX)


def test_the_first_deployment_is_current_at_once() -> None:
    new = State(operation_id="op1", next_generation=2)
    assert deploy_first(new, ONE) == replace(new, current=ONE)
    with pytest.raises(BugError, match="not the first"):
        deploy_first(SWITCHING, TWO)
    with pytest.raises(BugError, match="not a new one"):
        deploy_first(new, replace(ONE, generation=2))
    with pytest.raises(BugError, match="not a new one"):
        deploy_first(new, replace(ONE, generation=0))
    with pytest.raises(BugError, match="none is under way"):
        deploy_first(State(next_generation=2), ONE)


def test_a_first_release_that_is_refused_is_tried_again_later_and_later() -> None:
    once = refuse_first(State(), "1.0", FAILURE, NOW_S)
    assert once == State(boots=Boots(1, FAILURE, "", NOW_S + BACKOFF_FIRST_S, "1.0"))
    twice = refuse_first(once, "1.0", FAILURE, NOW_S)
    assert (twice.boots.failures, twice.boots.next_try_at_s) == (2, NOW_S + 2 * BACKOFF_FIRST_S)
    assert refuse_first(twice, "1.1", FAILURE, NOW_S).boots.failures == 1, "another release begins anew"
    assert refuse_first(BOX, "1.0", FAILURE, NOW_S) == BOX, "a person was quicker"
    deployed = deploy_first(replace(twice, operation_id="op1", next_generation=2), ONE)
    assert deployed.boots == Boots()


def test_a_trial_leaves_current_alone() -> None:
    assert begin_trial(SWITCHING, operation(), TWO, is_asked_for=False) == ON_TRIAL


@pytest.mark.parametrize(
    ("state", "kind", "trial", "why"),
    [
        (SWITCHING, OperationKind.PULL, TWO, "belongs to a switch or a rollback, not to a pull"),
        (ON_TRIAL, OperationKind.SWITCH, TWO, "is on trial already"),
        (State(operation_id="op1", next_generation=2), OperationKind.SWITCH, ONE, "nothing to go back to"),
        (SWITCHING, OperationKind.SWITCH, replace(TWO, generation=3), "not a new one"),
        (SWITCHING, OperationKind.SWITCH, replace(TWO, generation=1), "not a new one"),
        (replace(TWICE, current=ONE, previous=TWO), OperationKind.SWITCH, replace(THREE, generation=2), "not a new"),
        (BOX, OperationKind.SWITCH, TWO, "none is under way"),
    ],
)
def test_a_trial_is_refused_where_no_order_of_events_leads(
    state: State, kind: OperationKind, trial: object, why: str
) -> None:
    assert isinstance(trial, type(TWO))
    with pytest.raises(BugError, match=why):
        begin_trial(state, operation(kind), trial, is_asked_for=True)


def test_a_trial_of_what_is_current_is_refused() -> None:
    again = replace(ONE, generation=2)
    with pytest.raises(ConflictError, match=r"1\.0 is current already"):
        begin_trial(SWITCHING, operation(), again, is_asked_for=True)


def test_a_bad_release_is_tried_again_only_when_a_person_asks() -> None:
    failed = replace(abandon_trial(ON_TRIAL, "web not ready"), next_generation=4)
    again = replace(TWO, generation=3)
    assert not may_choose(failed, TWO.release_id)
    assert may_choose(failed, THREE.release_id)
    with pytest.raises(ConflictError, match=r"the trial of 2\.0 failed before: web not ready"):
        begin_trial(failed, operation(), again, is_asked_for=False)
    assert begin_trial(failed, operation(), again, is_asked_for=True).trial == again


def test_a_commit_moves_the_pointer_in_one_step() -> None:
    trying = replace(ON_TRIAL, pending_source="dir:/media/usb", boots=Boots(failures=2), bad_releases={"sha256:2": "x"})
    committed = commit_trial(trying, NOW_S)
    assert (committed.current, committed.trial, committed.previous) == (TWO, None, ONE)
    assert committed.previous_until_s == NOW_S
    assert (committed.source, committed.pending_source) == ("dir:/media/usb", "")
    assert (committed.boots, committed.bad_releases) == (Boots(), {})
    assert committed.operation_id == "op1"
    assert commit_trial(ON_TRIAL, NOW_S).source == ON_TRIAL.source
    with pytest.raises(BugError, match="no trial to commit"):
        commit_trial(SWITCHING, NOW_S)


def test_previous_is_kept_with_the_target_that_should_run_not_with_its_fallback() -> None:
    fallen = replace(
        ON_TRIAL, current=replace(ONE, target="maintenance"), boots=Boots(last=FAILURE, fallen_back_from="default")
    )
    assert commit_trial(fallen, NOW_S).previous == ONE


def test_an_abandoned_trial_leaves_current_and_marks_the_release() -> None:
    abandoned = abandon_trial(ON_TRIAL, "web not ready")
    assert abandoned == replace(SWITCHING, bad_releases={"sha256:2": "web not ready"})
    with pytest.raises(BugError, match="no trial to abandon"):
        abandon_trial(SWITCHING, "")


def test_bad_releases_are_bounded_and_the_newest_stay() -> None:
    many = {f"sha256:old{number}": "x" for number in range(BAD_RELEASES_KEPT)}
    kept = abandon_trial(replace(ON_TRIAL, bad_releases=many), "web not ready").bad_releases
    assert len(kept) == BAD_RELEASES_KEPT
    assert "sha256:old0" not in kept
    assert kept["sha256:2"] == "web not ready"


def test_going_back_is_a_trial_of_the_release_before_with_a_generation_of_its_own() -> None:
    back = replace(ONE, generation=3)
    going = replace(TWICE, operation_id=operation(OperationKind.ROLLBACK).id, next_generation=4)
    tried = begin_trial(going, operation(OperationKind.ROLLBACK), back, is_asked_for=True)
    done = commit_trial(tried, NOW_S)
    assert (done.current, done.previous, done.previous_until_s) == (back, TWO, NOW_S)


def test_failed_boots_are_tried_again_later_and_later_then_the_fallback_runs_on_the_same_data() -> None:
    state = BOX
    for failures, wait_s in ((1, 10.0), (2, 20.0)):
        state = boot_failed(state, FAILURE, NOW_S, attempts=3, fallback="maintenance")
        assert state.boots == Boots(failures=failures, last=FAILURE, next_try_at_s=NOW_S + wait_s)
        assert state.current == ONE
    state = boot_failed(state, FAILURE, NOW_S, attempts=3, fallback="maintenance")
    assert state.current == replace(ONE, target="maintenance")
    assert state.boots == Boots(last=FAILURE, fallen_back_from="default", next_try_at_s=NOW_S)


@pytest.mark.parametrize("fallback", ["", "default"])
def test_without_another_target_the_same_one_is_tried_on(fallback: str) -> None:
    state = boot_failed(BOX, FAILURE, NOW_S, attempts=1, fallback=fallback)
    assert state.current == ONE
    assert state.boots.next_try_at_s == NOW_S + BACKOFF_FIRST_S


def test_a_fallback_that_fails_is_tried_on_and_still_says_what_it_stands_in_for() -> None:
    fallen = boot_failed(BOX, FAILURE, NOW_S, attempts=1, fallback="maintenance")
    again = boot_failed(fallen, FAILURE, NOW_S, attempts=1, fallback="rescue")
    assert again.current == fallen.current
    assert (again.boots.failures, again.boots.fallen_back_from) == (1, "default")


def test_a_good_boot_ends_the_row_of_failures_but_not_the_fallback() -> None:
    failed = boot_failed(BOX, FAILURE, NOW_S, attempts=3, fallback="maintenance")
    assert boot_succeeded(failed) == BOX
    fallen = boot_failed(BOX, FAILURE, NOW_S, attempts=1, fallback="maintenance")
    assert boot_succeeded(fallen).boots == Boots(last=FAILURE, fallen_back_from="default")


def test_nothing_boots_before_the_first_deployment_or_during_a_trial() -> None:
    with pytest.raises(BugError, match="nothing is deployed"):
        boot_succeeded(State())
    with pytest.raises(BugError, match="is on trial"):
        boot_failed(ON_TRIAL, FAILURE, NOW_S, attempts=3, fallback="")


def test_back_off_doubles_up_to_a_bound() -> None:
    assert [backoff_s(failures) for failures in (1, 2, 3, 5, 6, 1_000_000)] == [
        BACKOFF_FIRST_S,
        20.0,
        40.0,
        160.0,
        BACKOFF_MOST_S,
        BACKOFF_MOST_S,
    ]


def test_another_target_is_booted_on_the_same_data_with_all_attempts_anew() -> None:
    fallen = replace(BOX, operation_id="op1", boots=Boots(failures=2, fallen_back_from="default"))
    chosen = set_target(fallen, "maintenance")
    assert chosen.current == replace(ONE, target="maintenance")
    assert chosen.boots == Boots()
    with pytest.raises(BugError, match="none is under way"):
        set_target(BOX, "maintenance")


def test_what_is_booted_anew_goes_on_standing_in_for_what_did_not_boot() -> None:
    booting = replace(SWITCHING, boots=Boots(3, FAILURE, next_try_at_s=NOW_S + 40.0))
    assert boot_anew(booting).boots == Boots()
    fallback = replace(booting, boots=replace(booting.boots, fallen_back_from="default"))
    assert boot_anew(fallback).boots == Boots(last=FAILURE, fallen_back_from="default")
    assert (boot_anew(fallback).current, boot_anew(fallback).wanted_target) == (ONE, "default")


def test_a_source_waits_for_the_next_switch_unless_the_box_is_new() -> None:
    assert set_source(State(), "dir:/media/usb").source == "dir:/media/usb"
    waiting = set_source(BOX, "dir:/media/usb")
    assert (waiting.source, waiting.pending_source) == (BOX.source, "dir:/media/usb")
    assert set_source(waiting, BOX.source) == BOX


def test_what_a_loader_was_started_with_is_the_source_of_a_box_that_has_none() -> None:
    assert begin_source(State(), "dir:/srv").source == "dir:/srv"
    sourceless = replace(BOX, source="")
    assert begin_source(sourceless, "dir:/srv") == replace(sourceless, source="dir:/srv")
    for told in (replace(BOX, source="registry"), replace(sourceless, pending_source="registry")):
        assert begin_source(told, "dir:/srv") == told


def test_pulled_releases_are_known_by_version_until_they_are_forgotten() -> None:
    state = pulled(pulled(BOX, "2.0", "sha256:2"), "3.0", "sha256:3")
    assert forget_release(state, "sha256:2").pulled == {"3.0": "sha256:3"}
    assert pulled(state, "2.0", "sha256:new").pulled["2.0"] == "sha256:new"


@pytest.mark.parametrize(
    ("release_id", "name"), [("sha256:1", "previous"), ("sha256:2", "current"), ("sha256:3", "on trial")]
)
def test_a_release_that_a_deployment_needs_is_not_forgotten(release_id: str, name: str) -> None:
    with pytest.raises(ConflictError, match=f"is {name}"):
        forget_release(replace(TWICE, trial=THREE), release_id)


def test_a_new_loader_abandons_the_trial_it_finds_and_says_so() -> None:
    recovered = recover(ON_TRIAL)
    assert recovered.sentence == "the Loader ended during the trial of 2.0, so 1.0 (default) stays"
    assert recovered.state == replace(
        SWITCHING, operation_id="", bad_releases={TWO.release_id: recovered.sentence}, next_generation=3
    )


@pytest.mark.parametrize(
    ("state", "runs"),
    [(TWICE, r"2.0 (default) is current"), (State(operation_id="op1"), "nothing is deployed yet")],
)
def test_a_new_loader_ends_the_operation_it_finds_and_leaves_current(state: State, runs: str) -> None:
    recovered = recover(state)
    assert recovered.sentence == f"the Loader ended during operation op1, which was interrupted; {runs}"
    assert recovered.state == replace(state, operation_id="")


def test_after_a_good_end_there_is_nothing_to_recover() -> None:
    assert recover(BOX) == (BOX, "")


def test_a_running_operation_is_interrupted_and_one_that_is_over_stays() -> None:
    running = replace(operation(), can_cancel=True)
    ended = interrupt(running, NOW, "the Loader ended")
    assert ended.status is OperationStatus.INTERRUPTED
    assert (ended.ended_at, ended.can_cancel) == (NOW, False)
    assert ended.failure is not None
    assert ended.failure.message == "the Loader ended"
    assert interrupt(ended, NOW, "again") == ended
