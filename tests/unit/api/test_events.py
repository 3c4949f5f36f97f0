"""Events: numbered, resumable, and told when something was lost."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from boxship.events import Notice, Phase, SubjectChanged
from boxship.serve.closing import Closing
from boxship.serve.streams import Stream
from tests.eventually import DEADLINE_S
from tests.fakes.box import FakeBox
from tests.unit.api.conftest import Around

Admin = dict[str, str]


class Reader:
    """An ASGI client that reads one stream part by part. ``is_slow``: it takes nothing after the head."""

    def __init__(self, *, is_slow: bool = False) -> None:
        self.parts: asyncio.Queue[bytes] = asyncio.Queue()
        self.is_over = False
        self.went = asyncio.Event()
        self._is_slow = is_slow

    async def receive(self) -> dict[str, object]:
        await self.went.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, object]) -> None:
        if message["type"] == "http.response.body":
            if self._is_slow:
                await asyncio.Event().wait()
            body = message["body"]
            assert isinstance(body, bytes)
            self.parts.put_nowait(body)
            self.is_over = not message.get("more_body", False)

    async def read(self) -> tuple[str, str, object]:
        """The next event: its id, its name, its data."""
        while True:
            part = (await asyncio.wait_for(self.parts.get(), DEADLINE_S)).decode()
            fields = dict(line.partition(": ")[::2] for line in part.splitlines() if line and not line.startswith(":"))
            if "data" in fields:
                return fields.get("id", ""), fields.get("event", ""), json.loads(fields["data"])


@asynccontextmanager
async def reading(around: Around, path: str, headers: Admin) -> AsyncIterator[Reader]:
    reader = Reader()
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    path, _, query = path.partition("?")
    scope = {"type": "http", "method": "GET", "path": path, "query_string": query.encode(), "headers": raw}
    transport = around.client._transport
    app = transport.app  # type: ignore[attr-defined]
    serving = asyncio.ensure_future(app(scope, reader.receive, reader.send))
    try:
        assert await asyncio.wait_for(reader.parts.get(), DEADLINE_S)
        yield reader
    finally:
        reader.went.set()
        await asyncio.wait_for(serving, DEADLINE_S)


def change(service: str) -> SubjectChanged:
    return SubjectChanged(f"service:{service}", Phase.READY)


async def test_an_event_has_an_id_a_name_and_its_fields(around: Around, admin: Admin) -> None:
    async with reading(around, "/v1/events?after=boot-1.0", admin) as reader:
        around.box.publish(change("web"))
        number, name, data = await reader.read()
    assert (number, name) == ("boot-1.1", "SubjectChanged")
    assert isinstance(data, dict)
    assert (data["subject"], data["phase"], data["number"]) == ("service:web", "ready", 1)


async def test_who_comes_back_gets_what_was_missed(around: Around, admin: Admin) -> None:
    for service in ("a", "b", "c"):
        around.box.publish(change(service))
    async with reading(around, "/v1/events", {**admin, "Last-Event-ID": "boot-1.1"}) as reader:
        assert [(await reader.read())[0] for _ in range(2)] == ["boot-1.2", "boot-1.3"]


async def test_who_was_away_for_too_long_is_told_of_the_gap(around: Around, admin: Admin) -> None:
    around.box.ring = type(around.box.ring)(lambda: 0.0, kept=2)
    for service in ("a", "b", "c", "d"):
        around.box.publish(change(service))
    async with reading(around, "/v1/events", {**admin, "Last-Event-ID": "boot-1.1"}) as reader:
        assert await reader.read() == ("", "gap", {"boot": "boot-1", "after": 1, "before": 3})
        assert (await reader.read())[0] == "boot-1.3"


async def test_events_of_another_boot_are_lost_and_that_is_told(around: Around, admin: Admin) -> None:
    around.box.publish(change("a"))
    async with reading(around, "/v1/events", {**admin, "Last-Event-ID": "boot-0.77"}) as reader:
        assert await reader.read() == ("", "gap", {"boot": "boot-1"})
        assert (await reader.read())[0] == "boot-1.1"


@pytest.mark.parametrize("sent", ["nonsense", "boot-1.x", "boot-1.-1", "boot-1.99999999999999999999", "\xe9"])
async def test_an_id_that_is_none_gets_everything_that_is_kept(around: Around, admin: Admin, sent: str) -> None:
    around.box.publish(change("a"))
    async with reading(around, f"/v1/events?after={sent}", admin) as reader:
        while (read := await reader.read())[1] == "gap":
            pass
    assert read[0] == "boot-1.1"


async def test_a_reader_that_leaves_gives_up_its_place(around: Around, admin: Admin) -> None:
    async with reading(around, "/v1/events?after=boot-1.0", admin) as reader:
        around.box.publish(change("a"))
        await reader.read()
        assert around.box.readers == 1
    assert around.box.readers == 0


async def test_open_streams_end_when_the_doors_close(around: Around, admin: Admin) -> None:
    async with reading(around, "/v1/events", admin) as reader:
        around.closing.begin()
        assert (await reader.read())[1] == "closing"
        assert reader.is_over


async def test_followed_logs_end_when_the_doors_close(around: Around, admin: Admin) -> None:
    async with reading(around, "/v1/services/web/logs?follow=1", admin) as reader:
        around.closing.begin()
        await asyncio.wait_for(reader.parts.get(), DEADLINE_S)
        assert reader.is_over


async def test_silence_is_broken_by_heartbeats() -> None:
    box, reader = FakeBox(), Reader()

    async def parts() -> AsyncIterator[bytes]:
        async for _ in box.events():
            yield b"data: 1\n\n"

    stream = Stream(parts(), Closing(), heartbeat_s=0.01)  # type: ignore[arg-type]
    serving = asyncio.ensure_future(stream({"type": "http", "method": "GET"}, reader.receive, reader.send))  # type: ignore[arg-type]
    assert [await asyncio.wait_for(reader.parts.get(), DEADLINE_S) for _ in range(2)] == [b": \n\n"] * 2
    box.publish(Notice("after a while"))
    while await asyncio.wait_for(reader.parts.get(), DEADLINE_S) != b"data: 1\n\n":
        pass
    reader.went.set()
    await asyncio.wait_for(serving, DEADLINE_S)
    assert box.readers == 0


async def test_a_reader_that_takes_nothing_is_cut_and_keeps_nothing() -> None:
    from boxship.serve.connection import KEY, Connection

    box, reader, cut = FakeBox(), Reader(is_slow=True), []

    async def parts() -> AsyncIterator[bytes]:
        async for _ in box.events(0):
            yield b"data: 1\n\n"

    box.publish(Notice("nobody takes it"))
    scope = {"type": "http", "method": "GET", "state": {KEY: Connection(abort=lambda: cut.append("cut"))}}
    stream = Stream(parts(), Closing(), send_s=0.01)  # type: ignore[arg-type]
    await asyncio.wait_for(stream(scope, reader.receive, reader.send), DEADLINE_S)  # type: ignore[arg-type]
    assert (cut, box.readers) == (["cut"], 0)
