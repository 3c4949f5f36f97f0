"""The page's view of a box is made from what was told, and from nothing else."""

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from boxship.events import Event, ImageProgress, Notice, Phase, PlanMade, SubjectChanged
from boxship.loader.box import BootView, ProgressView, ServiceView
from boxship.loader.happened import Decided, OperationChanged
from boxship.loader.view import AWAY_STAGES, LINES_KEPT, Seen, is_ready, progress_view
from boxship.state.operation import Failure, Operation, OperationKind, OperationStatus
from boxship.state.state import Boots, State
from tests.unit.state.given import BOX, FAILURE, NOW, ON_TRIAL, ONE, TWICE, operation

BOOT = BootView("boot-1", "share", "dir:/media/usb", "1.0", "default", is_ready=True, began_at_s=5.0)


def seen(*events: Event | Decided | OperationChanged) -> Seen:
    found = Seen()
    for event in events:
        found.hear(event)
    return found


def view(state: State, running: Operation | None = None, *, is_booted: bool = True) -> ProgressView:
    return progress_view(BOOT, state, running, "nothing is to be done", Seen(), is_booted=is_booted)


def at(stage: str, kind: OperationKind = OperationKind.SWITCH, note: str = "") -> Operation:
    return replace(operation(kind), stage=stage, note=note)


def test_services_move_on_and_go() -> None:
    begun = seen(
        PlanMade((), kept={"db": "it is up to date"}, waits={"web": ("db",)}),
        SubjectChanged("service:web", Phase.PROBING, "GET / answered 503"),
        SubjectChanged("network:default", Phase.CREATED),
        ImageProgress("share/web", "Downloading"),
    )
    assert begun.services == {
        "db": ServiceView("db", "unchanged"),
        "web": ServiceView("web", "probing", "GET / answered 503", needs=("db",)),
    }
    begun.hear(SubjectChanged("service:web", Phase.REMOVED))
    assert list(begun.services) == ["db"]
    assert list(begun.log) == ["web: probing: GET / answered 503", "web: removed"]


def test_another_plan_begins_with_what_it_waits_for() -> None:
    again = seen(
        SubjectChanged("service:web", Phase.FAILED, "it ended"),
        PlanMade((), kept={}, waits={"web": ()}),
    )
    assert again.services["web"] == ServiceView("web", "waiting")


def test_sentences_are_kept_once_and_only_the_last() -> None:
    found = seen(
        Decided("1.0 (default) is what should run"),
        OperationChanged(at("starting", note="it is brought up")),
        OperationChanged(at("starting", note="it is brought up")),
        SubjectChanged("service:web", Phase.FAILED, "web not ready after 60 s"),
        OperationChanged(replace(at("starting", note="it is brought up"), status=OperationStatus.FAILED)),
        OperationChanged(at("starting", note="it is brought up")),
    )
    assert list(found.log) == [
        "1.0 (default) is what should run",
        "it is brought up",
        "web: failed: web not ready after 60 s",
        "it is brought up",
    ]
    for number in range(2 * LINES_KEPT):
        found.hear(Notice(str(number)))
    assert len(found.lines) == LINES_KEPT


def test_the_outside_reaches_a_box_that_is_booted_except_while_its_services_are_exchanged() -> None:
    assert is_ready(None, is_booted=True)
    assert not is_ready(None, is_booted=False)
    assert is_ready(at("copying"), is_booted=True)
    assert not any(is_ready(at(stage), is_booted=True) for stage in AWAY_STAGES)


@pytest.mark.parametrize(
    ("state", "running", "is_booted", "phase"),
    [
        (State(), None, False, "empty"),
        (BOX, None, False, "starting"),
        (BOX, None, True, "ready"),
        (replace(BOX, current=replace(ONE, target="maintenance")), None, True, "maintenance"),
        (replace(BOX, boots=Boots(fallen_back_from="default", last=FAILURE)), None, True, "fallback"),
        (replace(BOX, boots=Boots(failures=1, last=FAILURE)), None, False, "failed"),
        (BOX, at("preparing"), True, "preparing"),
        (BOX, at("copying"), True, "copying"),
        (ON_TRIAL, at("stopping"), True, "stopping"),
        (ON_TRIAL, at("last-copy"), True, "copying"),
        (ON_TRIAL, at("checking"), True, "checking"),
        (BOX, at("rolling-back"), True, "rolling-back"),
        (BOX, at("starting", OperationKind.BOOT), False, "starting-services"),
        (BOX, at("collecting", OperationKind.GC), True, "ready"),
        (State(), at("pulling", OperationKind.PULL), False, "pulling"),
        # A pull beside a healthy appliance is nothing that a visitor has to know of.
        (BOX, at("pulling", OperationKind.PULL), True, "ready"),
    ],
)
def test_the_phase_is_one_word(state: State, running: Operation | None, is_booted: bool, phase: str) -> None:
    assert view(state, running, is_booted=is_booted).phase == phase


