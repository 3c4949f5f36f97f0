"""The audit is bounded, and what is left of it is proved from the newest entry that was dropped."""

import hashlib
from pathlib import Path

import msgspec
import pytest

from boxship.store.audit import text_of
from boxship.store.port import AuditChain
from tests.unit.store.memories import COPY, FILE, LIMITS, NOW, WAL, files_of, open_at

DROPPED = 7
CUT_BYTES = 512


def trimmed(folder: Path, entries: int = LIMITS.audit + DROPPED, *, is_closed: bool = True) -> dict[str, bytes]:
    """The files of a memory that has dropped the oldest of its audit."""
    store = open_at(folder / FILE)
    for number in range(1, entries + 1):
        store.append_audit(NOW, "anna", f"action {number}")
    if is_closed:
        store.close()
    files = files_of(folder)
    store.close()
    return files


def chain_of(path: Path) -> AuditChain:
    store = open_at(path)
    try:
        return store.verify_audit()
    finally:
        store.close()


def test_what_is_kept_follows_from_the_digest_of_what_was_dropped(tmp_path: Path) -> None:
    trimmed(tmp_path)
    store = open_at(tmp_path / FILE)
    chain, kept = store.verify_audit(), store.audit()
    store.close()
    assert (chain.dropped, chain.newest, chain.since, chain.first_wrong) == (DROPPED, DROPPED + LIMITS.audit, NOW, 0)
    digest = chain.dropped_digest
    for entry in kept:
        digest = hashlib.sha256(digest.encode() + b"\n" + text_of(entry)).hexdigest()
    assert digest == chain.newest_digest == kept[-1].digest


def test_the_digest_of_what_was_dropped_is_the_one_that_it_had(tmp_path: Path) -> None:
    store = open_at(tmp_path / FILE)
    digests = [store.append_audit(NOW, "anna", f"action {number}").digest for number in range(3 * LIMITS.audit)]
    chain = store.verify_audit()
    store.close()
    assert chain.dropped_digest == digests[chain.dropped - 1]


@pytest.mark.parametrize(
    ("sql", "first_wrong"),
    [
        (f"DELETE FROM audit WHERE number = {DROPPED + 1}", DROPPED + 1),
        (f"UPDATE audit SET record = CAST(replace(record, 'anna', 'bert') AS BLOB) WHERE number = {DROPPED + 1}", 8),
        ("DELETE FROM audit WHERE number = 15", 15),
        (f"DELETE FROM audit WHERE number = {DROPPED + LIMITS.audit}", DROPPED + LIMITS.audit),
        ("DELETE FROM audit", DROPPED + 1),
        # An older entry than those that are kept stands in nobody's place.
        ("INSERT INTO audit SELECT number - 8, record, digest FROM audit WHERE number = 9", DROPPED + 1),
        ("UPDATE audit SET record = (SELECT record FROM audit WHERE number = 9) WHERE number = 10", 10),
    ],
)
def test_an_audit_that_was_cut_to_its_bound_and_then_changed_is_found(
    tmp_path: Path, sql: str, first_wrong: int
) -> None:
    trimmed(tmp_path)
    store = open_at(tmp_path / FILE)
    store._connection.execute(sql)
    store.close()
    assert chain_of(tmp_path / FILE).first_wrong == first_wrong


def test_another_anchor_is_no_way_around_it(tmp_path: Path) -> None:
    """Dropping more entries than the box did needs a new record of where the chain begins, which has a checksum."""
    trimmed(tmp_path)
    store = open_at(tmp_path / FILE)
    row = store._connection.execute("SELECT record FROM heads").fetchone()
    heads = msgspec.json.decode(row[0]) | {"anchor_number": 12}
    store._connection.execute("DELETE FROM audit WHERE number <= 12")
    store._connection.execute("UPDATE heads SET record = ?", (msgspec.json.encode(heads),))
    store.close()
    store = open_at(tmp_path / FILE)
    warning, chain = store.load().warning, store.verify_audit()
    store.close()
    assert "the record  of heads doesn't match its checksum" in warning
    assert (chain.newest, chain.first_wrong) == (DROPPED + LIMITS.audit, 0), "the copy's chain was taken"


def test_a_power_cut_while_old_entries_are_dropped_leaves_a_chain_that_holds(disk: Path) -> None:
    """Whatever of the log reached the disk, with the copy of that moment or the newest one."""
    (disk / "made").mkdir()
    files = trimmed(disk / "made", is_closed=False)
    reached = set()
    for size in range(0, len(files[WAL]) + 1, CUT_BYTES):
        for number, copy in enumerate((files[COPY], None)):
            folder = disk / f"{size}-{number}"
            folder.mkdir()
            contents = {FILE: files[FILE], WAL: files[WAL][:size], COPY: copy}
            for name, data in contents.items():
                if data is not None:
                    (folder / name).write_bytes(data)
            chain = chain_of(folder / FILE)
            assert chain.first_wrong == 0
            reached.add(chain.newest)
            for left in folder.iterdir():
                left.unlink()
    assert max(reached) == DROPPED + LIMITS.audit
    assert len(reached) > DROPPED, "most cuts lie between two entries"


def test_the_file_grows_no_more_once_the_audit_has_its_bound(tmp_path: Path) -> None:
    store = open_at(tmp_path / FILE)
    sizes = []
    for _ in range(3):
        for number in range(10 * LIMITS.audit):
            store.append_audit(NOW, "anna", f"action {number}")
        store._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        sizes.append((tmp_path / FILE).stat().st_size)
    store.close()
    assert sizes[1:] == sizes[:1] * 2
