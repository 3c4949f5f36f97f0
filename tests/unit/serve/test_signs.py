"""A sign of life is given by who answers, and by nobody else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from boxship.clock import SystemClock
from boxship.serve.signs import EVERY_S, give_signs
from tests.fakes.clock import FakeClock


class Door:
    """A unix socket that answers with these bytes, or never when there are none."""

    def __init__(self, folder: Path, answer: bytes) -> None:
        self.socket, self.file = folder / "door", folder / "signs"
        self.answer = answer
        self.asked: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(self.answer)
        writer.close()

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Door"]:
        async with await asyncio.start_unix_server(self.serve, str(self.socket)):
            yield self


@asynccontextmanager
async def giving(door: Door) -> AsyncIterator[FakeClock]:
    clock = FakeClock()
    task = asyncio.ensure_future(give_signs(door.socket, door.file, "boot-1", clock))
    try:
        yield clock
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(door: Door, questions: int) -> None:
    async with asyncio.timeout(10):
        while len(door.asked) < questions:
            await SystemClock().sleep(0.001)


@pytest.mark.parametrize("answer", [b"HTTP/1.1 200 OK\r\n\r\n{}", b"HTTP/1.1 503 Service Unavailable\r\n\r\n"])
async def test_each_answer_is_a_sign_of_its_own(tmp_path: Path, answer: bytes) -> None:
    async with Door(tmp_path, answer).open() as door, giving(door) as clock:
        for number in (1, 2, 3):
            await until(door, number + 1)
            assert int(door.file.read_text().removeprefix("boot-1 ")) >= number
        assert clock.monotonic_s() >= 2 * EVERY_S
        assert door.asked[0].startswith(b"GET /v1/boot HTTP/1.1\r\n")


@pytest.mark.parametrize("answer", [b"", b"x" * 100_000])
async def test_a_door_that_says_nothing_sensible_is_no_sign(tmp_path: Path, answer: bytes) -> None:
    async with Door(tmp_path, answer).open() as door, giving(door):
        await until(door, 3)
        assert not door.file.exists()


async def test_a_door_that_is_not_there_is_no_sign_and_no_end(tmp_path: Path) -> None:
    door = Door(tmp_path, b"HTTP/1.1 200 OK\r\n\r\n")
    async with giving(door):
        await SystemClock().sleep(0.01)
        assert not door.file.exists()
        async with door.open():
            await until(door, 2)
            assert door.file.exists()
