"""The thinking parts of the rows about whole switches: what is brought over, and what is held to be whole."""

import os
import shutil
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks.blocks import BLOCK_BYTES, Change, find_changes, write_changes
from benchmarks.engine import Said, split_stream
from benchmarks.faults import BenchError
from benchmarks.loader_box import free_ports
from benchmarks.postgres import (
    CLIENTS,
    FILES,
    SERVICE,
    STOP_TIMEOUT_S,
    Agreement,
    accepts_connections,
    complain,
    container_body,
    is_left_alone,
    is_serving,
    postgres_texts,
    read_agreement,
    read_processed,
)
from benchmarks.releases import VERSIONS
from benchmarks.stopwatch import Stopwatch
from benchmarks.switches import count_differing
from boxship.spec.load import load
from boxship.spec.loaded import LoadOptions


class TestBlocks:
    @pytest.fixture
    def trees(self, tmp_path: Path) -> tuple[Path, Path]:
        source, copy = tmp_path / "source", tmp_path / "copy"
        (source / "base").mkdir(parents=True)
        (source / "base/table").write_bytes(os.urandom(300 * BLOCK_BYTES + 5))
        (source / "control").write_bytes(b"one")
        shutil.copytree(source, copy)
        return source, copy

    def test_a_copy_that_is_whole_has_no_changes(self, trees: tuple[Path, Path]) -> None:
        assert find_changes(*trees) == ()

    def test_only_the_blocks_that_differ_go_over(self, trees: tuple[Path, Path]) -> None:
        source, copy = trees
        with (source / "base/table").open("r+b") as file:
            for block in (3, 290):
                file.seek(block * BLOCK_BYTES + 7)
                file.write(b"other")
        changes = find_changes(source, copy)
        size = 300 * BLOCK_BYTES + 5
        assert changes == (Change("base/table", (3 * BLOCK_BYTES, 290 * BLOCK_BYTES), size),)
        write_changes(source, copy, changes)
        assert find_changes(source, copy) == ()

    def test_files_that_are_new_shorter_longer_empty_or_gone_are_right_afterwards(
        self, trees: tuple[Path, Path]
    ) -> None:
        source, copy = trees
        (source / "control").unlink()
        (source / "new").mkdir()
        (source / "new/empty").touch()
        (source / "longer").write_bytes(b"x" * 10_000)
        (copy / "longer").write_bytes(b"x" * 9_000)
        os.truncate(source / "base/table", 2 * BLOCK_BYTES)
        changes = find_changes(source, copy)
        assert [change.path for change in changes] == ["control", "base/table", "longer", "new/empty"]
        write_changes(source, copy, changes)
        assert find_changes(source, copy) == ()
        assert not (copy / "control").exists()
        assert (copy / "longer").read_bytes() == (source / "longer").read_bytes()

    def test_a_file_that_went_away_since_then_stops_nobody(self, trees: tuple[Path, Path]) -> None:
        source, copy = trees
        (source / "log").write_bytes(b"soon gone")
        changes = find_changes(source, copy)
        (source / "log").unlink()
        write_changes(source, copy, changes)
        assert find_changes(source, copy) == ()


class TestStopwatch:
    def test_what_happens_between_the_pieces_is_not_in_it(self) -> None:
        watch, waited = Stopwatch(), threading.Event()
        with watch.running():
            pass
        waited.wait(0.2)
        with watch.running():
            pass
        sample = watch.sample(3)
        assert sample.wall_s < 0.2
        assert sample.differing == 3


