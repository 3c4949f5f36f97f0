"""Every change is on disk before anybody is told of it, and what can't be written changes nothing."""

import asyncio

import pytest
from msgspec.structs import replace

from boxship.errors import ConflictError, HostError, NotFoundError
from boxship.loader.happened import BoxEvent, DeploymentChanged, OperationChanged
from boxship.loader.journal import Journal
from boxship.loader.ring import Ring
from boxship.state import transitions
from boxship.state.operation import OperationKind, OperationStatus, Progress
from boxship.state.state import State
from tests.fakes.clock import FakeClock
from tests.fakes.loader import at_once
from tests.fakes.store import MemoryStore
from tests.unit.state.given import BOX, FAILURE, ON_TRIAL, ONE, operation


class Desk:
    """A journal and all that it told."""

    def __init__(self, store: MemoryStore | None = None) -> None:
        self.store = store or MemoryStore()
        self.told: list[BoxEvent] = []
        ring = Ring(lambda: 0.0)
        ring.tap(self.told.append)
        self.journal = Journal(self.store, FakeClock(), ring, at_once)


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def test_a_new_box_has_nothing_to_tell(desk: Desk) -> None:
    assert await desk.journal.open() == ""
    assert desk.journal.state == State()


async def test_what_the_loader_before_left_is_ended_and_told() -> None:
    store = MemoryStore(ON_TRIAL, warning="the copy was taken")
    store.put_operation(operation())
    desk = Desk(store)
    sentence = await desk.journal.open()
    assert sentence == "the copy was taken the Loader ended during the trial of 2.0, so 1.0 (default) stays"
    assert desk.journal.state.trial is None
    assert desk.journal.operation("op1").status is OperationStatus.INTERRUPTED
    assert store.load().state == desk.journal.state


async def test_an_operation_whose_record_is_lost_is_no_hindrance() -> None:
    desk = Desk(MemoryStore(replace(BOX, operation_id="op9")))
    assert "op9, which was interrupted" in await desk.journal.open()
    assert desk.journal.state.operation_id == ""


async def test_what_the_loader_before_left_is_ended_also_on_a_disk_that_is_full() -> None:
    store = MemoryStore(ON_TRIAL)
    store.put_operation(operation())
    store.breaks = HostError("no space left on the disk")
    desk = Desk(store)
    assert (await desk.journal.open()).endswith("so 1.0 (default) stays no space left on the disk")
    assert desk.journal.state.trial is None
    assert desk.journal.operation("op1").status is OperationStatus.INTERRUPTED
    assert [each.status for each in desk.journal.operations(10)] == [OperationStatus.INTERRUPTED]
    store.breaks = None
    await desk.journal.begin(OperationKind.GC, "anna", {})
    kept = store.operation("op1")
    assert kept is not None
    assert kept.status is OperationStatus.INTERRUPTED
    assert store.load().state.trial is None


async def test_an_operation_lives_from_begin_to_end(desk: Desk) -> None:
    journal = desk.journal
    begun = await journal.begin(OperationKind.PULL, "anna", {"version": "1.0"}, can_cancel=True)
    await journal.stage("pulling", "it comes")
    journal.tell(Progress(1, 2))
    journal.tell(Progress(1, 2))
    journal.note_result(release_id="sha256:1")
    running = journal.running
    assert running is not None
    assert (running.stage, running.progress, running.can_cancel) == ("pulling", Progress(1, 2), True)
    assert journal.operations(10) == (running,)
    ended = await journal.end(OperationStatus.FAILED, FAILURE)
    assert (ended.can_cancel, ended.failure, ended.result) == (False, FAILURE, {"release_id": "sha256:1"})
    assert journal.running is None
    assert journal.operation(begun.id) == ended == desk.store.operation(begun.id)
    assert journal.operations(10) == (ended,)
    assert [each.operation.stage for each in desk.told if isinstance(each, OperationChanged)] == [
        "", "pulling", "pulling", "pulling",
    ]  # fmt: skip


async def test_a_stage_may_say_that_it_can_be_cancelled_no_more(desk: Desk) -> None:
    await desk.journal.begin(OperationKind.SWITCH, "anna", {}, can_cancel=True)
    await desk.journal.stage("committing", can_cancel=False)
    running = desk.journal.running
    assert running is not None
    assert not running.can_cancel


async def test_a_second_operation_is_refused_with_the_first_one_s_id(desk: Desk) -> None:
    first = await desk.journal.begin(OperationKind.GC, "anna", {})
    with pytest.raises(ConflictError) as refused:
        await desk.journal.begin(OperationKind.GC, "otto", {})
    assert refused.value.fields["operation_id"] == first.id
    assert desk.journal.running == first


async def test_without_an_operation_nothing_is_noted(desk: Desk) -> None:
    desk.journal.tell(Progress(1, 2))
    assert desk.told == []
    with pytest.raises(ConflictError, match="no operation is under way"):
        desk.journal.note_result(a="b")
    with pytest.raises(NotFoundError, match="no operation 'op9'"):
        desk.journal.operation("op9")


async def test_a_change_of_deployments_is_told_once(desk: Desk) -> None:
    await desk.journal.begin(OperationKind.SWITCH, "anna", {})
    await desk.journal.change(lambda state: transitions.allocate_generation(state).state)
    await desk.journal.change(lambda state: transitions.deploy_first(state, ONE))
    assert [each for each in desk.told if isinstance(each, DeploymentChanged)] == [DeploymentChanged(ONE, None, None)]


async def test_what_can_not_be_written_changes_nothing_and_is_not_told(desk: Desk) -> None:
    desk.store.breaks = HostError("no space left on the disk")
    with pytest.raises(HostError):
        await desk.journal.begin(OperationKind.GC, "anna", {})
    assert (desk.journal.state, desk.journal.running, desk.told) == (State(), None, [])
    desk.store.breaks = None
    await desk.journal.begin(OperationKind.GC, "anna", {})


async def test_a_stage_that_can_not_be_written_is_told_all_the_same(desk: Desk) -> None:
    """How far an operation is, is for people who look now: it must not fail for a full disk."""
    await desk.journal.begin(OperationKind.SWITCH, "anna", {})
    desk.store.breaks = HostError("no space left on the disk")
    await desk.journal.stage("last-copy", "what was written is copied")
    running = desk.journal.running
    assert running is not None
    assert running.stage == "last-copy"
    assert "no space left" in str(desk.told)


async def test_changes_take_turns(desk: Desk) -> None:
    await desk.journal.begin(OperationKind.SWITCH, "anna", {})
    await asyncio.gather(
        *(desk.journal.change(lambda state: transitions.allocate_generation(state).state) for _ in range(5))
    )
    assert desk.journal.state.next_generation == 6
