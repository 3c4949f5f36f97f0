"""Whatever a Loader was doing when it ended, the next one makes a box that is wholly old or wholly new.

A cut is tried at every call of the engine and at every write of the state, counted from outside.
"""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boxship.execute.race import race
from boxship.loader.supervisor import Supervisor
from boxship.state.operation import Operation
from boxship.state.state import State
from tests.fakes.store import MemoryStore
from tests.unit.loader.bench import Bench

Ask = Callable[[Supervisor], Awaitable[object]]
DATA = {"1.0": "as 1.0 left it", "1.1": "as 1.1 left it"}


async def switch_to_good(box: Supervisor) -> Operation:
    return await box.switch("1.1", by="test")


async def switch_to_broken(box: Supervisor) -> Operation:
    return await box.switch("1.2", by="test")


async def roll_back(box: Supervisor) -> Operation:
    return await box.rollback(by="test")


async def boot_other_target(box: Supervisor) -> Operation:
    return await box.boot_target("maintenance", by="test")


async def collect(box: Supervisor) -> object:
    return await box.gc(by="test")


ASKED: dict[str, Ask] = {
    "switch to a good release": switch_to_good,
    "switch to a broken release": switch_to_broken,
    "roll back": roll_back,
    "boot another target": boot_other_target,
    "gc": collect,
}
SINCE_1_1 = ("roll back", "gc")
"""These begin on a box that has gone from 1.0 to 1.1 already."""


async def prepared(bench: Bench, what: str) -> None:
    """A box that runs 1.0, or 1.1 after 1.0; every version is here."""
    bench.break_image("app/web:1.2")
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        bench.world.copier.data["app.data.g1"] = DATA["1.0"]
        for number in ("1.1", "1.2"):
            await bench.pull(box, number)
        if what in SINCE_1_1:
            await bench.over(box, await box.switch("1.1", by="test"))
            bench.world.copier.data["app.data.g2"] = DATA["1.1"]


class Points:
    """Counts calls of the engine and writes of the state, from outside; ``reached`` is set at the ``wanted``-th."""

    def __init__(self, bench: Bench, wanted: int) -> None:
        self._left = wanted
        self.reached = asyncio.Event()
        bench.world.engine.faults.heard = lambda _call: self._count()
        assert isinstance(bench.world.store, MemoryStore)
        bench.world.store.heard = lambda _state: self._count()

    def _count(self) -> None:
        self._left -= 1
        if self._left <= 0:
            self.reached.set()


async def cut_at(bench: Bench, ask: Ask, point: int) -> bool:
    """Begin what is asked for, and end the Loader at the ``point``-th call or write; False when it ended before."""
    async with bench.loader() as box:
        await bench.booted(box)
        points = Points(bench, point)
        asked = await ask(box)
        assert isinstance(asked, Operation)
        async with race(points.reached.wait(), bench.over(box, asked)) as (reached, _):
            return reached.done()


def assert_whole(bench: Bench, state: State, before: State) -> None:
    """One deployment runs, all of it and nothing else, with data that belongs to it."""
    current = state.current
    assert current is not None
    assert before.current is not None
    assert (state.trial, state.operation_id) == (None, "")
    suffix = f".g{current.generation}"
    wanted = {"default": ["app.db", "app.web"], "maintenance": ["app.page"]}[current.target]
    assert bench.running == [name + suffix for name in wanted]
    data = bench.world.copier.data
    assert data["app.data.g1"] == DATA["1.0"]
    if current == before.current or current.target != before.current.target:
        assert current.generation == before.current.generation
    else:
        source = before.previous if current.version == "1.0" else before.current
        assert source is not None
        assert data[f"app.data.g{current.generation}"] == DATA[source.version]
    if before.current.version == "1.1":
        assert data["app.data.g2"] == DATA["1.1"]


async def one_cut(what: str, point: int) -> bool:
    bench = Bench()
    await prepared(bench, what)
    before = bench.world.store.load().state
    was_cut = await cut_at(bench, ASKED[what], point)
    async with bench.loader() as box:
        await bench.booted(box)
        assert_whole(bench, box.state(), before)
        # And it is a box like any other: what was asked for can be asked for again.
        if what == "switch to a good release" and box.boot().version == "1.0":
            await bench.over(box, await box.switch("1.1", by="test"))
            assert box.boot().version == "1.1"
            assert bench.world.copier.data[f"app.data.g{_generation(box)}"] == DATA["1.0"]
    return was_cut


def _generation(box: Supervisor) -> int:
    current = box.state().current
    assert current is not None
    return current.generation


@given(what=st.sampled_from(sorted(ASKED)), point=st.integers(0, 90))
def test_a_cut_anywhere_leaves_a_box_that_is_wholly_old_or_wholly_new(what: str, point: int) -> None:
    asyncio.run(one_cut(what, point))


@pytest.mark.parametrize("what", sorted(ASKED))
def test_the_cuts_reach_to_the_end(what: str) -> None:
    """What is tried above covers all of what a Loader does for these."""
    assert not asyncio.run(one_cut(what, 90))


@given(what=st.sampled_from(sorted(ASKED)), calls=st.integers(0, 60), takes_effect=st.booleans())
def test_an_engine_that_dies_anywhere_leaves_it_so_too(what: str, calls: int, takes_effect: bool) -> None:
    async def go() -> None:
        bench = Bench()
        await prepared(bench, what)
        before = bench.world.store.load().state
        async with bench.loader() as box:
            await bench.booted(box)
            bench.world.engine.faults.die_after(calls, takes_effect=takes_effect)
            asked = await ASKED[what](box)
            assert isinstance(asked, Operation)
            await bench.over(box, asked)
            bench.world.engine.restart_daemon()
            await bench.world.clock.sleep(60.0)
            await bench.booted(box)
            assert_whole(bench, box.state(), before)

    asyncio.run(go())
