"""What a run over the corpus found out: counted for people, written down for the page about compatibility."""

import json
from pathlib import Path

import pytest
from msgspec import Struct, field, to_builtins

from tests.corpus.scores import Score


class Started(Struct, frozen=True):
    """One real project that was started: how much of it, and what had to be replaced for that."""

    number: str
    repository: str
    services: int
    """In the files, with every profile."""
    containers: int
    """That were started."""
    covers: str
    replaced: tuple[str, ...] = ()


class Results(Struct):
    """Filled by the tests as they go; ``tried`` counts the projects that were begun."""

    scores: dict[str, Score] = field(default_factory=dict)
    tried: int = 0
    started: list[Started] = field(default_factory=list)


RESULTS = pytest.StashKey[Results]()


def summary_lines(results: Results) -> list[str]:
    lines = [f"{name} {score}" for name, score in sorted(results.scores.items())]
    if results.tried:
        lines.append(f"started {len(results.started)} of {results.tried}")
    return lines


def write_results(results: Results, path: Path) -> None:
    """As JSON that changes only when a finding does: no times, no dates."""
    data = {
        "scores": {name: [score.passed, score.total] for name, score in sorted(results.scores.items())},
        "tried": results.tried,
        "started": [to_builtins(each) for each in sorted(results.started, key=lambda each: each.number)],
    }
    path.write_text(json.dumps(data, indent=1) + "\n")
