"""Quantities and moments as people read them."""

from datetime import datetime, timedelta

_UNITS = ("kB", "MB", "GB", "TB", "PB")


def size(size_bytes: int) -> str:
    """``0 bytes``, ``1.4 MB``: powers of ten, three figures at most, as file managers and shops count."""
    if size_bytes == 1:
        return "1 byte"
    if size_bytes < 1000:
        return f"{size_bytes} bytes"
    value = float(size_bytes)
    for unit in _UNITS:
        value /= 1000
        # 999.95 would print as 1000.0; it belongs to the next unit.
        if value < 999.5 or unit == _UNITS[-1]:
            digits = f"{value:.1f}".removesuffix(".0") if value < 99.95 else f"{value:.0f}"
            return f"{digits} {unit}"
    raise AssertionError("the last unit always returns")


def ago(then: datetime, now: datetime) -> str:
    """``just now``, ``5 minutes ago``, ``yesterday`` ... and the date after a week."""
    seconds = (now - then).total_seconds()
    if seconds < 45:
        return "just now"
    if seconds < 3600:
        return _count(max(1, round(seconds / 60)), "minute") + " ago"
    if seconds < 24 * 3600:
        return _count(round(seconds / 3600), "hour") + " ago"
    days = int(seconds // (24 * 3600))
    if days < 7:
        return "yesterday" if days == 1 else f"{days} days ago"
    return f"{then.day} {then:%B %Y}"


def remaining(left: timedelta) -> str:
    """``3 days``, ``5 hours``, ``1 minute``: rounded up, so that it never reads zero."""
    minutes = max(1, -(-int(left.total_seconds()) // 60))
    if minutes < 60:
        return _count(minutes, "minute")
    hours = -(-minutes // 60)
    return _count(hours, "hour") if hours < 48 else _count(-(-hours // 24), "day")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
