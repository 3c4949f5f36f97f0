"""Reading the engine's JSON with types: a missing or null field has a default, a wrong kind is an error."""

import json
import math
from collections.abc import Iterator, Mapping

from boxship.engine.faults import unreadable

_WHOLE, _ITEM = "it", "an item"
"""What of an answer is meant, in an error, where that has no key."""


class Fields:
    """One JSON object. Every method takes a key, and raises EngineError when the value is of another kind."""

    __slots__ = ("_values", "_what")

    def __init__(self, values: Mapping[str, object], what: str) -> None:
        self._values = values
        self._what = what

    def text(self, key: str, default: str = "") -> str:
        """``default`` when there is none."""
        value = self._values.get(key)
        if value is None:
            return default
        if isinstance(value, str):
            return value
        raise unreadable(self._what, f"'{key}' is not text")

    def number(self, key: str, default: int = 0) -> int:
        """``default`` when there is none; fractions are cut."""
        value = self._values.get(key)
        if value is None:
            return default
        if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
            return int(value)
        raise unreadable(self._what, f"'{key}' is not a number")

    def required_text(self, key: str) -> str:
        """Raises: EngineError also when there is none."""
        if value := self.text(key):
            return value
        raise unreadable(self._what, f"it has no '{key}'")

    def has(self, key: str) -> bool:
        """Whether it is there and not null."""
        return self._values.get(key) is not None

    def flag(self, key: str) -> bool:
        """Whether it is true; missing is false."""
        return self._values.get(key) is True

    def child(self, key: str) -> "Fields":
        """The object there, an empty one when there is none."""
        return Fields(_mapping(self._values.get(key), key, self._what), self._what)

    def children(self, key: str) -> Iterator["Fields"]:
        """The objects of a list."""
        for value in _sequence(self._values.get(key), key, self._what):
            yield Fields(_mapping(value, key, self._what), self._what)

    def named_children(self) -> Iterator[tuple[str, "Fields"]]:
        """All of its fields, which must be objects."""
        for key, value in self._values.items():
            yield key, Fields(_mapping(value, key, self._what), self._what)

    def texts(self, key: str) -> tuple[str, ...]:
        """The words of a list; other items are left out."""
        values = _sequence(self._values.get(key), key, self._what)
        return tuple(value for value in values if isinstance(value, str))

    def lists(self, key: str) -> tuple[tuple[str, ...], ...]:
        """The lists of words of a list."""
        rows = _sequence(self._values.get(key), key, self._what)
        words = (_sequence(row, key, self._what) for row in rows)
        return tuple(tuple(str(word) for word in row) for row in words)

    def labels(self, key: str) -> dict[str, str]:
        """An object whose values are text; others are left out."""
        values = _mapping(self._values.get(key), key, self._what)
        return {name: value for name, value in values.items() if isinstance(value, str)}


def _named(key: str) -> str:
    return key if key in (_WHOLE, _ITEM) else f"'{key}'"


def _mapping(value: object, key: str, what: str) -> Mapping[str, object]:
    if value is None:
        return {}
    if isinstance(value, dict):
        return value
    raise unreadable(what, f"{_named(key)} is not an object")


def _sequence(value: object, key: str, what: str) -> list[object]:
    if value is None:
        return []
    if isinstance(value, list):
        return value
    raise unreadable(what, f"{_named(key)} is not a list")


def read_object(body: bytes, what: str) -> Fields:
    """Raises: EngineError when ``body`` isn't a JSON object."""
    return Fields(_mapping(parse_json(body, what), _WHOLE, what), what)


def read_list(body: bytes, what: str) -> list[Fields]:
    """Raises: EngineError when ``body`` isn't a JSON list of objects."""
    return [Fields(_mapping(value, _ITEM, what), what) for value in _sequence(parse_json(body, what), _WHOLE, what)]


def parse_json(body: bytes, what: str) -> object:
    """Raises: EngineError when ``body`` isn't JSON, or nested deeper than Python can follow."""
    try:
        document: object = json.loads(body)
    except (ValueError, RecursionError) as err:
        raise unreadable(what, "it is not JSON") from err
    return document
