"""Who may open a memory, what it looks like on the disk, and what releases before and after make of it."""

import os
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from boxship.errors import BoxshipError, BugError, ConflictError, HostError, StateError
from boxship.state.deployment import Deployment
from boxship.state.operation import Operation, OperationKind
from boxship.state.state import FORMAT, State
from boxship.store.database import SCHEMA
from boxship.store.failures import told
from boxship.store.records import checksum
from scripts.tracked import ROOT
from tests.unit.store.memories import NOW, lived, open_at

ONE = Deployment("sha256:1", "1.0", "default", 1)


def row_replaced(path: Path, table: str, key: str, record: Mapping[str, object]) -> None:
    """Write a record as another release would: with its checksum."""
    data = msgspec.json.encode(record)
    where = {"state": "one = 1", "operations": f"id = '{key}'", "tokens": f"id = '{key}'"}[table]
    with_file(path, f"UPDATE {table} SET record = ?, checksum = ? WHERE {where}", (data, checksum(table, key, data)))
    (path.parent / "state.db.copy").unlink()


def with_file(path: Path, sql: str, values: tuple[object, ...] = ()) -> None:
    connection = sqlite3.connect(path)
    connection.execute(sql, values)
    connection.commit()
    connection.close()


def kept(path: Path) -> State:
    """A closed memory with one state, one operation."""
    store = open_at(path)
    state = store.save(State(current=ONE), [Operation("op1", OperationKind.PULL, "anna", NOW)])
    store.close()
    return state


def test_nobody_else_may_read_the_files(tmp_path: Path) -> None:
    folder = tmp_path / "box"
    folder.mkdir(mode=0o755)
    store = open_at(folder / "state.db")
    store.save(State())
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert modes == dict.fromkeys(("state.db", "state.db-wal", "state.db.copy", "state.db.lock"), 0o600)
    store.close()


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("DELETE FROM tokens WHERE id = 't1'", "it differs from its copy"),
        ("DELETE FROM state", "the state's row is gone"),
        ("UPDATE state SET revision = 'x'", "the state's row is gone"),
        ("DELETE FROM heads", "the row of heads is gone"),
        (
            "UPDATE operations SET id = 'op9' WHERE id = 'op2'",
            "the record op9 of operations doesn't match its checksum",
        ),
        ("UPDATE tokens SET record = CAST(record AS TEXT)", "doesn't match its checksum"),
        ("PRAGMA user_version=0", "its tables have no number"),
        ("DROP TABLE audit", "no such table: audit"),
    ],
)
def test_rows_that_are_missing_or_pass_for_others_are_damage(tmp_path: Path, sql: str, why: str) -> None:
    memory = lived(tmp_path, is_closed=True)
    with_file(tmp_path / "state.db", sql)
    store = open_at(tmp_path / "state.db")
    assert why in store.load().warning
    assert store.load().state == memory.state
    assert store.tokens() == memory.tokens
    store.close()


def test_a_copy_that_cannot_be_read_is_said_and_does_not_keep_a_loader_from_starting(tmp_path: Path) -> None:
    state = kept(tmp_path / "state.db")
    (tmp_path / "state.db.copy").unlink()
    (tmp_path / "state.db.copy").mkdir()
    store = open_at(tmp_path / "state.db")
    assert store.load().state == state
    assert "was damaged (Is a directory)" in store.load().warning
    assert "can't be written (Is a directory)" in store.trouble()
    store.close()


def test_a_memory_that_another_program_reads_is_told_so(tmp_path: Path) -> None:
    kept(tmp_path / "state.db")
    reader = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM state").fetchall()
    with pytest.raises(HostError, match="another program has it open"):
        open_at(tmp_path / "state.db")
    reader.close()
    open_at(tmp_path / "state.db").close()


def test_a_second_loader_is_refused_with_the_process_that_is_there(tmp_path: Path) -> None:
    store = open_at(tmp_path / "state.db")
    with pytest.raises(ConflictError, match=f"held by another Loader, process {os.getpid()}"):
        open_at(tmp_path / "state.db")
    store.close()
    open_at(tmp_path / "state.db").close()


