"""What a box's memory promises, once for the fake and once for the file. Where they disagree, the fake is wrong."""

import hashlib
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from boxship.errors import BugError, ConflictError
from boxship.state.deployment import Deployment
from boxship.state.operation import Failure, Operation, OperationKind, OperationStatus, Progress
from boxship.state.state import Boots, State
from boxship.store.opening import open_store
from boxship.store.port import AuditChain, Limits, Store, Token
from tests.fakes.clock import FakeClock
from tests.fakes.store import MemoryStore

NOW = datetime(2026, 11, 29, 12, 0, 0, 123456, tzinfo=UTC)
LIMITS = Limits(operations=5, audit=10, tokens=3)
FULL = State(
    current=Deployment("sha256:1", "1.0", "default", 1),
    trial=Deployment("sha256:2", "2.0-rc.1", "default", 2),
    previous=Deployment("sha256:0", "0.9", "märz", 0),
    previous_until_s=1.5,
    operation_id="op1",
    source="registry.example.com/share",
    pending_source="dir:/media/usb",
    pulled={"1.0": "sha256:1"},
    next_generation=3,
    boots=Boots(2, Failure("probe.failed", "web not ready", logs=("a", "b\0c")), "default", 12.5),
    bad_releases={"sha256:3": "db not ready"},
)


