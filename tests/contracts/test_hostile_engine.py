"""What the client does when the engine is absent, stuck, broken or no engine at all: the right error, in time."""

import asyncio
import os
import socket
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from boxship.engine.calls import Deadlines
from boxship.engine.docker import DockerEngine, connect
from boxship.engine.port import AttachRequest, BuildRequest
from boxship.errors import (
    BoxshipError,
    EngineConflictError,
    EngineError,
    EngineTimeoutError,
    EngineUnreachableError,
    ImageMissingError,
    NetworkMiscountedError,
    PortTakenError,
)
from boxship.plan.action import ContainerSpec, Endpoint
from boxship.spec.model import Service
from tests.contracts.images import chunks_of

QUICK = Deadlines(connect_s=0.3, quick_s=0.5, create_s=0.5, start_s=0.5, stop_extra_s=0.3, remove_s=0.5, idle_s=0.5)
PATIENT = Deadlines()
"""For whatever isn't about them: a busy machine must not decide."""
PATIENCE_S = 25.0
"""Far more than any of the quick deadlines, less than most real ones."""

Answer = Callable[[str, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def http(body: str, status: str = "200 OK", headers: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\nApi-Version: 1.41\r\nContent-Length: {len(body.encode())}\r\n{headers}\r\n"
    return (head + body).encode()


PONG = http("OK")


def scripted(*answers: bytes) -> Answer:
    """Gives ``answers`` to the calls after the ping, one each, and hangs up after the last."""
    rest = list(answers)

    async def answer(path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(PONG if path == "/_ping" else rest.pop(0) if rest else b"")
        await writer.drain()
        if path != "/_ping" and not rest:
            writer.close()

    return answer


@asynccontextmanager
async def hostile(answer: Answer, deadlines: Deadlines = PATIENT) -> AsyncIterator[DockerEngine]:
    """A client of a server that reads each call and lets ``answer`` do its worst."""
    tasks: set[asyncio.Task[None] | None] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())
        try:
            while not writer.is_closing():
                head = await reader.readuntil(b"\r\n\r\n")
                lines = head.decode().split("\r\n")
                length = next((int(line[15:]) for line in lines if line.lower().startswith("content-length:")), 0)
                await reader.readexactly(length)
                await answer(lines[0].split(" ")[1], reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    with tempfile.TemporaryDirectory(prefix="hostile") as directory:
        path = Path(directory, "s")
        server = await asyncio.start_unix_server(serve, path)
        engine = connect(f"unix://{path}", deadlines=deadlines)
        try:
            async with asyncio.timeout(PATIENCE_S):
                yield engine
        finally:
            await engine.close()
            server.close()
            for task in tasks:
                if task is not None:
                    task.cancel()
            await asyncio.gather(*[task for task in tasks if task is not None], return_exceptions=True)
            await server.wait_closed()


async def error_of(call: Awaitable[object]) -> EngineError:
    with pytest.raises(EngineError) as caught:
        await call
    return caught.value


async def hang(path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    if path == "/_ping":
        writer.write(PONG)
        return
    await reader.read()


async def test_an_absent_socket_is_named_with_what_to_do(tmp_path: Path) -> None:
    engine = connect(str(tmp_path / "nothing.sock"))
    error = await error_of(engine.observe())
    assert isinstance(error, EngineUnreachableError)
    assert error.message == f"cannot reach the container engine at {tmp_path}/nothing.sock: no such file"
    assert "DOCKER_HOST" in error.hint


async def test_a_socket_that_nobody_serves_is_told_as_such(tmp_path: Path) -> None:
    path = tmp_path / "dead.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    error = await error_of(connect(str(path)).observe())
    assert isinstance(error, EngineUnreachableError)
    assert "nobody listens there" in error.message


async def test_a_directory_in_place_of_a_socket_is_told_as_such(tmp_path: Path) -> None:
    assert isinstance(await error_of(connect(str(tmp_path)).observe()), EngineUnreachableError)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody without permission")
async def test_a_socket_without_permission_names_the_group() -> None:
    with tempfile.TemporaryDirectory(prefix="hostile") as directory, socket.socket(socket.AF_UNIX) as closed:
        closed.bind(f"{directory}/s")
        closed.listen()
        os.seteuid(65534)
        try:
            error = await error_of(connect(f"{directory}/s").observe())
        finally:
            os.seteuid(0)
    assert error.message.endswith("permission denied")
    assert "group 'docker'" in error.hint


async def test_a_backlog_that_nobody_empties_ends_at_the_connect_deadline() -> None:
    with tempfile.TemporaryDirectory(prefix="hostile") as directory, socket.socket(socket.AF_UNIX) as stuck:
        path = Path(directory, "s")
        stuck.bind(str(path))
        stuck.listen(0)
        fillers = [socket.socket(socket.AF_UNIX) for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(str(path))
        engine = connect(str(path), deadlines=QUICK)
        try:
            error = await error_of(engine.observe())
        finally:
            for filler in fillers:
                filler.close()
    assert isinstance(error, EngineUnreachableError)
    assert error.message.endswith("it did not accept a connection within 0.3 s")


async def test_a_call_that_is_never_answered_ends_at_its_deadline_and_is_named() -> None:
    async with hostile(hang, QUICK) as engine:
        error = await error_of(engine.start_container("share.web"))
    assert isinstance(error, EngineTimeoutError)
    assert error.message == "the container engine did not answer 'start share.web' within 0.5 s"
    assert "deadlocked" in error.hint


async def test_the_deadline_of_a_stop_includes_the_grace_time() -> None:
    async with hostile(hang, QUICK) as engine:
        error = await error_of(engine.stop_container("share.web", 0.4))
    assert "'stop share.web' within 0.7 s" in error.message


async def test_every_kind_of_call_has_a_deadline() -> None:
    async def follow(stream: AsyncIterator[object]) -> None:
        async for _ in stream:
            pass

    async with hostile(hang, QUICK) as engine:
        calls: list[Awaitable[object]] = [
            engine.info(),
            engine.observe(),
            engine.remove_container("a"),
            engine.remove_network("a"),
            engine.inspect_container("a"),
            engine.stop_container("a"),
            engine.wait_container("a"),
            engine.run_exec("a", ("true",), timeout_s=0.5),
            follow(engine.follow_logs("a")),
            follow(engine.follow_events()),
            follow(engine.pull_image("a")),
            follow(engine.build_image(BuildRequest(("a",)), chunks_of(b"x" * 1000))),
        ]
        errors = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(error) for error in errors] == [EngineTimeoutError] * len(calls)


async def test_an_answer_that_comes_in_drops_ends_at_the_deadline_of_the_whole() -> None:
    async def drip(path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: 1000\r\n\r\n[")
        while not writer.is_closing():
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.05)

    async with hostile(drip, QUICK) as engine:
        assert isinstance(await error_of(engine.inspect_container("a")), EngineTimeoutError)


@contextmanager
def still_time() -> Iterator[Callable[[float], None]]:
    """The loop's time stands still, but for what a test lets pass: no deadline is over because a machine is busy."""
    loop, passed_s = asyncio.get_running_loop(), 0.0
    stopped_s = loop.time()

    def let_pass(seconds: float) -> None:
        nonlocal passed_s
        passed_s += seconds

    loop.time = lambda: stopped_s + passed_s  # type: ignore[method-assign]  # asyncio has no clock to give it
    try:
        yield let_pass
    finally:
        del loop.time


async def test_a_stream_may_take_longer_than_its_idle_deadline_while_something_comes() -> None:
    is_wanted = asyncio.Event()

    with still_time() as let_pass:

        async def build(path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if path == "/_ping":
                writer.write(PONG)
                return
            writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
            for number in range(4):
                writer.write(b'{"stream": "line %d"}\n' % number)
                await is_wanted.wait()
                is_wanted.clear()
                let_pass(0.8 * QUICK.idle_s)  # while the other side waits
            writer.close()

        lines = []
        async with hostile(build, QUICK) as engine:
            async for line in engine.build_image(BuildRequest(("a",)), chunks_of(b"")):
                lines.append(line.text)
                is_wanted.set()
    assert lines == ["line 0", "line 1", "line 2", "line 3", ""]


@pytest.mark.parametrize(
    "answer",
    [b"", b"HTTP/1.1 200 OK\r\nContent-Le", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"],
    ids=["nothing", "half a head", "half a body"],
)
async def test_a_change_whose_connection_breaks_may_have_taken_effect(answer: bytes) -> None:
    async with hostile(scripted(answer)) as engine:
        error = await error_of(engine.start_container("share.web"))
    assert isinstance(error, EngineUnreachableError)
    assert "broke during 'start share.web'" in error.message
    assert "may have taken effect" in error.message


async def test_garbage_is_not_taken_for_an_engine() -> None:
    async with hostile(scripted(b"SSH-2.0-OpenSSH_9.2\r\n")) as engine:
        error = await error_of(engine.start_container("share.web"))
    assert isinstance(error, EngineUnreachableError)
    assert "is not a container engine" in error.message


async def test_a_web_server_is_not_taken_for_an_engine() -> None:
    async def nginx(path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Length: 2\r\n\r\nhi")

    async with hostile(nginx) as engine:
        error = await error_of(engine.observe())
    assert "is not a container engine: no API version" in error.message


async def test_an_engine_that_is_too_old_is_told_which_is_needed() -> None:
    async def old(path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(PONG.replace(b"1.41", b"1.24"))

    async with hostile(old) as engine:
        error = await error_of(engine.start_container("a"))
    assert "speaks API 1.24, and 1.40 is needed" in error.message


@pytest.mark.parametrize(
    "body",
    ["<html>", "[1, 2", '"text"', '{"State": 5}', '{"Config": []}', '{"RestartCount": 1e999}', '{"a":' * 100_000],
    ids=lambda body: str(body)[:20],
)
async def test_an_answer_that_is_no_json_of_the_right_kind_is_an_error(body: str) -> None:
    async with hostile(scripted(http(body))) as engine:
        error = await error_of(engine.inspect_container("a"))
    assert type(error) is EngineError
    assert "answer to 'inspect a' makes no sense" in error.message


@pytest.mark.parametrize(
    ("status", "body", "kind", "sentence"),
    [
        ("500 Internal Server Error", "", EngineError, "cannot start a: it gave no reason"),
        ("500 Internal Server Error", "<h1>oops</h1>", EngineError, "cannot start a: <h1>oops</h1>"),
        ("503 Service Unavailable", '{"message": "busy."}', EngineError, "cannot start a: busy"),
        (
            "500 X",
            '{"message": "listen tcp4 0.0.0.0:80: bind: address already in use"}',
            PortTakenError,
            "0.0.0.0:80",
        ),
        ("404 Not Found", '{"message": "No such image: x:1"}', ImageMissingError, "image 'x:1' is not on this machine"),
        ("400 X", '{"message": 5}', EngineError, 'cannot start a: {"message": 5}'),
    ],
)
async def test_a_refusal_is_told_in_the_engines_words(
    status: str, body: str, kind: type[EngineError], sentence: str
) -> None:
    async with hostile(scripted(http(body, status))) as engine:
        error = await error_of(engine.start_container("a"))
    assert type(error) is kind
    assert sentence in error.message
    assert error.status == int(status[:3])


async def test_a_question_on_a_connection_that_went_stale_is_asked_again() -> None:
    async with hostile(scripted(http("{}"), http('{"Id": "x"}'))) as engine:
        await engine.inspect_container("a")
        assert (await engine.inspect_container("a")).id == "x"


async def test_a_question_is_repeated_and_a_change_is_not_when_a_reused_connection_breaks() -> None:
    calls: list[str] = []

    async def forgetful(path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        calls.append(path)
        if len(calls) % 2:
            writer.write(http('{"Id": "x"}'))
        else:
            writer.close()

    async with hostile(forgetful) as engine:
        await engine.inspect_container("a")
        assert (await engine.inspect_container("a")).id == "x"
        assert len(calls) == 3
        error = await error_of(engine.start_container("a"))
        assert isinstance(error, EngineUnreachableError)
        assert len(calls) == 4


async def test_what_comes_after_an_answer_is_not_taken_for_the_next_one() -> None:
    surplus = http('{"Id": "stale"}')
    async with hostile(scripted(http('{"Id": "first"}') + surplus, http('{"Id": "second"}'))) as engine:
        assert (await engine.inspect_container("a")).id == "first"
        # On the same connection, "stale" would come first; a new one has only what belongs to it.
        assert (await engine.inspect_container("b")).id == "second"


async def test_a_container_without_an_id_was_not_created() -> None:
    async with hostile(scripted(http("{}", "201 Created"))) as engine:
        error = await error_of(engine.create_container(ContainerSpec("share.web", Service("web"), "image")))
    assert (
        error.message == "the container engine's answer to 'create container share.web' makes no sense: it has no 'Id'"
    )


async def test_a_refusal_that_nests_too_deep_is_told_in_the_engines_words() -> None:
    async with hostile(scripted(http('{"message":' * 100_000, "500 Internal Server Error"))) as engine:
        error = await error_of(engine.start_container("a"))
    assert error.message.startswith('cannot start a: {"message":')


async def test_a_question_by_id_is_told_by_a_short_one() -> None:
    long_id = "0123456789abcdef" * 4
    for answer in (http("<html>"), b"SSH-2.0\r\n", http("", "500 Internal Server Error")):
        async with hostile(scripted(answer)) as engine:
            error = await error_of(
                engine.start_container(long_id) if b"500" in answer else engine.inspect_container(long_id)
            )
        assert "0123456789ab" in error.message
        assert long_id not in error.message


IN_USE = http('{"message": "error while removing network: network a id 1 has active endpoints"}', "403 Forbidden")


async def test_a_network_is_removed_once_the_engine_has_let_go_of_containers_that_are_gone() -> None:
    answers = [IN_USE, http('{"Containers": {}}'), IN_USE, http('{"Containers": {}}'), http("", "204 No Content")]
    async with hostile(scripted(*answers)) as engine:
        await engine.remove_network("a")


async def test_a_network_that_has_containers_is_refused_at_once() -> None:
    async with hostile(scripted(IN_USE, http('{"Containers": {"1": {"Name": "web"}}}'))) as engine:
        error = await error_of(engine.remove_network("a"))
    assert isinstance(error, EngineConflictError)
    assert error.message.endswith("network a id 1 has active endpoints")


async def test_a_network_whose_containers_the_engine_miscounts_says_what_helps() -> None:
    async def miscounts(path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        calls.append(path)
        writer.write(PONG if path == "/_ping" else IN_USE if len(calls) % 2 == 0 else http('{"Containers": {}}'))

    calls: list[str] = []
    async with hostile(miscounts) as engine:
        error = await error_of(engine.remove_network("a"))
    assert isinstance(error, NetworkMiscountedError)
    assert error.message.startswith("cannot remove network a: the engine has miscounted the containers on it")
    assert "restart the engine" in error.hint


async def test_a_pull_that_fails_midway_names_the_image() -> None:
    lines = '{"status": "Pulling from a", "id": "1"}\n{"errorDetail": {"message": "manifest unknown"}}\n'
    async with hostile(scripted(http(lines))) as engine:
        with pytest.raises(ImageMissingError, match=r"'a:1' .* cannot be pulled: the registry has no such tag"):
            async for _ in engine.pull_image("a:1"):
                pass


async def test_a_log_whose_frames_are_broken_is_an_error() -> None:
    async with hostile(scripted(http("{}"), http("\x07broken frames"))) as engine:
        with pytest.raises(EngineError, match="its frames are broken"):
            async for _ in engine.follow_logs("a"):
                pass


async def test_a_stream_that_breaks_midway_is_an_error() -> None:
    async def cut(path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if path == "/_ping":
            writer.write(PONG)
            return
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{}\n\r\n")
        await writer.drain()
        writer.close()

    async with hostile(cut) as engine:
        with pytest.raises(EngineUnreachableError, match="broke during 'follow events'"):
            async for _ in engine.follow_events():
                pass


async def test_an_interrupted_create_removes_its_half() -> None:
    calls: list[str] = []
    connecting = asyncio.Event()

    async def stuck_connect(path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        calls.append(path.partition("?")[0])
        if path.endswith("/connect"):
            connecting.set()
            await reader.read()
        writer.write(http('{"Id": "abc"}'))

    spec = ContainerSpec("share.web", Service("web"), "image", (Endpoint("a"), Endpoint("b")))
    async with hostile(stuck_connect) as engine:
        creating = asyncio.ensure_future(engine.create_container(spec))
        await connecting.wait()
        creating.cancel()
        with pytest.raises(asyncio.CancelledError):
            await creating
    assert calls[-1] == "/v1.41/containers/abc"


@pytest.mark.parametrize("address", ["ssh://me@host", "tcp://host:2376", "fd://", "nonsense"])
def test_an_address_that_is_not_supported_is_refused_with_what_is(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    with pytest.raises(BoxshipError, match="engine") as caught:
        connect(address)
    assert "DOCKER_HOST" in caught.value.hint


async def endless(path: str, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    if path == "/_ping":
        writer.write(PONG)
    elif path.endswith("/wait?condition=next-exit") or "/archive?" in path:
        writer.write(b"HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nConnection: close\r\n\r\n")
        while True:
            writer.write(b" " * 1_000_000)
            await writer.drain()
    else:
        writer.write(b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")


async def test_an_end_of_an_attached_container_that_is_told_without_end_is_an_error() -> None:
    async with hostile(endless) as engine:
        session = await engine.attach_container("a", AttachRequest(tty=False, interactive=False, detach_keys=""))
        error = await error_of(session.exit_code())
        await session.close()
    assert error.message.startswith("the container engine's answer to 'attach to a' makes no sense: it is longer than")


async def test_an_answer_without_end_to_a_copy_is_an_error() -> None:
    async with hostile(endless) as engine:
        error = await error_of(engine.write_archive("a", "/tmp", chunks_of(b"tar")))
    assert "answer to 'copy into /tmp of a' makes no sense: it is longer than" in error.message
