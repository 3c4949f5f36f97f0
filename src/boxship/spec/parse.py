"""YAML text to trees: positions kept, duplicate keys refused, aliases and nesting bounded.

libyaml's parser gives the events; what they mean is decided here, because PyYAML's own composer takes the last of two
equal keys, reads ``22:22`` as 1342 and lets twelve lines of aliases fill the memory.
"""

from collections.abc import Callable

import yaml
from msgspec import Struct
from yaml.events import (
    AliasEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    StreamEndEvent,
)

from boxship.spec.report import Report
from boxship.spec.scalars import ScalarValue, resolve_plain
from boxship.spec.tree import NONE, Items, Node, Scalar, Table, Tag
from boxship.where import Related, Where

MAX_DEPTH = 64
"""Levels of nesting; the deepest key of the Compose Specification is at level 9."""
MAX_DOCUMENTS = 1_000
"""Of one file, empty ones included."""
MAX_NODES = 320_000
"""Values of a file after aliases are expanded, keys not counted: more than 5,000 services have, in 200 MB of memory."""

_EVENTS = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's parser, or PyYAML's own ten times slower one where the C extension was not built."""
_CORE = "tag:yaml.org,2002:"
_TAGS = {"!reset": Tag.RESET, "!override": Tag.OVERRIDE}


class _ParseError(Exception):
    """One file can't be read further; carries the one problem that ends it."""

    def __init__(self, where: Where, reason: str, hint: str = "") -> None:
        super().__init__(reason)
        self.where, self.reason, self.hint = where, reason, hint


def parse_yaml(
    text: str, file: str, report: Report, *, resolve: Callable[[str], ScalarValue] = resolve_plain
) -> tuple[Table, ...]:
    """The file's YAML documents, empty ones left out; problems go to ``report``. ``resolve``: what plain text means."""
    try:
        return _Composer(text, file, report, resolve).documents()
    except _ParseError as err:
        report.error(err.where, "", err.reason, err.hint, code="invalid-yaml")
    except yaml.MarkedYAMLError as err:
        mark = err.problem_mark or err.context_mark
        where = Where(file, mark.line + 1, mark.column + 1) if mark else Where(file)
        reason = f"not valid YAML: {err.problem or err.context or 'unreadable'}"
        report.error(where, "", reason, _syntax_hint(err.problem or ""), code="invalid-yaml")
    except yaml.YAMLError as err:
        report.error(Where(file), "", f"not valid YAML: {' '.join(str(err).split())[:200]}", code="invalid-yaml")
    return ()


def _syntax_hint(problem: str) -> str:
    if "cannot start any token" in problem:
        return "YAML is indented with blanks, never with tabs; a value that begins with @ or ` needs quotes"
    return ""


class _Anchored(Struct, frozen=True):
    """A node that aliases may name. ``size``: how many values are in it, with its own aliases expanded."""

    node: Node
    size: int


