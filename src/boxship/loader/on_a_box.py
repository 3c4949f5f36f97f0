"""What checks and errors advise, with the commands that a box takes: changes go through its Loader."""

import re

from msgspec.structs import replace

from boxship.checks.report import Report

_INSTEAD = (
    (re.compile(r"\bboxship up\b(?: -d)?(?: --remove-orphans)?"), "boxship box boot current"),
    (re.compile(r"\bboxship (logs|status|restart|boot)\b"), r"boxship box \1"),
)


def as_on_a_box(text: str) -> str:
    """A hint or suggestion that was written for who runs an appliance by hand."""
    for pattern, instead in _INSTEAD:
        text = pattern.sub(instead, text)
    return text


def report_on_a_box(report: Report) -> Report:
    """The same, with suggestions for a box."""
    return replace(
        report,
        results=tuple(
            result
            if result.issue is None
            else replace(result, issue=replace(result.issue, suggestion=as_on_a_box(result.issue.suggestion)))
            for result in report.results
        ),
    )
