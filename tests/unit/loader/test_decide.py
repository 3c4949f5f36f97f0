"""What the Loader does next follows from values alone, and every answer comes with a sentence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from boxship.loader.decide import (
    ENGINE_RETRY_S,
    LONGEST_PAUSE_S,
    MENDS_AT_ONCE,
    Begin,
    Decision,
    Look,
    Wait,
    decide,
)
from boxship.state.deployment import Deployment
from boxship.state.operation import OperationKind
from boxship.state.state import Boots, State
from boxship.state.transitions import BACKOFF_FIRST_S
from tests.unit.state.given import BOX, FAILURE, NOW_S, ONE

UP = Look(is_booted=True)
RESCUE = replace(ONE, target="rescue")


def failed(times: int, next_try_in_s: float = 20.0, **more: object) -> State:
    boots = Boots(failures=times, last=FAILURE, next_try_at_s=NOW_S + next_try_in_s)
    return replace(BOX, boots=replace(boots, **more))


def test_while_an_operation_is_under_way_nothing_else_begins() -> None:
    state = replace(failed(1, -5.0), operation_id="op7")
    assert decide(state, Look(engine="gone", astray=("web: missing",)), NOW_S) == Wait("operation op7 is under way")


def test_an_engine_that_does_not_answer_is_asked_again_soon() -> None:
    wait = decide(BOX, Look(engine="it hung up"), NOW_S)
    assert wait == Wait("the container engine doesn't answer: it hung up", NOW_S + ENGINE_RETRY_S)


def test_a_box_without_a_deployment_waits_for_a_person_or_takes_the_release_that_came_with_it() -> None:
    assert decide(State(), Look(), NOW_S) == Wait("nothing is deployed yet: pull a release and switch to it")
    begin = decide(State(), Look(first_version="1.4"), NOW_S)
    assert begin == Begin(OperationKind.SWITCH, "nothing is deployed, and 1.4 is here", "1.4")


def refused(times: int = 2, version: str = "1.4") -> State:
    return State(boots=Boots(times, FAILURE, next_try_at_s=NOW_S + 15.0, refused_version=version))


def test_a_first_release_that_was_refused_waits_for_its_turn_and_says_why() -> None:
    wait = decide(refused(), Look(first_version="1.4", since_boot_s=6.0), NOW_S)
    why = "1.4 can't be deployed, 2 times so far (web not ready after 60 s); next try at 12:00:15 UTC"
    assert wait == Wait(why, NOW_S + 15.0)
    again = Begin(OperationKind.SWITCH, "nothing is deployed, and 1.4 is here, attempt 3", "1.4")
    assert decide(refused(), Look(first_version="1.4"), NOW_S + 15.0) == again


@pytest.mark.parametrize(
    "look", [Look(first_version="1.5"), Look(first_version="1.4", since_boot_s=4.0)], ids=["release", "boot"]
)
def test_a_first_release_does_not_wait_for_the_pause_of_another_or_of_before_the_host_booted(look: Look) -> None:
    begin = Begin(OperationKind.SWITCH, f"nothing is deployed, and {look.first_version} is here", look.first_version)
    assert decide(refused(), look, NOW_S) == begin


def test_what_is_current_is_booted_at_the_start() -> None:
    assert decide(BOX, Look(), NOW_S) == Begin(OperationKind.BOOT, "1.0 (default) is what should run")


@pytest.mark.parametrize(
    ("times", "said"),
    [(1, "once so far"), (3, "3 times so far")],
)
def test_a_failed_boot_is_tried_again_after_its_pause(times: int, said: str) -> None:
    wait = decide(failed(times), Look(), NOW_S)
    why = f"1.0 (default) did not boot, {said} (web not ready after 60 s); next try at 12:00:20 UTC"
    assert wait == Wait(why, NOW_S + 20.0)
    again = Begin(OperationKind.BOOT, f"1.0 (default) is what should run, attempt {times + 1}")
    assert decide(failed(times), Look(), NOW_S + 20.0) == again


def test_a_failed_boot_whose_reason_was_lost_still_has_a_sentence() -> None:
    assert "(no reason was kept)" in decide(failed(1, last=None), UP, NOW_S).why


def test_a_pause_that_another_clock_set_is_not_waited_for() -> None:
    assert isinstance(decide(failed(1, LONGEST_PAUSE_S + 1.0), Look(), NOW_S), Begin)


def test_what_went_astray_is_mended_at_once_the_first_times() -> None:
    one = decide(BOX, replace(UP, astray=("web: it ended",)), NOW_S)
    assert one == Begin(OperationKind.BOOT, "web: it ended")
    two = decide(BOX, replace(UP, astray=("web: it ended", "db: it is missing"), mends_s=(9.0, 3.0)), NOW_S)
    assert two == Begin(OperationKind.BOOT, "web: it ended (and 1 more)")


def test_what_goes_astray_again_and_again_is_mended_after_longer_and_longer_pauses() -> None:
    look = replace(UP, astray=("web: it ended",), mends_s=(30.0, 20.0, 4.0))
    wait = decide(BOX, look, NOW_S)
    why = "web: it ended, for the 4th time in ten minutes; mended in 6 s"
    assert wait == Wait(why, NOW_S + BACKOFF_FIRST_S - 4.0)
    assert isinstance(decide(BOX, replace(look, mends_s=(30.0, 20.0, BACKOFF_FIRST_S)), NOW_S), Begin)
    almost = replace(look, mends_s=(30.0, 20.0, BACKOFF_FIRST_S - 1e-9))
    assert isinstance(decide(BOX, almost, NOW_S), Begin), "no wait may be too short for a clock"
    longest = decide(BOX, replace(look, mends_s=tuple([0.0] * 40)), NOW_S)
    assert isinstance(longest, Wait)
    assert longest.until_s == NOW_S + LONGEST_PAUSE_S


def test_at_rest_it_says_what_runs_and_what_the_engine_does() -> None:
    assert decide(BOX, UP, NOW_S) == Wait("1.0 (default) runs, and nothing is to be done")
    assert decide(BOX, replace(UP, restarting=("db", "web")), NOW_S) == Wait("the engine starts db, web again")


def test_a_fallback_that_runs_says_what_it_stands_in_for_and_why() -> None:
    fallen = replace(BOX, current=RESCUE, boots=Boots(last=FAILURE, fallen_back_from="default"))
    why = "1.0 (rescue) runs in place of default, which did not boot"
    assert decide(fallen, UP, NOW_S) == Wait(f"{why}: web not ready after 60 s")
    assert decide(replace(fallen, boots=replace(fallen.boots, last=None)), UP, NOW_S) == Wait(why)


SENTENCES = st.lists(st.sampled_from(("web: it ended", "db: it is missing")), max_size=3)
LOOKS = st.builds(
    Look,
    engine=st.sampled_from(("", "it hung up")),
    is_booted=st.booleans(),
    astray=SENTENCES,
    restarting=st.lists(st.just("web"), max_size=1),
    mends_s=st.lists(st.floats(0.0, 600.0), max_size=2 * MENDS_AT_ONCE).map(lambda found: sorted(found, reverse=True)),
    first_version=st.sampled_from(("", "1.0")),
)
STATES = st.builds(
    State,
    current=st.sampled_from((None, ONE, Deployment("sha256:1", "1.0", "rescue", 1))),
    operation_id=st.sampled_from(("", "op1")),
    boots=st.builds(
        Boots,
        failures=st.integers(0, 50),
        last=st.sampled_from((None, FAILURE)),
        fallen_back_from=st.sampled_from(("", "default")),
        next_try_at_s=st.floats(0.0, 4e9),
    ),
    bad_releases=st.sampled_from(({}, {"sha256:1": "not well"})),
)


@given(STATES, LOOKS, st.floats(0.0, 4e9))
def test_whatever_is_seen_there_is_a_sentence_and_no_wait_is_longer_than_the_longest_pause(
    state: State, look: Look, now_s: float
) -> None:
    decision: Decision = decide(state, look, now_s)
    assert decision.why
    assert decision == decide(state, look, now_s)
    match decision:
        case Begin(kind=kind, version=version):
            assert not state.operation_id
            assert not look.engine
            # Which release runs is a person's to say; the Loader boots what is current, and begins with what came.
            assert (kind, version) == (
                (OperationKind.SWITCH, look.first_version) if state.current is None else (OperationKind.BOOT, "")
            )
        case Wait(until_s=until_s):
            assert until_s is None or 0.0 <= until_s - now_s <= LONGEST_PAUSE_S + 1e-3
