"""Whole verbs on an engine that answers badly, or that are cut off between two calls; ``make abuse`` tries hundreds."""

import signal
from collections.abc import Iterator

import pytest

from tests.abuse.subject import SCENES, Subject
from tests.integration.boxes import Box
from tests.integration.hostile_proxy import Fault, HostileProxy, How, Moment, hostile_proxy

pytestmark = [pytest.mark.docker, pytest.mark.timeout(240)]

BY_NAME = {scene.name: scene for scene in SCENES}


@pytest.fixture
def proxy() -> Iterator[HostileProxy]:
    with hostile_proxy("unix:///var/run/docker.sock") as made:
        yield made


@pytest.fixture
def subject(box: Box, proxy: HostileProxy) -> Iterator[Subject]:
    made = Subject(box, proxy)
    yield made
    made.end()


@pytest.mark.parametrize(
    ("scene", "fault", "words"),
    [
        ("first up", Fault("create container", How.CUT_BODY), "broke during 'create container"),
        ("down", Fault("remove container", How.NEVER), "did not answer 'remove container"),
        ("build", Fault("build", How.CUT_BODY), "broke during 'build"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_verb_that_an_answer_fails_names_the_call_and_the_next_up_converges(
    subject: Subject, scene: str, fault: Fault, words: str
) -> None:
    subject.prepare(BY_NAME[scene])
    ran, _ = subject.suffer(BY_NAME[scene], fault)
    assert ran.status != 0
    assert words in ran.stderr
    subject.must_recover()


def test_a_slow_engine_only_takes_longer(subject: Subject) -> None:
    scene = BY_NAME["first up"]
    subject.prepare(scene)
    ran, _ = subject.suffer(scene, Fault("inspect", How.SLOW, count=None))
    assert ran.status == 0
    subject.must_recover()


@pytest.mark.parametrize(
    ("scene", "moment", "signals", "statuses"),
    [
        ("changing up", Moment("rename", is_answered=True), (signal.SIGTERM,), {130}),
        # On a busy machine both may be heard as one.
        ("down", Moment("stop"), (signal.SIGINT, signal.SIGINT), {-signal.SIGINT, 130}),
        ("build", Moment("build"), (signal.SIGINT,), {130}),
        ("first up", Moment("start"), (signal.SIGKILL,), {-signal.SIGKILL}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_verb_that_is_cut_off_between_two_calls_ends_and_the_next_up_converges(
    subject: Subject, scene: str, moment: Moment, signals: tuple[signal.Signals, ...], statuses: set[int]
) -> None:
    subject.prepare(BY_NAME[scene])
    status, is_reached = subject.cut(BY_NAME[scene], moment, signals)
    assert is_reached
    assert status in statuses
    subject.must_recover()
