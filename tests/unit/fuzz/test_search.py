"""A short, always equal part of what ``make fuzz`` does for hours; ``make fuzz`` itself, without its fuzzer."""

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from boxship.spec.interpolate import substitute
from tests.fuzz.attempt import attempt, signature_of
from tests.fuzz.campaign import SEEDS, Figures, read_log
from tests.fuzz.case import Case, decode, encode
from tests.fuzz.grammar import Author
from tests.fuzz.mutations import mutate

ALL_SEEDS = sorted(SEEDS.glob("*.case"))
FOUND = SEEDS.with_name("found")
LOG = """\
#2\tINITED cov: 1500 ft: 3000 corp: 12/9Kb exec/s: 0 rss: 70Mb
#8192\tREDUCE cov: 1927 ft: 9000 corp: 598/400Kb lim: 65536 exec/s: 300 rss: 77Mb L: 120/900 MS: 1 Custom-
stat::number_of_executed_units: 91538
"""


@pytest.mark.parametrize("path", ALL_SEEDS, ids=lambda path: path.stem)
def test_what_is_near_a_seed_ends_in_an_appliance_or_in_problems(path: Path, tmp_path: Path) -> None:
    case, random = decode(path.read_bytes()), Random(path.stem)
    assert attempt(case, tmp_path) is None
    for _ in range(12):
        assert attempt(mutate(case, random), tmp_path) is None


@pytest.mark.parametrize("path", sorted(FOUND.glob("*.case")), ids=lambda path: path.stem)
def test_what_once_broke_reading_is_read(path: Path, tmp_path: Path) -> None:
    assert attempt(decode(path.read_bytes()), tmp_path) is None


def test_plausible_files_end_in_an_appliance_or_in_problems(tmp_path: Path) -> None:
    author = Author(Random(2026))
    for _ in range(60):
        assert attempt(author.case(), tmp_path) is None


def test_the_grammar_writes_files_that_are_right_as_well_as_wrong_ones(tmp_path: Path) -> None:
    author = Author(Random(1))
    cases = [author.case() for _ in range(50)]
    assert len({encode(case) for case in cases}) > 45
    assert {case.is_lax for case in cases} == {True, False}


@pytest.mark.parametrize("path", ALL_SEEDS, ids=lambda path: path.stem)
def test_a_case_stays_what_it_is_as_bytes(path: Path) -> None:
    case = decode(path.read_bytes())
    assert case.files
    assert decode(encode(case)) == case


def test_bytes_without_a_mark_are_one_compose_file() -> None:
    assert decode(b"a: b") == Case({"compose.yaml": b"a: b"})


def test_a_case_never_names_a_file_elsewhere() -> None:
    assert decode(b"=== ../etc\nx\n=== compose.yaml\ny\n").files == {"compose.yaml": b"y\n"}


def test_a_bug_is_told_by_its_kind_and_place() -> None:
    finding = next(iter(found_in(lambda: substitute(None, str, print))))  # type: ignore[arg-type]  # the bug
    assert finding == "TypeError in interpolate.py:substitute"


def found_in(break_it: Callable[[], object]) -> Iterator[str]:
    try:
        break_it()
    except TypeError as err:
        yield signature_of(err)


def test_the_figures_are_those_that_the_fuzzer_says_last() -> None:
    assert read_log(LOG) == Figures(executions=91538, edges=1927, corpus=598, hangs=0)
    assert read_log(f"{LOG}SUMMARY: libFuzzer: timeout\n").hangs == 1
    assert read_log("it did not start") == Figures()
