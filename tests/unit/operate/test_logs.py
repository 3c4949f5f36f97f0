"""Several services' lines as one stream."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from boxship.engine.port import LogLine
from boxship.errors import EngineUnreachableError
from boxship.names import LABEL_APPLIANCE, LABEL_SERVICE
from boxship.operate.logs import LogRequest, merged_logs
from boxship.plan.action import ContainerSpec
from boxship.spec.model import Service
from tests.fakes.behaviour import Behaviour, Line
from tests.fakes.clock import FakeClock
from tests.fakes.engine import FakeEngine


class CountingEngine(FakeEngine):
    """Knows how many of its log streams are open."""

    open_streams = 0

    async def follow_logs(
        self,
        name: str,
        *,
        follow: bool = False,
        tail: int | None = None,
        since: str = "",
        until: str = "",
        timestamps: bool = False,
    ) -> AsyncGenerator[LogLine, None]:
        self.open_streams += 1
        try:
            stream = super().follow_logs(
                name, follow=follow, tail=tail, since=since, until=until, timestamps=timestamps
            )
            async with aclosing(stream) as lines:
                async for line in lines:
                    yield line
        finally:
            self.open_streams -= 1


@pytest.fixture
def engine() -> CountingEngine:
    engine = CountingEngine(FakeClock())
    engine.add_image("img:1")
    return engine


async def start(engine: FakeEngine, service: str, *lines: Line, appliance: str = "app", ends_s: float = 60) -> None:
    engine.script(service, Behaviour(lines=lines, exits_after_s=ends_s))
    labels = {LABEL_APPLIANCE: appliance, LABEL_SERVICE: service}
    name = f"{appliance}.{service}"
    await engine.create_container(ContainerSpec(name, Service(service), "img:1", labels=labels))
    await engine.start_container(name)


async def read(engine: FakeEngine, request: LogRequest | None = None) -> list[str]:
    return [f"{line.service}: {line.text}" async for line in merged_logs(engine, "app", request or LogRequest())]


async def test_history_is_merged_by_time(engine: CountingEngine) -> None:
    await start(engine, "web", Line("one"), Line("three", after_s=2), Line("five", after_s=4))
    await start(engine, "db", Line("two", after_s=1), Line("four", "stderr", after_s=3), Line("later", after_s=50))
    await engine.clock.sleep(10)
    assert await read(engine) == ["web: one", "db: two", "web: three", "db: four", "web: five"]
    lines = [line async for line in merged_logs(engine, "app", LogRequest())]
    assert [line.stream for line in lines] == ["stdout", "stdout", "stdout", "stderr", "stdout"]
    assert [line.at for line in lines] == sorted(line.at for line in lines)


async def test_lines_of_one_moment_keep_their_services_order(engine: CountingEngine) -> None:
    await start(engine, "web", Line("1"), Line("2"), Line("3"))
    await start(engine, "db", Line("1"), Line("2"))
    lines = await read(engine)
    assert [line for line in lines if line.startswith("web")] == ["web: 1", "web: 2", "web: 3"]
    assert sorted(lines) == ["db: 1", "db: 2", "web: 1", "web: 2", "web: 3"]


async def test_only_the_appliances_own_and_the_asked_for_are_read(engine: CountingEngine) -> None:
    await start(engine, "web", Line("mine"))
    await start(engine, "db", Line("not asked for"))
    await start(engine, "web2", Line("theirs"), appliance="other")
    assert await read(engine, LogRequest(services=frozenset({"web"}))) == ["web: mine"]
    assert engine.calls.count("follow_logs other.web2") == 0


async def test_the_tail_is_of_each_service(engine: CountingEngine) -> None:
    for name in ("a", "b"):
        await start(engine, name, Line("1"), Line("2"), Line("3"))
    assert sorted(await read(engine, LogRequest(tail=1))) == ["a: 3", "b: 3"]


async def test_one_that_ended_is_read_too(engine: CountingEngine) -> None:
    await start(engine, "web", Line("last words"), ends_s=1)
    await engine.clock.sleep(2)
    assert await read(engine) == ["web: last words"]


@pytest.mark.parametrize("follow", [False, True])
async def test_nothing_there_is_nothing_to_read(engine: CountingEngine, *, follow: bool) -> None:
    assert await read(engine, LogRequest(follow=follow)) == []


async def test_followed_lines_come_as_they_are_written_until_all_have_ended(engine: CountingEngine) -> None:
    await start(engine, "web", Line("one"), Line("four", after_s=5), ends_s=6)
    await start(engine, "db", Line("two", after_s=1), Line("three", after_s=2), ends_s=3)
    assert await read(engine, LogRequest(follow=True)) == ["web: one", "db: two", "db: three", "web: four"]
    assert engine.clock.monotonic_s() == 6


@pytest.mark.parametrize("follow", [False, True])
async def test_who_has_read_enough_leaves_no_stream_open(engine: CountingEngine, *, follow: bool) -> None:
    for name in ("a", "b"):
        await start(engine, name, Line("1"), Line("2"))
    async with aclosing(merged_logs(engine, "app", LogRequest(follow=follow))) as lines:
        await anext(lines)
        assert engine.open_streams == 2
    assert engine.open_streams == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_who_has_read_enough_of_a_flood_is_let_go(engine: CountingEngine) -> None:
    await start(engine, "web", *(Line(str(number)) for number in range(3000)))
    async with asyncio.timeout(5):
        async with aclosing(merged_logs(engine, "app", LogRequest(follow=True))) as lines:
            await anext(lines)
            for _ in range(20):
                await asyncio.sleep(0)
    assert engine.open_streams == 0


async def test_a_flood_arrives_whole_and_in_order(engine: CountingEngine) -> None:
    await start(engine, "web", *(Line(str(number)) for number in range(3000)), ends_s=1)
    assert await read(engine, LogRequest(follow=True)) == [f"web: {number}" for number in range(3000)]


@pytest.mark.parametrize("follow", [False, True])
async def test_an_engine_that_is_gone_is_told_as_such(engine: CountingEngine, *, follow: bool) -> None:
    await start(engine, "web", Line("one"))
    await start(engine, "db", Line("two"))
    engine.faults.fail("follow_logs", EngineUnreachableError("gone"), name="app.db")
    with pytest.raises(EngineUnreachableError):
        await read(engine, LogRequest(follow=follow))
    assert engine.open_streams == 0
