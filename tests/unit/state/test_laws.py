"""Whatever happens to a box, in whatever order: the invariants of its state hold."""

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from boxship.errors import BoxshipError
from boxship.state.deployment import Deployment
from boxship.state.operation import Operation, OperationKind
from boxship.state.state import State
from boxship.state.transitions import (
    abandon_trial,
    allocate_generation,
    begin_operation,
    begin_trial,
    boot_failed,
    boot_succeeded,
    commit_trial,
    deploy_first,
    end_operation,
    forget_release,
    pulled,
    recover,
    set_source,
    set_target,
)
from tests.unit.state.given import FAILURE, NOW

RELEASES = ("a", "b", "c")


class Life:
    """A box's life: its state, the operation under way, and what must be remembered to judge the next step."""

    def __init__(self) -> None:
        self.state = State()
        self.operation = Operation("op0", OperationKind.BOOT, "anna", NOW)
        self.count = 0
        self.generations_given: list[int] = []

    def begin(self, kind: OperationKind) -> State:
        self.count += 1
        operation = Operation(f"op{self.count}", kind, "anna", NOW)
        begun = begin_operation(self.state, operation)
        self.operation = operation
        return begun

    def new(self, release: str) -> tuple[State, Deployment]:
        state, generation = allocate_generation(self.state)
        return state, Deployment(release, f"{release}.0", "default", generation)

    def first(self, release: str) -> State:
        return deploy_first(*self.new(release))

    def trial(self, release: str, *, is_asked_for: bool) -> State:
        state, deployment = self.new(release)
        return begin_trial(state, self.operation, deployment, is_asked_for=is_asked_for)


Step = Callable[[Life], State]


def named(name: str, step: Step) -> tuple[str, Step]:
    return name, step


RELEASE = st.sampled_from(RELEASES)
END = named("end", lambda life: end_operation(life.state, life.operation.id))
COMMIT = named("commit", lambda life: commit_trial(life.state, 1.0))
ABANDON = named("abandon", lambda life: abandon_trial(life.state, "not well"))
BOOT_FAILED = named("boot failed", lambda life: boot_failed(life.state, FAILURE, 1.0, attempts=2, fallback="rescue"))


def begin(kind: OperationKind) -> tuple[str, Step]:
    return named("begin", lambda life: life.begin(kind))


def first(release: str) -> tuple[str, Step]:
    return named("first", lambda life: life.first(release))


def trial(release: str, *, is_asked_for: bool) -> tuple[str, Step]:
    name = "trial asked for" if is_asked_for else "trial"
    return named(name, lambda life: life.trial(release, is_asked_for=is_asked_for))


STEP: st.SearchStrategy[tuple[str, Step]] = st.one_of(
    st.sampled_from(OperationKind).map(begin),
    st.builds(first, RELEASE),
    st.builds(trial, RELEASE, is_asked_for=st.booleans()),
    st.sampled_from(
        (
            END,
            COMMIT,
            ABANDON,
            BOOT_FAILED,
            named("boot succeeded", lambda life: boot_succeeded(life.state)),
            named("target", lambda life: set_target(life.state, "other")),
            named("recover", lambda life: recover(life.state).state),
        )
    ),
    RELEASE.map(lambda source: named("source", lambda life: set_source(life.state, source))),
    RELEASE.map(lambda release: named("pulled", lambda life: pulled(life.state, f"{release}.0", release))),
    RELEASE.map(lambda release: named("forget", lambda life: forget_release(life.state, release))),
)
# Single steps in a random order hardly ever make a whole switch, so these come in one piece, too.
WHOLE = st.one_of(
    st.builds(
        lambda release, how: [begin(OperationKind.SWITCH), trial(release, is_asked_for=False), how, END],
        RELEASE,
        st.sampled_from((COMMIT, ABANDON)),
    ),
    st.builds(lambda release: [begin(OperationKind.SWITCH), trial(release, is_asked_for=True)], RELEASE),
    st.builds(lambda release: [begin(OperationKind.ROLLBACK), trial(release, is_asked_for=True), COMMIT, END], RELEASE),
    st.just([BOOT_FAILED, BOOT_FAILED]),
    st.just([END]),
)
STEPS: st.SearchStrategy[list[tuple[str, Step]]] = st.builds(
    lambda prelude, rest: prelude + [step for some in rest for step in some],
    st.sampled_from(([], [begin(OperationKind.BOOT), first("a"), END])),
    st.lists(st.one_of(WHOLE, STEP.map(lambda step: [step])), min_size=10, max_size=30),
)


def data_of(deployment: Deployment | None) -> tuple[str, int] | None:
    return None if deployment is None else (deployment.release_id, deployment.generation)


def assert_lawful(life: Life, name: str, before: State, after: State) -> None:
    if after.trial is not None:
        assert after.operation_id == life.operation.id
        assert life.operation.kind in (OperationKind.SWITCH, OperationKind.ROLLBACK)
        assert after.current is not None
    if data_of(after.current) != data_of(before.current):
        assert name in {"first", "commit"}
    if name == "trial":
        assert after.trial is not None
        assert after.trial.release_id not in before.bad_releases
    assert after.next_generation >= before.next_generation
    deployments = [kept for kept in (after.current, after.trial, after.previous) if kept is not None]
    generations = [kept.generation for kept in deployments]
    assert len(set(generations)) == len(generations), "two deployments would write the same volumes"
    assert all(0 < generation < after.next_generation for generation in generations)
    assert after.revision == before.revision, "the store counts"


def walk(life: Life, steps: list[tuple[str, Step]]) -> None:
    for name, step in steps:
        before = life.state
        try:
            after = step(life)
        except BoxshipError:
            continue  # a refusal changes nothing
        assert_lawful(life, name, before, after)
        life.state = after


@given(STEPS)
def test_any_order_of_events_keeps_the_invariants(steps: list[tuple[str, Step]]) -> None:
    walk(Life(), steps)


@given(STEPS)
def test_a_loader_may_die_anywhere_and_the_next_one_finds_current_untouched_and_nothing_under_way(
    steps: list[tuple[str, Step]],
) -> None:
    life = Life()
    walk(life, steps)
    found = life.state
    state, sentence = recover(found)
    assert (state.current, state.previous, state.trial, state.operation_id) == (found.current, found.previous, None, "")
    assert bool(sentence) == bool(found.operation_id)
    assert recover(state) == (state, "")
    assert replace(state, bad_releases={}, operation_id="", trial=None) == replace(
        found, bad_releases={}, operation_id="", trial=None
    )
    if found.trial is not None:
        assert found.trial.release_id in state.bad_releases
