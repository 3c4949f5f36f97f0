import re

import pytest

from boxship.cli.patterns import patterns_compiled_when_used


def test_a_pattern_that_is_compiled_later_does_what_one_does() -> None:
    with patterns_compiled_when_used():
        later = re.compile(r"(?P<word>[a-z]+)", re.IGNORECASE)
    assert isinstance(later, re.Pattern)
    assert later.fullmatch("Abc")
    assert later.fullmatch("1") is None
    assert later.pattern == r"(?P<word>[a-z]+)"
    assert re.sub(later, "x", "ab12cd") == "x12x"
    assert [found["word"] for found in re.finditer(later, "ab 1 Cd")] == ["ab", "Cd"]


def test_one_can_be_used_while_others_are_still_to_come() -> None:
    with patterns_compiled_when_used():
        assert re.compile("a+").match("aa")


def test_afterwards_patterns_are_compiled_at_once() -> None:
    with pytest.raises(ZeroDivisionError), patterns_compiled_when_used():
        raise ZeroDivisionError
    with pytest.raises(re.error):
        re.compile("(")
