"""``.env`` and ``env_file`` syntax.

Bare values end at the line's end or at `` #``; double quotes know escapes and variables, single quotes neither, and
both may span lines; ``KEY`` alone asks for the shell's value. ``${VAR}`` prefers the shell over the file's own lines.

Source: compose-go's dotenv as docker compose 2.40.3 shows it (2026-07).
"""

import re
from collections.abc import Mapping

from boxship.spec.interpolate import MAX_TOTAL_CHARACTERS, SubstitutionError, substitute
from boxship.spec.report import Report
from boxship.where import Where

MAX_VARIABLES = 500_000
"""Of one file: a million short ones would take more memory than all else that is read."""
_SPACE = " \t\v\f\r\x85\xa0"
_LINE_START = re.compile(r"(?:\s++|#[^\n]*+\n?+)*+")
"""Possessive, as remembering each of 10 million blank lines takes a gigabyte."""
_LINE = re.compile(r"[^\r\n]+")
_EXPORT = re.compile(r"export[ \t]+(?=\S)")
_KEY_END = re.compile(r"[=:\n]")
_GOOD_KEY = re.compile(r"[\w.\-\[\]]*")
_ESCAPE = re.compile(r"\\([abfnrtv\"\\$])")
_ESCAPED = {
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    '"': '"',
    "\\": "\\",
    "$": "$$",
}


def parse_dotenv(
    text: str, file: str, shell: Mapping[str, str], before: Mapping[str, str], report: Report
) -> dict[str, str | None]:
    """The file's variables in its order; None is a bare key that the shell doesn't set.

    Args:
        text: the file's text.
        file: its name in messages.
        shell: values that ``${VAR}`` and bare keys take first.
        before: values of earlier files, which ``${VAR}`` falls back to.
        report: gets what is wrong; the rest of a wrong file is skipped.
    """
    return _Parser(text, file, shell, before, report).parse()


def parse_raw(text: str) -> dict[str, str]:
    """``format: raw``: everything behind ``=`` as it stands; lines without one are left out."""
    # One line at a time: a list of all would take 140 MB for 10 MB of short ones.
    lines = (match[0] for match in _LINE.finditer(text))
    pairs = (line.split("=", 1) for line in lines if "=" in line and not line.lstrip().startswith("#"))
    return {key.strip(): value for key, value in pairs}


class _BadLineError(Exception):
    pass


class _Parser:
    def __init__(
        self, text: str, file: str, shell: Mapping[str, str], before: Mapping[str, str], report: Report
    ) -> None:
        self._text = text.replace("\r\n", "\n")
        self._file = file
        self._shell = shell
        self._before = before
        self._report = report
        self._found: dict[str, str | None] = {}
        self._position = 0
        self._characters_left = MAX_TOTAL_CHARACTERS

    def parse(self) -> dict[str, str | None]:
        start = 0
        try:
            while (start := self._skip()) < len(self._text):
                self._statement()
        except (_BadLineError, SubstitutionError) as err:
            line = self._text.count("\n", 0, start) + 1
            self._report.error(Where(self._file, line, 1), "", str(err), "expected KEY=value")
        return self._found

    def _skip(self) -> int:
        match = _LINE_START.match(self._text, self._position)
        self._position = match.end() if match else self._position
        return self._position

    def _statement(self) -> None:
        export = _EXPORT.match(self._text, self._position)
        if export is not None:
            self._position = export.end()
        key, has_value = self._key()
        if len(self._found) == MAX_VARIABLES and key not in self._found:
            raise _BadLineError(f"the file has more than {MAX_VARIABLES:,} variables")
        if has_value:
            self._found[key] = self._value()
        elif key in self._shell:
            self._found[key] = self._shell[key]
        else:
            self._found.setdefault(key, None)

    def _key(self) -> tuple[str, bool]:
        start = self._position
        end_of_key = _KEY_END.search(self._text, start)
        end = end_of_key[0] if end_of_key else ""
        key = self._text[start : end_of_key.start() if end_of_key else None].strip()
        self._position = end_of_key.end() if end_of_key else len(self._text)
        if not _GOOD_KEY.fullmatch(key):
            what = "a blank" if any(c.isspace() for c in key) else "a character that names don't have"
            raise _BadLineError(f"'{key[:40]}' holds {what}")
        return key, end in {"=", ":"}

    def _value(self) -> str:
        while self._position < len(self._text) and self._text[self._position] in _SPACE:
            self._position += 1
        quote = self._text[self._position : self._position + 1]
        if quote in {"'", '"'} and quote:
            return self._quoted(quote)
        end = self._text.find("\n", self._position)
        line = self._text[self._position : end if end >= 0 else len(self._text)]
        self._position += len(line)
        return self._substitute(line.split(" #", 1)[0].rstrip())

    def _quoted(self, quote: str) -> str:
        start = self._position + 1
        end = start
        while (end := self._text.find(quote, end)) >= 0:
            if not _is_escaped(self._text, end, start):
                break
            end += 1
        if end < 0:
            raise _BadLineError(f"the quote {quote} is never closed")
        value = self._text[start:end]
        self._position = end + 1
        self._skip_comment()
        if quote == "'":
            return value.replace("\\'", "'")
        return self._substitute(_ESCAPE.sub(lambda match: _ESCAPED[match[1]], value))

    def _skip_comment(self) -> None:
        """Whatever follows a closing quote on its line is no value; docker compose ignores it too."""
        end = self._text.find("\n", self._position)
        rest = self._text[self._position : end if end >= 0 else len(self._text)]
        if "=" not in rest or rest.lstrip().startswith("#"):
            self._position += len(rest)

    def _substitute(self, value: str) -> str:
        found = substitute(value, self._lookup, lambda name: None)
        self._characters_left -= len(found) if found is not value else 0
        if self._characters_left < 0:
            raise _BadLineError(f"variables make this file longer than {MAX_TOTAL_CHARACTERS:,} characters")
        return found

    def _lookup(self, name: str) -> str | None:
        if name in self._shell:
            return self._shell[name]
        found = self._found.get(name)
        return found if found is not None else self._before.get(name)


def _is_escaped(text: str, position: int, start: int) -> bool:
    backslashes = 0
    while position - 1 - backslashes >= start and text[position - 1 - backslashes] == "\\":
        backslashes += 1
    return backslashes % 2 == 1
