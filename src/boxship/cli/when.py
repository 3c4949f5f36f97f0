"""Times as people type them: a moment, or how long ago."""

import re
import time

from boxship.engine.streams import unix_time
from boxship.errors import UsageError

_AGO = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d|w))+")
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)")
_UNIT_S = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def point_in_time(text: str, flag: str) -> str:
    """Unix seconds as text, "" for "": ``1h30m`` is so long ago; else RFC 3339, a date, or unix seconds.

    Raises: UsageError naming ``flag``.
    """
    if not text:
        return ""
    if _AGO.fullmatch(text):
        ago_s = sum(float(number) * _UNIT_S[unit] for number, unit in _PART.findall(text))
        return f"{max(0.0, time.time() - ago_s):.3f}"
    try:
        return unix_time(text)
    except UsageError as error:
        hint = "write how long ago (10m, 1h30m, 2d), a time (2026-01-31T08:00:00Z) or seconds since 1970"
        raise UsageError(f"{flag} '{text}' is no time", hint=hint) from error


def period(since: str, until: str) -> tuple[str, str]:
    """Both ends of ``--since`` and ``--until`` as ``point_in_time``. Raises: UsageError where nothing lies between."""
    begin, end = point_in_time(since, "--since"), point_in_time(until, "--until")
    if begin and end and float(begin) > float(end):
        raise UsageError(f"--until {until} is before --since {since}", hint="exchange them")
    return begin, end
