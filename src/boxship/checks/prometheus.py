"""A report in Prometheus' text format (version 0.0.4), for whoever scrapes or reads a file of it."""

import math
import re
from collections.abc import Iterable, Mapping

from boxship.checks.report import Level, Report, Result, Verdict

_VERDICTS = {Verdict.OK: 0, Verdict.DEGRADED: 1, Verdict.FAILED: 2}
_LEVELS = {Level.OK: 0, Level.WARN: 1, Level.FAIL: 2}
_HELP: Mapping[str, str] = {
    "boxship_status": "The whole appliance: 0 ok, 1 degraded, 2 failed.",
    "boxship_status_timestamp_seconds": "When it was asked, unix time.",
    "boxship_status_duration_seconds": "How long asking everything took.",
    "boxship_check_level": "One check of one container or of the host: 0 ok, 1 warning, 2 failed.",
    "boxship_check_duration_seconds": "How long one check took.",
    "boxship_disk_used_ratio": "Used share of a file system with data.",
    "boxship_disk_free_bytes": "Room left on a file system with data.",
    "boxship_disk_inodes_used_ratio": "Used share of the inodes of a file system with data.",
    "boxship_memory_used_ratio": "Used share of the host's memory.",
    "boxship_memory_available_bytes": "Memory that programs could still get.",
    "boxship_swap_used_ratio": "Used share of the host's swap.",
    "boxship_clock_offset_seconds": "How far the host's clock is behind the time server's.",
    "boxship_clock_jump_seconds": "How far the host's clock jumped since the look before.",
    "boxship_certificate_left_seconds": "How long a certificate is still valid.",
    "boxship_certificate_end_seconds": "When a certificate ends, unix time.",
    "boxship_sql_value": "What a query gave.",
    "boxship_log_matches": "How many lines of a log matched a pattern that mustn't.",
    "boxship_program_value": "A number that a check's own program told.",
}
_SHARED = ("path", "name", "network")
"""What tells two questions of one name apart, from an issue's context."""


def to_prometheus(report: Report) -> str:
    """The whole text; families in a fixed order, each sample once."""
    families: dict[str, dict[str, float]] = {name: {} for name in _HELP}
    whole = {"appliance": report.appliance, "version": report.version}
    _add(families, "boxship_status", whole, _VERDICTS[report.verdict])
    _add(families, "boxship_status_timestamp_seconds", whole, report.at_s)
    _add(families, "boxship_status_duration_seconds", whole, report.took_s)
    for result in report.results:
        _add_result(families, report.appliance, result)
    lines = (line for name, samples in families.items() for line in _family(name, samples, _HELP[name]))
    return "".join(f"{line}\n" for line in lines)


Sample = tuple[str, Mapping[str, str], float]
"""A family's name, labels, and the value."""


def samples_as_text(helps: Mapping[str, str], samples: Iterable[Sample]) -> str:
    """Other families than those of a report; ``helps``: family -> what it is, in the order to write them."""
    families: dict[str, dict[str, float]] = {name: {} for name in helps}
    for name, labels, value in samples:
        _add(families, name, labels, value)
    lines = (line for name in helps for line in _family(name, families[name], helps[name]))
    return "".join(f"{line}\n" for line in lines)


def _add_result(families: dict[str, dict[str, float]], appliance: str, result: Result) -> None:
    labels = {"appliance": appliance, "check": result.name, "subject": result.subject, "kind": result.kind}
    labels |= {key: result.labels[key] for key in _SHARED if key in result.labels}
    level = _LEVELS.get(result.level)
    if level is not None:
        soft = {"strict": "false" if result.is_soft else "true"}
        _add(families, "boxship_check_level", {**labels, **soft}, level)
        _add(families, "boxship_check_duration_seconds", labels, result.took_s)
    for name, value in result.values.items():
        kind, _, own = name.partition(".")
        if kind == "program":
            _add(families, "boxship_program_value", {**labels, "value": own}, value)
        else:
            _add(families, f"boxship_{name}", labels, value)


def _add(families: dict[str, dict[str, float]], family: str, labels: Mapping[str, str], value: float) -> None:
    written = ",".join(f'{name}="{_escaped(text)}"' for name, text in labels.items())
    families[family].setdefault(f"{family}{{{written}}}", value)


def _family(name: str, samples: Mapping[str, float], text: str) -> Iterable[str]:
    if not samples:
        return
    yield f"# HELP {name} {text}"
    yield f"# TYPE {name} gauge"
    for sample, value in samples.items():
        yield f"{sample} {_number(value)}"


def _number(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return repr(float(value)) if math.isfinite(value) else "+Inf" if value > 0 else "-Inf"


def _escaped(text: str) -> str:
    return re.sub(r'[\\"\n]', lambda found: {"\\": r"\\", '"': r"\"", "\n": r"\n"}[found[0]], text)
