"""However the files are damaged: the right state, the copy with a warning, or a refusal; never a wrong state."""

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from boxship.errors import StateError
from boxship.state.state import State
from boxship.store.database import COPIED_AUDIT
from boxship.store.port import Limits
from tests.unit.store.memories import COPY, FILE, NOW, WAL, Memory, files_of, lived, open_at

CUT_BYTES = 512
"""The sector of a disk: what power failures cut at."""
FLIPS = 120


@pytest.fixture(scope="module", params=["closed", "cut off"])
def memory(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Memory:
    return lived(tmp_path_factory.mktemp("lived"), is_closed=request.param == "closed")


def open_and_judge(memory: Memory, path: Path) -> str:
    """What opening came to: "" for the right state, the warning, or the refusal. A wrong state fails the test."""
    try:
        store = open_at(path)
    except StateError as err:
        return f"refused: {err}; {err.hint}"
    try:
        loaded = store.load()
        assert loaded.state == memory.state
        assert store.tokens() == memory.tokens
        assert all(operation in memory.operations for operation in store.operations())
        audited = store.audit()
        assert store.verify_audit().first_wrong or all(entry.who == "anna" for entry in audited)
        store.append_audit(NOW, "anna", "another")
        store.put_operation(memory.operations[0])
        store.put_token(memory.tokens[0])
        assert store.save(loaded.state).revision == memory.state.revision + 1
        return loaded.warning
    finally:
        store.close()


def judge(memory: Memory, folder: Path, **changed: bytes | None) -> str:
    """As above, and leave nothing behind: there are hundreds of them."""
    said = open_and_judge(memory, memory.lay_out(folder, **changed))
    shutil.rmtree(folder)
    return said


def test_undamaged_files_are_taken_without_a_word(memory: Memory, tmp_path: Path) -> None:
    assert open_and_judge(memory, memory.lay_out(tmp_path / "box")) == ""


def test_a_file_cut_at_any_sector_is_whole_again_by_its_copy(memory: Memory, disk: Path) -> None:
    data = memory.files[FILE]
    for size in range(0, len(data), CUT_BYTES):
        said = judge(memory, disk / "box", file=data[:size])
        # What is in the log makes up for what the file lacks.
        assert "is damaged" in said or (said == "" and WAL in memory.files)
        assert "refused" not in said


def test_a_log_cut_at_any_sector_never_brings_an_older_state_back(disk: Path) -> None:
    memory = lived(disk / "lived", is_closed=False, saves=3)
    data = memory.files[WAL]
    outcomes = []
    for size in range(0, len(data), CUT_BYTES):
        said = judge(memory, disk / "box", wal=data[:size])
        assert said == "" or "is damaged" in said
        outcomes.append(said)
    assert "what was written last is missing" in outcomes[len(outcomes) // 2]


@pytest.mark.parametrize("name", ["file", "wal", "copy"])
def test_flipped_bits_never_make_a_wrong_state(memory: Memory, disk: Path, name: str) -> None:
    data = memory.files.get({"file": FILE, "wal": WAL, "copy": COPY}[name])
    if data is None:
        return  # a closed memory has no log
    chance = random.Random(f"flips of {name}")  # the same in each run
    for _ in range(FLIPS):
        damaged = bytearray(data)
        for _ in range(chance.choice((1, 1, 8, 64))):
            damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
        said = judge(memory, disk / "box", **{name: bytes(damaged)})
        if "refused" in said:  # a flipped number of the tables is taken for a newer release's
            assert "newer Boxship" in said


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it has only 0 bytes"),
        (b"\0" * 8192, "doesn't begin as"),
        (b"SQLite format 3\0" + b"\0" * 8192, "doesn't begin as"),
        (b"#!/bin/sh\n" * 1000, "doesn't begin as"),
    ],
)
def test_a_file_of_something_else_is_set_aside(memory: Memory, tmp_path: Path, content: bytes, why: str) -> None:
    path = memory.lay_out(tmp_path / "box", file=content)
    said = open_and_judge(memory, path)
    assert why in said
    (aside,) = path.parent.glob("state.db.damaged-20260101T000000Z")
    assert aside.read_bytes() == content
    assert f"set aside as {aside.name}" in said
    assert open_and_judge(memory._replace(state=open_state(path)), path) == "", "the next start has nothing to say"


def open_state(path: Path) -> State:
    store = open_at(path)
    try:
        return store.load().state
    finally:
        store.close()


def test_a_file_that_is_gone_while_its_copy_is_there_is_damage_not_a_new_box(memory: Memory, tmp_path: Path) -> None:
    said = open_and_judge(memory, memory.lay_out(tmp_path / "box", file=None, wal=None))
    assert "state.db is gone; its copy was taken" in said


def test_an_older_file_put_back_beside_a_newer_copy_is_not_taken(memory: Memory, tmp_path: Path) -> None:
    older = lived(tmp_path / "older", is_closed=True)
    path = memory.lay_out(tmp_path / "box")
    open_and_judge(memory, path)
    path.write_bytes(older.files[FILE])
    (path.parent / WAL).unlink(missing_ok=True)
    store = open_at(path)
    assert store.load().state.revision == memory.state.revision + 1
    assert "what was written last is missing" in store.load().warning
    store.close()


