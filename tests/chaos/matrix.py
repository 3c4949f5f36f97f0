"""What a campaign's lines say, as a table: an operation a row, a way to cut it off a column."""

from collections.abc import Sequence
from typing import Any

from tests.chaos.points import Way
from tests.chaos.subject import OPERATIONS


def matrix_of(lines: Sequence[dict[str, Any]]) -> str:
    """In a cell, how many held of how many were tried; beside them, how many there are and the longest recovery."""
    heads = ["operation", "requests", "commits", *(way.value for way in Way), "old, new", "longest recovery"]
    rows = [heads, ["---"] * len(heads)]
    for operation in OPERATIONS:
        mine = [each for each in lines if each["operation"] == operation]
        whole = [each for each in mine if not each["way"]]
        tried = [each for each in mine if each["way"]]
        if not whole:
            continue
        recoveries = [each["recovery_s"] for each in tried if each.get("is_reached")]
        ends = [each["outcome"] for each in tried if each.get("is_reached")]
        rows.append(
            [
                operation,
                str(len(whole[-1]["kinds"])),
                str(whole[-1]["commits"]),
                *(_cell([each for each in tried if each["way"] == way.name]) for way in Way),
                f"{ends.count('old')}, {ends.count('new')}",
                f"{max(recoveries, default=0.0):.1f} s",
            ]
        )
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cell(lines: Sequence[dict[str, Any]]) -> str:
    met = [each for each in lines if each.get("is_reached") or each["failure"]]
    held = [each for each in met if not each["failure"]]
    return f"{len(held)} of {len(met)}" if met else "-"
