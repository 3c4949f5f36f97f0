"""Times as people type them: a moment, or how long ago; and as they read them."""

import time

from boxship.engine.streams import unix_time
from boxship.errors import UsageError
from boxship.units import parse_duration

_AGES = (("year", 31557600), ("month", 2629800), ("week", 604800), ("day", 86400), ("hour", 3600), ("minute", 60))


def point_in_time(text: str, flag: str) -> str:
    """Unix seconds as text, "" for "": ``1h30m`` is so long ago; else RFC 3339, a date, or unix seconds.

    Raises: UsageError naming ``flag``.
    """
    if not text:
        return ""
    try:
        return unix_time(text)
    except UsageError as error:
        try:
            return f"{max(0.0, time.time() - parse_duration(text)):.3f}"
        except ValueError:
            hint = "write how long ago (10m, 1h30m, 2d), a time (2026-01-31T08:00:00Z) or seconds since 1970"
            raise UsageError(f"{flag} '{text}' is no time", hint=hint) from error


def period(since: str, until: str) -> tuple[str, str]:
    """Both ends of ``--since`` and ``--until`` as ``point_in_time``. Raises: UsageError where nothing lies between."""
    begin, end = point_in_time(since, "--since"), point_in_time(until, "--until")
    if begin and end and float(begin) > float(end):
        raise UsageError(f"--until {until} is before --since {since}", hint="exchange them")
    return begin, end


def ago(age_s: float) -> str:
    """``7200`` as "2 hours ago"."""
    for unit, length_s in _AGES:
        if age_s >= length_s:
            count = int(age_s // length_s)
            return f"{count} {unit}{'s' * (count != 1)} ago"
    return "just now"
