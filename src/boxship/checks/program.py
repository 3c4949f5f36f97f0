"""Programs that check: by their exit status and their first line, or by JSON."""

import json
import math
import re
from collections.abc import Mapping

from boxship.checks.report import Found, Level
from boxship.checks.text import one_line

_LEVELS = {0: Level.OK, 1: Level.WARN}
_WORDS = {"ok": Level.OK, "warn": Level.WARN, "warning": Level.WARN, "fail": Level.FAIL, "error": Level.FAIL}
_MOST_VALUES = 50
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


def judge_program(exit_code: int, stdout: str, stderr: str) -> Found:
    """0 is good, 1 a warning, all else bad. What JSON says counts, unless the status is worse."""
    level = _LEVELS.get(exit_code, Level.FAIL)
    said = _document(stdout)
    if said is not None:
        told = _WORDS.get(str(said.get("status", "")).lower(), level)
        message = said.get("message")
        text = one_line(message) if isinstance(message, str) else ""
        worse = max(level, told, key=(Level.OK, Level.WARN, Level.FAIL).index)
        return Found(worse, text or _ending(exit_code, worse), values=_numbers(said.get("values")))
    lines = stdout.strip().splitlines() or stderr.strip().splitlines()
    text = one_line(lines[0]) if lines else ""
    if exit_code > 2 or exit_code < 0:
        text = f"{_ending(exit_code, level)}{': ' if text else ''}{text}"
    return Found(level, text or _ending(exit_code, level))


def _ending(exit_code: int, level: Level) -> str:
    return "" if level is Level.OK else f"it exited {exit_code}" if exit_code >= 0 else f"ended by signal {-exit_code}"


def _document(stdout: str) -> Mapping[str, object] | None:
    if not stdout.lstrip().startswith("{"):
        return None
    try:
        said = json.loads(stdout)
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None


def _numbers(values: object) -> dict[str, float]:
    """What a monitor can keep: finite numbers with plain names."""
    if not isinstance(values, dict):
        return {}
    found: dict[str, float] = {}
    for name, value in list(values.items())[:_MOST_VALUES]:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if is_number and _NAME.fullmatch(str(name)) and abs(value) < 1e300 and math.isfinite(value):
            found[f"program.{name}"] = float(value)
    return found
