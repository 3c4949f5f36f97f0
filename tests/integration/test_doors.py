"""The doors on real sockets: who is trusted, who is dropped, what a thousand readers cost, and how it ends."""

import asyncio
import contextlib
import json
import os
import resource
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from boxship.api.app import make_api
from boxship.api.route import Doors
from boxship.clock import SystemClock
from boxship.events import Notice
from boxship.serve.closing import Closing
from boxship.serve.connection import peer_uid
from boxship.serve.gate import Gate
from boxship.serve.limiter import Limiter
from boxship.serve.listeners import Bounds, Inet, Listeners, Unix
from tests.fakes.access import FakeJournal, FakePower, FakeTokens
from tests.fakes.box import FakeBox

ROOT = Path(__file__).parents[2]
READERS = 1000
"""What it must bear; all together take about four seconds."""
LOOKERS = 200
MOST_IDLE_KIB = 45 * 1024
MOST_PER_READER_KIB = 48
DEADLINE_S = 30
"""Of what takes milliseconds: only a mistake takes so long."""
NEVER_S = 3600.0


class Served:
    """A fake box behind real listeners, in this loop."""

    def __init__(self, folder: Path, bounds: Bounds | None = None, box: FakeBox | None = None) -> None:
        self.unix = Unix(str(folder / "loader.sock"))
        self.tcp = Inet("127.0.0.1", 0)
        self.clock = SystemClock()
        self.box = box or FakeBox(self.clock)
        self.tokens = FakeTokens(self.clock)
        self.closing = Closing()
        self.listeners = Listeners(self.closing, bounds)
        doors = Doors(self.box, FakePower(), self.tokens, FakeJournal(), self.clock, self.closing)
        self.api = make_api(doors, Gate(self.tokens, self.clock, Limiter()))

    @property
    def port(self) -> int:
        return self.listeners.port_of(self.tcp)


@asynccontextmanager
async def served(folder: Path, bounds: Bounds | None = None) -> AsyncIterator[Served]:
    made = Served(folder, bounds)
    assert await made.listeners.listen({made.unix: made.api, made.tcp: made.api}) == {}
    try:
        yield made
    finally:
        await made.listeners.close()


Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def ask(streams: Streams, path: str, headers: str = "", method: str = "GET") -> asyncio.StreamReader:
    reader, writer = streams
    writer.write(f"{method} {path} HTTP/1.1\r\nHost: box\r\n{headers}\r\n".encode())
    await writer.drain()
    return reader


async def leave(writer: asyncio.StreamWriter) -> None:
    """Hang up at once, and leave no socket to the next test."""
    writer.transport.abort()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def status_of(streams: Streams, path: str, headers: str = "") -> int:
    reader = await ask(streams, path, f"{headers}Connection: close\r\n")
    line = await asyncio.wait_for(reader.readline(), DEADLINE_S)
    await leave(streams[1])
    return int(line.split()[1])


async def event_of(reader: asyncio.StreamReader) -> dict[str, str]:
    """The next event's fields."""
    while True:
        chunk = (await asyncio.wait_for(reader.readuntil(b"\n\n"), DEADLINE_S)).decode()
        fields = dict(line.partition(": ")[::2] for line in chunk.splitlines() if ": " in line)
        if "data" in fields:
            return fields


async def test_root_is_trusted_on_the_unix_socket_and_nobody_over_tcp(tmp_path: Path) -> None:
    async with served(tmp_path) as made:
        assert stat.S_IMODE(Path(made.unix.path).stat().st_mode) == 0o660
        assert await status_of(await asyncio.open_unix_connection(made.unix.path), "/v1/boot") == 200
        assert await status_of(await asyncio.open_connection("127.0.0.1", made.port), "/v1/boot") == 401
        bearer = f"Authorization: Bearer {made.tokens.issue('x', ['read']).secret}\r\n"
        assert await status_of(await asyncio.open_connection("127.0.0.1", made.port), "/v1/boot", bearer) == 200


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
async def test_another_user_who_may_connect_still_needs_a_token(tmp_path: Path) -> None:
    async with served(tmp_path) as made:
        Path(made.unix.path).chmod(0o666)
        tmp_path.chmod(0o755)
        code = (
            "import os, socket, sys; os.chdir(sys.argv[1]); os.setuid(65534); s = socket.socket(socket.AF_UNIX);"
            "s.connect('loader.sock');"
            "s.sendall(b'GET /v1/boot HTTP/1.0\\r\\nHost: b\\r\\n\\r\\n'); print(s.recv(15).decode())"
        )
        argv = [sys.executable, "-c", code, str(tmp_path)]
        asked = await asyncio.to_thread(subprocess.run, argv, capture_output=True, text=True, timeout=20, check=True)
    assert asked.stdout.split()[1] == "401"