def test_a_loader_that_was_killed_holds_nothing(tmp_path: Path) -> None:
    program = (
        "import os, signal, sys; from pathlib import Path; from tests.unit.store.memories import open_at;"
        "store = open_at(Path(sys.argv[1])); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "state.db")], cwd=ROOT, timeout=30, check=False)
    open_at(tmp_path / "state.db").close()


def test_what_could_not_be_opened_is_not_held(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.write_bytes(b"garbage")
    for _ in range(2):
        with pytest.raises(StateError, match=r"is damaged .* and its copy is gone"):
            open_at(path)


def test_commits_reach_the_disk_before_they_are_acknowledged(tmp_path: Path) -> None:
    store = open_at(tmp_path / "state.db")
    pragmas = {
        name: store._connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")
    }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2}
    store.close()


def test_fields_of_a_newer_release_are_skipped(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    state = kept(path)
    newer = msgspec.to_builtins(state) | {"mood": "good", "current": {**msgspec.to_builtins(ONE), "slot": "a"}}
    row_replaced(path, "state", "1", newer)
    store = open_at(path)
    assert store.load() == (state, "")
    assert store.save(state).revision == 2
    store.close()


def test_fields_that_an_older_release_did_not_write_have_their_defaults(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    state = kept(path)
    row_replaced(path, "state", "1", {"revision": 1, "current": msgspec.to_builtins(ONE)})
    older = {"id": "op1", "kind": "pull", "asked_by": "anna", "began_at": NOW.isoformat()}
    open_at(path).close()
    row_replaced(path, "operations", "op1", older)
    store = open_at(path)
    assert store.load() == (state, "")
    assert store.operation("op1") == Operation("op1", OperationKind.PULL, "anna", NOW)
    store.close()


def test_an_operation_of_a_newer_kind_is_not_shown_and_outlives_a_restoration(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    kept(path)
    record = {"id": "op1", "kind": "teleport", "asked_by": "anna", "began_at": NOW.isoformat(), "status": "done"}
    row_replaced(path, "operations", "op1", record)
    store = open_at(path)
    assert store.load().warning == ""
    assert store.operations() == ()
    assert store.operation("op1") is None
    store.close()
    path.write_bytes(b"garbage")
    open_at(path).close()
    rows = sqlite3.connect(path)
    (found,) = rows.execute("SELECT record FROM operations").fetchone()
    rows.close()
    assert msgspec.json.decode(found) == record


def test_a_state_of_a_newer_format_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    kept(path)
    row_replaced(path, "state", "1", {"revision": 1, "format": FORMAT + 1})
    for _ in range(2):
        with pytest.raises(StateError, match=f"written by a newer Boxship \\(format {FORMAT + 1}") as refused:
            open_at(path)
        assert "start the Loader of the newer release" in refused.value.hint
    assert list(tmp_path.glob("*damaged*")) == []


def test_tables_of_a_newer_release_are_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    kept(path)
    with_file(path, f"PRAGMA user_version={SCHEMA + 1}")
    with pytest.raises(StateError, match=f"newer Boxship \\(tables {SCHEMA + 1}"):
        open_at(path)
    assert list(tmp_path.glob("*damaged*")) == []


def test_a_database_of_another_program_is_not_taken_for_ours(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with_file(path, "CREATE TABLE state (one)")
    with pytest.raises(StateError, match="doesn't begin as a Loader's memory does"):
        open_at(path)


@pytest.mark.parametrize(
    ("sql", "first_wrong"),
    [
        ("UPDATE audit SET record = CAST(replace(record, 'anna', 'bert') AS BLOB) WHERE number = 3", 3),
        ("UPDATE audit SET digest = 'x' WHERE number = 4", 4),
        ("DELETE FROM audit WHERE number = 2", 2),
        ("DELETE FROM audit WHERE number = 6", 6),
        ("DELETE FROM audit", 1),
        ("UPDATE audit SET record = 5 WHERE number = 1", 1),
        ("UPDATE audit SET record = x'00' WHERE number = 1", 1),
        ("UPDATE audit SET digest = CAST(x'ff00' AS TEXT) WHERE number = 5", 5),
        ("UPDATE audit SET digest = NULL WHERE number = 5", 5),
        ("SELECT 1", 0),
    ],
)
def test_an_audit_that_somebody_changed_is_found(tmp_path: Path, sql: str, first_wrong: int) -> None:
    path = tmp_path / "state.db"
    lived(tmp_path, is_closed=True)
    with_file(path, sql)
    store = open_at(path)
    assert store.load().warning == ""
    assert store.verify_audit().first_wrong == first_wrong
    assert len(store.audit()) == len({entry.number for entry in store.audit()})
    store.close()


def test_an_audit_entry_that_cannot_be_read_stands_in_its_place(tmp_path: Path) -> None:
    lived(tmp_path, is_closed=True)
    with_file(tmp_path / "state.db", "UPDATE audit SET record = x'00' WHERE number = 2")
    store = open_at(tmp_path / "state.db")
    assert [entry.action for entry in store.audit(limit=3)] == ["switch", "(unreadable)", "switch"]
    store.close()


def test_a_copy_that_cannot_be_written_is_trouble_but_no_failure_of_the_save(tmp_path: Path) -> None:
    store = open_at(tmp_path / "state.db")
    copy = tmp_path / "state.db.copy"
    copy.unlink()
    copy.mkdir()
    state = store.save(State())
    assert "the copy" in store.trouble()
    assert "can't be written (Is a directory)" in store.trouble()
    copy.rmdir()
    assert store.save(state).revision == 2
    assert store.trouble() == ""
    store.close()


def test_a_full_disk_refuses_a_save_with_a_sentence_and_keeps_what_was(tmp_path: Path) -> None:
    store = open_at(tmp_path / "state.db")
    state = store.save(State(source="a"))
    store._connection.execute("PRAGMA max_page_count=1")
    with pytest.raises(HostError, match="no space left on the disk") as refused:
        store.save(replace(state, source="b" * 100_000))
    assert "make room" in refused.value.hint
    assert store.load().state == state
    store._connection.execute("PRAGMA max_page_count=100000")
    assert store.save(state).revision == 2
    store.close()


def test_a_file_that_became_read_only_refuses_a_save_with_a_sentence(tmp_path: Path) -> None:
    store = open_at(tmp_path / "state.db")
    store._connection.execute("PRAGMA query_only=ON")
    with pytest.raises(HostError, match="it is read-only"):
        store.save(State())
    assert store.load().state == State()
    store.close()


def test_a_file_that_is_damaged_while_it_is_open_is_not_believed(tmp_path: Path) -> None:
    store = open_at(tmp_path / "state.db")
    store._connection.execute("UPDATE state SET record = x'7b7d'")
    with pytest.raises(StateError, match="doesn't match its checksum") as refused:
        store.load()
    assert "restart the Loader" in refused.value.hint
    store.close()
    store = open_at(tmp_path / "state.db")
    assert "its copy was taken" in store.load().warning
    store.close()


@pytest.mark.parametrize("is_file", [True, False])
def test_a_place_that_cannot_hold_a_memory_is_named(tmp_path: Path, is_file: bool) -> None:
    blocked = tmp_path / "blocked"
    if is_file:
        blocked.write_text("")
        path = blocked / "state.db"
    else:
        path = blocked / "state.db"
        path.mkdir(parents=True)
    with pytest.raises(HostError, match="blocked"):
        open_at(path)


@pytest.mark.parametrize(
    ("code", "kind", "says"),
    [
        (sqlite3.SQLITE_FULL, HostError, "no space left"),
        (sqlite3.SQLITE_READONLY_DIRECTORY, HostError, "read-only"),
        (sqlite3.SQLITE_CANTOPEN, HostError, "can't be opened"),
        (sqlite3.SQLITE_PERM, HostError, "permission denied"),
        (sqlite3.SQLITE_BUSY, HostError, "another program has it open"),
        (sqlite3.SQLITE_IOERR_FSYNC, HostError, "the disk failed"),
        (sqlite3.SQLITE_IOERR_READ, StateError, "damaged"),
        (sqlite3.SQLITE_CORRUPT_VTAB, StateError, "damaged"),
        (sqlite3.SQLITE_NOTADB, StateError, "damaged"),
        (sqlite3.SQLITE_MISUSE, BugError, "state.db"),
    ],
)
def test_each_complaint_of_sqlite_becomes_a_sentence(code: int, kind: type[BoxshipError], says: str) -> None:
    err = sqlite3.OperationalError("some words")
    err.sqlite_errorcode = code
    error = told(err, Path("/x/state.db"))
    assert type(error) is kind
    assert says in error.message


def test_threads_take_turns(tmp_path: Path) -> None:
    store = open_at(tmp_path / "state.db")

    def work(name: str) -> None:
        for number in range(5):
            store.append_audit(NOW, name, str(number))
            store.put_operation(Operation(f"{name}-{number}", OperationKind.PULL, name, NOW))

    threads = [threading.Thread(target=work, args=(f"t{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store.operations()) == 20
    assert store.verify_audit().first_wrong == 0
    store.close()
