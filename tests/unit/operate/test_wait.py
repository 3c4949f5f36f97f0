"""wait: each container as it ends for good."""

import asyncio

from boxship.operate.request import UpRequest
from boxship.operate.up import bring_up
from boxship.operate.wait import Ended, ended_in_order
from boxship.spec.model import Restart
from tests.fakes.behaviour import Behaviour
from tests.fakes.engine import FakeEngine
from tests.unit.plan.given import appliance, service


async def test_each_is_told_as_it_ends_with_its_own_status() -> None:
    engine = FakeEngine()
    engine.add_image("img:1")
    engine.script("slow", Behaviour(exits_after_s=500.0, exit_code=0))
    engine.script("fast", Behaviour(exits_after_s=100.0, exit_code=3))
    engine.script("again", Behaviour(exits_after_s=50.0, exit_code=4))
    shop = appliance(service("slow"), service("fast"), service("again", restart=Restart("on-failure", 2)))
    await bring_up(shop, engine, lambda _: None, engine.clock, UpRequest(), asyncio.Event())
    mine = (await engine.observe(())).containers_of("app")
    found = [each async for each in ended_in_order(engine, mine)]
    assert found == [Ended("fast", 3), Ended("again", 4), Ended("slow", 0)]


async def test_one_that_is_taken_away_meanwhile_has_ended_by_force() -> None:
    engine = FakeEngine()
    engine.add_image("img:1")
    await bring_up(appliance(service("web")), engine, lambda _: None, engine.clock, UpRequest(), asyncio.Event())
    mine = (await engine.observe(())).containers_of("app")
    waiting = asyncio.ensure_future(anext(ended_in_order(engine, mine)))
    await asyncio.sleep(0)
    await engine.remove_container("app.web")
    assert await waiting == Ended("web", 137)
