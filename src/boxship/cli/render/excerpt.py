"""A line of a file with a mark under the value that a problem is about, as a terminal can show it."""

import re
from collections.abc import Sequence
from unicodedata import category, east_asian_width

from msgspec import Struct

from boxship.cli.render.masks import MASK, MAX_LINE, hidden_spans, is_in_flow

TAB_WIDTH = 4
_CUT = "…"
_UNPRINTABLE = "\ufffd"
# What YAML 1.1 calls a line break: libyaml counts lines by these.
_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"\\]|\\.)*\"")
_IN_BLOCK = re.compile(r"(?:(?!:(?:\s|$))(?!\s#).)+")
_IN_FLOW = re.compile(r"(?:(?!:(?:\s|$))(?!\s#)[^,\[\]{}])+")
_CLOSERS = {"[": "]", "{": "}"}


class Excerpt(Struct, frozen=True):
    """``text`` fits the terminal and holds nothing that it would obey; ``marks`` stands under it."""

    text: str
    marks: str


def split_lines(text: str) -> tuple[str, ...]:
    """The file's lines as YAML counts them."""
    return tuple(_BREAK.split(text))


def make_excerpt(lines: Sequence[str], line: int, column: int, width: int) -> Excerpt | None:
    """The line (from 1) marked at ``column`` (from 1), in at most ``width`` cells; None when it can't be shown."""
    if not 1 <= line <= len(lines) or not lines[line - 1].strip() or len(lines[line - 1]) > MAX_LINE:
        return None
    raw = lines[line - 1]
    start = min(max(column - 1, 0), len(raw))
    cells = _Cells(raw, hidden_spans(lines, line - 1))
    return _cut(cells, cells.offset(start), cells.offset(_end(raw, start)), width)


def _end(raw: str, start: int) -> int:
    """Where the value that begins at ``start`` ends, as far as one line tells."""
    rest = raw[start:]
    if not rest.strip():
        return start + 1
    if rest[0] in _CLOSERS:
        return start + _closed(rest)
    quoted = _QUOTED.match(rest)
    if quoted:
        return start + quoted.end()
    found = (_IN_FLOW if is_in_flow(raw[:start]) else _IN_BLOCK).match(rest)
    return start + max(len(found[0].rstrip()) if found else 1, 1)


def _closed(rest: str) -> int:
    depth = 0
    for position, character in enumerate(rest):
        depth += (character in "[{") - (character in "]}")
        if depth == 0:
            return position + 1
    return len(rest.rstrip())


class _Cells:
    """A line as a terminal shows it: pieces and their widths, and where each character of the file is among them."""

    def __init__(self, raw: str, hidden: Sequence[tuple[int, int]]) -> None:
        self.pieces: list[tuple[str, int]] = []
        self.width = 0
        self._offsets: list[int] = []
        for index, character in enumerate(raw):
            span = next((span for span in hidden if span[0] <= index < span[1]), None)
            if span is not None and index > span[0]:
                self._offsets.append(self._offsets[span[0]])
                continue
            self._offsets.append(self.width)
            for piece in MASK if span is not None else (character,):
                self._add(piece)

    def offset(self, index: int) -> int:
        """The cell at which a character of the file begins; behind the last one, the width."""
        return self._offsets[index] if index < len(self._offsets) else self.width

    def _add(self, character: str) -> None:
        piece, width = _shown(character, self.width)
        self.pieces.append((piece, width))
        self.width += width


def _shown(character: str, position: int) -> tuple[str, int]:
    if character == "\t":
        width = TAB_WIDTH - position % TAB_WIDTH
        return " " * width, width
    kind = category(character)
    if kind == "Zs":
        return " " * _cells(character), _cells(character)
    if not character.isprintable():
        return _UNPRINTABLE, 1
    return character, 0 if kind in ("Mn", "Me") else _cells(character)


def _cells(character: str) -> int:
    return 2 if east_asian_width(character) in ("W", "F") else 1


def _cut(cells: _Cells, start: int, end: int, width: int) -> Excerpt:
    """The part around the mark, with a sign at each side where something is left out."""
    if cells.width <= width:
        return Excerpt("".join(piece for piece, _ in cells.pieces).rstrip(), _marks(start, end))
    first = max(0, min(start - width // 3, cells.width - width))
    last = first + width
    shown, position, begins = [], 0, None
    for piece, size in cells.pieces:
        # One cell at each cut side is the sign's.
        if position >= first + (first > 0) and position + size <= last - (last < cells.width):
            begins = position if begins is None else begins
            shown.append(piece)
        position += size
    begins = begins or 0
    left = _CUT if first > 0 else ""
    right = _CUT if last < cells.width else ""
    marked = start - begins + len(left)
    return Excerpt(left + "".join(shown) + right, _marks(marked, min(marked + end - start, width)))


def _marks(start: int, end: int) -> str:
    return " " * start + "^" * max(1, end - start)
