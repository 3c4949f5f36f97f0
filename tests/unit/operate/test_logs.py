"""Several services' lines as one stream."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from boxship.engine.port import LogLine
from boxship.errors import EngineUnreachableError
from boxship.names import LABEL_APPLIANCE, LABEL_REPLICA, LABEL_SERVICE, replica_name
from boxship.operate.logs import COMEBACK_S, WINDOW_S, LogRequest, merged_logs
from boxship.plan.action import ContainerSpec
from boxship.spec.model import Restart, Service
from tests.eventually import DEADLINE_S
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


async def start(
    engine: FakeEngine,
    service: str,
    *lines: Line,
    appliance: str = "app",
    ends_s: float = 60,
    number: int = 1,
    restart: Restart | None = None,
) -> str:
    engine.script(service, Behaviour(lines=lines, exits_after_s=ends_s, exit_code=1))
    labels = {LABEL_APPLIANCE: appliance, LABEL_SERVICE: service, LABEL_REPLICA: str(number)}
    name = f"{appliance}.{replica_name(service, number)}"
    spec = ContainerSpec(name, Service(service, restart=restart), "img:1", labels=labels)
    made = await engine.create_container(spec)
    await engine.start_container(name)
    return made.id


async def read(engine: FakeEngine, request: LogRequest | None = None) -> list[str]:
    return [
        f"{line.service}: {line.text}"
        async for line in merged_logs(engine, "app", request or LogRequest(), engine.clock)
    ]


async def test_history_is_merged_by_time(engine: CountingEngine) -> None:
    await start(engine, "web", Line("one"), Line("three", after_s=2), Line("five", after_s=4))
    await start(engine, "db", Line("two", after_s=1), Line("four", "stderr", after_s=3), Line("later", after_s=50))
    await engine.clock.sleep(10)
    assert await read(engine) == ["web: one", "db: two", "web: three", "db: four", "web: five"]
    lines = [line async for line in merged_logs(engine, "app", LogRequest(), engine.clock)]
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
    others = await start(engine, "web2", Line("theirs"), appliance="other")
    assert await read(engine, LogRequest(services=frozenset({"web"}))) == ["web: mine"]
    assert engine.calls.count(f"follow_logs {others}") == 0


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
    assert engine.clock.monotonic_s() == 6 + COMEBACK_S


@pytest.mark.parametrize("follow", [False, True])
async def test_who_has_read_enough_leaves_no_stream_open(engine: CountingEngine, *, follow: bool) -> None:
    for name in ("a", "b"):
        await start(engine, name, Line("1"), Line("2"))
    async with aclosing(merged_logs(engine, "app", LogRequest(follow=follow), engine.clock)) as lines:
        await anext(lines)
        assert engine.open_streams == (2 if follow else 0)
    assert engine.open_streams == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_who_has_read_enough_of_a_flood_is_let_go(engine: CountingEngine) -> None:
    await start(engine, "web", *(Line(str(number)) for number in range(3000)))
    async with asyncio.timeout(DEADLINE_S):
        async with aclosing(merged_logs(engine, "app", LogRequest(follow=True), engine.clock)) as lines:
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
    db = await start(engine, "db", Line("two"))
    engine.faults.fail("follow_logs", EngineUnreachableError("gone"), name=db)
    with pytest.raises(EngineUnreachableError):
        await read(engine, LogRequest(follow=follow))
    assert engine.open_streams == 0


class LateEngine(FakeEngine):
    """Passes the lines of some containers on later than they were written."""

    def __init__(self, late_s: dict[str, float]) -> None:
        super().__init__(FakeClock())
        self.add_image("img:1")
        self._late_s = late_s

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
        stream = super().follow_logs(name, follow=follow, tail=tail, since=since, until=until, timestamps=timestamps)
        async with aclosing(stream) as lines:
            async for line in lines:
                await self.clock.sleep(self._late_s[self.world.containers[name].service])
                yield line


async def test_a_followed_line_that_comes_late_is_still_shown_in_its_place() -> None:
    engine = LateEngine({"web": WINDOW_S * 0.9, "db": 0.0})
    await start(engine, "web", Line("first", after_s=1))
    await start(engine, "db", Line("second", after_s=1.01), Line("third", after_s=3))
    assert await read(engine, LogRequest(follow=True)) == ["web: first", "db: second", "db: third"]


async def test_a_line_waits_no_longer_than_the_window_for_earlier_ones() -> None:
    engine = LateEngine({"web": WINDOW_S * 3, "db": 0.0})
    await start(engine, "web", Line("first", after_s=1))
    await start(engine, "db", Line("second", after_s=1.01))
    seen = []
    async with aclosing(merged_logs(engine, "app", LogRequest(follow=True), engine.clock)) as lines:
        async for line in lines:
            seen.append((line.text, round(engine.clock.monotonic_s(), 3)))
            if len(seen) == 2:
                break
    assert seen == [("second", 1.01 + WINDOW_S), ("first", 1 + WINDOW_S * 4)]


@pytest.mark.parametrize("follow", [False, True])
async def test_a_clock_that_is_set_back_changes_no_containers_order(engine: CountingEngine, *, follow: bool) -> None:
    await start(engine, "web", Line("1", after_s=5), Line("2", after_s=2), Line("3", after_s=6))
    await start(engine, "db", Line("between", after_s=5.5))
    await engine.clock.sleep(10)
    assert await read(engine, LogRequest(follow=follow)) == ["web: 1", "web: 2", "db: between", "web: 3"]


async def test_what_the_engine_starts_again_is_followed_on_and_nothing_is_shown_twice(engine: CountingEngine) -> None:
    await start(engine, "web", Line("up"), Line("down", after_s=1), ends_s=1, restart=Restart("on-failure", 2))
    assert await read(engine, LogRequest(follow=True)) == ["web: up", "web: down"] * 3
    assert engine.open_streams == 0


async def test_of_one_started_again_only_what_is_new_is_shown_whatever_the_tail(engine: CountingEngine) -> None:
    await start(engine, "web", Line("old"), ends_s=1, restart=Restart("on-failure", 1))
    assert await read(engine, LogRequest(follow=True, tail=0)) == ["web: old"]
    assert engine.clock.monotonic_s() > 2


async def test_a_replacement_is_followed_on_under_the_same_name(engine: CountingEngine) -> None:
    old = await start(engine, "web", Line("old"))

    async def replace_it() -> None:
        await engine.clock.sleep(3)
        await engine.remove_container(old)
        await start(engine, "web", Line("new"), ends_s=1)

    replacing = asyncio.create_task(replace_it())
    await start(engine, "db", Line("other"), ends_s=9)
    assert await read(engine, LogRequest(follow=True, tail=1)) == ["web: old", "db: other", "web: new"]
    await replacing


async def test_a_service_that_begins_later_is_followed_too_where_it_was_asked_for(engine: CountingEngine) -> None:
    await start(engine, "web", Line("web"), ends_s=9)

    async def add() -> None:
        await engine.clock.sleep(3)
        await start(engine, "job", Line("job"), ends_s=1)
        await start(engine, "other", Line("not asked for"), ends_s=1)

    adding = asyncio.create_task(add())
    wanted = LogRequest(services=frozenset({"web", "job"}), follow=True)
    assert await read(engine, wanted) == ["web: web", "job: job"]
    await adding


async def test_what_was_removed_for_good_is_waited_for_no_longer(engine: CountingEngine) -> None:
    old = await start(engine, "web", Line("old"))

    async def remove() -> None:
        await engine.clock.sleep(3)
        await engine.remove_container(old)

    removing = asyncio.create_task(remove())
    assert await read(engine, LogRequest(follow=True)) == ["web: old"]
    assert engine.clock.monotonic_s() == 3
    await removing


async def test_following_ends_at_the_moment_that_was_asked_for(engine: CountingEngine) -> None:
    await start(engine, "web", Line("now"), Line("then", after_s=30))
    until = f"{engine.clock.now().timestamp() + 5}"
    assert await read(engine, LogRequest(follow=True, until=until)) == ["web: now"]
    assert engine.clock.monotonic_s() == pytest.approx(5 + WINDOW_S)


@pytest.mark.parametrize("follow", [False, True])
async def test_only_lines_that_match_are_shown(engine: CountingEngine, *, follow: bool) -> None:
    await start(engine, "web", Line("GET /"), Line("error: no"), Line("GET /x"), ends_s=1)
    assert await read(engine, LogRequest(follow=follow, matches=lambda text: "error" in text)) == ["web: error: no"]


async def test_one_of_several_containers_is_chosen_by_name_or_number(engine: CountingEngine) -> None:
    for number in (1, 2):
        await start(engine, "web", Line(f"web {number}"), number=number)
    await start(engine, "db", Line("db 1"))
    assert await read(engine, LogRequest(services=frozenset({"web.2"}))) == ["web: web 2"]
    assert await read(engine, LogRequest(services=frozenset({"web"}), number=2)) == ["web: web 2"]
    assert await read(engine, LogRequest(number=1)) == ["web: web 1", "db: db 1"]
