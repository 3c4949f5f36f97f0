"""Whether a container's log had a line lately. A log may be long, and a line, too: both are read only so far."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing

from boxship.checks.report import Found, Level
from boxship.checks.text import one_line
from boxship.engine.port import Engine, LogLine
from boxship.spec.model import LogProbe
from boxship.units import format_duration

MOST_LINES = 100_000
LINE_CHARS = 4096
_SHOWN_CHARS = 120


async def ask_log(engine: Engine, name: str, probe: LogProbe, now_s: float, clean: Callable[[str], str]) -> Found:
    """Look through the lines of the last ``probe.last_s`` seconds. The caller has the deadline."""
    last_s = probe.last_s or 0.0
    lately = f"in the last {format_duration(last_s)}"
    stream = engine.follow_logs(name, tail=MOST_LINES, since=f"{now_s - last_s:.3f}")
    async with aclosing(stream) as lines:
        count, first = await _matches(lines, re.compile(probe.pattern), stop_at_first=not probe.is_absent)
    if probe.is_absent and count:
        times = "once" if count == 1 else f"{count:,} times"
        shown = one_line(clean(first), _SHOWN_CHARS)
        text = f"'{probe.pattern}' is in the log, {times} {lately}, first: {shown}"
        return Found(Level.FAIL, text, values={"log_matches": float(count)})
    if probe.is_absent:
        return Found(Level.OK, f"nothing matches {lately}", values={"log_matches": 0.0})
    if count:
        return Found(Level.OK, one_line(clean(first), _SHOWN_CHARS))
    return Found(Level.FAIL, f"no line matches '{probe.pattern}' {lately}")


async def _matches(lines: AsyncIterator[LogLine], pattern: re.Pattern[str], *, stop_at_first: bool) -> tuple[int, str]:
    count, first = 0, ""
    async for line in lines:
        text = line.text[:LINE_CHARS]
        if pattern.search(text):
            count, first = count + 1, first or text
            if stop_at_first:
                break
    return count, first
