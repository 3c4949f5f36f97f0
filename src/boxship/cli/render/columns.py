"""Columns as wide as they need, for terminals and pipes."""

import os
import sys
from collections.abc import Callable, Sequence

from boxship.cli.render.color import BOLD, is_colored, paint, sanitized

GAP = "  "
Paint = Callable[[int, int, str], str]
"""(row, column, padded text) -> the text with its colour."""


def terminal_width() -> int | None:
    """In characters; None where nobody looks at a line's end: a pipe, a file."""
    if not sys.stdout.isatty():
        return None
    try:
        # A terminal that doesn't know its size says 0.
        return os.get_terminal_size(sys.stdout.fileno()).columns or None
    except (OSError, ValueError):
        return None


def width_of(header: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    """Of the longest line."""
    widths = _widths(header, rows)
    return max((len(GAP.join(_padded(row, widths)).rstrip()) for row in (header, *rows)), default=0)


def columns(header: Sequence[str], rows: Sequence[Sequence[str]], color: Paint | None = None) -> list[str]:
    """The lines of a table, its header first. ``color``: rows count from 0 without the header."""
    widths = _widths(header, rows)
    is_on = is_colored(sys.stdout)
    lines = [GAP.join(paint(text, BOLD, on=is_on) for text in _padded(header, widths)).rstrip()]
    for number, row in enumerate(rows):
        cells = _padded(row, widths)
        if is_on and color is not None:
            cells = [color(number, column, text) for column, text in enumerate(cells)]
        lines.append(GAP.join(cells).rstrip())
    return lines


def print_columns(header: Sequence[str], rows: Sequence[Sequence[str]], *, nothing: str) -> None:
    """The rows below their header; ``nothing`` on stderr where there are none. Rows may be shorter or longer."""
    if not rows:
        print(nothing, file=sys.stderr)
        return
    width = len(header)
    whole = [[*map(sanitized, row[:width]), *[""] * (width - len(row))] for row in rows]
    print("\n".join(columns(header, whole)))


def _widths(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    return [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]


def _padded(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [text.ljust(width) for text, width in zip(row, widths, strict=True)]


def wrapped(text: str, width: int, indent: str) -> list[str]:
    """The words of ``text`` on as few lines as fit; a word longer than a line stays whole."""
    lines: list[str] = []
    for word in text.split():
        if lines and len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(f"{indent}{word}")
    return lines
