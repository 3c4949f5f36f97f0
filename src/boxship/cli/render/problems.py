"""Problems of the files for people: with the line they are about on a terminal, one line each elsewhere."""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TextIO

from boxship.cli.render.color import BOLD, DIM, RED, YELLOW, is_colored, paint, sanitized
from boxship.cli.render.width import columns_of
from boxship.spec.report import Report
from boxship.spec.source import read_text
from boxship.where import MAX_RELATED_SHOWN, Problem, Related, Where

MAX_EXCERPTS = 10
"""More would push the first problem off the screen; the others are listed in one line each."""
_EXCERPTED = (".yaml", ".yml", ".json")
_MIN_WIDTH = 40


def show_problems(problems: Sequence[Problem], start: Path | None = None, stream: TextIO | None = None) -> None:
    """Print problems in their order. ``start`` is the folder that their file names begin in (None: this one)."""
    stream = stream or sys.stderr
    if not stream.isatty():
        for problem in problems:
            print(f"{_kind(problem)}: {sanitized(str(problem))}", file=stream)
        return
    shower = _Shower(start or Path(), stream)
    for problem in problems[:MAX_EXCERPTS]:
        shower.show(problem)
    for problem in problems[MAX_EXCERPTS:]:
        shower.list(problem)


def annotations(problems: Iterable[Problem]) -> Iterable[str]:
    """Workflow commands that make a forge show problems beside the changed lines (``--format github``)."""
    for problem in problems:
        where = {"file": problem.where.file, "line": problem.where.line, "col": problem.where.column}
        fields = {**{key: value for key, value in where.items() if value}, "title": f"boxship: {problem.code}"}
        shown = ",".join(f"{key}={_escaped(str(value), ',:')}" for key, value in fields.items())
        path = f"{problem.path}: " if problem.path else ""
        hint = f" ({problem.hint})" if problem.hint else ""
        yield f"::{_kind(problem)} {shown}::{_escaped(f'{path}{problem.reason}{hint}')}"


def _escaped(text: str, more: str = "") -> str:
    return "".join(f"%{ord(character):02X}" if character in f"%\r\n{more}" else character for character in text)


def _kind(problem: Problem) -> str:
    return "warning" if problem.is_warning else "error"


class _Shower:
    """Shows problems with their lines; each file is read once, and what can't be read is shown without."""

    def __init__(self, start: Path, stream: TextIO) -> None:
        self._start = start
        self._stream = stream
        self._is_colored = is_colored(stream)
        self._width = max(columns_of(stream), _MIN_WIDTH)
        self._files: dict[str, tuple[str, ...]] = {}

    def show(self, problem: Problem) -> None:
        self._title(problem, problem.title)
        margin = len(str(max(where.line for where in (problem.where, *(each.where for each in problem.related)))))
        self._excerpt(problem.where, margin, "", problem)
        for related in problem.related[:MAX_RELATED_SHOWN]:
            self._related(related, margin, problem)
        left = len(problem.related) - MAX_RELATED_SHOWN
        if left > 0:
            self._line(margin, "=", f"and {left} more place{'s' * (left != 1)}")
        if problem.hint:
            self._line(margin, "=", sanitized(problem.hint))

    def list(self, problem: Problem) -> None:
        self._title(problem, str(problem))

    def _title(self, problem: Problem, text: str) -> None:
        kind = paint(f"{_kind(problem)}:", BOLD + _color(problem), on=self._is_colored)
        print(f"{kind} {sanitized(text)}", file=self._stream)

    def _related(self, related: Related, margin: int, problem: Problem) -> None:
        if related.where.file != problem.where.file or not self._lines(related.where.file):
            self._line(margin, ">", sanitized(str(related)))
            self._excerpt(related.where, margin, "", problem)
        else:
            self._excerpt(related.where, margin, sanitized(related.text), problem)

    def _excerpt(self, where: Where, margin: int, note: str, problem: Problem) -> None:
        lines = self._lines(where.file) if where.line else ()
        if not lines:
            return
        # Only a terminal needs it, and then only when something is wrong.
        from boxship.cli.render.excerpt import make_excerpt  # noqa: PLC0415 (see above)

        excerpt = make_excerpt(lines, where.line, where.column, self._width - margin - 4)
        if excerpt is not None:
            self._line(margin, "|", excerpt.text, number=str(where.line))
            self._line(margin, "|", paint(f"{excerpt.marks} {note}".rstrip(), _color(problem), on=self._is_colored))

    def _line(self, margin: int, sign: str, text: str, *, number: str = "") -> None:
        gutter = paint(f" {number.rjust(margin)} {sign}", DIM, on=self._is_colored)
        print(f"{gutter} {text}", file=self._stream)

    def _lines(self, file: str) -> tuple[str, ...]:
        if file not in self._files:
            self._files[file] = self._read(file)
        return self._files[file]

    def _read(self, file: str) -> tuple[str, ...]:
        # Files of variables hold secrets in every line.
        if not file.endswith(_EXCERPTED):
            return ()
        from boxship.cli.render.excerpt import split_lines  # noqa: PLC0415 (as above)

        text = read_text(self._start / file, file, Report())
        return split_lines(text) if text is not None else ()


def _color(problem: Problem) -> str:
    return YELLOW if problem.is_warning else RED
