"""Events for many readers, none of whom can hold up the box."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from boxship.events import Notice
from boxship.loader.ring import Ring
from tests.eventually import DEADLINE_S


def ring_of(count: int, kept: int = 100) -> Ring:
    ring = Ring(lambda: 0.0, kept)
    for number in range(count):
        ring.publish(Notice(str(number)))
    return ring


async def take(ring: Ring, count: int, after: int | None) -> list[int]:
    events = ring.follow(after)
    taken = [(await asyncio.wait_for(anext(events), DEADLINE_S)).number for _ in range(count)]
    await events.aclose()
    return taken


async def test_numbers_count_from_one_without_gaps() -> None:
    assert await take(ring_of(3), 3, 0) == [1, 2, 3]


async def test_a_new_reader_gets_what_comes_from_now_on() -> None:
    ring = ring_of(3)
    events = ring.follow()
    ring.publish(Notice("new"))
    assert (await anext(events)).number == 4
    await events.aclose()


async def test_a_reader_that_is_too_slow_misses_the_oldest_and_holds_up_nobody() -> None:
    ring = ring_of(0, kept=10)
    events = ring.follow(0)
    for number in range(1000):
        ring.publish(Notice(str(number)))
    assert (await anext(events)).number == 991
    await events.aclose()


@given(st.lists(st.integers(0, 5), max_size=20), st.integers(1, 8))
def test_every_reader_sees_ascending_numbers_and_misses_none_that_is_kept(bursts: list[int], kept: int) -> None:
    async def run() -> None:
        ring = Ring(lambda: 0.0, kept)
        events = ring.follow(0)
        seen: list[int] = []
        published = 0
        for burst in bursts:
            for _ in range(burst):
                ring.publish(Notice(""))
            published += burst
            while not seen or seen[-1] < published:
                if published == 0:
                    break
                seen.append((await anext(events)).number)
        assert seen == sorted(set(seen))
        assert not seen or seen[-1] == published
        if all(burst <= kept for burst in bursts):
            assert seen == list(range(1, published + 1))
        await events.aclose()

    asyncio.run(run())
