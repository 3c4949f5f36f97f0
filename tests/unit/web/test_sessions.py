"""Sessions end: by themselves, by signing out, and when there are too many."""

import pytest

from boxship.web.sessions import IDLE_S, LONGEST_S, Sessions
from tests.fakes.clock import FakeClock


async def test_a_session_is_known_by_what_the_browser_got_and_by_nothing_else() -> None:
    sessions = Sessions(FakeClock())
    one, other = sessions.begin("t1"), sessions.begin("t2")
    found, second = sessions.find(one), sessions.find(other)
    assert found is not None
    assert second is not None
    assert (found.token_id, second.token_id) == ("t1", "t2")
    assert found.proof not in (one, second.proof)
    assert [sessions.find(wrong) for wrong in ("", one[:-1], f"{one}=", one.lower(), "\udcff")] == [None] * 5
    sessions.end(one)
    assert sessions.find(one) is None
    assert sessions.find(other) is not None


async def test_it_ends_when_nobody_uses_it_and_some_time_also_when_it_is_used() -> None:
    clock = FakeClock()
    sessions = Sessions(clock)
    idle, used = sessions.begin("t1"), sessions.begin("t1")
    passed_s = 0.0
    while passed_s < IDLE_S + 1:
        await clock.sleep(IDLE_S / 3)
        passed_s += IDLE_S / 3
        assert sessions.find(used) is not None
    assert sessions.find(idle) is None
    while passed_s < LONGEST_S - IDLE_S / 3:
        await clock.sleep(IDLE_S / 3)
        passed_s += IDLE_S / 3
        assert sessions.find(used) is not None
    await clock.sleep(IDLE_S / 3 + 1)
    assert sessions.find(used) is None


@pytest.mark.parametrize("more", [64, 200])
async def test_there_are_never_many_and_the_one_that_was_idle_for_longest_goes_first(more: int) -> None:
    sessions = Sessions(FakeClock())
    idle, used = sessions.begin("idle"), sessions.begin("used")
    for _ in range(more):
        assert sessions.find(used) is not None
        sessions.begin("more")
    assert sessions.find(idle) is None
    assert sessions.find(used) is not None
