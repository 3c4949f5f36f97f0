"""The status page for people who monitor: the verdict, what wants attention, and every check. Needs a login."""

from collections.abc import Sequence

from boxship.checks.report import Issue, Level, Report, Result, Severity, Verdict
from boxship.web.escape import escape
from boxship.web.operate_page import HOME
from boxship.web.page import frame

_TONES = {Verdict.OK: "good", Verdict.DEGRADED: "warn", Verdict.FAILED: "bad"}
_LEVELS = {Level.OK: "good", Level.WARN: "warn", Level.FAIL: "bad", Level.SKIPPED: "calm"}
_HEADLINES = {
    Verdict.OK: "All is well",
    Verdict.DEGRADED: "It works, with doubts",
    Verdict.FAILED: "Something is broken",
}
_WORDS = {Level.OK: "good", Level.WARN: "doubtful", Level.FAIL: "failed", Level.SKIPPED: "not asked"}
REFRESH_S = 30


def status_page(report: Report, age_s: float, nonce: str) -> str:
    tone = _TONES[report.verdict]
    headline = _HEADLINES[report.verdict]
    body = (
        f'<main><p class="pill {tone}"><span class="dot"></span>version {escape(report.version or "?")}</p>'
        f"<h1>{headline}</h1>"
        f'<p class="why">{len(report.results)} checks, asked {age_s:.0f} s ago in {report.took_s:.1f} s.</p>'
        f"{_issues(report.issues)}{_results(report.results)}"
        f'<p class="small"><a href="{HOME}">Operate this box</a></p></main>'
    )
    refresh = f'<meta http-equiv="refresh" content="{REFRESH_S}">'
    return frame(report.appliance, headline, body, nonce, tone=tone, head=refresh)


def _issues(issues: Sequence[Issue]) -> str:
    return "".join(
        f'<section class="card {"bad" if issue.severity is Severity.ERROR else "warn"}">'
        f"<h2>{escape(issue.text)}<span class=count>{escape(issue.code)}</span></h2>"
        f"<p>{escape(issue.suggestion or 'No suggestion.')}</p></section>"
        for issue in issues
    )


def _results(results: Sequence[Result]) -> str:
    rows = "".join(map(_result, results))
    return (
        '<section class="card scroll" tabindex="0" aria-labelledby="checks"><h2 id="checks">Checks</h2><table><thead>'
        "<tr><th>Subject<th>Check<th>State<th>Answer<th class=number>Took</tr></thead>"
        f"<tbody>{rows}</tbody></table></section>"
    )


def _result(result: Result) -> str:
    soft = " (soft)" if result.is_soft and result.level is Level.FAIL else ""
    return (
        f"<tr><td>{escape(result.subject)}<td>{escape(result.name)}"
        f'<td class="tone {_LEVELS[result.level]}"><span class="dot" aria-hidden="true"></span>'
        f"{_WORDS[result.level]}{soft}<td>{escape(result.text)}<td class=number>{result.took_s * 1000:.0f} ms</tr>"
    )