def test_on_trial_the_page_says_from_where_to_where() -> None:
    running = replace(at("checking", note="2.0 has to answer"), parameters={"version": "2.0", "target": "default"})
    shown = view(ON_TRIAL, running)
    assert (shown.version, shown.to_version, shown.target, shown.why) == ("1.0", "2.0", "default", "2.0 has to answer")
    assert shown.began_at_s == NOW.timestamp()
    assert view(State()).version == ""


def test_nobody_sees_who_asked_or_with_what() -> None:
    running = replace(at("checking"), parameters={"version": "2.0"}, asked_by="anna")
    shown = view(BOX, running).operation
    assert shown is not None
    assert (shown.asked_by, shown.parameters) == ("", {})


def test_the_last_failure_is_shown_while_it_matters() -> None:
    boots = Boots(failures=1, last=FAILURE, next_try_at_s=99.0)
    failing = view(replace(BOX, boots=boots), is_booted=False)
    assert (failing.failure, failing.next_try_at_s) == (FAILURE, 99.0)
    fallen = view(replace(BOX, boots=Boots(last=FAILURE, fallen_back_from="default", next_try_at_s=99.0)))
    assert (fallen.failure, fallen.fallen_back_from, fallen.next_try_at_s) == (FAILURE, "default", 0.0)
    assert view(replace(BOX, boots=Boots(last=FAILURE))).failure is None


def test_times_are_those_of_the_boot_without_an_operation() -> None:
    assert view(BOX).began_at_s == 5.0
    assert view(BOX, replace(at(""), began_at=datetime(2026, 1, 1, tzinfo=UTC))).began_at_s == 1767225600.0


def test_whoever_is_waited_for_is_named_with_what_it_said_last() -> None:
    found = seen(
        PlanMade((), kept={}, waits={"db": (), "web": ("db",)}),
        SubjectChanged("service:db", Phase.PROBING),
        SubjectChanged("service:web", Phase.PROBING, "GET / answered 503"),
    )
    running = at("checking", note="2.0 starts")
    why = progress_view(BOOT, ON_TRIAL, running, "", found, is_booted=True).why
    assert why == "2.0 starts; web and 1 more are waited for: GET / answered 503"
    found.hear(SubjectChanged("service:db", Phase.READY))
    why = progress_view(BOOT, ON_TRIAL, running, "", found, is_booted=True).why
    assert why == "2.0 starts; web is waited for: GET / answered 503"
    assert (
        progress_view(BOOT, BOX, at("copying", note="2.0 is copied"), "", found, is_booted=True).why == "2.0 is copied"
    )


WRONG = Failure("probe.failed", "web ended with status 1")
TRIED = replace(operation(), parameters={"version": "2.0"})


def after(*trials: Operation, state: State = BOX) -> tuple[Failure | None, str]:
    found = seen(*(OperationChanged(each) for each in trials))
    shown = progress_view(BOOT, state, None, "", found, is_booted=True)
    return shown.failure, shown.failed_version


def test_the_failure_of_a_trial_is_shown_until_another_one_begins() -> None:
    failed = replace(TRIED, stage="rolling-back", status=OperationStatus.FAILED, failure=WRONG)
    assert after(failed) == (WRONG, "2.0")
    assert after(failed, replace(TRIED, stage="preparing")) == (WRONG, "2.0")
    assert after(failed, replace(TRIED, stage="stopping")) == (None, "")
    assert after(failed, replace(TRIED, stage="committing", status=OperationStatus.DONE)) == (None, "")
    assert after(failed, replace(TRIED, kind=OperationKind.GC, status=OperationStatus.DONE)) == (WRONG, "2.0")


def test_what_was_refused_before_anything_stopped_is_no_failed_trial() -> None:
    refused = replace(TRIED, stage="preparing", status=OperationStatus.FAILED, failure=WRONG)
    assert after(refused) == (None, "")


def test_a_trial_that_was_cut_off_has_failed_unless_it_had_been_committed() -> None:
    cut = replace(TRIED, stage="committing", status=OperationStatus.INTERRUPTED, failure=WRONG)
    assert after(cut) == (WRONG, "2.0")
    assert after(cut, state=TWICE) == (None, "")


def test_while_it_goes_back_the_failure_is_shown_already() -> None:
    running = replace(TRIED, stage="rolling-back", failure=WRONG)
    shown = progress_view(BOOT, BOX, running, "", Seen(), is_booted=True)
    assert (shown.phase, shown.failure, shown.failed_version) == ("rolling-back", WRONG, "2.0")


def test_a_boot_that_fails_matters_more_than_a_trial_of_once() -> None:
    failed = replace(TRIED, stage="rolling-back", status=OperationStatus.FAILED, failure=WRONG)
    assert after(failed, state=replace(BOX, boots=Boots(failures=1, last=FAILURE))) == (FAILURE, "")