class _Composer:
    """Turns parser events into nodes, one document after the other."""

    def __init__(self, text: str, file: str, report: Report, resolve: Callable[[str], ScalarValue]) -> None:
        self._next: Callable[[], Event] = _EVENTS(text).get_event
        self._file = file
        self._report = report
        self._resolve = resolve
        self._anchors: dict[str, _Anchored | None] = {}
        self._count = 0
        self._variables = 0
        """How many values so far may hold one."""

    def documents(self) -> tuple[Table, ...]:
        documents: list[Table] = []
        seen = 0
        while not isinstance(event := self._next(), StreamEndEvent):
            if not isinstance(event, DocumentStartEvent):
                continue
            self._anchors = {}
            seen += 1
            if seen > MAX_DOCUMENTS:
                raise _ParseError(self._where(event), f"more than {MAX_DOCUMENTS:,} documents in one file")
            root = self._node(self._next(), 0)
            if isinstance(root, Table):
                documents.append(root)
            elif not (isinstance(root, Scalar) and root.value is None):
                raise _ParseError(root.where, "the file must be a mapping of keys, such as 'services:'")
        return tuple(documents)

    def _where(self, event: Event) -> Where:
        mark = event.start_mark
        return Where(self._file, mark.line + 1, mark.column + 1) if mark is not None else Where(self._file)

    def _node(self, event: Event, depth: int) -> Node:
        """The node that begins with ``event``. Runs once for each value of a file: its usual case comes first."""
        self._count += 1
        if isinstance(event, ScalarEvent):
            node: Node = self._tagged_scalar(event, event.tag) if event.tag is not None else self._scalar(event)
            if event.anchor is not None:
                self._anchors[event.anchor] = _Anchored(node, 0)
        elif isinstance(event, CollectionStartEvent):
            node = self._collection(event, depth)
        else:
            node = self._alias(event)
        if self._count > MAX_NODES:
            raise _ParseError(
                node.where,
                f"more than {MAX_NODES:,} values once aliases are expanded",
                "is this a real Compose file? Aliases of aliases grow without bound",
            )
        return node

    def _collection(self, event: CollectionStartEvent, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise _ParseError(self._where(event), f"nested more than {MAX_DEPTH} levels deep")
        read = self._mapping if isinstance(event, MappingStartEvent) else self._sequence
        if event.anchor is None:
            return read(event, depth + 1)
        self._anchors[event.anchor] = None
        before = self._count
        node = read(event, depth + 1)
        self._anchors[event.anchor] = _Anchored(node, self._count - before)
        return node

    def _alias(self, event: Event) -> Node:
        if not isinstance(event, AliasEvent):  # libyaml's grammar allows no other event here
            raise _ParseError(self._where(event), "not valid YAML here")
        if event.anchor not in self._anchors:
            raise _ParseError(self._where(event), f"the alias *{event.anchor} has no anchor &{event.anchor} before it")
        found = self._anchors[event.anchor]
        if found is None:
            raise _ParseError(self._where(event), f"the anchor &{event.anchor} contains itself")
        self._count += found.size
        self._variables += 1
        return found.node

    def _tag(self, event: ScalarEvent | CollectionStartEvent) -> Tag:
        tag = event.tag
        if tag is None or tag == "!" or tag.startswith(_CORE):
            return NONE
        if tag not in _TAGS:
            reason, hint = f"unknown YAML tag '{tag}'", "known tags: !reset and !override"
            self._report.error(self._where(event), "", reason, hint, code="invalid-yaml")
        return _TAGS.get(tag, NONE)

    def _scalar(self, event: ScalarEvent) -> Scalar:
        mark = event.start_mark
        where = Where(self._file, mark.line + 1, mark.column + 1) if mark is not None else Where(self._file)
        value = event.value
        if "$" in value:
            self._variables += 1
        return Scalar(value if event.style else self._resolve(value), where)

    def _tagged_scalar(self, event: ScalarEvent, tag: str) -> Scalar:
        self._variables += 1
        return Scalar(self._tagged_value(event, tag), self._where(event), self._tag(event))

    def _tagged_value(self, event: ScalarEvent, tag: str) -> ScalarValue:
        value: str = event.value
        kind = tag.removeprefix(_CORE)
        is_typed = kind in {"bool", "int", "float", "null"} or (kind in _TAGS and not event.style)
        return self._resolve(value) if is_typed else value

    def _sequence(self, event: CollectionStartEvent, depth: int) -> Items:
        items: list[Node] = []
        before = self._variables
        while not isinstance(inner := self._next(), SequenceEndEvent):
            items.append(self._node(inner, depth))
        return Items(tuple(items), self._where(event), self._tag(event), self._variables != before)

    def _mapping(self, event: CollectionStartEvent, depth: int) -> Table:
        entries: dict[str, Node] = {}
        keys: dict[str, Where] = {}
        merged: Node | None = None
        before = self._variables
        while not isinstance(key_event := self._next(), MappingEndEvent):
            key = self._key(key_event)
            where = self._where(key_event)
            node = self._node(self._next(), depth)
            if key in keys:
                reason = f"the key '{key}' is already defined in line {keys[key].line}"
                first = (Related(keys[key], "first"),)
                # For a lax reader the last one counts, as it did for the tools of such files.
                self._report.stray(where, key, reason, code="duplicate-key", related=first)
            keys[key] = where
            if key == "<<" and _is_plain(key_event):
                merged = node
            else:
                entries[key] = node
        if merged is not None:
            del keys["<<"]
            self._merge(merged, entries, keys)
        return Table(entries, keys, self._where(event), self._tag(event), self._variables != before)

    def _key(self, event: Event) -> str:
        """The text of a key. Runs as often as ``_node``, and its usual case comes first as well."""
        if isinstance(event, ScalarEvent) and event.tag is None:
            value = event.value if event.style else self._resolve(event.value)
            if isinstance(value, str):
                return value
        return self._unusual_key(event)

    def _unusual_key(self, event: Event) -> str:
        if not isinstance(event, ScalarEvent):
            if isinstance(event, AliasEvent):
                node = self._alias(event)
                if isinstance(node, Scalar) and isinstance(node.value, str):
                    return node.value
            raise _ParseError(self._where(event), "a key must be text", "no list, mapping or alias of one can be a key")
        self._tag(event)  # a key has no use for one; one that nobody knows is reported
        value = self._tagged_value(event, event.tag) if event.tag is not None else self._resolve(event.value)
        if not isinstance(value, str):
            raise _ParseError(
                self._where(event),
                f"the key {event.value or 'null'} is not text",
                f'put it in quotes: "{event.value}"' if event.value else "something is missing before the ':'",
            )
        return value

    def _merge(self, source: Node, entries: dict[str, Node], keys: dict[str, Where]) -> None:
        """Put the entries of ``<<`` behind the mapping's own, which win; of several mappings the first wins."""
        for table in source.items if isinstance(source, Items) else (source,):
            if isinstance(table, Scalar) and table.value is None:
                continue
            if not isinstance(table, Table):
                raise _ParseError(source.where, "'<<' takes a mapping or a list of mappings")
            for key, node in table.entries.items():
                if key not in entries:
                    entries[key] = node
                    keys[key] = table.at(key)


def _is_plain(event: Event) -> bool:
    return isinstance(event, ScalarEvent) and not event.style
