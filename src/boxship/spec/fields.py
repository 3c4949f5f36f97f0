"""Typed access to the values of a checked mapping; a value that can't be understood is reported with its place."""

from collections.abc import Iterable
from math import isfinite

from boxship.spec.report import Report
from boxship.spec.scalars import text_of
from boxship.spec.shape import unset_hint
from boxship.spec.tree import Items, Node, Scalar, Table, make_table
from boxship.units import parse_duration, parse_size
from boxship.where import Where

_NOWHERE = make_table({}, Where(""))


class Fields:
    """A mapping whose values were checked against their shapes; an absent key reads as nothing.

    A service is asked for a hundred keys and has twenty, so absence is what each method looks for first.
    """

    def __init__(self, node: Node | None, path: str = "", report: Report | None = None) -> None:
        self._table = node if isinstance(node, Table) else _NOWHERE
        self._entries = self._table.entries
        self._path = path
        self._report = report or Report()

    def has(self, key: str) -> bool:
        return key in self._entries

    def is_null(self, key: str) -> bool:
        """Whether ``key`` is there without a value."""
        node = self.node(key)
        return isinstance(node, Scalar) and node.value is None

    def is_empty(self) -> bool:
        return not self._table.entries

    def node(self, key: str) -> Node | None:
        return self._entries.get(key)

    def path(self, key: str) -> str:
        return f"{self._path}.{key}" if self._path else key

    def table(self, key: str) -> "Fields":
        """The mapping under ``key``, empty when there is none."""
        return Fields(self.node(key), self.path(key), self._report)

    def tables(self, key: str) -> "tuple[Fields, ...]":
        """The mappings that the list under ``key`` holds."""
        node = self._entries.get(key)
        if not isinstance(node, Items):
            return ()
        items = enumerate(node.items)
        return tuple(
            Fields(item, f"{self.path(key)}[{at}]", self._report) for at, item in items if isinstance(item, Table)
        )

    def keys(self, key: str) -> tuple[str, ...]:
        """The names that the mapping under ``key`` holds."""
        node = self.node(key)
        return tuple(node.entries) if isinstance(node, Table) else ()

    def value(self, key: str) -> str | int | float | bool | None:
        node = self._entries.get(key)
        return node.value if isinstance(node, Scalar) else None

    def text(self, key: str) -> str | None:
        if key not in self._entries:
            return None
        value = self.value(key)
        return None if value is None else text_of(value)

    def filled(self, key: str) -> str | None:
        """Text that is not empty, or None."""
        return (self.text(key) or None) if key in self._entries else None

    def flag(self, key: str) -> bool:
        return key in self._entries and self.value(key) is True

    def maybe_flag(self, key: str) -> bool | None:
        value = self.value(key)
        return value if isinstance(value, bool) else None

    def integer(self, key: str) -> int | None:
        number = self.number(key)
        if number is None:
            return None
        value = self.value(key)
        return value if isinstance(value, int) else int(number)

    def number(self, key: str) -> float | None:
        if key not in self._entries:
            return None
        value = self.value(key)
        if not isinstance(value, int | float):
            return None
        if not isfinite(value):
            self.complain(key, f"{text_of(value)} is no number to count with")
            return None
        return float(value)

    def texts(self, key: str) -> tuple[str, ...]:
        """The list's scalars as text."""
        node = self._entries.get(key)
        if not isinstance(node, Items):
            return ()
        return tuple([text_of(item.value) for item in node.items if isinstance(item, Scalar)])

    def text_map(self, key: str) -> dict[str, str]:
        """The mapping's scalars as text, empty ones as ""."""
        node = self._entries.get(key)
        if not isinstance(node, Table):
            return {}
        return {name: text_of(value.value) for name, value in node.entries.items() if isinstance(value, Scalar)}

    def duration(self, key: str) -> float | None:
        """Seconds."""
        text = self.text(key)
        if text is None:
            return None
        try:
            return parse_duration(text)
        except ValueError as err:
            self.complain(key, f"'{text}' {err}", "durations look like 30s, 1m30s or 500ms")
            return None

    def size(self, key: str) -> int | None:
        """Bytes."""
        value = self.value(key)
        if value is None:
            return None
        text = text_of(value)
        try:
            return parse_size(text)
        except ValueError as err:
            self.complain(key, f"'{text}' {err}", "sizes look like 512m or 1.5g")
            return None

    def suggest(self, word: str, known: Iterable[str]) -> str:
        """A "did you mean" hint, or "" when nothing is near."""
        return self._report.suggest(word, known)

    def complain(self, key: str, reason: str, hint: str = "") -> None:
        """Report an error about the value of ``key``; a variable without value explains more than ``hint``."""
        node = self.node(key) or self._table
        self._report.error(node.where, self.path(key), reason, unset_hint(node) or hint)
