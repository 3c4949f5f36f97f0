"""The four schemas of crane as one flat form: every container a mapping of crane's v3 keys, whatever its file's age.

Several files become one here, too: a later file wins. Mappings (also ``env`` and ``label``, in whatever form they are
written) meet key by key; a list or a single value of a later file replaces the earlier one.
"""

from collections.abc import Mapping
from typing import NamedTuple

from boxship.spec.crane.expand import Expander
from boxship.spec.crane.keys import ALIASES, CONTAINER, DOCUMENT, RUN, SECTIONS, SERVICE_V3
from boxship.spec.crane.notices import Notices
from boxship.spec.merge import Rule, merge
from boxship.spec.report import Report
from boxship.spec.shape import Shape, check_shape
from boxship.spec.tree import Items, Node, Scalar, Table, Tag, describe, make_table
from boxship.where import Where

_PAIR_KEYS = frozenset({"env", "environment", "label", "labels", "sysctl", "sysctls", "log-opt"})
_NULL_MEANS = frozenset({*_PAIR_KEYS, "networks"})
"""Keys inside which an empty value says something."""
_MERGE = Rule(each=Rule(each=Rule(each=Rule(each=Rule(keeps_empty=True)))))


class Flat(NamedTuple):
    """Crane files in one form. ``containers``: each a mapping of crane's keys; ``is_v3``: they say ``services``."""

    document: Table
    containers: Mapping[str, Table]
    is_v3: bool

    def section(self, key: str) -> Table:
        """A top-level mapping; empty when there is none."""
        node = self.document.entries.get(key)
        return node if isinstance(node, Table) else make_table({}, self.document.where)


class Flattener:
    """Flattens files one by one; what is wrong with them goes to the report."""

    def __init__(self, expander: Expander, notices: Notices, report: Report) -> None:
        self._expander = expander
        self._notices = notices
        self._report = report

    def flatten(self, documents: tuple[Table, ...]) -> Flat:
        """All documents in one form, later ones over earlier ones."""
        merged: Node | None = None
        for document in documents:
            merged = merge(merged, self._document(document), _MERGE)
        if not isinstance(merged, Table):
            merged = make_table({}, Where(""))
        found = merged.entries.get("containers")
        containers = found.entries if isinstance(found, Table) else {}
        tables = {name: table for name, table in containers.items() if isinstance(table, Table)}
        return Flat(merged, tables, any("services" in document.entries for document in documents))

    def _document(self, document: Table) -> Table:
        """One file: variables of its names replaced, its values checked, its containers flat."""
        self._expander.check(document, "")
        sections = {
            key: self._expander.keys(value) if isinstance(value, Table) else value
            for key, value in document.entries.items()
            if not (isinstance(value, Scalar) and value.value is None)
        }
        keyed = Table(sections, {key: document.at(key) for key in sections}, document.where)
        checked = _as_checked(keyed, DOCUMENT, "", self._expander, self._report)
        entries = {
            key: _replacing(value) for key, value in checked.entries.items() if key not in {"containers", "services"}
        }
        containers = [
            pair
            for key in ("containers", "services")
            if key in checked.entries
            for pair in self._containers(key, checked.entries[key])
        ]
        flat = Table(dict(containers), {name: table.where for name, table in containers}, document.where)
        return Table({**entries, "containers": flat}, checked.keys, document.where)

    def _containers(self, section: str, node: Node) -> list[tuple[str, Table]]:
        """The containers of one section; in v0 they are a list, each with its name inside."""
        pairs: list[tuple[str, str, Node]] = []
        if isinstance(node, Items):
            for index, item in enumerate(node.items):
                path = f"{section}[{index}]"
                name = self._expander.scalar(item.entries.get("name")) if isinstance(item, Table) else ""
                if not name:
                    self._report.error(
                        item.where, path, "the container has no name", "give it a name:", code="missing-key"
                    )
                else:
                    pairs.append((name, path, item))
        elif isinstance(node, Table):
            pairs = [(name, f"{section}.{name}", value) for name, value in node.entries.items()]
        is_v3 = section == "services"
        return [(name, table) for name, path, value in pairs if (table := self._container(value, path, is_v3=is_v3))]

    def _container(self, node: Node, path: str, *, is_v3: bool) -> Table | None:
        if isinstance(node, Scalar) and node.value is None:
            node = make_table({}, node.where)
        if not isinstance(node, Table):
            self._report.error(node.where, path, f"must be a mapping, not {describe(node)}", code="wrong-form")
            return None
        filled = self._filled(node, SERVICE_V3 if is_v3 else CONTAINER, path)
        if is_v3:
            self._refuse_sections(filled, path)
            sections = [key for key in ("run", *SECTIONS) if isinstance(filled.entries.get(key), Table)]
            checked = _as_checked(_without(filled, sections), SERVICE_V3, path, self._expander, self._report)
            return _replacing_inside(self._without_aliases(checked, path))
        self._refuse_misplaced(filled, path)
        wanted = _without(filled, [key for key in filled.entries if key in RUN and key not in (CONTAINER.keys or {})])
        checked = _as_checked(wanted, CONTAINER, path, self._expander, self._report)
        return _replacing_inside(self._lifted(checked, path))

    def _filled(self, node: Table, shape: Shape, path: str) -> Table:
        """The container without its empty keys, which mean "not set"; for a lax reader, single values as lists."""
        entries: dict[str, Node] = {}
        for key, value in node.entries.items():
            if isinstance(value, Scalar) and value.value is None:
                continue
            known = (shape.keys or {}).get(key)
            is_section = known is not None and known.keys is not None and key not in _NULL_MEANS
            if isinstance(value, Table) and known is not None and is_section:
                entries[key] = self._filled(value, known, f"{path}.{key}")
            else:
                entries[key] = self._listed(value, known, f"{path}.{key}")
        return Table(entries, {key: node.at(key) for key in entries}, node.where)

    def _listed(self, value: Node, shape: Shape | None, path: str) -> Node:
        if shape is None or not isinstance(value, Scalar) or shape.items is None or shape.kinds:
            return value
        reason = f"must be a list, not {describe(value)}"
        self._report.stray(value.where, path, reason, f"write [{value.value}]", code="wrong-form")
        return Items((value,), value.where)

    def _refuse_sections(self, service: Table, path: str) -> None:
        for key in ("run", *SECTIONS):
            if isinstance(service.entries.get(key), Table):
                hint = "put its keys into the service itself"
                self._report.stray(service.at(key), f"{path}.{key}", f"'{key}' is a section of crane's version 2", hint)

    def _refuse_misplaced(self, container: Table, path: str) -> None:
        for key in container.entries:
            if key in RUN and key not in (CONTAINER.keys or {}):
                hint = "put it under 'run:'"
                self._report.stray(container.at(key), f"{path}.{key}", f"'{key}' stands outside of 'run'", hint)

    def _without_aliases(self, service: Table, path: str) -> Table:
        """Compose's names as crane's; where both are given crane's counts, as it did."""
        entries: dict[str, Node] = {}
        keys: dict[str, Where] = {}
        for key, value in service.entries.items():
            name = ALIASES.get(key, key)
            if name != key and name in service.entries:
                reason = f"'{key}' says the same as '{name}', which counts"
                self._report.warn(service.at(key), f"{path}.{key}", reason, f"remove '{key}'")
                continue
            entries[name] = value
            keys[name] = service.at(key)
        return Table(entries, keys, service.where)

    def _lifted(self, container: Table, path: str) -> Table:
        """The keys of ``run`` and the other sections beside those of the container itself."""
        entries: dict[str, Node] = {}
        keys: dict[str, Where] = {}
        for key, value in container.entries.items():
            if key == "run" and isinstance(value, Table):
                entries |= value.entries
                keys |= {inner: value.at(inner) for inner in value.entries}
            elif key in SECTIONS and isinstance(value, Table):
                self._note_section(key, value, path)
            elif key != "name":
                entries[key] = value
                keys[key] = container.at(key)
        dockerfile = entries.pop("dockerfile", None)
        if dockerfile is not None and "build" not in entries:
            entries["build"] = make_table({"context": dockerfile}, dockerfile.where)
            keys["build"] = keys["dockerfile"]
        keys.pop("dockerfile", None)
        return Table(entries, keys, container.where)

    def _note_section(self, section: str, table: Table, path: str) -> None:
        for key in table.entries:
            advice = SECTIONS[section].get(key, "")
            if advice and not advice.startswith("stdin"):
                self._notices.leave_out(f"{section}.{key}", advice, table.at(key), f"{path}.{section}.{key}")


