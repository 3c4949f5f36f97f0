"""``start`` and ``restart`` on an engine in memory."""

import asyncio

import pytest
from msgspec.structs import replace

from boxship.errors import HalfStartedError, NotFoundError
from boxship.events import Event, Notice
from boxship.execute.executor import Outcome, execute
from boxship.operate.start import start_present
from boxship.plan.observed import Observed
from boxship.plan.reconcile import reconcile
from boxship.plan.resolve import Desired
from boxship.plan.verbs import plan_stop
from tests.fakes.clock import FakeClock
from tests.fakes.engine import FakeEngine
from tests.unit.plan.given import desired, service

SHOP = desired(service("db", scale=2), service("web", "db"), service("page"))


class Box:
    """A fake engine with the shop up."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.engine = FakeEngine(self.clock)
        self.engine.add_image("img:1")
        self.heard: list[Event] = []

    async def up(self) -> None:
        plan = reconcile(SHOP, await self.engine.observe())
        assert (await execute(plan, self.engine, self.heard.append, self.clock)).is_complete

    async def stop(self) -> None:
        plan = plan_stop("app", await self.engine.observe(), {})
        await execute(plan, self.engine, self.heard.append, self.clock)

    async def start(self, wanted: Desired = SHOP, *, again: bool = False) -> Outcome:
        _, outcome = await start_present(
            lambda _: wanted, self.engine, self.heard.append, self.clock, asyncio.Event(), again=again
        )
        return outcome

    async def ids(self) -> dict[str, str]:
        return {each.name: each.id for each in (await self.engine.observe()).containers}


@pytest.fixture
async def box() -> Box:
    made = Box()
    await made.up()
    return made


async def test_what_is_stopped_starts_and_stays_what_it_was(box: Box) -> None:
    before = await box.ids()
    await box.stop()
    assert (await box.start()).is_complete
    assert sorted(box.engine.running) == ["app.db", "app.db.2", "app.page", "app.web"]
    assert await box.ids() == before


@pytest.mark.parametrize("again", [False, True])
async def test_one_that_can_never_start_again_is_made_anew_and_the_rest_starts(box: Box, again: bool) -> None:
    before = await box.ids()
    if not again:
        await box.stop()
    box.engine.faults.fail("start_container", HalfStartedError("cannot start app.db.2: lost it"), name="app.db.2")
    assert (await box.start(again=again)).is_complete
    assert sorted(box.engine.running) == ["app.db", "app.db.2", "app.page", "app.web"]
    after = await box.ids()
    assert {name for name in after if after[name] != before[name]} == {"app.db.2"}
    assert [each.text for each in box.heard if isinstance(each, Notice)] == [
        "the engine died while it started db.2: made anew"
    ]


async def test_containers_beyond_the_scale_of_the_files_survive_that(box: Box) -> None:
    await box.stop()
    box.engine.faults.fail("start_container", HalfStartedError("cannot start app.db: lost it"), name="app.db")
    fewer = replace(SHOP, services=tuple(replace(each, scale=1) for each in SHOP.services))
    assert (await box.start(fewer)).is_complete
    assert "app.db.2" in box.engine.running


async def test_another_failure_is_told_as_it_is(box: Box) -> None:
    await box.stop()
    box.engine.break_start("page", "no such device")
    outcome = await box.start()
    assert ["no such device" in failure.error.message for failure in outcome.failures] == [True]


async def test_what_can_not_be_said_is_told_before_anything_is_done(box: Box) -> None:
    def refuse(_observed: Observed) -> Desired:
        raise NotFoundError("there is no container of x")

    before = list(box.engine.running)
    with pytest.raises(NotFoundError):
        await start_present(refuse, box.engine, box.heard.append, box.clock, asyncio.Event(), again=True)
    assert list(box.engine.running) == before
