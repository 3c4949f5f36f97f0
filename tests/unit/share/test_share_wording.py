"""Quantities and moments as people read them."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from share_web.wording import ago, remaining, size

NOW = datetime(2026, 3, 9, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1 kB"),
        (1450, "1.4 kB"),
        (99_960, "100 kB"),
        (999_600, "1 MB"),
        (2_000_000_000, "2 GB"),
        (10**19, "10000 PB"),
    ],
)
def test_a_size_has_three_figures_at_most(size_bytes: int, text: str) -> None:
    assert size(size_bytes) == text


@given(st.integers(min_value=1000, max_value=10**17))
def test_a_size_is_never_written_as_a_thousand_of_its_unit(size_bytes: int) -> None:
    number = float(size(size_bytes).split()[0])
    assert 0.9 <= number < 1000


@pytest.mark.parametrize(
    ("before", "text"),
    [
        (timedelta(seconds=-3), "just now"),
        (timedelta(seconds=50), "1 minute ago"),
        (timedelta(minutes=5), "5 minutes ago"),
        (timedelta(hours=5), "5 hours ago"),
        (timedelta(hours=30), "yesterday"),
        (timedelta(days=3), "3 days ago"),
        (timedelta(days=8), "1 March 2026"),
    ],
)
def test_a_moment_is_told_from_now(before: timedelta, text: str) -> None:
    assert ago(NOW - before, NOW) == text


@pytest.mark.parametrize(
    ("left", "text"),
    [
        (timedelta(seconds=1), "1 minute"),
        (timedelta(minutes=59, seconds=30), "1 hour"),
        (timedelta(hours=5), "5 hours"),
        (timedelta(days=2), "2 days"),
        (timedelta(days=6, hours=23), "7 days"),
    ],
)
def test_what_remains_is_rounded_up(left: timedelta, text: str) -> None:
    assert remaining(left) == text
