"""A report as both doors give it to programs; its keys are promised."""

from collections.abc import Mapping

from msgspec import Struct, field

from boxship.checks.report import Issue, Report, Verdict


class ResultAnswer(Struct, frozen=True):
    """One check of one container, or of the host."""

    service: str
    subject: str
    check: str
    kind: str
    healthy: bool
    level: str
    soft: bool
    message: str
    latency_s: float
    values: Mapping[str, float] = field(default_factory=dict)


class StatusAnswer(Struct, frozen=True):
    """``issues``: what wants a person's attention, the worst first."""

    appliance: str
    version: str
    verdict: Verdict
    at_s: float
    took_s: float
    results: tuple[ResultAnswer, ...]
    issues: tuple[Issue, ...]


def status_answer(report: Report) -> StatusAnswer:
    results = tuple(
        ResultAnswer(
            service=result.labels.get("service", ""),
            subject=result.subject,
            check=result.name,
            kind=result.kind,
            healthy=result.level in ("ok", "skipped"),
            level=str(result.level),
            soft=result.is_soft,
            message=result.text,
            latency_s=round(result.took_s, 4),
            values=result.values,
        )
        for result in report.results
    )
    return StatusAnswer(
        appliance=report.appliance,
        version=report.version,
        verdict=report.verdict,
        at_s=report.at_s,
        took_s=round(report.took_s, 4),
        results=results,
        issues=report.issues,
    )
