"""Files that people already have, where their folder is there: ``BOXSHIP_CORPUS`` names it (the Makefile looks for it).

Without it these tests are skipped. What they found out is counted at the end of the run, and written down where
``BOXSHIP_CORPUS_RESULT`` says.
"""

import os
from pathlib import Path

import pytest

from boxship.engine.docker import connect
from tests.corpus.results import RESULTS, Results, summary_lines, write_results
from tests.corpus.stand_in import ensure_stand_in
from tests.integration.boxes import run_aside

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.corpus)


def pytest_configure(config: pytest.Config) -> None:
    config.stash.setdefault(RESULTS, Results())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    lines = summary_lines(config.stash[RESULTS])
    if lines:
        terminalreporter.section("files that people already have")
        terminalreporter.write_line(", ".join(lines))


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    path = os.environ.get("BOXSHIP_CORPUS_RESULT")
    if path and exitstatus == pytest.ExitCode.OK:
        write_results(session.config.stash[RESULTS], session.config.rootpath / path)


@pytest.fixture(scope="session")
def results(pytestconfig: pytest.Config) -> Results:
    return pytestconfig.stash[RESULTS]


@pytest.fixture(scope="session")
def corpus() -> Path:
    named = os.environ.get("BOXSHIP_CORPUS")
    if not named:
        pytest.skip("the corpus of real files isn't here: BOXSHIP_CORPUS names its folder")
    folder = Path(named).resolve()
    if not (folder / "check").exists():
        pytest.fail(f"BOXSHIP_CORPUS names {folder}, which holds no corpus (no file 'check')")
    return folder


@pytest.fixture(scope="session")
def stand_in(corpus: Path) -> str:
    """The stand-in's image; it isn't built where there is nothing to start."""

    async def ensure() -> str:
        engine = connect(None)
        try:
            return await ensure_stand_in(engine)
        finally:
            await engine.close()

    return run_aside(ensure)
