from collections.abc import Callable

import pytest

from boxship.spec.model import Service
from boxship.spec.scalars import resolve_plain, text_of

ReadService = Callable[..., Service]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("yes", "yes"), ("NO", "NO"), ("on", "on"), ("y", "y"),
        ("2222:22", "2222:22"), ("12:30:45", "12:30:45"), ("2026-07-22", "2026-07-22"),
        ("true", True), ("False", False), ("~", None), ("", None), ("null", None),
        ("0644", 420), ("0o644", 420), ("0x2A", 42), ("0b101", 5), ("-12", -12), ("10_000", 10000), ("089", 89.0),
        (".25", 0.25), ("2.", 2.0), ("1e3", 1000.0), ("-.inf", float("-inf")),
        ("1.2.3", "1.2.3"), ("0x", "0x"), ("-", "-"), ("+", "+"), (".", "."), ("1-2", "1-2"), ("10m", "10m"),
        ("18446744073709551615", 2**64 - 1), ("18446744073709551616", float(2**64)),
        ("0x" + "f" * 300, float("inf")), ("-0x" + "f" * 300, float("-inf")), ("9" * 399, float("inf")),
    ],
)  # fmt: skip
def test_plain_scalars_mean_what_yaml_1_2_and_compose_say(written: str, value: object) -> None:
    assert resolve_plain(written) == value
    assert type(resolve_plain(written)) is type(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "true"), (False, "false"), (None, ""), (7, "7"), (1.5, "1.5"), (1000.0, "1000"), (1e300, "1e+300"),
     (float("inf"), "+Inf"), (float("nan"), "NaN"), ("x", "x")],
)  # fmt: skip
def test_values_become_the_text_that_a_container_sees(value: str | int | float | bool | None, text: str) -> None:
    assert text_of(value) == text


def test_a_container_never_sees_python_spellings(service: ReadService) -> None:
    read = service("environment: {DEBUG: true, RATE: 2.50, BIG: 98765432109, WHEN: 2026-07-22, TALK: no}")
    assert read.environment == {
        "DEBUG": "true",
        "RATE": "2.5",
        "BIG": "98765432109",
        "WHEN": "2026-07-22",
        "TALK": "no",
    }


def test_a_number_too_long_to_be_meant_stays_text() -> None:
    assert resolve_plain("9" * 5000) == "9" * 5000
