import pytest

from boxship.engine.calls import TIMEOUT_VARIABLE, Deadlines
from boxship.errors import UsageError


def test_deadlines_are_as_usual_unless_the_environment_says_otherwise() -> None:
    assert Deadlines.from_environment({}) == Deadlines()


def test_all_deadlines_but_the_idle_one_change_in_proportion() -> None:
    usual = Deadlines()
    doubled = Deadlines.from_environment({TIMEOUT_VARIABLE: str(usual.quick_s * 2)})
    assert doubled.quick_s == usual.quick_s * 2
    assert doubled.idle_s == usual.idle_s


@pytest.mark.parametrize("text", ["soon", "0", "-1", "nan", "99999"])
def test_what_is_no_number_of_seconds_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=TIMEOUT_VARIABLE):
        Deadlines.from_environment({TIMEOUT_VARIABLE: text})
