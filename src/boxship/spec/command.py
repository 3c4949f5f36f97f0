"""Splits a command text into arguments the way docker compose does: quotes and backslashes, nothing else of a shell.

Source: go-shellwords as docker compose 2.40.3 uses it (2026-07): an unquoted ``|``, ``;``, ``&``, ``<`` or ``>`` ends
the command, and what follows is dropped.
"""

from msgspec import Struct

_ENDS = frozenset(";&|<>")
_CLOSES = {"'": "'", '"': '"', "`": "`", "(": ")"}


class SplitCommand(Struct, frozen=True):
    """The arguments, and the text behind a shell operator that no container ever sees."""

    argv: tuple[str, ...]
    dropped: str = ""


def split_command(text: str) -> SplitCommand:
    """The arguments of a command text. Raises ValueError for a quote or parenthesis that is never closed."""
    return _Splitter(text).split()


class _Splitter:
    def __init__(self, text: str) -> None:
        self._text = text
        self._argv: list[str] = []
        self._word: list[str] = []
        self._has_word = False
        self._group = ""
        """What the quote, backtick or ``$(`` that we are in began with."""
        self._is_escaped = False

    def split(self) -> SplitCommand:
        for position, character in enumerate(self._text):
            if not self._group and not self._is_escaped and character in _ENDS:
                if character == ">" and self._word[-1:] in (["1"], ["2"]):
                    self._word.pop()
                    self._has_word = bool(self._word)
                self._end_word()
                return SplitCommand(tuple(self._argv), self._text[position:])
            self._take(character)
        if self._group:
            raise ValueError(f"holds a {self._group} that is never closed")
        if self._is_escaped:
            raise ValueError("ends with a backslash")
        self._end_word()
        return SplitCommand(tuple(self._argv))

    def _take(self, character: str) -> None:
        if self._is_escaped:
            self._is_escaped = False
            self._add(character)
        elif character == "\\" and self._group in {"", '"'}:
            self._is_escaped = True
        elif self._group:
            self._take_inside(character)
        elif character in {"'", '"'}:
            self._group = character
            self._has_word = True
        elif character == "(" and self._word[-1:] != ["$"]:
            raise ValueError("holds a parenthesis outside quotes")
        elif character.isspace():
            self._end_word()
        else:
            self._group = character if character in {"`", "("} else ""
            self._add(character)

    def _take_inside(self, character: str) -> None:
        is_end = character == _CLOSES[self._group]
        if not is_end or self._group in {"`", "("}:
            self._add(character)
        if is_end:
            self._group = ""

    def _add(self, character: str) -> None:
        self._word.append(character)
        self._has_word = True

    def _end_word(self) -> None:
        if self._has_word:
            self._argv.append("".join(self._word))
        self._word = []
        self._has_word = False
