from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boxship.units import format_duration, format_size, parse_duration, parse_size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("30s", 30),
        ("1m30s", 90),
        ("1h2m3s", 3723),
        ("250ms", 0.25),
        ("1.5s", 1.5),
        (".5s", 0.5),
        ("1d", 86400),
        ("2w", 1209600),
        ("5us", 5e-6),
        ("7ns", 7e-9),
    ],
)
def test_durations_are_gos_and_days_and_weeks(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "30", "s", "-5s", "5 s", "5x", "1m 30s", "1h30", "1e3s", "99999999w", "²s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"unit|duration|negative|longer"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [
        ("0", 0),
        ("512", 512),
        ("1b", 1),
        ("1k", 1024),
        ("64M", 64 << 20),
        ("64mb", 64 << 20),
        ("64MiB", 64 << 20),
        ("2 GB", 2 << 30),
        ("1.5g", 3 << 29),
        ("1t", 1 << 40),
        (".5k", 512),
    ],
)
def test_sizes_are_powers_of_1024(text: str, size_bytes: int) -> None:
    assert parse_size(text) == size_bytes


@pytest.mark.parametrize("text", ["", "-1", "1x", "m", "1 mm", "9" * 30, "1e9", "nan", "²"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"size|larger"):
        parse_size(text)


@given(st.integers(0, 10**9))
def test_milliseconds_survive_being_written(milliseconds: int) -> None:
    assert parse_duration(format_duration(milliseconds / 1000)) == pytest.approx(milliseconds / 1000)


@given(st.text(max_size=12))
def test_any_text_is_a_quantity_or_a_value_error(text: str) -> None:
    for parse in (parse_duration, parse_size):
        with suppress(ValueError):
            assert parse(text) >= 0


def test_sizes_are_shown_in_the_largest_fitting_unit() -> None:
    assert [format_size(n) for n in (0, 1023, 1024, 3 << 29, 5 << 40)] == ["0 B", "1023 B", "1 KiB", "1.5 GiB", "5 TiB"]
