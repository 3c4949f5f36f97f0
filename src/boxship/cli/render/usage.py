"""What containers use: a table that stays in its place, or JSON."""

import os
import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from msgspec.structs import asdict

from boxship.cli.render.color import is_live
from boxship.cli.render.columns import columns, terminal_width, width_of
from boxship.operate.stats import Usage
from boxship.units import format_size

_HEADER = ("SERVICE", "CPU", "MEMORY", "LIMIT", "MEM %", "NET IN", "NET OUT", "READ", "WRITTEN", "PIDS")
# What is left out first where the terminal is narrow.
_LEAST_MISSED = ("LIMIT", "READ", "WRITTEN", "MEM %", "NET IN", "NET OUT", "PIDS")
_NOTHING = "-"
_CLEAR_LINE = "\x1b[K"
_CLEAR_BELOW = "\x1b[J"
_HIDE_CURSOR, _SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"


def usage_lines(rows: Sequence[Usage]) -> list[str]:
    """The table, in as many columns as the terminal has room for."""
    header = list(_HEADER)
    cells = [dict(zip(_HEADER, _cells(row), strict=True)) for row in rows]
    width = terminal_width()
    for name in _LEAST_MISSED:
        if width is None or width_of(header, [[row[each] for each in header] for row in cells]) <= width:
            break
        header.remove(name)
    widths = {name: max(len(row[name]) for row in (*cells, {name: name})) for name in header[1:]}
    figures = [[row[header[0]], *(row[name].rjust(widths[name]) for name in header[1:])] for row in cells]
    return columns([header[0], *(name.rjust(widths[name]) for name in header[1:])], figures)


def _cells(row: Usage) -> tuple[str, ...]:
    stats = row.stats
    if stats is None:
        return (row.container.replica, *([_NOTHING] * (len(_HEADER) - 1)))
    limit = stats.memory_limit_bytes
    return (
        row.container.replica,
        _NOTHING if stats.cpu_percent is None else f"{stats.cpu_percent:.1f} %",
        format_size(stats.memory_bytes),
        format_size(limit) if limit else _NOTHING,
        f"{stats.memory_bytes / limit * 100:.1f} %" if limit else _NOTHING,
        format_size(stats.received_bytes),
        format_size(stats.sent_bytes),
        format_size(stats.read_bytes),
        format_size(stats.written_bytes),
        str(stats.pids),
    )


def usage_as_json(rows: Sequence[Usage]) -> list[dict[str, object]]:
    """One object per container; its figures are null while there are none."""
    found: list[dict[str, object]] = []
    for row in rows:
        about = {"service": row.container.service, "number": row.container.number, "name": row.container.name}
        found.append(
            {**about, "state": str(row.container.state), "stats": None if row.stats is None else asdict(row.stats)}
        )
    return found


class Screen:
    """Lines that are drawn over what was there before; where that can't be, block below block."""

    def __init__(self) -> None:
        self._is_live = sys.stdout.isatty() and is_live(sys.stdout)
        self._height = 0

    def __enter__(self) -> Self:
        self._write(_HIDE_CURSOR)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._write(_SHOW_CURSOR)

    def show(self, lines: Sequence[str]) -> None:
        if not self._is_live:
            print("\n".join(lines), end="\n\n", flush=True)
            return
        shown = _that_fit(lines)
        back = f"\x1b[{self._height}A" if self._height else ""
        self._write(f"{back}\r{''.join(f'{line}{_CLEAR_LINE}{chr(10)}' for line in shown)}{_CLEAR_BELOW}")
        self._height = len(shown)

    def _write(self, text: str) -> None:
        if self._is_live:
            sys.stdout.write(text)
            sys.stdout.flush()


def _that_fit(lines: Sequence[str]) -> Sequence[str]:
    """As many as the terminal is high, without its last line, where the cursor stands."""
    try:
        room = os.get_terminal_size(sys.stdout.fileno()).lines - 1
    except (OSError, ValueError):
        return lines
    if room < 2 or len(lines) <= room:
        return lines
    return [*lines[: room - 1], f"... and {len(lines) - room + 1} more"]
