"""Durations and sizes as people write them, and back.

Durations are Go's (``1m30s``, ``250ms``, also ``d`` and ``w``); sizes are powers of 1024 whatever their spelling
(``64m``, ``64MB`` and ``64MiB`` are the same). Both raise ValueError with the rest of a sentence that begins with
the text itself: "'30' needs a unit".
"""

import re

_SECONDS = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "μs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
    "d": 86400.0,
    "w": 604800.0,
}
_DURATION_PART = re.compile(r"(\d+\.?\d*|\.\d+)([a-zµμ]*)")
_SIZE = re.compile(r"(\d+\.?\d*|\.\d+) ?([kmgtp]?)(?:b|ib)?", re.IGNORECASE)
_POWER = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}

LONGEST_S = 2**63 / 1e9
"""The engine counts nanoseconds in 64 bits: about 292 years."""
LARGEST_BYTES = 2**63 - 1


def parse_duration(text: str) -> float:
    """Seconds of a duration such as ``1m30s``; never negative. Raises ValueError."""
    if text == "0":
        return 0.0
    if text.startswith("-"):
        raise ValueError("is negative")
    total, position = 0.0, 0
    for part in _DURATION_PART.finditer(text):
        if part.start() != position:
            break
        number, unit = part.groups()
        if unit not in _SECONDS:
            if unit:
                raise ValueError(f"has the unknown unit '{unit}'")
            raise ValueError("needs a unit" if part.end() == len(text) else "is not a duration")
        total += float(number) * _SECONDS[unit]
        position = part.end()
    if position == 0 or position != len(text):
        raise ValueError("is not a duration")
    if total >= LONGEST_S:
        raise ValueError("is longer than 292 years")
    return total


def parse_size(text: str) -> int:
    """Bytes of a size such as ``512m``; units are powers of 1024. Raises ValueError."""
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError("is not a size")
    number, unit = match.groups()
    scale = 1024 ** _POWER[unit.lower()]
    size_bytes = int(number) * scale if number.isdecimal() else int(float(number) * scale)
    if size_bytes > LARGEST_BYTES:
        raise ValueError("is larger than any machine")
    return size_bytes


def format_duration(seconds: float) -> str:
    """``90`` as "1m30s": the shortest text that :func:`parse_duration` reads back."""
    milliseconds = round(seconds * 1000)
    if milliseconds == 0:
        return "0s" if seconds == 0 else f"{round(seconds * 1e9)}ns"
    if milliseconds % 1000:
        return f"{milliseconds}ms" if milliseconds < 1000 else f"{milliseconds / 1000:.3f}".rstrip("0") + "s"
    hours, rest = divmod(milliseconds // 1000, 3600)
    minutes, rest = divmod(rest, 60)
    text = (f"{hours}h" if hours else "") + (f"{minutes}m" if minutes else "") + (f"{rest}s" if rest else "")
    return text or "0s"


def format_size(size_bytes: int) -> str:
    """``1610612736`` as "1.5 GiB"."""
    for unit, power in (("TiB", 4), ("GiB", 3), ("MiB", 2), ("KiB", 1)):
        if size_bytes >= 1024**power:
            return f"{size_bytes / 1024**power:.1f}".removesuffix(".0") + f" {unit}"
    return f"{size_bytes} B"
