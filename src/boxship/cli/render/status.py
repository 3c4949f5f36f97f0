"""A report on a terminal: the verdict, what is wrong and what to do, then everything that was asked."""

import json
import shutil
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

from boxship.checks.report import Issue, Level, Report, Result, Severity, Verdict
from boxship.cli.render.color import BOLD, DIM, GREEN, RED, YELLOW, is_colored, paint, sanitized

_VERDICT_COLORS = {Verdict.OK: GREEN, Verdict.DEGRADED: YELLOW, Verdict.FAILED: RED}
_LEVEL_COLORS = {Level.OK: GREEN, Level.WARN: YELLOW, Level.FAIL: RED, Level.SKIPPED: DIM}
_SEVERITY_COLORS = {Severity.ERROR: RED, Severity.WARNING: YELLOW}
_GAP = "  "
_LEAST_TEXT = 20
_OLD_S = 0.5


def print_report(report: Report, now_s: float, *, is_quiet: bool = False) -> None:
    """``now_s``: in Unix time. ``is_quiet``: nothing at all when all is well, else only what is wrong."""
    color = is_colored(sys.stdout)
    if is_quiet and report.verdict is Verdict.OK:
        return
    print(_headline(report, now_s, color=color))
    bad = [(result.issue, result) for result in report.results if result.issue is not None]
    for issue, result in sorted(bad, key=lambda each: each[0].severity is not Severity.ERROR):
        _print_issue(issue, result, color=color)
    if not is_quiet:
        print()
        _print_table(report.results, color=color)


def _headline(report: Report, now_s: float, *, color: bool) -> str:
    counts = Counter(result.level for result in report.results)
    words = ((Level.FAIL, "failed"), (Level.WARN, "doubtful"), (Level.OK, "good"), (Level.SKIPPED, "not asked"))
    summary = ", ".join(f"{counts[level]} {word}" for level, word in words if counts[level])
    verdict = paint(report.verdict, _VERDICT_COLORS[report.verdict], on=color)
    name = paint(f"{report.appliance} {report.version}".rstrip(), BOLD, on=color)
    age_s = now_s - report.at_s - report.took_s
    age = f" (asked {age_s:.0f} s ago)" if age_s > _OLD_S else ""
    return f"{name} is {verdict}: {summary}{age}"


def _print_issue(issue: Issue, result: Result, *, color: bool) -> None:
    severity = paint(f"{issue.severity}:", _SEVERITY_COLORS[issue.severity], on=color)
    print(f"\n{severity} {result.subject}, {_what(result)}: {sanitized(issue.text)} [{issue.code}]")
    if issue.suggestion:
        print(f"  {sanitized(issue.suggestion)}")


def _print_table(results: Sequence[Result], *, color: bool) -> None:
    order = {subject: at for at, subject in reversed(list(enumerate(result.subject for result in results)))}
    rows = sorted(results, key=lambda result: (result.subject == "host", order[result.subject]))
    cells = [("SUBJECT", "CHECK", "STATE", "TOOK", ""), *(_cells(row) for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(4)]
    room = max(_LEAST_TEXT, shutil.get_terminal_size().columns - sum(widths) - 4 * len(_GAP))
    for index, (*fixed, text) in enumerate(cells):
        padded = [cell.ljust(width) for cell, width in zip(fixed, widths, strict=True)]
        if index == 0:
            padded = [paint(cell, BOLD, on=color) for cell in padded]
        else:
            padded[2] = paint(padded[2], _LEVEL_COLORS[rows[index - 1].level], on=color)
        is_cut = sys.stdout.isatty() and len(text) > room
        print(_GAP.join([*padded, text[: room - 3] + "..." if is_cut else text]).rstrip())


def _cells(result: Result) -> tuple[str, str, str, str, str]:
    took = f"{result.took_s * 1000:.0f} ms" if result.took_s >= 0.0005 else ""
    level = f"{result.level}{' (soft)' if result.is_soft and result.level is Level.FAIL else ''}"
    return (result.subject, _what(result), level, took, sanitized(result.text))


def _what(result: Result) -> str:
    """The check as a person would say it: what kind it is, unless it has a name of its own."""
    about = result.labels.get("path") or result.labels.get("name") or ""
    is_own = result.name not in (result.kind, result.labels.get("service"))
    shown = f"{result.name} ({result.kind})" if is_own and result.subject != "host" else result.name
    if not is_own:
        shown = result.kind
    return f"{shown} {about}".rstrip()


def report_as_json(report: Report) -> str:
    """One document; its keys are promised (docs/reference/issues.md)."""
    return json.dumps(
        {
            "appliance": report.appliance,
            "version": report.version,
            "verdict": str(report.verdict),
            "at": datetime.fromtimestamp(report.at_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "took_s": round(report.took_s, 4),
            "results": [_result_as_data(result) for result in report.results],
            "issues": [_issue_as_data(issue) for issue in report.issues],
        },
        ensure_ascii=False,
    )


def _result_as_data(result: Result) -> dict[str, object]:
    return {
        "service": result.labels.get("service", ""),
        "subject": result.subject,
        "check": result.name,
        "kind": result.kind,
        "healthy": result.level in (Level.OK, Level.SKIPPED),
        "level": str(result.level),
        "soft": result.is_soft,
        "message": result.text,
        "latency_s": round(result.took_s, 4),
        "values": dict(result.values),
        "labels": dict(result.labels),
    }


def _issue_as_data(issue: Issue) -> dict[str, object]:
    return {
        "code": issue.code,
        "severity": str(issue.severity),
        "text": issue.text,
        "context": dict(issue.context),
        "suggestion": issue.suggestion,
    }
