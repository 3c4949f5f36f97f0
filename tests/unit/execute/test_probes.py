"""HTTP and TCP questions to real servers on this machine's loopback, also to those that answer nonsense."""

import asyncio
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from boxship.clock import SystemClock
from boxship.engine.port import ContainerDetail
from boxship.execute.http import Answer
from boxship.execute.probes import ask_check
from boxship.execute.readiness import Readiness
from boxship.names import LABEL_SERVICE
from boxship.plan.action import ContainerSpec, Ready, WaitReady
from boxship.plan.observed import ContainerState
from boxship.spec.model import Check, HttpProbe, Service, TcpProbe
from tests.eventually import DEADLINE_S
from tests.fakes.engine import FakeEngine

LOOPBACK = "127.0.0.1"
HOST = ContainerDetail("id", "web", ContainerState.RUNNING, pid=1 << 22, network_mode="host")
GOOD = Answer(is_good=True)
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(handle: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server on a free port; the port."""

    async def handle_and_close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handle(reader, writer)
        except OSError:
            pass  # whoever asked has hung up
        finally:
            writer.close()

    server = await asyncio.start_server(handle_and_close, LOOPBACK, 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


def answering(*parts: bytes) -> Handler:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for part in parts:
            writer.write(part)
            await writer.drain()

    return handle


async def say_nothing(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A letter at a time, as long as there is somebody who reads."""
    gone = asyncio.ensure_future(say_nothing(reader, writer))
    while not gone.done():
        writer.write(b"H")
        await writer.drain()
        await asyncio.wait((gone,), timeout=0.01)


async def ask(url: str, *, timeout_s: float = DEADLINE_S, verify_tls: bool = False) -> Answer:
    return await ask_check(FakeEngine(), HOST, Check(HttpProbe(url, verify_tls), timeout_s))


def free_port() -> int:
    with socket.socket() as found:
        found.bind((LOOPBACK, 0))
        return int(found.getsockname()[1])


@pytest.mark.parametrize("status", ["200 OK", "204 No Content", "301 Moved", "399 Odd", "200"])
async def test_an_answer_from_200_to_399_is_good(status: str) -> None:
    async with serving(answering(f"HTTP/1.1 {status}\r\n\r\n".encode())) as port:
        assert await ask(f"http://web.service:{port}/health") == GOOD


@pytest.mark.parametrize("status", ["100 Continue", "400 Bad", "404 Not Found", "500 Oops", "503 Not yet"])
async def test_any_other_status_is_told(status: str) -> None:
    async with serving(answering(f"HTTP/1.0 {status}\r\n\r\n".encode())) as port:
        expected = Answer(is_good=False, text=f"GET /health answered {status[:3]}")
        assert await ask(f"http://web.service:{port}/health") == expected


@pytest.mark.parametrize(
    ("garbage", "shown"),
    [
        (b"", "nothing"),
        (b"\r\n", "nothing"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "SSH-2.0-OpenSSH_9.2"),
        (b"HTTP/1.1 two hundred\r\n", "HTTP/1.1 two hundred"),
        (b"HTTP/1.1 20", "HTTP/1.1 20"),
        (b"HTTP/2 200\r\n", "HTTP/2 200"),
        (b"x" * 200 + b"\n", "x" * 80 + "..."),
        (b"x" * 100_000, "x" * 80 + "..."),
        (b"\xff\xfe\x00\n", "\xff\xfe\x00"),
    ],
    ids=["closed", "an empty line", "SSH", "no number", "cut off", "HTTP/2", "a long line", "no end", "bytes"],
)
async def test_what_is_no_http_is_shown_as_far_as_it_is_short(garbage: bytes, shown: str) -> None:
    async with serving(answering(garbage)) as port:
        answer = await ask(f"http://web:{port}/")
    assert answer == Answer(is_good=False, text=f"GET / answered {shown}, which isn't HTTP")


async def test_the_request_names_its_path_query_and_host() -> None:
    asked: list[bytes] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")

    async with serving(handle) as port:
        await ask(f"http://web.service:{port}/a/b?c=d")
        await ask(f"http://user:pass@web.service:{port}")
    first, second = (text.decode().split("\r\n") for text in asked)
    assert first[:2] == ["GET /a/b?c=d HTTP/1.1", f"Host: web.service:{port}"]
    assert "Connection: close" in first
    assert second[:2] == ["GET / HTTP/1.1", f"Host: web.service:{port}"]


async def test_one_that_never_answers_is_given_up_after_the_timeout() -> None:
    async with serving(say_nothing) as port:
        answer = await ask(f"http://web:{port}/slow", timeout_s=0.05)
    assert answer == Answer(is_good=False, text="GET /slow did not answer within 0.05 s")


async def test_one_that_answers_letter_by_letter_is_given_up_too() -> None:
    async with serving(drip) as port:
        answer = await ask(f"http://web:{port}/", timeout_s=0.05)
    assert answer == Answer(is_good=False, text="GET / did not answer within 0.05 s")


async def test_a_port_where_nobody_listens_is_told() -> None:
    port = free_port()
    assert await ask(f"http://web:{port}/") == Answer(is_good=False, text="GET /: connection refused")
    tcp = await ask_check(FakeEngine(), HOST, Check(TcpProbe(port)))
    assert tcp == Answer(is_good=False, text=f"port {port}: connection refused")


async def test_a_connection_that_breaks_is_told() -> None:
    async def handle(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    async with serving(handle) as port:
        answer = await ask(f"http://web:{port}/")
    assert not answer.is_good
    assert answer.text.startswith("GET /")


async def test_a_port_that_accepts_is_good_whatever_it_says() -> None:
    async with serving(answering()) as port:
        assert await ask_check(FakeEngine(), HOST, Check(TcpProbe(port))) == GOOD


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """A server's context with a certificate that nobody vouches for."""
    if shutil.which("openssl") is None:
        pytest.skip("the openssl program, which makes the certificate, is not installed")
    folder: Path = tmp_path_factory.mktemp("tls")
    argv = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    argv += ["-subj", "/CN=elsewhere", "-keyout", str(folder / "key"), "-out", str(folder / "certificate")]
    subprocess.run(argv, check=True, capture_output=True, timeout=20)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate", folder / "key")
    return context


async def test_a_certificate_that_nobody_vouches_for_is_good_enough_unless_the_check_verifies(
    tls: ssl.SSLContext,
) -> None:
    async with serving(answering(b"HTTP/1.1 200 OK\r\n\r\n"), tls) as port:
        assert await ask(f"https://web.service:{port}/") == GOOD
        verified = await ask(f"https://web.service:{port}/", verify_tls=True)
    assert not verified.is_good
    assert "self-signed certificate" in verified.text.replace("self signed", "self-signed")


async def test_tls_where_none_is_spoken_is_told() -> None:
    async with serving(answering(b"HTTP/1.1 200 OK\r\n\r\n")) as port:
        answer = await ask(f"https://web:{port}/", timeout_s=0.1)
    assert not answer.is_good
    assert answer.text.startswith("GET /")


async def test_plain_http_where_tls_is_spoken_is_told(tls: ssl.SSLContext) -> None:
    async with serving(answering(b"HTTP/1.1 200 OK\r\n\r\n"), tls) as port:
        answer = await ask(f"http://web:{port}/")
    assert not answer.is_good


async def test_a_container_without_an_address_is_not_asked() -> None:
    detail = ContainerDetail("id", "web", ContainerState.CREATED, addresses={"net": ""})
    answer = await ask_check(FakeEngine(), detail, Check(TcpProbe(80)))
    assert answer == Answer(is_good=False, text="it has no address yet")


async def test_the_containers_own_address_is_asked() -> None:
    detail = ContainerDetail("id", "web", ContainerState.RUNNING, addresses={"none": "", "net": LOOPBACK})
    async with serving(answering()) as port:
        assert await ask_check(FakeEngine(), detail, Check(TcpProbe(port))) == GOOD


async def test_who_lives_in_anothers_network_has_its_owners_address() -> None:
    engine = await _engine_with("owner", network_mode="host")
    detail = ContainerDetail("id", "side", ContainerState.RUNNING, network_mode="container:owner")
    async with serving(answering()) as port:
        assert await ask_check(engine, detail, Check(TcpProbe(port))) == GOOD


async def test_a_service_is_ready_once_it_answers_well_and_the_engine_is_hardly_asked_meanwhile() -> None:
    answers = iter([b"garbage\r\n", *[b"HTTP/1.1 503 Starting\r\n\r\n"] * 3])
    engine = await _engine_with("web", network_mode="host")
    heard: list[str] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answering(next(answers, b"HTTP/1.1 200 OK\r\n\r\n"))(reader, writer)

    async with serving(handle) as port:
        gate = Ready(Check(HttpProbe(f"http://web:{port}/")))
        await Readiness(engine, SystemClock()).wait(WaitReady("web", gate, 10), heard.append)
    assert heard == ["GET / answered garbage, which isn't HTTP", "GET / answered 503"]
    assert engine.calls.count("inspect_container web") == 1


async def _engine_with(name: str, network_mode: str) -> FakeEngine:
    engine = FakeEngine(SystemClock())
    engine.add_image("img:1")
    labels = {LABEL_SERVICE: name}
    await engine.create_container(ContainerSpec(name, Service(name), "img:1", network_mode=network_mode, labels=labels))
    await engine.start_container(name)
    return engine
