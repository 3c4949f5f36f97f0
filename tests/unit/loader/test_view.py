"""What anybody sees of a box, from what happens on it."""

from datetime import UTC, datetime

from msgspec.structs import replace

from boxship.events import Phase, PlanMade, SubjectChanged
from boxship.loader.box import BootView, ImageView, ProgressView
from boxship.loader.view import Seen, is_ready, progress_view
from boxship.state.deployment import Deployment
from boxship.state.operation import Failure, Operation, OperationKind, Progress, PulledImage, Unpacking
from boxship.state.state import Boots, State

NOW = datetime(2026, 11, 29, tzinfo=UTC)
BOOT = BootView("id", "share", "", "1.0", "default", is_ready=False, began_at_s=1.0)
CURRENT = State(current=Deployment("sha256:1", "1.0", "default", 1))
PULL = Operation("p1", OperationKind.PULL, "anna", NOW, note="2.0 is fetched")


DB, WEB = PulledImage("db", 10, 10, is_here=True), PulledImage("web", 5, 20)


def shown_of(progress: Progress) -> ProgressView:
    return progress_view(BOOT, CURRENT, replace(PULL, progress=progress), "", Seen(), is_booted=True)


def test_all_images_of_a_pull_are_shown_also_while_its_files_come() -> None:
    assert shown_of(Progress(item="files", images=(DB, WEB))).images == (
        ImageView("db", 10, 10, is_here=True),
        ImageView("web", 5, 20),
    )
    assert not progress_view(BOOT, CURRENT, None, "", Seen(), is_booted=True).images


def test_the_image_that_the_engine_unpacks_says_so() -> None:
    at_work = Unpacking(1, 2, 5, 10, 3)
    shown = shown_of(Progress(item="web", unpacking=at_work, images=(DB, WEB)))
    assert [each.unpacking for each in shown.images] == [None, at_work]


def test_who_asked_and_for_what_is_nobody_s_business() -> None:
    asked = replace(PULL, parameters={"version": "2.0", "token": "x"})
    shown = progress_view(BOOT, CURRENT, asked, "", Seen(), is_booted=True)
    assert shown.operation is not None
    assert (shown.operation.asked_by, shown.operation.parameters, shown.to_version) == ("", {}, "2.0")


def test_services_come_with_what_they_need_and_go_when_they_are_removed() -> None:
    seen = Seen()
    seen.hear(PlanMade((), {"db": "runs"}, {"web": ("db",)}))
    seen.hear(SubjectChanged("service:web", Phase.PROBING, "GET /health: connection refused"))
    shown = progress_view(BOOT, CURRENT, None, "", seen, is_booted=False)
    assert [(each.name, each.phase, each.needs) for each in shown.services] == [
        ("db", "unchanged", ()),
        ("web", "probing", ("db",)),
    ]
    assert shown.log == ("web: probing: GET /health: connection refused",)
    seen.hear(SubjectChanged("service:web", Phase.REMOVED))
    assert list(seen.services) == ["db"]


def test_the_phase_says_what_a_person_would_say() -> None:
    failed = replace(CURRENT, boots=Boots(failures=1, last=Failure("x", "web not ready")))
    fallen = replace(CURRENT, boots=Boots(fallen_back_from="default", last=Failure("x", "web not ready")))
    kept = replace(CURRENT, current=Deployment("sha256:1", "1.0", "maintenance", 1))
    told = [
        (State(), None, False),
        (CURRENT, None, False),
        (failed, None, False),
        (fallen, None, True),
        (kept, None, True),
        (CURRENT, None, True),
        (CURRENT, replace(PULL, kind=OperationKind.SWITCH, stage="last-copy"), True),
        (CURRENT, replace(PULL, kind=OperationKind.SWITCH, stage="rolling-back"), True),
        (State(), PULL, False),
    ]
    phases = [
        progress_view(BOOT, state, operation, "", Seen(), is_booted=is_booted).phase
        for state, operation, is_booted in told
    ]
    assert phases == [
        "empty",
        "starting",
        "failed",
        "fallback",
        "maintenance",
        "ready",
        "copying",
        "rolling-back",
        "pulling",
    ]


def test_it_is_ready_while_the_outside_reaches_it() -> None:
    switching = replace(PULL, kind=OperationKind.SWITCH)
    assert is_ready(None, is_booted=True)
    assert is_ready(replace(switching, stage="copying"), is_booted=True)
    assert not is_ready(replace(switching, stage="stopping"), is_booted=True)
    assert not is_ready(None, is_booted=False)
