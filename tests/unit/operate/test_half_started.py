"""A container that the engine, killed during its start, can never start again is made anew by the same `up`."""

import asyncio
from pathlib import Path

from msgspec.structs import replace

from boxship.errors import HalfStartedError
from boxship.events import Event, Notice
from boxship.operate.request import UpRequest
from boxship.operate.up import bring_up
from tests.fakes.clock import FakeClock
from tests.fakes.engine import FakeEngine
from tests.unit.plan.given import appliance, service


async def test_up_replaces_a_container_whose_start_was_cut_off(tmp_path: Path) -> None:
    clock = FakeClock()
    engine = FakeEngine(clock)
    engine.add_image("img:1")
    wanted = replace(appliance(service("db"), service("web", "db")), directory=tmp_path)
    heard: list[Event] = []

    async def up() -> bool:
        result = await bring_up(wanted, engine, heard.append, clock, UpRequest(), asyncio.Event(), sysctl_root=tmp_path)
        return result.outcome.is_complete

    assert await up()
    before = {each.service: each.id for each in (await engine.observe()).containers_of("app")}
    await engine.stop_container("app.db")
    engine.faults.fail("start_container", HalfStartedError("cannot start app.db: lost track of it"), name="app.db")
    assert await up()
    after = {each.service: each.id for each in (await engine.observe()).containers_of("app")}
    assert after["db"] != before["db"]
    assert after["web"] == before["web"]
    assert [event.text for event in heard if isinstance(event, Notice) and "made anew" in event.text]
