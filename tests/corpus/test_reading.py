"""Files that people already have are understood as docker compose and crane understand them."""

from pathlib import Path

import pytest

from tests.corpus.results import Results
from tests.corpus.scores import Score, score_compose, score_crane

# What must never be lost again; raise it with every case that is won.
ORACLE_FLOOR = 203
PROJECTS_FLOOR = 167
CRANE_FLOOR = 47
# The others lack files or variables of their projects, or name containers that they don't have.
CRANE_STRICT_FLOOR = 27

pytestmark = [
    pytest.mark.timeout(300),
    # The corpus's scorer leaves its index for the garbage collector to close.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]


def hold(name: str, score: Score, floor: int, results: Results) -> None:
    results.scores[name] = score
    assert score.total, "the corpus has no such cases"
    assert score.passed >= floor, "\n".join((f"{name}: {score}, but {floor} were good before", *score.failures))


def test_small_cases_give_what_any_correct_reader_gives(corpus: Path, results: Results) -> None:
    hold("Compose oracle", score_compose(corpus / "compose-oracle"), ORACLE_FLOOR, results)


def test_real_projects_resolve_to_what_docker_compose_resolves_them_to(corpus: Path, results: Results) -> None:
    hold("real projects", score_compose(corpus / "compose"), PROJECTS_FLOOR, results)


def test_real_crane_files_are_read(corpus: Path, results: Results) -> None:
    hold("crane files", score_crane(corpus / "crane", "--lax"), CRANE_FLOOR, results)


def test_crane_files_without_a_fault_need_no_leniency(corpus: Path, results: Results) -> None:
    hold("crane files without a fault", score_crane(corpus / "crane"), CRANE_STRICT_FLOOR, results)