async def test_listeners_come_and_go_while_others_are_served(tmp_path: Path) -> None:
    async with served(tmp_path) as made:
        stream = await asyncio.open_connection("127.0.0.1", made.port)
        bearer = f"Authorization: Bearer {made.tokens.issue('x', ['read']).secret}\r\n"
        reader = await ask(stream, "/v1/events?after=boot-1.0", bearer)
        port, other = made.port, Inet("127.0.0.2", 0)
        assert await made.listeners.listen({made.unix: made.api, other: made.api}) == {}
        with pytest.raises(OSError, match="111"):
            await asyncio.open_connection("127.0.0.1", port)
        moved = await asyncio.open_connection("127.0.0.2", made.listeners.port_of(other))
        assert await status_of(moved, "/v1/boot") == 401
        made.box.publish(Notice("still here"))
        assert (await event_of(reader))["id"] == "boot-1.1"
        await leave(stream[1])


async def test_an_address_that_is_not_there_keeps_no_other_one_from_being_served(tmp_path: Path) -> None:
    made, missing = Served(tmp_path), Inet("192.0.2.1", 80)
    failed = await made.listeners.listen({missing: made.api, made.tcp: made.api})
    assert list(failed) == [missing]
    assert str(failed[missing]).startswith("cannot listen on 192.0.2.1:80: ")
    assert made.listeners.addresses == (made.tcp,)
    await made.listeners.close()


async def test_a_socket_file_of_an_earlier_loader_is_replaced(tmp_path: Path) -> None:
    async with served(tmp_path) as first:
        second = Served(tmp_path)
        assert await second.listeners.listen({second.unix: second.api}) == {}
        second.box.kept = FakeBox(is_empty=True).kept
        streams = await asyncio.open_unix_connection(first.unix.path)
        reader = await ask(streams, "/v1/boot", "Connection: close\r\n")
        body = json.loads((await reader.read()).partition(b"\r\n\r\n")[2])
        await leave(streams[1])
        assert body["tag"] == ""
        await first.listeners.close()
        assert Path(second.unix.path).exists(), "the first one must not take it away"
        await second.listeners.close()
        assert not Path(second.unix.path).exists()


async def test_a_reader_resumes_after_its_connection_was_cut(tmp_path: Path) -> None:
    async with served(tmp_path) as made:
        streams = await asyncio.open_unix_connection(made.unix.path)
        reader = await ask(streams, "/v1/events?after=boot-1.0")
        made.box.publish(Notice("one"))
        last = (await event_of(reader))["id"]
        await leave(streams[1])
        made.box.publish(Notice("two"))
        made.box.publish(Notice("three"))
        streams = await asyncio.open_unix_connection(made.unix.path)
        reader = await ask(streams, "/v1/events", f"Last-Event-ID: {last}\r\n")
        assert [json.loads((await event_of(reader))["data"])["text"] for _ in range(2)] == ["two", "three"]
        await leave(streams[1])


async def test_closing_waits_for_nobody_who_is_only_connected(tmp_path: Path) -> None:
    made = Served(tmp_path)
    await made.listeners.listen({made.unix: made.api})
    kept = []
    for path in ("/v1/events", "/v1/services/web/logs?follow=1", "/v1/boot"):
        streams = await asyncio.open_unix_connection(made.unix.path)
        reader = await ask(streams, path)
        await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), DEADLINE_S)
        kept.append(streams)
    silent = await asyncio.open_unix_connection(made.unix.path)
    async with asyncio.timeout(DEADLINE_S):
        await made.listeners.close(within_s=NEVER_S)
    assert not Path(made.unix.path).exists()
    for reader, writer in (*kept, silent):
        await asyncio.wait_for(reader.read(), DEADLINE_S)
        await leave(writer)


class HangingBox(FakeBox):
    """Whoever asks it for versions waits for ever."""

    def __init__(self) -> None:
        super().__init__(SystemClock())
        self.is_asked = asyncio.Event()

    async def versions(self, source: str = "") -> tuple[str, ...]:
        self.is_asked.set()
        await asyncio.Event().wait()
        return ()


