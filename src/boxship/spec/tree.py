"""A file as a tree whose every value knows where it was written: what all stages of reading hand on.

Nodes are never changed; a stage that changes something builds new nodes and keeps those it did not touch, so a node
that YAML aliases share stays shared. No node can hold itself, so the garbage collector need not look (``gc=False``).
"""

from collections.abc import Mapping
from enum import Enum
from operator import is_

from msgspec import Struct

from boxship.where import Where


class Tag(Enum):
    """What a file may say about how a value meets the files before it."""

    NONE = ""
    RESET = "!reset"
    OVERRIDE = "!override"


HELD_OPEN, HELD_CLOSE = "\ue000", "\ue001"
"""Around the mark of a variable that wasn't replaced."""

NONE, RESET = Tag.NONE, Tag.RESET
"""For what runs once for each value: asking an Enum for its member takes ten times as long as a global name."""


class Scalar(Struct, frozen=True, gc=False):
    """One plain value. ``unset`` names the variables without a value that its text was made from."""

    value: str | int | float | bool | None
    where: Where
    tag: Tag = Tag.NONE
    unset: tuple[str, ...] = ()
    is_held: bool = False
    """Holds variables that weren't replaced, see ``held``: only they know what it will be."""

    def with_value(self, value: str | int | float | bool | None) -> "Scalar":
        """The same place with another value, three times as fast as ``dataclasses.replace``."""
        return Scalar(value, self.where, self.tag, self.unset, self.is_held)


class Items(Struct, frozen=True, gc=False):
    """A list."""

    items: tuple["Node", ...]
    where: Where
    tag: Tag = Tag.NONE
    may_hold_variables: bool = True

    def with_items(self, items: "tuple[Node, ...]") -> "Items":
        """The same place with other items; the same node when each item is."""
        if len(items) == len(self.items) and all(map(is_, items, self.items)):
            return self
        return Items(items, self.where, self.tag)


class Table(Struct, frozen=True, gc=False):
    """A mapping with text keys, in the file's order. ``keys`` tells where each key was written."""

    entries: Mapping[str, "Node"]
    keys: Mapping[str, Where]
    where: Where
    tag: Tag = Tag.NONE
    may_hold_variables: bool = True
    """Whether a ``$`` may stand in it; whoever writes it with one doesn't have to know."""

    def with_entries(self, entries: "Mapping[str, Node]") -> "Table":
        """The same place and keys with other values; the same node when each value is."""
        mine = self.entries
        is_same = len(entries) == len(mine) and all(map(is_, entries.values(), mine.values()))
        if is_same and all(map(is_, entries, mine)):
            return self
        return Table(entries, self.keys, self.where, self.tag)

    def with_changes(self, changes: "Mapping[str, Node | None]") -> "Table":
        """The same with other values for some of its keys (None: left out); the same node when there are none."""
        if not changes:
            return self
        changed = {**self.entries, **changes}
        entries = {key: node for key, node in changed.items() if node is not None}
        return Table(entries, self.keys, self.where, self.tag)

    def at(self, key: str) -> Where:
        """Where ``key`` was written, or where the mapping begins."""
        return self.keys.get(key, self.where)


Node = Scalar | Items | Table
Plain = str | int | float | bool | None | list["Plain"] | dict[str, "Plain"]
"""Values without their places."""


def make_table(entries: Mapping[str, Node], where: Where, tag: Tag = Tag.NONE) -> Table:
    """A mapping that a stage made: every key is where its value is."""
    return Table(entries, {key: node.where for key, node in entries.items()}, where, tag)


def describe(node: Node) -> str:
    """What a person would call the node's form."""
    match node:
        case Table():
            return "a mapping"
        case Items():
            return "a list"
        case Scalar(value=None):
            return "empty"
        case Scalar(value=bool()):
            return "true or false"
        case Scalar(value=int() | float()):
            return "a number"
        case Scalar():
            return "text"
