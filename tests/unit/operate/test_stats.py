"""What containers use, as it comes."""

import asyncio
from contextlib import aclosing

import pytest

from boxship.errors import EngineUnreachableError
from boxship.names import LABEL_APPLIANCE, LABEL_SERVICE
from boxship.operate.stats import Usage, follow_usage, usage_once
from boxship.plan.action import ContainerSpec
from boxship.spec.model import Service
from tests.fakes.clock import FakeClock
from tests.fakes.engine import FakeEngine


@pytest.fixture
def engine() -> FakeEngine:
    engine = FakeEngine(FakeClock())
    engine.add_image("img:1")
    return engine


async def make(engine: FakeEngine, service: str, *, start: bool = True, appliance: str = "app") -> str:
    labels = {LABEL_APPLIANCE: appliance, LABEL_SERVICE: service}
    spec = ContainerSpec(f"{appliance}.{service}", Service(service), "img:1", labels=labels)
    made = await engine.create_container(spec)
    if start:
        await engine.start_container(made.id)
    return made.id


def shown(rows: tuple[Usage, ...]) -> dict[str, float | None]:
    return {row.container.service: None if row.stats is None else row.stats.cpu_percent for row in rows}


async def test_all_are_asked_side_by_side(engine: FakeEngine) -> None:
    for name in ("b", "a"):
        await make(engine, name)
    await make(engine, "c", start=False)
    await make(engine, "x", appliance="other")
    rows = await usage_once(engine, "app", lambda _: True)
    assert list(shown(rows).items()) == [("a", 10.0), ("b", 10.0), ("c", None)]
    assert engine.clock.monotonic_s() == 1
    assert [row.container.service for row in await usage_once(engine, "app", lambda each: each.service == "a")] == ["a"]


async def test_names_come_at_once_figures_follow_and_what_starts_and_goes_is_seen(engine: FakeEngine) -> None:
    await make(engine, "web")
    late = await make(engine, "late", start=False)
    seen: list[dict[str, float | None]] = []

    async def change() -> None:
        await engine.clock.sleep(4.5)
        await engine.start_container(late)
        await engine.clock.sleep(4)
        await engine.remove_container(late)

    changing = asyncio.create_task(change())
    async with aclosing(follow_usage(engine, "app", lambda _: True, engine.clock)) as told:
        async for rows in told:
            if not seen or seen[-1] != shown(rows):
                seen.append(shown(rows))
            if engine.clock.monotonic_s() > 11:
                break
    await changing
    assert seen[0] == {"late": None, "web": None}
    assert {"late": None, "web": 10.0} in seen
    assert {"late": 10.0, "web": 10.0} in seen
    assert seen[-1] == {"web": 10.0}
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_an_engine_that_is_gone_is_told_as_such(engine: FakeEngine) -> None:
    await make(engine, "web")
    engine.faults.fail("follow_stats", EngineUnreachableError("gone"))
    async with aclosing(follow_usage(engine, "app", lambda _: True, engine.clock)) as told:
        assert shown(await anext(told)) == {"web": None}
        with pytest.raises(EngineUnreachableError):
            await anext(told)