async def test_what_is_not_answered_by_the_end_is_cut(tmp_path: Path) -> None:
    box = HangingBox()
    made = Served(tmp_path, box=box)
    await made.listeners.listen({made.unix: made.api})
    streams = await asyncio.open_unix_connection(made.unix.path)
    await ask(streams, "/v1/tags/latest")
    async with asyncio.timeout(DEADLINE_S):
        await box.is_asked.wait()
        await made.listeners.close(within_s=0.01)
        assert b" 200 " not in await streams[0].read()
    await leave(streams[1])


async def test_who_says_nothing_is_dropped(tmp_path: Path) -> None:
    async with served(tmp_path, Bounds(head_s=0.1)) as made:
        reader, writer = await asyncio.open_connection("127.0.0.1", made.port)
        writer.write(b"GET /v1/boot HTTP/1.1\r\nX-Slow: ")
        with contextlib.suppress(ConnectionResetError):
            assert await asyncio.wait_for(reader.read(), DEADLINE_S) == b""
        await leave(writer)


async def test_whoever_takes_all_connections_of_one_door_leaves_the_others_open(tmp_path: Path) -> None:
    async with served(tmp_path, Bounds(most_connections=5)) as made:
        taken = [await asyncio.open_connection("127.0.0.1", made.port) for _ in range(5)]
        refused = await status_of(await asyncio.open_connection("127.0.0.1", made.port), "/v1/boot")
        trusted = await status_of(await asyncio.open_unix_connection(made.unix.path), "/v1/boot")
        assert (refused, trusted) == (503, 200)
        for _, writer in taken:
            await leave(writer)


async def test_a_head_without_end_is_refused(tmp_path: Path) -> None:
    async with served(tmp_path) as made:
        reader, writer = await asyncio.open_connection("127.0.0.1", made.port)
        writer.write(b"GET /v1/boot HTTP/1.1\r\nX: " + b"a" * 40_000)
        assert b" 400 " in await asyncio.wait_for(reader.readline(), DEADLINE_S)
        await leave(writer)


def rss_kib(pid: int) -> int:
    (line,) = (line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1])


@contextmanager
def program(path: str) -> Iterator[subprocess.Popen[str]]:
    argv = [sys.executable, "-m", "tests.integration.serve_box", path]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as started:
        try:
            assert started.stdout is not None
            assert started.stdout.readline() == "listening\n"
            yield started
        finally:
            started.kill()


