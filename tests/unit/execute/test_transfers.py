"""Pulls and pushes: progress as arithmetic, another try where that may help, and an interrupt that ends them."""

import asyncio
from collections.abc import AsyncGenerator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boxship.engine.faults import image_unavailable, push_refused
from boxship.engine.port import PullProgress
from boxship.errors import ImageMissingError, PushError
from boxship.events import Event, ImageProgress, Notice
from boxship.execute.executor import execute
from boxship.execute.transfers import PAUSES_S, TransferBuilder, transfer
from boxship.plan.action import Plan, PullImage, PushImage, Step
from tests.fakes.clock import FakeClock
from tests.fakes.engine import FakeEngine

STATUSES = (
    "Pulling fs layer",
    "Waiting",
    "Downloading",
    "Verifying Checksum",
    "Download complete",
    "Extracting",
    "Pull complete",
    "Already exists",
    "Retrying in 5 seconds",
    "Preparing",
    "Pushing",
    "Pushed",
    "Layer already exists",
    "Mounted from a/b",
)
LINES = st.builds(
    PullProgress,
    st.sampled_from(["", "a", "b", "c"]),
    st.sampled_from(STATUSES),
    st.integers(0, 1000),
    st.integers(0, 1000),
)


@given(st.lists(LINES))
def test_bytes_never_go_back_and_are_never_more_than_there_are(lines: list[PullProgress]) -> None:
    sum_up = TransferBuilder("a:1")
    done = total = 0
    for at_s, line in enumerate(lines):
        progress = sum_up.feed(line, float(at_s))
        assert done <= progress.done_bytes <= progress.total_bytes
        assert total <= progress.total_bytes
        done, total = progress.done_bytes, progress.total_bytes


def test_bytes_rate_and_layers_are_told() -> None:
    sum_up = TransferBuilder("a:1")
    mib = 1024 * 1024
    assert sum_up.feed(PullProgress("", "Pulling from a"), 0).text == "Pulling from a"
    sum_up.feed(PullProgress("x", "Already exists"), 0)
    sum_up.feed(PullProgress("y", "Downloading", 0, 10 * mib), 0)
    assert sum_up.feed(PullProgress("y", "Downloading", 4 * mib, 10 * mib), 2).text == (
        "4 MiB of 10 MiB, 1 of 2 layers, 2 MiB/s"
    )
    assert "the registry broke off, the engine tries again in 5 seconds" in (
        sum_up.feed(PullProgress("y", "Retrying in 5 seconds"), 3).text
    )
    assert sum_up.feed(PullProgress("y", "Downloading", 1 * mib, 10 * mib), 8).done_bytes == 4 * mib
    sum_up.feed(PullProgress("y", "Download complete"), 9)
    assert sum_up.feed(PullProgress("y", "Extracting", 1, 10), 9).text == "10 MiB of 10 MiB, 1 of 2 layers, unpacking"
    assert sum_up.feed(PullProgress("y", "Pull complete"), 9).text == "10 MiB of 10 MiB, 2 of 2 layers"


class Told:
    """A fake engine, and what was told while it moved an image."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.engine = FakeEngine(self.clock)
        self.engine.registry.add("img:2")
        self.events: list[Event] = []

    async def move(self, action: PullImage | PushImage) -> None:
        await transfer(action, self.engine, self.events.append, self.clock)

    def notices(self) -> list[str]:
        return [event.text for event in self.events if isinstance(event, Notice)]


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.mark.parametrize(
    "message",
    [
        'Get "http://127.0.0.1:9/v2/": dial tcp 127.0.0.1:9: connect: connection refused',
        "unexpected EOF",
        "received unexpected HTTP status: 503 Service Unavailable",
        "toomanyrequests: slow down",
        "net/http: TLS handshake timeout",
        "read tcp 127.0.0.1:9: connection reset by peer",
    ],
)
async def test_what_may_pass_is_tried_again_with_growing_pauses(told: Told, message: str) -> None:
    told.engine.faults.fail("pull_image", image_unavailable("img:2", message), times=len(PAUSES_S))
    await told.move(PullImage("img:2"))
    assert told.engine.world.find_image("img:2") is not None
    assert told.clock.monotonic_s() == sum(PAUSES_S)
    assert [text.rpartition(": ")[2] for text in told.notices()] == ["try 2 of 3 in 1 s", "try 3 of 3 in 3 s"]


async def test_it_has_an_end(told: Told) -> None:
    told.engine.faults.fail("pull_image", image_unavailable("img:2", "unexpected EOF"), times=99)
    with pytest.raises(ImageMissingError, match="the registry broke off"):
        await told.move(PullImage("img:2"))
    assert told.engine.calls == ["pull_image img:2"] * (len(PAUSES_S) + 1)


@pytest.mark.parametrize(
    "message",
    [
        "manifest unknown: manifest unknown",
        "no basic auth credentials",
        "dial tcp: lookup registry.invalid: no such host",
        "the moon is full",
    ],
)
async def test_what_will_not_pass_is_told_at_once(told: Told, message: str) -> None:
    told.engine.faults.fail("pull_image", image_unavailable("img:2", message))
    with pytest.raises(ImageMissingError):
        await told.move(PullImage("img:2"))
    assert (told.engine.calls, told.notices()) == (["pull_image img:2"], [])


async def test_a_push_is_tried_again_as_well(told: Told) -> None:
    told.engine.add_image("img:3")
    told.engine.faults.fail("push_image", push_refused("img:3", "unexpected EOF"))
    await told.move(PushImage("img:3"))
    assert "img:3" in told.engine.registry


async def test_an_image_that_is_not_here_is_not_pushed(told: Told) -> None:
    with pytest.raises(ImageMissingError, match="cannot push img:9: there is no such image"):
        await told.move(PushImage("img:9"))


@pytest.mark.parametrize(
    ("message", "sentence", "hint"),
    [
        ("no basic auth credentials", "the registry wants a login", "docker login r.example:5000"),
        ("denied: requested access to the resource is denied", "refused it", "docker login r.example:5000"),
        ("unexpected EOF", "the registry broke off", "run it again"),
        ("the moon is full", "cannot push r.example:5000/a:1: the moon is full", "name"),
    ],
)
def test_a_refused_push_says_why_and_what_to_do(message: str, sentence: str, hint: str) -> None:
    error = push_refused("r.example:5000/a:1", message)
    assert isinstance(error, PushError)
    assert sentence in error.message
    assert hint in error.hint


class _Stuck(FakeEngine):
    """Its registry never sends another byte."""

    async def pull_image(self, reference: str, *, platform: str | None = None) -> AsyncGenerator[PullProgress, None]:
        yield PullProgress("x", "Downloading", 1, 2)
        await asyncio.Event().wait()


async def test_an_interrupt_ends_a_pull_at_once() -> None:
    interrupt = asyncio.Event()

    def hear(event: Event) -> None:
        if isinstance(event, ImageProgress):
            interrupt.set()

    plan = Plan("app", (Step(1, PullImage("img:2"), "image:img:2", "why"),))
    async with asyncio.timeout(30):
        outcome = await execute(plan, _Stuck(FakeClock()), hear, FakeClock(), interrupt=interrupt)
    assert outcome.is_interrupted
    assert len(outcome.skipped) == 1
