"""Two that would change one appliance go one after the other, and whoever waits says for whom."""

import asyncio
from pathlib import Path

import pytest

from boxship.errors import CancelledError
from boxship.events import Event, Notice
from boxship.operate.alone import alone
from boxship.operate.errand import Errand, lock_path

SHOP = Errand("up", "shop", "unix:///var/run/docker.sock")


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"XDG_RUNTIME_DIR": str(tmp_path)}


async def test_the_second_waits_for_the_first_and_names_it(environ: dict[str, str]) -> None:
    order: list[str] = []
    heard: list[Event] = []
    is_in, may_leave = asyncio.Event(), asyncio.Event()

    async def first() -> None:
        async with alone(SHOP, heard.append, asyncio.Event(), environ):
            order.append("first in")
            is_in.set()
            await may_leave.wait()
            order.append("first out")

    def let_go(event: Event) -> None:
        heard.append(event)
        may_leave.set()

    async def waiting() -> None:
        await is_in.wait()
        async with alone(Errand("down", "shop", SHOP.engine), let_go, asyncio.Event(), environ):
            order.append("second in")

    await asyncio.wait_for(asyncio.gather(first(), waiting()), 10)
    assert order == ["first in", "first out", "second in"]
    (notice,) = heard
    assert isinstance(notice, Notice)
    assert "boxship up (pid " in notice.text
    assert "works on shop" in notice.text


@pytest.mark.parametrize("other", [Errand("up", "store", SHOP.engine), Errand("up", "shop", "tcp://127.0.0.1:2375")])
async def test_other_appliances_and_other_engines_are_not_held_up(environ: dict[str, str], other: Errand) -> None:
    heard: list[Event] = []
    async with (
        alone(SHOP, heard.append, asyncio.Event(), environ),
        alone(other, heard.append, asyncio.Event(), environ),
    ):
        assert heard == []


async def test_who_is_tired_of_waiting_changes_nothing(environ: dict[str, str]) -> None:
    interrupt = asyncio.Event()
    async with alone(SHOP, lambda _: None, asyncio.Event(), environ):
        with pytest.raises(CancelledError, match="gave up waiting for boxship up"):
            async with alone(SHOP, lambda _: interrupt.set(), interrupt, environ):
                pytest.fail("it went in")


async def test_a_lock_whose_holder_is_gone_holds_nobody_up(environ: dict[str, str]) -> None:
    path = lock_path(SHOP, environ)
    path.parent.mkdir()
    path.write_text("half a li")
    heard: list[Event] = []
    async with alone(SHOP, heard.append, asyncio.Event(), environ):
        assert heard == []


async def test_where_no_lock_can_be_kept_work_goes_on_with_a_warning(tmp_path: Path) -> None:
    (tmp_path / "boxship").write_text("in the way")
    heard: list[Event] = []
    async with alone(SHOP, heard.append, asyncio.Event(), {"XDG_RUNTIME_DIR": str(tmp_path)}):
        (notice,) = heard
    assert isinstance(notice, Notice)
    assert notice.is_warning
    assert "can't hold a lock" in notice.text
