"""Of what comes again and again the first is written down, and one an hour."""

from boxship.serve.sparing import EVERY_S, Sparing
from tests.fakes.clock import FakeClock


async def test_the_first_is_due_and_one_an_hour() -> None:
    clock = FakeClock()
    sparing = Sparing(clock)
    assert [sparing.is_due("web", "done") for _ in range(3)] == [True, False, False]
    assert sparing.is_due("web", "refused")
    assert sparing.is_due("db", "done")
    await clock.sleep(EVERY_S - 1)
    assert not sparing.is_due("web", "done")
    await clock.sleep(1)
    assert [sparing.is_due("web", "done") for _ in range(2)] == [True, False]


def test_so_many_callers_are_remembered_and_no_more() -> None:
    sparing = Sparing(FakeClock())
    for number in range(10_000):
        assert sparing.is_due(str(number))
    assert not sparing.is_due("9999")
    assert sparing.is_due("0")
