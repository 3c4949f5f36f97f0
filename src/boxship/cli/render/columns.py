"""Plain tables: columns as wide as they need, the last one as it is."""

import sys
from collections.abc import Sequence

from boxship.cli.render.color import BOLD, is_colored, paint, sanitized

_GAP = "  "


def print_columns(header: Sequence[str], rows: Sequence[Sequence[str]], *, nothing: str) -> None:
    """The rows below their header; ``nothing`` on stderr where there are none. Rows may be shorter or longer."""
    if not rows:
        print(nothing, file=sys.stderr)
        return
    width = len(header)
    cells = [tuple(header), *(tuple(map(sanitized, row[:width])) + ("",) * (width - len(row)) for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(width)]
    color = is_colored(sys.stdout)
    for index, row in enumerate(cells):
        line = _GAP.join(text.ljust(room) for text, room in zip(row, widths, strict=True)).rstrip()
        print(paint(line, BOLD, on=color and index == 0))
