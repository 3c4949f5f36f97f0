"""What the campaign of chaos counts, and what it says of it."""

import sqlite3
from pathlib import Path

from tests.chaos.campaign import points_of
from tests.chaos.commits import read_log, watch_commits
from tests.chaos.matrix import matrix_of
from tests.chaos.points import Counts, Cut, Way


def opened(path: Path) -> sqlite3.Connection:
    """As a box opens its memory."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA locking_mode=EXCLUSIVE")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE t (x)")
    return connection


def commit(connection: sqlite3.Connection, rows: int = 1) -> None:
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany("INSERT INTO t VALUES (?)", [("x" * 3000,)] * rows)
    connection.execute("COMMIT")


def test_commits_are_counted_and_rollbacks_are_not(tmp_path: Path) -> None:
    connection = opened(tmp_path / "db")
    before = read_log(tmp_path / "db-wal").commits
    commit(connection, rows=40)
    commit(connection)
    connection.execute("BEGIN")
    connection.execute("INSERT INTO t VALUES (1)")
    connection.execute("ROLLBACK")
    log = read_log(tmp_path / "db-wal")
    connection.close()
    assert (log.commits - before, log.rest) == (2, False)
    assert read_log(tmp_path / "none").commits == 0


def test_a_log_that_begins_anew_is_counted_on_and_the_strike_comes_once(tmp_path: Path) -> None:
    connection = opened(tmp_path / "db")
    commit(connection)
    counts, struck = Counts(), []
    with watch_commits(tmp_path / "db", counts):
        counts.arm(Cut(Way.AFTER_COMMIT, 3), lambda: struck.append(1))
        commit(connection)
        commit(connection)
        connection.execute("PRAGMA wal_checkpoint(RESTART)")
        commit(connection)
        assert counts.is_struck.wait(10)
        commit(connection)
    connection.close()
    assert struck == [1]
    assert counts.commits >= 3


def test_every_beginning_of_a_campaign_is_spread_and_its_end_is_everything() -> None:
    known = [{"operation": "gc", "way": "", "number": 0, "kinds": ["inspect", "remove volume"] * 25, "commits": 4}]
    some = list(points_of(known, "gc", list(Way), 3))
    assert len(some) == 3 * len(Way)
    numbers = sorted(cut.number for cut in some if cut.way is Way.BEFORE_REQUEST)
    assert min(numbers[1] - numbers[0], numbers[2] - numbers[1]) > 5
    everything = set(points_of(known, "gc", list(Way)))
    assert len(everything) == 4 * 50 + 2 * 4
    changing = set(points_of(known, "gc", list(Way), is_brief=True))
    assert {cut.number % 2 for cut in changing if not cut.way.counts_commits} == {0}
    assert len(changing) == 4 * 25 + 2 * 4


def test_the_matrix_says_what_held_of_what_was_tried() -> None:
    line = {"operation": "gc", "way": "BEFORE_REQUEST", "number": 1, "is_reached": True, "outcome": "old"}
    lines = [
        {"operation": "gc", "way": "", "number": 0, "kinds": ["inspect"] * 42, "commits": 5, "failure": ""},
        {**line, "recovery_s": 1.25, "failure": ""},
        {**line, "number": 2, "is_reached": False, "recovery_s": 0.0, "failure": ""},
        {"operation": "gc", "way": "ENGINE_AFTER", "number": 3, "failure": "two deployments run"},
    ]
    (row,) = [each for each in matrix_of(lines).splitlines() if each.startswith("| gc")]
    assert row == "| gc | 42 | 5 | 1 of 1 | - | - | 0 of 1 | - | - | 1, 0 | 1.2 s |"
