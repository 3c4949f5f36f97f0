"""For every test: the order of the tiers, how long a test may take, and how hypothesis searches."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

TESTS = Path(__file__).parent

# From what fails fastest and says most to what takes longest. None: the default of pyproject.toml.
TIMEOUT_S: dict[str, int | None] = {"unit": None, "contracts": 120, "integration": 300, "e2e": 600}
TIERS = tuple(TIMEOUT_S)

# A deadline per example measures the machine, which others use, too. CI must not fail by chance: it always tries the
# same examples; new ones are found on developers' machines, and the thorough profile is for hunting.
settings.register_profile("default", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.register_profile(
    "thorough",
    deadline=None,
    max_examples=2000,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "default"))


@pytest.hookimpl(trylast=True)  # after pytest-randomly, whose order stays as it is within each tier
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: _rank(item.path))
    for item in items:
        timeout_s = TIMEOUT_S.get(_tier(item.path))
        if timeout_s is not None and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(timeout_s))


def _tier(path: Path) -> str:
    return path.relative_to(TESTS).parts[0] if path.is_relative_to(TESTS) else ""


def _rank(path: Path) -> int:
    tier = _tier(path)
    return TIERS.index(tier) if tier in TIERS else len(TIERS)
