"""Answers that are kept for a moment: who asks in a loop, or together with others, costs nobody more."""

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from boxship.checks.host import ClockSeen
from boxship.checks.report import Level, Report, Result
from boxship.checks.run import Asked, Checker
from boxship.operate.status import find_status, question_of, status_path
from boxship.spec.model import Host
from tests.fakes.clock import FakeClock
from tests.fakes.engine import FakeEngine
from tests.fakes.machine import FakeMachine
from tests.unit.plan.given import desired, service

ASKED = Asked(desired(service("web")), version="1")


class Counting(Checker):
    """Knows how often everything was asked, and takes its time."""

    def __init__(self, bench: "Bench", before: ClockSeen | None) -> None:
        super().__init__(FakeEngine(bench.clock), FakeMachine(), bench.clock, ASKED, before)
        self._bench = bench
        self.before = before

    async def check(self) -> Report:
        self._bench.asked_times += 1
        at_s = self._bench.clock.now().timestamp()
        await asyncio.sleep(0)  # everybody else has asked or waits by now
        self._bench.clock.advance(self._bench.takes_s)
        self.clock_seen = ClockSeen("b", 1.0, at_s)
        return Report("app", "1", at_s, self._bench.takes_s, (Result("a", "web", "tcp", Level.OK, "fine"),))


class Bench:
    def __init__(self, path: Path | None) -> None:
        self.clock = FakeClock()
        self.path = path
        self.asked_times = 0
        self.takes_s = 0.0
        self.looks: list[ClockSeen | None] = []

    async def find(self, fresh_s: float = 5.0, asked: Asked = ASKED) -> Report:
        def make(before: ClockSeen | None) -> Checker:
            self.looks.append(before)
            return Counting(self, before)

        return await find_status(asked, make, self.clock, self.path, fresh_s)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "state" / "app.json")


async def test_answers_are_shown_again_while_they_are_fresh(bench: Bench) -> None:
    first = await bench.find()
    bench.clock.advance(5.0)
    assert (await bench.find(), bench.asked_times) == (first, 1)
    bench.clock.advance(0.1)
    assert (await bench.find()).at_s > first.at_s
    assert bench.asked_times == 2


async def test_their_age_counts_from_the_end_of_asking(bench: Bench) -> None:
    bench.takes_s = 60.0
    await bench.find()
    bench.clock.advance(4.0)
    await bench.find()
    assert bench.asked_times == 1


async def test_who_wants_fresh_ones_gets_them_and_the_next_one_has_them_too(bench: Bench) -> None:
    await bench.find()
    await bench.find(0)
    await bench.find()
    assert bench.asked_times == 2


async def test_other_questions_have_other_answers(bench: Bench) -> None:
    await bench.find()
    await bench.find(asked=replace(ASKED, ignored=frozenset({"disk"})))
    assert bench.asked_times == 2
    changes = (
        replace(ASKED, version="2"), replace(ASKED, host=Host({"a": "b"})), replace(ASKED, services=frozenset({"web"})),
        replace(ASKED, desired=desired(service("web", scale=2))),
    )  # fmt: skip
    assert len({question_of(each) for each in (ASKED, *changes)}) == 5


async def test_of_several_at_once_only_one_asks(bench: Bench) -> None:
    reports = await asyncio.gather(*(bench.find() for _ in range(5)))
    assert (len(set(map(str, reports))), bench.asked_times) == (1, 1)


async def test_answers_from_the_future_are_not_believed(bench: Bench) -> None:
    await bench.find()
    other = Bench(bench.path)
    other.clock.advance(-3600)
    await other.find()
    assert other.asked_times == 1


async def test_the_clocks_last_look_outlives_the_answers(bench: Bench) -> None:
    await bench.find()
    bench.clock.advance(3600)
    await bench.find(asked=replace(ASKED, version="2"))
    begin_s = FakeClock().now().timestamp()
    assert bench.looks == [None, ClockSeen("b", 1.0, begin_s)]


def overwrite(text: str) -> Callable[[Path], object]:
    return lambda path: path.write_text(text)


def another_format(path: Path) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 99}))


def a_link(path: Path) -> None:
    path.rename(path.with_suffix(".old"))
    path.symlink_to(path.with_suffix(".old"))


def a_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize(
    "spoil", [overwrite(""), overwrite("{"), overwrite('{"format": 1}'), another_format, a_link, a_fifo],
    ids=["empty", "cut", "incomplete", "format", "link", "fifo"],
)  # fmt: skip
async def test_a_file_that_is_not_ours_or_not_whole_is_as_good_as_none(
    bench: Bench, spoil: Callable[[Path], object]
) -> None:
    assert bench.path is not None
    await bench.find()
    spoil(bench.path)
    await bench.find()
    assert bench.asked_times == 2


async def test_only_the_user_can_read_it(bench: Bench) -> None:
    assert bench.path is not None
    await bench.find()
    assert bench.path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in bench.path.parent.iterdir() if each.suffix not in (".json", ".lock")] == []


async def test_where_nothing_can_be_kept_everything_is_asked(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file" / "below.json", None):
        bench = Bench(path)
        await bench.find()
        await bench.find()
        assert bench.asked_times == 2


def test_it_lies_in_the_users_state_folder() -> None:
    path = status_path("shop", "unix:///x", {"XDG_STATE_HOME": "/s", "HOME": "/h"})
    assert path is not None
    assert str(path).startswith("/s/boxship/status/shop-")
    assert path != status_path("shop", "tcp://y:1", {"XDG_STATE_HOME": "/s"})
    assert str(status_path("shop", "x", {"HOME": "/h"})).startswith("/h/.local/state/boxship/")
    assert status_path("shop", "x", {}) is None
