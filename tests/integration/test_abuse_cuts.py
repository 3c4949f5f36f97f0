"""Signals in a ``pull`` from a real registry and in an attached ``up``; ``make abuse`` tries dozens at any moment."""

import signal

import pytest

from tests.abuse.attached import SCENE_OF, attached, cut_attached
from tests.abuse.pulls import LAYER_BYTES, shelf
from tests.integration.boxes import Box
from tests.integration.hostile_proxy import Moment

pytestmark = [pytest.mark.docker, pytest.mark.timeout(120)]

ENGINE = "unix:///var/run/docker.sock"


def test_a_pull_that_is_cut_off_ends_and_the_next_one_has_everything(
    box: Box, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with shelf(box, ENGINE, tmp_path_factory.mktemp("registry")) as made:
        for moment, signals, status in (
            (LAYER_BYTES // 2, (signal.SIGKILL,), -signal.SIGKILL),
            (Moment("pull", 2, is_answered=True), (signal.SIGINT,), 130),
        ):
            ended = made.cut(moment, signals)
            assert (ended.is_reached, ended.ran.status) == (True, status)
            made.must_recover()


def test_an_attached_up_that_is_cut_off_stops_what_it_began_or_leaves_what_the_next_one_takes_on(box: Box) -> None:
    with attached(box, ENGINE) as subject:
        for moment, signals, status in (
            (Moment("start", 2), (signal.SIGTERM,), 130),
            (3, (signal.SIGINT,), 130),
        ):
            subject.prepare(SCENE_OF[moment == 3])
            assert cut_attached(subject, moment, signals).ran.status == status
            subject.must_converge()