def test_a_damaged_copy_is_said_and_written_anew(memory: Memory, tmp_path: Path) -> None:
    path = memory.lay_out(tmp_path / "box", copy=b"garbage")
    assert "the copy" in open_and_judge(memory, path)
    assert files_of(path.parent)[COPY].startswith(b"boxship-state-copy ")


def test_a_copy_that_is_gone_is_written_anew(memory: Memory, tmp_path: Path) -> None:
    path = memory.lay_out(tmp_path / "box", copy=None)
    assert open_and_judge(memory, path) == ""
    assert COPY in files_of(path.parent)


@pytest.mark.parametrize("copy", [None, b"", b"garbage", b"boxship-state-copy 00\n{}\n"])
def test_without_file_and_copy_nothing_is_begun_anew_and_nothing_touched(
    memory: Memory, tmp_path: Path, copy: bytes | None
) -> None:
    path = memory.lay_out(tmp_path / "box", file=b"garbage", copy=copy)
    before = files_of(path.parent)
    for _ in range(2):
        said = open_and_judge(memory, path)
        assert "refused" in said
        assert "state.db is damaged" in said
    assert files_of(path.parent) == before


def test_a_log_alone_is_no_new_box(tmp_path: Path) -> None:
    memory = lived(tmp_path / "lived", is_closed=False)
    said = open_and_judge(memory, memory.lay_out(tmp_path / "box", file=None, copy=None))
    assert "refused" in said
    assert "only its log is there" in said


def test_only_some_damaged_files_are_kept(memory: Memory, tmp_path: Path) -> None:
    path = memory.lay_out(tmp_path / "box")
    for number in range(8):
        path.write_bytes(b"garbage %d" % number)
        store = open_at(path)
        assert "set aside" in store.load().warning
        store.close()
    kept = sorted(aside.read_bytes() for aside in path.parent.glob("state.db.damaged-*[!l]"))
    assert kept == [b"garbage %d" % number for number in range(3, 8)]


def test_after_a_loss_the_newest_of_the_audit_is_still_there_and_its_chain_goes_on(tmp_path: Path) -> None:
    path = tmp_path / FILE
    lived(tmp_path, is_closed=True, saves=2 * COPIED_AUDIT, limits=Limits())
    store = open_at(path, Limits())
    before = store.audit()
    store.close()
    assert len(before) == 2 * COPIED_AUDIT
    path.write_bytes(b"garbage")
    store = open_at(path, Limits())
    assert store.audit() == before[-COPIED_AUDIT:]
    assert store.append_audit(NOW, "anna", "switch").number == before[-1].number + 1
    assert store.verify_audit().first_wrong == 0
    store.close()


def test_an_audit_that_was_broken_before_is_not_passed_on_as_whole(tmp_path: Path) -> None:
    path = tmp_path / FILE
    lived(tmp_path, is_closed=True)
    store = open_at(path)
    store._connection.execute("UPDATE audit SET record = x'00' WHERE number = 3")
    store.append_audit(NOW, "anna", "another")
    assert store.verify_audit().first_wrong == 3
    store.close()
    path.write_bytes(b"garbage")
    store = open_at(path)
    assert store.audit() == ()
    assert store.append_audit(NOW, "anna", "switch").number == 8
    assert store.verify_audit().first_wrong == 0
    store.close()


def cut_off_before_setting_aside(folder: Path) -> None:
    (folder / "state.db.new").write_bytes(b"half a file")


def cut_off_between_the_file_and_its_log(folder: Path) -> None:
    (folder / FILE).rename(folder / "state.db.damaged-20260101T000000Z")


def cut_off_before_the_new_file_has_its_name(folder: Path) -> None:
    (folder / FILE).rename(folder / "state.db.damaged-20260101T000000Z")
    (folder / WAL).unlink(missing_ok=True)
    (folder / "state.db.new").write_bytes(b"a whole file, but nobody knows")
    (folder / "state.db.new-journal").write_bytes(b"what another way of writing left")


def cut_off_while_the_copy_was_written(folder: Path) -> None:
    (folder / "state.db.copy.new").write_bytes(b"boxship-state-copy 00")


@pytest.mark.parametrize(
    "cut_off",
    [
        cut_off_before_setting_aside,
        cut_off_between_the_file_and_its_log,
        cut_off_before_the_new_file_has_its_name,
        cut_off_while_the_copy_was_written,
    ],
)
def test_taking_the_copy_may_be_cut_off_anywhere(
    memory: Memory, tmp_path: Path, cut_off: Callable[[Path], None]
) -> None:
    path = memory.lay_out(tmp_path / "box", file=b"garbage")
    cut_off(path.parent)
    assert "its copy was taken" in open_and_judge(memory, path)
    assert sorted(path.parent.glob("*.new")) == []


def test_a_new_box_whose_making_was_cut_off_is_still_a_new_box(tmp_path: Path) -> None:
    (tmp_path / "state.db.new").write_bytes(b"half a file")
    store = open_at(tmp_path / FILE)
    assert store.load() == (State(), "")
    store.close()