def _as_checked(raw: Table, shape: Shape, path: str, expander: Expander, report: Report) -> Table:
    """The mapping with its wrong parts left out and its values converted, but texts with variables as written."""
    checked = check_shape(expander.tree(raw), shape, path, report)
    return _written(raw, checked) if isinstance(checked, Table) else make_table({}, raw.where)


def _written(raw: Table, checked: Table) -> Table:
    entries = {key: _as_written(raw.entries[key], value) for key, value in checked.entries.items()}
    return Table(entries, {key: raw.at(key) for key in entries}, raw.where)


def _as_written(raw: Node, checked: Node) -> Node:
    match raw:
        case Scalar(value=str() as text) if "$" in text:
            return raw
        case Items() if isinstance(checked, Items) and len(raw.items) == len(checked.items):
            return checked.with_items(tuple(map(_as_written, raw.items, checked.items)))
        case Table() if isinstance(checked, Table):
            return _written(raw, checked)
        case _:
            return checked


def _without(table: Table, keys: list[str]) -> Table:
    entries = {key: value for key, value in table.entries.items() if key not in keys}
    return Table(entries, {key: table.at(key) for key in entries}, table.where)


def _replacing_inside(container: Table) -> Table:
    entries = {
        key: _pairs(value) if key in _PAIR_KEYS else _replacing(value) for key, value in container.entries.items()
    }
    return container.with_entries(entries)


def _replacing(node: Node) -> Node:
    """The node with lists that replace an earlier file's."""
    match node:
        case Items():
            return Items(tuple(map(_replacing, node.items)), node.where, Tag.OVERRIDE)
        case Table():
            return node.with_entries({key: _replacing(value) for key, value in node.entries.items()})
        case Scalar():
            return node


def _pairs(node: Node) -> Node:
    """``[K=V, K]`` as ``{K: V, K: nothing}``."""
    if not isinstance(node, Items):
        return node
    entries: dict[str, Node] = {}
    for item in node.items:
        if isinstance(item, Scalar):
            key, equals, value = str(item.value).partition("=")
            entries[key] = item.with_value(value if equals else None)
    return make_table(entries, node.where)
