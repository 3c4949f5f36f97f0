"""Times on the command line."""

import time

import pytest

from boxship.cli.when import ago, period, point_in_time
from boxship.errors import UsageError


@pytest.mark.parametrize(("text", "ago_s"), [("10m", 600), ("1h30m", 5400), ("2d", 172_800), ("0.5s", 0.5)])
def test_a_duration_is_so_long_ago(text: str, ago_s: float) -> None:
    before = time.time()
    found = float(point_in_time(text, "--since"))
    assert before - ago_s - 0.001 <= found <= time.time() - ago_s + 0.001


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("1700000000.5", "1700000000.5"),
        ("2026-01-31T08:00:00Z", "1769846400"),
        ("2026-01-31T10:00:00+02:00", "1769846400"),
    ],
)
def test_a_moment_is_itself(text: str, expected: str) -> None:
    assert point_in_time(text, "--since") == expected


@pytest.mark.parametrize("text", ["soon", "5x", "2026-13-01", "-5m"])
def test_what_is_no_time_is_told_with_its_flag(text: str) -> None:
    with pytest.raises(UsageError, match=f"--until '{text}' is no time"):
        point_in_time(text, "--until")


def test_a_period_that_ends_before_it_begins_is_refused() -> None:
    assert period("", "5m")[0] == ""
    with pytest.raises(UsageError, match="--until 1h is before --since 5m"):
        period("5m", "1h")


@pytest.mark.parametrize(
    ("age_s", "text"),
    [
        (3, "just now"),
        (60, "1 minute ago"),
        (7300, "2 hours ago"),
        (86400 * 20, "2 weeks ago"),
        (86400 * 800, "2 years ago"),
    ],
)
def test_an_age_is_told_in_its_largest_unit(age_s: float, text: str) -> None:
    assert ago(age_s) == text
