import pytest
from msgspec.structs import replace

from boxship.engine.calls import IDLE_VARIABLE, TIMEOUT_VARIABLE, Deadlines
from boxship.errors import UsageError


def test_deadlines_are_as_usual_unless_the_environment_says_otherwise() -> None:
    assert Deadlines.from_environment({}) == Deadlines()


def test_all_deadlines_but_the_idle_one_change_in_proportion() -> None:
    usual = Deadlines()
    doubled = Deadlines.from_environment({TIMEOUT_VARIABLE: str(usual.quick_s * 2)})
    assert doubled.quick_s == usual.quick_s * 2
    assert doubled.idle_s == usual.idle_s


def test_how_long_a_pull_or_a_build_may_be_silent_is_said_by_itself() -> None:
    silent_for_long = Deadlines.from_environment({IDLE_VARIABLE: "7200"})
    assert silent_for_long == replace(Deadlines(), idle_s=7200.0)
    both = Deadlines.from_environment({TIMEOUT_VARIABLE: "2", IDLE_VARIABLE: "3"})
    assert (both.quick_s, both.idle_s) == (2.0, 3.0)


@pytest.mark.parametrize("variable", [TIMEOUT_VARIABLE, IDLE_VARIABLE])
@pytest.mark.parametrize("text", ["soon", "0", "-1", "nan", "999999"])
def test_what_is_no_number_of_seconds_is_refused(variable: str, text: str) -> None:
    with pytest.raises(UsageError, match=variable):
        Deadlines.from_environment({variable: text})
