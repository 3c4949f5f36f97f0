"""What `build`, `ps`, `up` and `version` see at a glance is what the engine itself observes, failures included."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from boxship.engine.address import Address
from boxship.engine.calls import Deadlines
from boxship.engine.docker import connect
from boxship.engine.glance import engine_info, glance, glance_at, glance_at_images
from boxship.errors import EngineError, EngineTimeoutError, EngineUnreachableError
from boxship.plan.observed import Observed
from tests.contracts.images import ensure_test_image

QUICK = Deadlines(connect_s=0.3, quick_s=0.5)
PATIENT = Deadlines()
PATIENCE_S = 25.0
BODIES = {"/containers/json?all=1": b"[]", "/networks": b"[]", "/volumes": b'{"Volumes": []}'}
HEAD = b"HTTP/1.0 200 OK\r\nApi-Version: 1.41\r\n"


@contextmanager
def server(folder: Path, answer: Callable[[str], bytes], *, hangs_up: bool = True) -> Iterator[Address]:
    """Gives each question ``answer(target)``, and then hangs up or waits for the other side to."""
    path = folder / "s"
    lines: list[threading.Thread] = []

    def serve(line: socket.socket) -> None:
        with line:
            target = line.recv(65536).split(b" ")[1].decode()
            # Whoever has heard enough hangs up.
            with contextlib.suppress(OSError):
                line.sendall(answer(target))
                if not hangs_up:
                    line.recv(1)

    def accept() -> None:
        while True:
            try:
                line, _ = listener.accept()
            except OSError:
                return
            lines.append(threading.Thread(target=serve, args=(line,)))
            lines[-1].start()

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield Address(path=str(path))
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            accepting.join(PATIENCE_S)
            for each in lines:
                each.join(PATIENCE_S)


def error_at(address: Address, deadlines: Deadlines = PATIENT) -> EngineError:
    with pytest.raises(EngineError) as caught:
        glance_at(address, deadlines)
    return caught.value


@pytest.mark.docker
@pytest.mark.timeout(60)
@pytest.mark.parametrize("images", [(), None, ("boxship-test/nowhere:1",)], ids=["no images", "all images", "one"])
async def test_a_glance_sees_what_an_observation_sees(images: tuple[str, ...] | None) -> None:
    engine = connect(None)
    try:
        # Others may work on the same engine meanwhile: one quiet moment is enough.
        for _ in range(50):
            before = sorted_(await engine.observe(images))
            seen = sorted_(await asyncio.to_thread(glance, images))
            if seen == before:
                return
    finally:
        await engine.close()
    pytest.fail("they never saw the same")


@pytest.mark.docker
@pytest.mark.timeout(60)
async def test_a_glance_at_images_sees_those_that_an_observation_sees() -> None:
    engine = connect(None)
    try:
        image = await ensure_test_image(engine)
        wanted = (image, "boxship-test/nowhere:1", image)
        seen = await asyncio.to_thread(glance_at_images, wanted)
        assert seen == Observed(images=(await engine.observe(wanted)).images)
        assert seen.image(image) is not None
    finally:
        await engine.close()


@pytest.mark.docker
async def test_a_glance_at_the_engine_tells_what_it_tells_of_itself() -> None:
    engine = connect(None)
    try:
        assert await asyncio.to_thread(engine_info) == await engine.info()
    finally:
        await engine.close()


def sorted_(observed: Observed) -> tuple[list[str], ...]:
    # The engine lists mounts in another order each time.
    containers = (replace(each, mounts=tuple(sorted(each.mounts, key=str))) for each in observed.containers)
    others = (observed.networks, observed.volumes, observed.images, observed.host_subnets)
    return tuple(sorted(map(str, each)) for each in (containers, *others))


@pytest.mark.parametrize("hangs_up", [True, False])
def test_an_answer_with_a_length_is_whole_at_its_length(tmp_path: Path, *, hangs_up: bool) -> None:
    def answer(target: str) -> bytes:
        body = BODIES[target]
        return HEAD + b"Content-Length: %d\r\n\r\n%s" % (len(body), body)

    with server(tmp_path, answer, hangs_up=hangs_up) as address:
        assert glance_at(address, PATIENT).containers == ()


def test_an_answer_without_a_length_ends_with_its_connection(tmp_path: Path) -> None:
    with server(tmp_path, lambda target: HEAD + b"\r\n" + BODIES[target]) as address:
        assert glance_at(address, PATIENT).containers == ()


def test_chunks_of_something_between_that_knows_no_older_http_are_joined(tmp_path: Path) -> None:
    def answer(target: str) -> bytes:
        body = BODIES[target]
        chunks = b"1\r\n%s\r\n%x;a=b\r\n%s\r\n0\r\n\r\n" % (body[:1], len(body) - 1, body[1:])
        return HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunks

    with server(tmp_path, answer) as address:
        assert glance_at(address, PATIENT).containers == ()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        HEAD[:30],
        HEAD + b"Content-Length: 100\r\n\r\n[",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n[",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n",
    ],
    ids=["nothing", "half a head", "half a body", "half a chunk", "no chunk"],
)
def test_half_an_answer_is_told_as_broken_off(tmp_path: Path, answer: bytes) -> None:
    with server(tmp_path, lambda _: answer) as address:
        error = error_at(address)
    assert isinstance(error, EngineUnreachableError)
    assert "broke during 'list containers'" in error.message


@pytest.mark.parametrize(
    "answer",
    [b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 2x0 OK\r\n\r\n", HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"],
)
def test_garbage_is_not_taken_for_an_engine(tmp_path: Path, answer: bytes) -> None:
    with server(tmp_path, lambda _: answer) as address:
        assert "is not a container engine" in error_at(address).message


def test_a_server_that_says_too_little_and_waits_is_told_at_the_deadline(tmp_path: Path) -> None:
    with server(tmp_path, lambda _: HEAD, hangs_up=False) as address:
        error = error_at(address, QUICK)
    assert isinstance(error, EngineTimeoutError)
    assert "'list containers' within 0.5 s" in error.message


def test_an_error_of_the_engine_is_told_in_its_words(tmp_path: Path) -> None:
    with server(tmp_path, lambda _: b'HTTP/1.0 503 Busy\r\nApi-Version: 1.41\r\n\r\n{"message": "busy"}') as address:
        assert "cannot list containers: busy" in error_at(address).message


def test_an_absent_engine_is_told_as_everywhere(tmp_path: Path) -> None:
    error = error_at(Address(path=str(tmp_path / "nothing")))
    assert error.message == f"cannot reach the container engine at {tmp_path}/nothing: no such file"


def test_a_backlog_that_nobody_empties_ends_at_the_connect_deadline(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as stuck:
        path = str(tmp_path / "s")
        stuck.bind(path)
        stuck.listen(0)
        fillers = [socket.socket(socket.AF_UNIX) for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(path)
        try:
            error = error_at(Address(path=path), QUICK)
        finally:
            for filler in fillers:
                filler.close()
    assert error.message.endswith("it did not accept a connection within 0.3 s")