@pytest.fixture(params=["memory", "file"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    made: Store
    if request.param == "memory":
        made = MemoryStore(limits=LIMITS)
    else:
        made = open_store(tmp_path / "loader/state.db", FakeClock(), LIMITS)
    yield made
    made.close()


def operation(operation_id: str, minutes: int = 0, status: OperationStatus = OperationStatus.DONE) -> Operation:
    return Operation(operation_id, OperationKind.SWITCH, "anna", NOW + timedelta(minutes=minutes), status)


def token(token_id: str, *, minutes: int = 0, revoked: bool = False, expires: datetime | None = None) -> Token:
    at = NOW + timedelta(minutes=minutes)
    return Token(token_id, "ci", f"hash-{token_id}", ("read",), at, expires, at if revoked else None)


def test_a_new_box_has_an_empty_state_and_nothing_else(store: Store) -> None:
    assert store.load() == (State(), "")
    assert store.operations() == ()
    assert store.audit() == ()
    assert store.verify_audit() == AuditChain(0, "", 0, "")
    assert store.tokens() == ()
    assert store.verify_audit().first_wrong == 0
    assert store.operation("op1") is None
    assert store.trouble() == ""


def test_what_is_saved_is_what_is_loaded_under_the_next_revision(store: Store) -> None:
    saved = store.save(FULL)
    assert saved == replace(FULL, revision=1)
    assert store.load().state == saved
    assert store.save(saved).revision == 2


def test_a_save_on_top_of_an_older_revision_is_refused_and_writes_nothing(store: Store) -> None:
    first = store.save(State(source="a"))
    with pytest.raises(ConflictError, match="at revision 1, and what was to be saved was made from revision 0"):
        store.save(State(source="b"), [operation("op1")])
    assert store.load().state == first
    assert store.operation("op1") is None


def test_a_state_and_its_operations_are_saved_together(store: Store) -> None:
    store.save(FULL, [operation("op1"), operation("op2", 1)])
    assert store.operation("op1") == operation("op1")
    assert [kept.id for kept in store.operations()] == ["op2", "op1"]


def test_an_operation_is_kept_with_all_it_holds_and_replaced_by_its_id(store: Store) -> None:
    running = replace(
        operation("op1", status=OperationStatus.RUNNING),
        stage="precopy",
        note="db-data is copied",
        progress=Progress(1, 2, 3, 4, "db-data"),
        updated_at=NOW,
        parameters={"version": "2.0"},
        can_cancel=True,
    )
    store.put_operation(running)
    assert store.operation("op1") == running
    done = replace(running, status=OperationStatus.DONE, ended_at=NOW, result={"downtime_s": "1.5"})
    store.put_operation(done)
    assert store.operations() == (done,)


def test_operations_come_newest_first_and_of_the_same_instant_the_last_written_first(store: Store) -> None:
    for operation_id, minutes in (("a", 1), ("b", 0), ("c", 1)):
        store.put_operation(operation(operation_id, minutes))
    assert [kept.id for kept in store.operations()] == ["c", "a", "b"]
    assert [kept.id for kept in store.operations(2)] == ["c", "a"]


def test_old_operations_are_dropped_but_never_one_that_runs(store: Store) -> None:
    store.put_operation(operation("running", 0, OperationStatus.RUNNING))
    for number in range(1, 8):
        store.put_operation(operation(f"op{number}", number))
    assert [kept.id for kept in store.operations()] == ["op7", "op6", "op5", "op4", "op3", "running"]
    store.put_operation(operation("running", 0))
    assert store.operation("running") is None


def test_the_audit_is_a_chain_in_the_order_of_its_numbers(store: Store) -> None:
    first = store.append_audit(NOW, "anna", "switch", "2.0", "accepted")
    second = store.append_audit(NOW, "token:ci", "pull")
    assert (first.number, first.who, first.action, first.subject, first.outcome) == (
        1,
        "anna",
        "switch",
        "2.0",
        "accepted",
    )
    assert second.number == 2
    assert len(first.digest) == 64
    assert first.digest != second.digest
    assert store.audit() == (first, second)
    assert store.audit(after=1) == (second,)
    assert store.audit(limit=1) == (first,)
    assert store.verify_audit().first_wrong == 0


def test_the_chain_can_be_verified_by_any_program_that_knows_sha256(store: Store) -> None:
    store.append_audit(NOW, "anna", "switch", "2.0", "accepted")
    store.append_audit(NOW, "bert", "gc")
    texts = (
        '{"action":"switch","at":"2026-11-29T12:00:00.123456Z","number":1,"outcome":"accepted","subject":"2.0","who":"anna"}',
        '{"action":"gc","at":"2026-11-29T12:00:00.123456Z","number":2,"outcome":"","subject":"","who":"bert"}',
    )
    digest = ""
    for entry, text in zip(store.audit(), texts, strict=True):
        digest = hashlib.sha256(f"{digest}\n{text}".encode()).hexdigest()
        assert entry.digest == digest


def test_the_audit_is_bounded_and_what_is_left_can_still_be_verified(store: Store) -> None:
    written = [store.append_audit(NOW, "anna", f"action {number}") for number in range(25)]
    kept = store.audit()
    assert [entry.number for entry in kept] == list(range(16, 26))
    chain = store.verify_audit()
    assert (chain.dropped, chain.newest, chain.newest_digest) == (15, 25, kept[-1].digest)
    assert (chain.since, chain.first_wrong) == (NOW, 0)
    assert chain.dropped_digest == written[14].digest
    assert store.append_audit(NOW, "anna", "another").number == 26


def test_tokens_are_kept_oldest_first_and_replaced_by_their_id(store: Store) -> None:
    store.put_token(token("b", minutes=1))
    store.put_token(token("a", minutes=2))
    assert store.tokens() == (token("b", minutes=1), token("a", minutes=2))
    store.put_token(token("b", minutes=1, revoked=True))
    assert store.tokens() == (token("b", minutes=1, revoked=True), token("a", minutes=2))


def test_valid_tokens_are_never_dropped_for_a_new_one(store: Store) -> None:
    for minutes, token_id in enumerate("abc"):
        store.put_token(token(token_id, minutes=minutes))
    with pytest.raises(ConflictError, match="3 tokens are in use"):
        store.put_token(token("d", minutes=9))
    store.put_token(token("b", minutes=1, revoked=True))
    store.put_token(token("d", minutes=9))
    assert [kept.id for kept in store.tokens()] == ["a", "c", "d"]
    store.put_token(token("c", minutes=2, expires=NOW + timedelta(minutes=10)))
    store.put_token(token("e", minutes=10))
    assert [kept.id for kept in store.tokens()] == ["a", "d", "e"]


def test_of_many_threads_that_save_one_revision_one_wins(store: Store) -> None:
    results: list[str] = []
    start = threading.Barrier(8)

    def save(name: str) -> None:
        start.wait()
        try:
            store.save(State(source=name))
        except ConflictError:
            store.append_audit(NOW, name, "lost")
        else:
            results.append(name)

    threads = [threading.Thread(target=save, args=(f"thread {number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 1
    assert store.load().state == State(revision=1, source=results[0])
    assert len(store.audit()) == 7
    assert store.verify_audit().first_wrong == 0


def test_a_closed_store_says_that_it_is_a_bug_to_ask_it(store: Store) -> None:
    store.close()
    store.close()
    with pytest.raises(BugError, match="closed"):
        store.load()
