"""What a Loader knows that no check asks, as results for the status: boots that failed, and fallbacks. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime

from boxship.checks.codes import suggestion_for
from boxship.checks.report import Issue, Level, Result, Severity
from boxship.loader.way_back import advice_of
from boxship.state.operation import Failure
from boxship.state.state import State

_BOOT = "boot"
"""The name and the kind of this question."""
_SUBJECT = "host"


def troubles_of(state: State, now_s: float) -> tuple[Result, ...]:
    """``now_s``: unix time. A target that doesn't boot fails the box; a fallback that runs in its place degrades it."""
    boots, current = state.boots, state.current
    if current is None:
        if not boots.failures:
            return ()
        text = f"{boots.refused_version} can't be deployed, {_so_far(state, now_s)}"
        return (_result("boot.refused", Severity.ERROR, text, {**_about(state), "version": boots.refused_version}),)
    context = {**_about(state), "version": current.version, "target": current.target}
    advice = advice_of(state, now_s)
    if boots.failures:
        role = f", which stands in for {boots.fallen_back_from}," if boots.fallen_back_from else ""
        text = f"{current}{role} did not boot, {_so_far(state, now_s)}"
        return (_result("boot.failed", Severity.ERROR, text, context, advice),)
    if boots.fallen_back_from:
        text = f"{current} runs in place of {boots.fallen_back_from}, which did not boot: {_why(boots.last)}"
        return (_result("boot.fallback", Severity.WARNING, text, context, advice),)
    return ()


def keeping_of(trouble: str, appliance: str) -> tuple[Result, ...]:
    """Of what is kept: a sentence about what is wrong with it, although it goes on; "" for nothing."""
    if not trouble:
        return ()
    code = "loader.state"
    context = {"appliance": appliance}
    issue = Issue(code, Severity.WARNING, trouble, context, suggestion_for(code, context))
    return (Result("state", _SUBJECT, "loader", Level.WARN, trouble, issue=issue),)


def _about(state: State) -> Mapping[str, str]:
    """What is known of the failure, for programs; without what there is nothing to say of."""
    boots = state.boots
    last = boots.last or Failure("", "")
    known = {
        "failures": str(boots.failures) if boots.failures else "",
        "fallen_back_from": boots.fallen_back_from,
        "reason": last.code,
        "service": last.service,
        "check": last.check,
        "got": last.got,
        "next_try_at": _time(boots.next_try_at_s) if boots.failures else "",
    }
    return {name: text for name, text in known.items() if text}


def _so_far(state: State, now_s: float) -> str:
    boots = state.boots
    times = "once" if boots.failures == 1 else f"{boots.failures} times"
    left_s = boots.next_try_at_s - now_s
    again = f"tried again in {left_s:.0f} s" if left_s >= 1 else "tried again now"
    return f"{times} so far: {_why(boots.last)}; {again}"


def _why(last: Failure | None) -> str:
    if last is None:
        return "no reason was kept"
    return f"{last.message} ({last.got})" if last.got and last.got not in last.message else last.message


def _time(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _result(code: str, severity: Severity, text: str, context: Mapping[str, str], advice: str = "") -> Result:
    issue = Issue(code, severity, text, context, suggestion_for(code, context) + advice)
    level = Level.FAIL if severity is Severity.ERROR else Level.WARN
    return Result(_BOOT, _SUBJECT, _BOOT, level, text, issue=issue)