@pytest.fixture
def many_files() -> Iterator[None]:
    """Room for both ends of so many connections, where a shell's usual limit is 1,024 files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4 * READERS)), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("many_files")
async def test_readers_cost_bounded_memory_and_all_of_them_hear_everything(
    tmp_path: Path, record_testsuite_property: Callable[[str, object], None]
) -> None:
    path = str(tmp_path / "loader.sock")
    with program(path) as started:
        await status_of(await asyncio.open_unix_connection(path), "/v1/boot")
        await status_of(await asyncio.open_unix_connection(path), "/")
        idle_kib = rss_kib(started.pid)
        connected = []
        for _ in range(READERS):
            streams = await asyncio.open_unix_connection(path)
            connected.append((await ask(streams, "/v1/events?after=boot-1.0"), streams[1]))
            await asyncio.wait_for(streams[0].readuntil(b"\r\n\r\n"), DEADLINE_S)
        assert started.stdin is not None
        for number in range(20):
            started.stdin.write(f"{number}\n")
            started.stdin.flush()
            heard = await asyncio.gather(*(event_of(reader) for reader, _ in connected))
            assert {json.loads(each["data"])["text"] for each in heard} == {str(number)}
        with_readers_kib = rss_kib(started.pid)
        began_s = time.monotonic()
        started.send_signal(signal.SIGTERM)
        for reader, _ in connected:
            assert (await event_of(reader))["event"] == "closing", "it was cut off"
        assert await asyncio.to_thread(started.wait, DEADLINE_S) == 0
        took_s = time.monotonic() - began_s
        for _, writer in connected:
            await leave(writer)
    record_testsuite_property(
        "memory", f"idle {idle_kib} KiB, {READERS} readers {with_readers_kib} KiB, end {took_s:.2f} s"
    )
    assert idle_kib < MOST_IDLE_KIB
    assert with_readers_kib - idle_kib < READERS * MOST_PER_READER_KIB


async def test_many_who_look_at_the_page_cost_little(tmp_path: Path) -> None:
    path = str(tmp_path / "loader.sock")
    with program(path) as started:
        await status_of(await asyncio.open_unix_connection(path), "/")
        idle_kib = rss_kib(started.pid)
        connected = []
        for _ in range(LOOKERS):
            streams = await asyncio.open_unix_connection(path)
            connected.append((await ask(streams, "/boxship/events"), streams[1]))
            assert "data" in await event_of(streams[0])
        assert rss_kib(started.pid) - idle_kib < LOOKERS * MOST_PER_READER_KIB
        for _, writer in connected:
            await leave(writer)


async def test_nobody_is_woken_while_nothing_happens(tmp_path: Path) -> None:
    path = str(tmp_path / "loader.sock")
    with program(path) as started:
        await status_of(await asyncio.open_unix_connection(path), "/v1/boot")
        # First it ends what that call left to do. A loop that ticks has no second like this, ever.
        async with asyncio.timeout(DEADLINE_S):
            while await woken_in_a_second(started.pid) > 5:
                pass


async def woken_in_a_second(pid: int) -> int:
    before = switches(pid)
    await asyncio.sleep(1)  # the time that is looked at
    return switches(pid) - before


def switches(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith("voluntary_ctxt_switches"))
    return int(line.split()[1])


async def test_a_reader_that_stops_reading_is_dropped_and_the_box_goes_on(tmp_path: Path) -> None:
    async with served(tmp_path) as made:
        slow = await asyncio.open_unix_connection(made.unix.path, limit=1024)
        await ask(slow, "/v1/events?after=boot-1.0")
        quick = await asyncio.open_unix_connection(made.unix.path)
        reader = await ask(quick, "/v1/events?after=boot-1.0")
        for number in range(400):
            made.box.publish(Notice(f"{number} {'x' * 4000}"))
            assert json.loads((await event_of(reader))["data"])["number"] == number + 1
        connections = [each for opened in made.listeners._open.values() for each in opened.state.connections]
        held = max(each.transport.get_write_buffer_size() for each in connections)
        assert held < 128 * 1024, "a slow reader's backlog is bounded"
        assert made.box.readers == 2
        await leave(quick[1])
        await leave(slow[1])


def test_the_kernel_says_who_is_at_the_other_end() -> None:
    mine, other = socket.socketpair(socket.AF_UNIX)
    with mine, other:
        assert peer_uid(mine) == os.getuid()


async def all_of(streams: Streams, request: str) -> bytes:
    """What comes for a request from a peer that closes its sending side right behind it, as `nc -N` does."""
    reader, writer = streams
    writer.write(request.encode())
    writer.write_eof()
    answer = await asyncio.wait_for(reader.read(), DEADLINE_S)
    await leave(writer)
    return answer


@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_who_has_said_all_and_still_listens_is_answered(tmp_path: Path, version: str) -> None:
    async with served(tmp_path) as made:
        bearer = f"Authorization: Bearer {made.tokens.issue('x', ['admin']).secret}\r\n"
        body = '{"registry": "registry.example.com/share"}'
        asked = f"GET /v1/boot HTTP/{version}\r\nHost: box\r\n{bearer}\r\n"
        told = f"POST /v1/registry HTTP/{version}\r\nHost: box\r\n{bearer}Content-Type: application/json\r\n"
        told += f"Content-Length: {len(body)}\r\n\r\n{body}"
        for request in (asked, told):
            for streams in (
                await asyncio.open_unix_connection(made.unix.path),
                await asyncio.open_connection("127.0.0.1", made.port),
            ):
                answer = await all_of(streams, request)
                assert answer.split()[1:2] == [b"200"], answer
                assert answer.endswith(b"}"), answer


async def test_of_two_requests_at_once_both_are_answered_before_the_end(tmp_path: Path) -> None:
    async with served(tmp_path) as made:
        request = "GET /v1/boot HTTP/1.1\r\nHost: box\r\n\r\n"
        answer = await all_of(await asyncio.open_unix_connection(made.unix.path), request * 2)
        assert answer.count(b"HTTP/1.1 200") == 2


async def test_half_a_request_is_nobodys(tmp_path: Path) -> None:
    async with served(tmp_path) as made:
        for half in (
            "GET /v1/boot HTTP/1.1\r\nHost: box\r\n",
            "POST /v1/boot HTTP/1.1\r\nContent-Length: 9",
        ):
            assert await all_of(await asyncio.open_unix_connection(made.unix.path), half) == b""


async def test_a_stream_for_who_may_be_gone_ends_once_nothing_comes(tmp_path: Path) -> None:
    async with served(tmp_path) as made:
        made.box.publish(Notice("what there is"))
        streams = await asyncio.open_unix_connection(made.unix.path)
        answer = await all_of(streams, "GET /v1/events?after=boot-1.0 HTTP/1.1\r\nHost: box\r\n\r\n")
        assert b"what there is" in answer
        assert made.box.readers == 0
