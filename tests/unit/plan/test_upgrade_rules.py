"""What a release declares about coming from and going back to others."""

from boxship.plan.upgrade_rules import objections
from boxship.spec.release import DataCompat, Release, Rules


def release(version: str, *, minimum: str = "", breaking: bool = False, appliance: str = "share") -> Release:
    compat = DataCompat.BREAKING if breaking else DataCompat.COMPATIBLE
    return Release(appliance, version, services={}, files={}, rules=Rules(minimum, compat))


def test_nothing_is_in_the_way_of_the_first_release_nor_of_a_newer_or_the_same_one() -> None:
    assert objections("", None, release("2.0.0", minimum="1.0.0")) == ()
    assert objections("1.0.0", release("1.0.0"), release("2.0.0", minimum="1.0.0")) == ()
    assert objections("1.0.0", release("1.0.0", breaking=True), release("1.0.0")) == ()


def test_a_version_may_not_be_skipped_that_the_new_one_needs_before_it() -> None:
    found = objections("1.9.0", release("1.9.0"), release("3.0.0", minimum="2.0.0"))
    assert found == ("3.0.0 needs 2.0.0 or newer before it: switch to 2.0.0 first",)


def test_whoever_cannot_be_compared_to_the_needed_version_is_refused() -> None:
    (found,) = objections("dev", release("dev"), release("3.0.0", minimum="2.0.0"), allow_downgrade=True)
    assert found == "3.0.0 needs 2.0.0 or newer before it, and whether dev is newer can't be told"


def test_an_older_version_needs_a_word_and_then_is_allowed() -> None:
    (found,) = objections("2.0.0", release("2.0.0"), release("1.0.0"))
    assert found == "1.0.0 is older than 2.0.0, which runs: --allow-downgrade allows it, if it is meant"
    assert objections("2.0.0", release("2.0.0"), release("1.0.0"), allow_downgrade=True) == ()


def test_data_that_the_older_one_cannot_read_refuses_it_whatever_is_allowed() -> None:
    (found,) = objections("2.0.0", release("2.0.0", breaking=True), release("1.0.0"), allow_downgrade=True)
    assert found.startswith("1.0.0 can't read what 2.0.0 has written to its volumes: roll back")


def test_another_appliance_is_refused() -> None:
    (found,) = objections("1.0.0", release("1.0.0"), release("2.0.0", appliance="shop"))
    assert found == "shop 2.0.0 is another appliance than share, which runs here"


def test_everything_that_speaks_against_it_is_told_at_once() -> None:
    assert len(objections("2.0.0", release("2.0.0"), release("1.0.0", minimum="3.0.0"))) == 2
