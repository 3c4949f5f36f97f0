"""What is known from the events so far."""

from datetime import UTC, datetime, timedelta

from boxship.cli.render.board import Board, Row
from boxship.events import (
    Event,
    ImageProgress,
    Notice,
    Phase,
    PlanMade,
    ServiceLog,
    StepDone,
    StepFailed,
    StepSkipped,
    StepStarted,
    SubjectChanged,
)

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
PLAN = PlanMade(("line",), {"cache": "runs"}, {"db": (), "web": ("db", "cache")})


def at(seconds: float) -> datetime:
    return BEGIN + timedelta(seconds=seconds)


def board(*events: tuple[float, Event]) -> Board:
    made = Board()
    for seconds, event in events:
        made.apply(event, at(seconds))
    return made


def test_a_plan_lays_out_who_waits_and_who_is_kept() -> None:
    rows = board((0, PLAN)).rows
    assert {row.name: row.phase for row in rows.values()} == {
        "db": Phase.WAITING,
        "web": Phase.WAITING,
        "cache": Phase.KEPT,
    }


def test_a_service_waits_for_those_that_are_not_ready_yet() -> None:
    made = board((0, PLAN))
    web = made.rows["service:web"]
    assert made.waiting_for(web) == "db"
    made.apply(SubjectChanged("service:db", Phase.PROBING), at(1))
    assert made.waiting_for(web) == "db"
    made.apply(SubjectChanged("service:db", Phase.READY), at(2))
    assert made.waiting_for(web) == ""


def test_its_own_time_begins_when_it_starts_not_while_it_waits() -> None:
    row = board(
        (0, PLAN),
        (3, SubjectChanged("service:db", Phase.CREATED)),
        (5, SubjectChanged("service:db", Phase.STARTING)),
        (6, SubjectChanged("service:db", Phase.PROBING, "no answer")),
        (7, SubjectChanged("service:db", Phase.PROBING, "refused")),
    ).rows["service:db"]
    assert row == Row("service:db", Phase.PROBING, since=at(6), began_at=at(5), detail="refused")


def test_a_detail_belongs_to_its_phase() -> None:
    row = board(
        (0, SubjectChanged("service:db", Phase.PROBING, "refused")), (1, SubjectChanged("service:db", Phase.READY))
    ).rows["service:db"]
    assert row.detail == ""


def test_progress_of_an_image_is_its_rows_detail() -> None:
    made = board((0, SubjectChanged("image:a:1", Phase.PULLING)))
    row = made.apply(ImageProgress("a:1", "0a1b: Downloading"), at(1))
    assert row is made.rows["image:a:1"]
    assert row.detail == "0a1b: Downloading"
    assert made.apply(ImageProgress("unknown:1", "x"), at(1)) is None


def test_an_image_is_shown_without_the_tag_that_it_has_anyway() -> None:
    made = board((0, SubjectChanged("image:shop/web", Phase.BUILDING)))
    row = made.apply(ImageProgress("shop/web:latest", "Step 1/2 : FROM x"), at(1))
    assert row is not None
    assert row.detail == "Step 1/2 : FROM x"


def test_failures_and_notices_are_kept() -> None:
    failed, notice = StepFailed(1, "service:db", "StartContainer", "no"), Notice("careful")
    made = board((0, failed), (0, notice))
    assert (made.failures, made.notices, made.rows) == ([failed], [notice], {})


def test_what_only_a_journal_needs_changes_no_row() -> None:
    made = Board()
    for event in (
        StepStarted(1, "s", "a", "c"),
        StepDone(1, "s", "a", 0.1),
        StepSkipped(1, "s", "a", "b"),
        ServiceLog("web", "stdout", "x"),
    ):
        assert made.apply(event, BEGIN) is None
    assert made == Board()