class TestPostgres:
    def test_the_appliance_has_the_container_that_is_made_by_hand(self, tmp_path: Path) -> None:
        shutil.copytree(FILES, tmp_path, dirs_exist_ok=True)
        for name, text in postgres_texts("bxbench-1", 5555)(VERSIONS[0]).items():
            (tmp_path / name).write_text(text)
        appliance = load(LoadOptions(directory=tmp_path)).appliance
        (service,) = appliance.services.values()
        body = container_body("it", "net", "net.data", 5555)
        assert list(appliance.services) == [SERVICE]
        assert service.stop_grace_period_s == body["StopTimeout"] == STOP_TIMEOUT_S
        assert body["HostConfig"] == {
            "NetworkMode": "net",
            "Init": True,
            "Binds": ["net.data:/data"],
            "PortBindings": {"5432/tcp": [{"HostIp": "127.0.0.1", "HostPort": "5555"}]},
        }

    def test_a_server_that_starts_up_does_not_serve_and_one_that_refuses_a_person_does(self) -> None:
        assert is_serving(b"R\0\0\0\x08\0\0\0\0")
        assert is_serving(b"E\0\0\0\x20SFATAL\0C28000\0Mno pg_hba.conf entry\0\0")
        assert not is_serving(b"E\0\0\0\x20SFATAL\0C57P03\0Mthe database system is starting up\0\0")
        assert not is_serving(b"")

    def test_what_listens_is_asked_in_the_words_of_postgresql(self) -> None:
        with answering(b"R\0\0\0\x08\0\0\0\0") as (port, heard):
            assert accepts_connections(port)
        size, protocol = struct.unpack_from(">LL", heard[0])
        assert (size, protocol) == (len(heard[0]), 3 << 16)
        assert heard[0][8:] == b"user\0postgres\0database\0postgres\0\0"
        (nobody,) = free_ports(1)
        assert not accepts_connections(nobody)

    def test_what_pgbench_was_told_is_read_also_when_its_server_went_away(self) -> None:
        said = "pgbench (15)\nnumber of clients: 4\nnumber of transactions actually processed: 1234\n"
        assert read_processed(Said(2, said, "pgbench: error: Run was aborted\n")) == 1234
        with pytest.raises(BenchError, match="connection refused"):
            read_processed(Said(1, "", "connection refused"))

    def test_a_database_that_is_not_right_is_found_out(self) -> None:
        assert read_agreement(Said(0, "t|42\n", "")) == Agreement(42, "")
        assert read_agreement(Said(0, "f|42\n", "")).complaint == (
            "the sums of accounts, tellers, branches and history differ"
        )
        assert read_agreement(Said(2, "t|42\n", "heap table is corrupt\n")).complaint == (
            "pg_amcheck: heap table is corrupt"
        )
        assert "invalid page" in read_agreement(Said(1, "", "invalid page in block 7")).complaint

    def test_no_confirmed_transaction_may_be_lost_and_none_made_up(self) -> None:
        assert complain(Agreement(150, ""), 50, 100) == ""
        assert complain(Agreement(150 + CLIENTS, ""), 50, 100) == ""
        assert complain(Agreement(149, ""), 50, 100) == "1 confirmed transactions are lost"
        assert complain(Agreement(151 + CLIENTS, ""), 50, 100) == "5 transactions are there that nobody made"
        assert complain(Agreement(0, "the sums differ"), 0, 0) == "the sums differ"

    def test_only_what_a_start_writes_is_left_out_of_the_comparison(self, tmp_path: Path) -> None:
        written = [
            "pg",
            "pg/global",
            "pg/global/pg_control",
            "pg/base/5",
            "pg/base/5/pg_internal.init",
            "pg/postmaster.pid",
            "pg/pg_wal/000000010000000000000011",
            "pg/pg_stat/pgstat.stat",
        ]
        assert not any(map(is_left_alone, written))
        kept = [
            ".",
            "pg/base",
            "pg/base/5/16384",
            "pg/base/5/16384.1",
            "pg/base/5/16384_fsm",
            "pg/global/1262",
            "pg/pg_xact/0000",
            "pg/pg_hba.conf",
            "pg/PG_VERSION",
            "pg/pg_walk",
        ]
        assert all(map(is_left_alone, kept))
        one, other = tmp_path / "one", tmp_path / "other"
        (one / "pg/pg_wal").mkdir(parents=True)
        for name in ("pg/pg_wal/1", "pg/PG_VERSION", "pg/postmaster.pid"):
            (one / name).write_bytes(b"15")
        shutil.copytree(one, other)
        for name in ("pg/pg_wal/1", "pg/postmaster.pid"):
            (other / name).write_bytes(b"16")
        assert count_differing(one, other, is_left_alone) == 0
        (other / "pg/PG_VERSION").write_bytes(b"16")
        assert count_differing(one, other, is_left_alone) == 1


class TestEngineStream:
    def test_both_outputs_are_told_apart(self) -> None:
        def frame(kind: int, data: bytes) -> bytes:
            return struct.pack(">BxxxL", kind, len(data)) + data

        stream = frame(1, b"t|4") + frame(2, b"note\n") + frame(1, b"2\n")
        assert split_stream(stream) == ("t|42\n", "note\n")
        assert split_stream(b"") == ("", "")


@contextmanager
def answering(answer: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """A server that answers one connection's first message; what it heard is complete when this has ended."""
    heard = list[bytes]()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)

        def serve() -> None:
            link, _ = server.accept()
            with link:
                heard.append(link.recv(4096))
                link.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1], heard
        finally:
            thread.join(10)
