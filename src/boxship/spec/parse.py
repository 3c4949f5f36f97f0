"""YAML text to trees: positions kept, duplicate keys refused, aliases and nesting bounded.

libyaml's parser gives the events; what they mean is decided here, because PyYAML's own composer takes the last of two
equal keys, reads ``22:22`` as 1342 and lets twelve lines of aliases fill the memory.
"""

import yaml
from yaml.events import (
    AliasEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from boxship.spec.report import Report
from boxship.spec.scalars import resolve_plain
from boxship.spec.tree import Items, Node, Scalar, Table, Tag
from boxship.where import Where

MAX_DEPTH = 64
"""Levels of nesting; the deepest key of the Compose Specification is at level 9."""
MAX_NODES = 400_000
"""Values after aliases are expanded, about ten times those of an appliance with 2,000 services."""

_EVENTS = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's parser, or PyYAML's own ten times slower one where the C extension was not built."""
_CORE = "tag:yaml.org,2002:"
_TAGS = {"!reset": Tag.RESET, "!override": Tag.OVERRIDE}


class _ParseError(Exception):
    """One file can't be read further; carries the one problem that ends it."""

    def __init__(self, where: Where, reason: str, hint: str = "") -> None:
        super().__init__(reason)
        self.where, self.reason, self.hint = where, reason, hint


def parse_yaml(text: str, file: str, report: Report) -> tuple[Table, ...]:
    """The file's YAML documents, empty ones left out; problems go to ``report``."""
    try:
        return _Composer(text, file, report).documents()
    except _ParseError as err:
        report.error(err.where, "", err.reason, err.hint)
    except yaml.MarkedYAMLError as err:
        mark = err.problem_mark or err.context_mark
        where = Where(file, mark.line + 1, mark.column + 1) if mark else Where(file)
        reason = f"not valid YAML: {err.problem or err.context or 'unreadable'}"
        report.error(where, "", reason, _syntax_hint(err.problem or ""))
    except yaml.YAMLError as err:
        report.error(Where(file), "", f"not valid YAML: {' '.join(str(err).split())[:200]}")
    return ()


def _syntax_hint(problem: str) -> str:
    if "cannot start any token" in problem:
        return "YAML is indented with blanks, never with tabs; a value that begins with @ or ` needs quotes"
    return ""


class _Composer:
    """Turns parser events into nodes, one document after the other."""

    def __init__(self, text: str, file: str, report: Report) -> None:
        self._parser = _EVENTS(text)
        self._file = file
        self._report = report
        self._anchors: dict[str, tuple[Node, int] | None] = {}
        self._count = 0

    def documents(self) -> tuple[Table, ...]:
        documents: list[Table] = []
        while not isinstance(event := self._next(), StreamEndEvent):
            if not isinstance(event, DocumentStartEvent):
                continue
            self._anchors = {}
            root, _ = self._node(self._next(), 0)
            if isinstance(root, Table):
                documents.append(root)
            elif not (isinstance(root, Scalar) and root.value is None):
                raise _ParseError(root.where, "the file must be a mapping of keys, such as 'services:'")
        return tuple(documents)

    def _next(self) -> Event:
        event: Event = self._parser.get_event()
        return event

    def _where(self, event: Event) -> Where:
        mark = event.start_mark
        return Where(self._file, mark.line + 1, mark.column + 1) if mark is not None else Where(self._file)

    def _node(self, event: Event, depth: int) -> tuple[Node, int]:
        """The node that begins with ``event``, and how many values it holds with its aliases expanded."""
        if isinstance(event, AliasEvent):
            return self._counted(*self._alias(event))
        if depth > MAX_DEPTH:
            raise _ParseError(self._where(event), f"nested more than {MAX_DEPTH} levels deep")
        anchor = event.anchor if isinstance(event, NodeEvent) else None
        if anchor is not None:
            self._anchors[anchor] = None
        node, size = self._anonymous_node(event, depth)
        if anchor is not None:
            self._anchors[anchor] = (node, size)
        return self._counted(node, size)

    def _counted(self, node: Node, size: int) -> tuple[Node, int]:
        if size > MAX_NODES:
            raise _ParseError(
                node.where,
                f"more than {MAX_NODES:,} values once aliases are expanded",
                "is this a real Compose file? Aliases of aliases grow without bound",
            )
        return node, size

    def _anonymous_node(self, event: Event, depth: int) -> tuple[Node, int]:
        match event:
            case ScalarEvent():
                return self._scalar(event), 1
            case SequenceStartEvent():
                return self._sequence(event, depth)
            case MappingStartEvent():
                return self._mapping(event, depth)
            case _:  # libyaml's grammar allows no other event here
                raise _ParseError(self._where(event), "not valid YAML here")

    def _alias(self, event: AliasEvent) -> tuple[Node, int]:
        if event.anchor not in self._anchors:
            raise _ParseError(self._where(event), f"the alias *{event.anchor} has no anchor &{event.anchor} before it")
        found = self._anchors[event.anchor]
        if found is None:
            raise _ParseError(self._where(event), f"the anchor &{event.anchor} contains itself")
        return found

    def _tag(self, event: ScalarEvent | CollectionStartEvent) -> Tag:
        tag = event.tag
        if tag is None or tag == "!" or tag.startswith(_CORE):
            return Tag.NONE
        if tag not in _TAGS:
            self._report.error(self._where(event), "", f"unknown YAML tag '{tag}'", "known tags: !reset and !override")
        return _TAGS.get(tag, Tag.NONE)

    def _scalar(self, event: ScalarEvent) -> Scalar:
        where = self._where(event)
        kind = (event.tag or "").removeprefix(_CORE)
        is_typed = kind in {"bool", "int", "float", "null"} or (kind in _TAGS and _is_plain(event))
        is_resolved = is_typed or (_is_plain(event) and event.implicit[0])
        value = resolve_plain(event.value) if is_resolved else event.value
        return Scalar(value, where, self._tag(event))

    def _sequence(self, event: SequenceStartEvent, depth: int) -> tuple[Items, int]:
        items: list[Node] = []
        size = 1
        while not isinstance(inner := self._next(), SequenceEndEvent):
            node, count = self._node(inner, depth + 1)
            items.append(node)
            size += count
            self._check_total(size, node)
        return Items(tuple(items), self._where(event), self._tag(event)), size

    def _check_total(self, size: int, node: Node) -> None:
        self._counted(node, size)

    def _mapping(self, event: MappingStartEvent, depth: int) -> tuple[Table, int]:
        entries: dict[str, Node] = {}
        keys: dict[str, Where] = {}
        merged: Node | None = None
        size = 1
        while not isinstance(key_event := self._next(), MappingEndEvent):
            key = self._key(key_event)
            where = self._where(key_event)
            node, count = self._node(self._next(), depth + 1)
            size += count + 1
            self._check_total(size, node)
            if key in keys:
                self._report.error(where, key, f"the key '{key}' is already defined in line {keys[key].line}")
                continue
            keys[key] = where
            if key == "<<" and _is_plain(key_event):
                merged = node
            else:
                entries[key] = node
        if merged is not None:
            del keys["<<"]
            self._merge(merged, entries, keys)
        return Table(entries, keys, self._where(event), self._tag(event)), size

    def _key(self, event: Event) -> str:
        if not isinstance(event, ScalarEvent):
            if isinstance(event, AliasEvent):
                node, _ = self._alias(event)
                if isinstance(node, Scalar) and isinstance(node.value, str):
                    return node.value
            raise _ParseError(self._where(event), "a key must be text", "no list, mapping or alias of one can be a key")
        value = self._scalar(event).value
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
    return isinstance(event, ScalarEvent) and event.style in (None, "")
