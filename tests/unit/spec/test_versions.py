"""The order of versions."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boxship.spec.versions import compare_versions, newest, parse_version, sort_versions, version_problem

# The example of semver.org, item 11.
PRECEDENCE = (
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.beta",
    "1.0.0-beta",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc.1",
    "1.0.0",
    "1.0.1",
    "1.2.0",
    "1.10.0",
    "v2.0.0",
)


def test_versions_stand_in_the_order_of_semantic_versioning() -> None:
    assert sort_versions(reversed(PRECEDENCE)) == PRECEDENCE
    for older, newer in itertools.pairwise(PRECEDENCE):
        assert (compare_versions(older, newer), compare_versions(newer, older)) == (-1, 1)


def test_build_metadata_has_no_say() -> None:
    assert compare_versions("1.0.0+one", "1.0.0+two") == 0


@pytest.mark.parametrize(
    "text", ["", "dev", "1", "1.2", "01.2.3", "1.2.3-01", "1.2.3-", "1.2.3-a..b", "2024-11", "1.2.3\n"]
)
def test_what_is_no_semantic_version_has_no_place_in_their_order(text: str) -> None:
    assert parse_version(text) is None
    assert compare_versions(text, "1.0.0") is None
    assert sort_versions(["0.0.1", text])[0] == text


def test_the_newest_is_no_pre_release_while_there_is_a_finished_one() -> None:
    assert newest(["1.0.0", "2.0.0-rc.1", "dev"]) == "1.0.0"
    assert newest(["2.0.0-rc.1", "2.0.0-rc.2", "dev"]) == "2.0.0-rc.2"
    assert newest(["dev"]) == "dev"
    assert newest([]) == ""


@given(st.lists(st.one_of(st.sampled_from(PRECEDENCE), st.text(max_size=8))))
def test_sorting_is_total_and_keeps_each_once(versions: list[str]) -> None:
    assert set(sort_versions(versions)) == set(versions)
    assert sort_versions(versions) == sort_versions(list(reversed(versions)))


def test_a_version_that_a_registry_would_not_take_says_so() -> None:
    assert version_problem("1.4.2-rc.1") == ""
    assert "can't be a tag" in version_problem("1.4.2+build")
    assert "the word for the newest" in version_problem("latest")
