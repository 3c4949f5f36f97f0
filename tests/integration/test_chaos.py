"""A box that is cut off anywhere is wholly old or wholly new afterwards; `make chaos` tries every point."""

from collections.abc import Iterator

import pytest

from tests.chaos.points import Cut, Way
from tests.chaos.subject import Subject, subject_on
from tests.integration.private_engine import private_engine

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def subject() -> Iterator[Subject]:
    with private_engine() as engine, subject_on(engine) as made:
        yield made


@pytest.mark.parametrize(
    ("operation", "way", "share"),
    [
        ("boot", Way.AFTER_REQUEST, 0.5),
        ("switch", Way.BEFORE_REQUEST, 0.4),
        ("switch", Way.ENGINE_AFTER, 0.7),
        ("switch", Way.AFTER_COMMIT, 0.8),
        ("gc", Way.BEFORE_REQUEST, 0.6),
    ],
)
def test_a_box_that_is_cut_off_is_wholly_old_or_wholly_new(
    subject: Subject, operation: str, way: Way, share: float
) -> None:
    """``share``: how far into the operation, of the points that it had when this was written."""
    result = subject.cut(operation, Cut(way, max(1, int(share * POINTS[operation][way.counts_commits]))))
    assert result.is_reached


POINTS = {"boot": (52, 4), "switch": (138, 14), "gc": (42, 5)}
"""Requests and commits. Only where the sample is taken depends on it."""
