"""What checks find, as values: one result per question, an issue for each bad one, and the verdict over all."""

from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum

from msgspec import Struct, field
from msgspec.structs import replace


class Level(StrEnum):
    """How one answer was. SKIPPED: the question could not be asked, which is nobody's fault, or not here."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIPPED = "skipped"


class Verdict(StrEnum):
    """How the whole is. DEGRADED: it does its work, and something wants a person's attention."""

    OK = "ok"
    DEGRADED = "degraded"
    FAILED = "failed"


class Severity(StrEnum):
    """What an issue does to the verdict: an ERROR makes it FAILED, a WARNING DEGRADED."""

    ERROR = "error"
    WARNING = "warning"


class Issue(Struct, frozen=True):
    """Something that wants to be looked after. ``code`` is stable (``checks.codes``); ``suggestion`` the next step."""

    code: str
    severity: Severity
    text: str
    context: Mapping[str, str] = field(default_factory=dict)
    """What it is about, for programs: service, check, path, name..."""
    suggestion: str = ""


class Found(Struct, frozen=True):
    """What one question found. ``code`` "" is the kind's own; ``values`` are numbers for a monitor."""

    level: Level
    text: str = ""
    code: str = ""
    values: Mapping[str, float] = field(default_factory=dict)
    context: Mapping[str, str] = field(default_factory=dict)
    suggestion: str = ""


class Result(Struct, frozen=True):
    """One question and how it went. ``subject`` is a container ("web", "web.2") or "host"."""

    name: str
    subject: str
    kind: str
    level: Level
    text: str = ""
    took_s: float = 0.0
    is_soft: bool = False
    """A bad answer is only a warning."""
    values: Mapping[str, float] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    """What tells it apart from others of its name: a path, a setting's name..."""
    issue: Issue | None = None


class Report(Struct, frozen=True):
    """Everything that was asked at one time. ``at_s``: unix time when the asking began."""

    appliance: str
    version: str
    at_s: float
    took_s: float
    results: tuple[Result, ...]

    @property
    def issues(self) -> tuple[Issue, ...]:
        """The worst first."""
        found = [result.issue for result in self.results if result.issue is not None]
        return tuple(sorted(found, key=lambda issue: issue.severity is not Severity.ERROR))

    @property
    def verdict(self) -> Verdict:
        return verdict_of(self.issues)


def without(report: Report, ignored: Collection[str]) -> Report:
    """The report as if these checks had not been asked, by their names; those that it doesn't know change nothing."""
    return replace(report, results=tuple(each for each in report.results if each.name not in ignored))


def verdict_of(issues: Sequence[Issue]) -> Verdict:
    """One strict failure fails the whole; anything else degrades it."""
    if any(issue.severity is Severity.ERROR for issue in issues):
        return Verdict.FAILED
    return Verdict.DEGRADED if issues else Verdict.OK


def severity_of(level: Level, *, is_soft: bool) -> Severity | None:
    """None for what is no issue."""
    if level in (Level.OK, Level.SKIPPED):
        return None
    return Severity.ERROR if level is Level.FAIL and not is_soft else Severity.WARNING
