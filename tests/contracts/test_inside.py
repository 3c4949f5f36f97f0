"""What an engine promises about the inside of containers, once for the fake and once for the real one."""

import io
import tarfile
from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace

from boxship.engine.docker import connect
from boxship.engine.port import AttachRequest, ExecRequest, PathStat
from boxship.errors import EngineConflictError, EngineNotFoundError, EngineUnreachableError
from tests.contracts.images import TEST_IMAGE, chunks_of, ensure_test_image
from tests.contracts.test_engine import FOREVER, Bench
from tests.fakes.engine import FakeEngine

LEFT = 8
"""Commands that are left, so that a rare failure shows often enough."""


def archive_of(name: str, text: str) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.size, member.mode = len(text), 0o640
        archive.addfile(member, io.BytesIO(text.encode()))
    return packed.getvalue()


class InsideContract:
    """Every promise of ``ContentEngine``, and of ``attach_container``."""

    async def test_who_is_attached_before_the_start_misses_nothing_and_hears_the_end(self, bench: Bench) -> None:
        service = bench.service("web", "sh", "-c", "echo one; echo two >&2; exit 7")
        made = await bench.engine.create_container(bench.spec(service))
        session = await bench.engine.attach_container(made.id, AttachRequest())
        try:
            await bench.engine.start_container(made.id)
            heard = [chunk async for chunk in session.output()]
            assert {stream: b"".join(data for each, data in heard if each == stream) for stream, _ in heard} == {
                "stdout": b"one\n",
                "stderr": b"two\n",
            }
            assert await session.exit_code() == 7
        finally:
            await session.close()

    async def test_the_end_of_one_that_removes_itself_is_heard_too(self, bench: Bench) -> None:
        spec = replace(bench.spec(bench.service("web", "sh", "-c", "exit 9")), auto_remove=True)
        made = await bench.engine.create_container(spec)
        session = await bench.engine.attach_container(made.id, AttachRequest())
        try:
            await bench.engine.start_container(made.id)
            assert [chunk async for chunk in session.output()] == []
            assert await session.exit_code() == 9
        finally:
            await session.close()
        await bench.engine.remove_container(made.id)
        assert (await bench.engine.observe(())).containers_of(bench.appliance) == ()

    async def test_with_a_terminal_all_of_it_is_one_stream(self, bench: Bench) -> None:
        service = bench.service("web", "sh", "-c", "echo one; echo two >&2; exit 0", tty=True)
        made = await bench.engine.create_container(bench.spec(service))
        session = await bench.engine.attach_container(made.id, AttachRequest(tty=True))
        try:
            await bench.engine.start_container(made.id)
            heard = [chunk async for chunk in session.output()]
            assert {stream for stream, _ in heard} == {"stdout"}
            assert b"".join(data for _, data in heard) == b"one\r\ntwo\r\n"
        finally:
            await session.close()

    async def test_what_is_not_there_can_not_be_attached_to(self, bench: Bench) -> None:
        with pytest.raises(EngineNotFoundError):
            await bench.engine.attach_container(bench.name("nobody"), AttachRequest())

    async def test_files_go_in_are_seen_and_come_out_of_one_that_never_ran(self, bench: Bench) -> None:
        made = await bench.engine.create_container(bench.spec(bench.service()))
        await bench.engine.write_archive(made.id, "/tmp", chunks_of(archive_of("note", "hello")))
        assert await bench.engine.stat_path(made.id, "/tmp/note") == PathStat("note", size_bytes=5)
        assert await bench.engine.stat_path(made.id, "/tmp/none") is None
        folder = await bench.engine.stat_path(made.id, "/tmp")
        assert folder is not None
        assert (folder.name, folder.is_directory, folder.link_target) == ("tmp", True, "")
        data = b"".join([chunk async for chunk in bench.engine.read_archive(made.id, "/tmp/note")])
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            member = archive.getmember("note")
            content = archive.extractfile(member)
            assert content is not None
            assert (content.read(), member.mode & 0o777) == (b"hello", 0o640)

    async def test_what_is_not_there_can_not_be_read_nor_written_into(self, bench: Bench) -> None:
        made = await bench.engine.create_container(bench.spec(bench.service()))
        with pytest.raises(EngineNotFoundError):
            async for _ in bench.engine.read_archive(made.id, "/nowhere/note"):
                pass
        with pytest.raises(EngineNotFoundError):
            await bench.engine.write_archive(made.id, "/nowhere", chunks_of(archive_of("note", "hello")))

    async def test_the_processes_of_what_runs_are_told_with_their_titles(self, bench: Bench) -> None:
        name = await bench.run(bench.service())
        found = await bench.engine.list_processes(name)
        assert {"PID", "CMD"} <= set(found.titles)
        assert any(" ".join(FOREVER) in row[found.titles.index("CMD")] for row in found.rows)
        await bench.engine.stop_container(name, 1)
        with pytest.raises(EngineConflictError):
            await bench.engine.list_processes(name)


class TestFakeEngine(InsideContract):
    @pytest.fixture
    def bench(self) -> Bench:
        engine = FakeEngine()
        engine.add_image(TEST_IMAGE)
        return Bench(engine, TEST_IMAGE)


@pytest.mark.docker
class TestDockerEngine(InsideContract):
    @pytest.fixture
    async def bench(self) -> AsyncIterator[Bench]:
        engine = connect()
        try:
            await engine.info()
        except EngineUnreachableError as err:
            pytest.skip(err.message)
        bench = Bench(engine, await ensure_test_image(engine))
        try:
            yield bench
        finally:
            await bench.sweep()
            await engine.close()

    async def test_what_is_typed_arrives_and_its_end_too(self, bench: Bench) -> None:
        service = bench.service("web", "cat", stdin_open=True)
        made = await bench.engine.create_container(replace(bench.spec(service), stdin_once=True))
        session = await bench.engine.attach_container(made.id, AttachRequest(interactive=True))
        try:
            await bench.engine.start_container(made.id)
            await session.write(b"hello\n")
            await session.close_stdin()
            assert [chunk async for chunk in session.output()] == [("stdout", b"hello\n")]
            assert await session.exit_code() == 0
        finally:
            await session.close()

    async def test_a_command_that_says_something_when_its_terminal_is_left_goes_on(self, bench: Bench) -> None:
        """[M] dockerd 20.10 ended 7 of 60 of these when the connection was just closed."""
        name = await bench.run(bench.service())
        loud = ExecRequest(("sh", "-c", "while :; do echo loud; done"), tty=True, interactive=True)
        for _ in range(LEFT):
            session = await bench.engine.open_exec(name, loud)
            await anext(session.output())
            await session.close()
        processes = await bench.engine.list_processes(name)
        assert sum("echo loud" in row[processes.titles.index("CMD")] for row in processes.rows) == LEFT
