"""Files merged with their variables left as they are written.

Each variable becomes one opaque mark while short forms are made long and files meet, and is put back afterwards. What
is made of a marked value is only what is sure whatever the variable says: ports, mounts and devices in short form stay
so, and types aren't checked. So whoever reads the result, with the same variables, reads what the files say.

Replaced all the same are variables that decide what is read (``include``, ``extends``), and those of files that have
variables or a folder of their own: elsewhere they would mean something else.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from msgspec.structs import replace

from boxship.spec.interpolate import interpolate, variables_in
from boxship.spec.report import Report
from boxship.spec.scalars import text_of
from boxship.spec.tree import HELD_CLOSE, HELD_OPEN, Items, Node, Plain, Scalar, Table
from boxship.where import Problem

_MARKED = re.compile(f"{HELD_OPEN}([0-9]+){HELD_CLOSE}|\\$")


class Held:
    """The variables of one reading. ``environment``: whose files' are held."""

    def __init__(self, environment: Mapping[str, str], directory: Path) -> None:
        self.environment = environment
        self.directory = directory
        self._texts: list[str] = []
        self._marks: dict[str, str] = {}

    def hold(self, document: Table, report: Report) -> Table:
        """The document with marks in place of its variables."""
        entries = {
            key: self._services(node, report) if key == "services" else self._node(node)
            for key, node in document.entries.items()
            if key != "include"
        }
        if "include" in document.entries:
            entries["include"] = self._replaced(document, "include", report)
        return document.with_entries({key: entries[key] for key in document.entries})

    def release(self, node: Node, path: str, report: Report) -> Plain:
        """The tree with its variables as they were written; what was found out beside them reads back as it is."""
        match node:
            case Scalar(value=str(text)):
                return self._released(text)
            case Scalar():
                return node.value
            case Items():
                return [self.release(item, path, report) for item in node.items]
            case Table():
                return self._released_table(node, path, report)

    def _released_table(self, table: Table, path: str, report: Report) -> Plain:
        named = next((key for key in table.entries if HELD_OPEN in key), None)
        if named is None:
            return {
                key: self.release(
                    _files(value) if key == "label_file" else value, f"{path}.{key}" if path else key, report
                )
                for key, value in table.entries.items()
            }
        # Names aren't interpolated, items of lists are.
        items = [_item(key, value) for key, value in table.entries.items()]
        if None in items:
            reason = f"'{self._released(named)}' is a name that a variable makes, and can't be shown without it"
            report.error(table.at(named), path, reason, "write it out, or leave out --no-interpolate")
        return [self._released(item or "") for item in items]

    def told(self, problem: Problem) -> Problem:
        """The problem with variables in its sentences."""
        reason, hint = (_MARKED.sub(self._unmarked, text) for text in (problem.reason, problem.hint))
        return replace(problem, reason=reason, hint=hint)

    def _unmarked(self, found: re.Match[str]) -> str:
        return self._texts[int(found[1])] if found[1] else found[0]

    def _released(self, text: str) -> str:
        return _MARKED.sub(lambda mark: self._texts[int(mark[1])] if mark[1] else "$$", text)

    def _services(self, services: Node, report: Report) -> Node:
        if not isinstance(services, Table):
            return self._node(services)
        return services.with_entries({name: self._service(each, report) for name, each in services.entries.items()})

    def _service(self, service: Node, report: Report) -> Node:
        if not isinstance(service, Table) or "extends" not in service.entries:
            return self._node(service)
        extends = self._replaced(service, "extends", report)
        return service.with_entries(
            {key: extends if key == "extends" else self._node(each) for key, each in service.entries.items()}
        )

    def _replaced(self, table: Table, key: str, report: Report) -> Node:
        alone = table.with_entries({key: table.entries[key]})
        return interpolate(alone, self.environment, report).entries[key]

    def _node(self, node: Node) -> Node:
        match node:
            case Scalar(value=str(text)) if "$" in text or HELD_OPEN in text or HELD_CLOSE in text:
                return Scalar(variables_in(text, self._mark), node.where, node.tag, node.unset, is_held=True)
            case Scalar():
                return node
            case Items():
                return node.with_items(tuple(self._node(item) for item in node.items))
            case Table():
                return node.with_entries({key: self._node(value) for key, value in node.entries.items()})

    def _mark(self, text: str) -> str:
        # Equal texts get equal marks, so that names that hold them meet.
        if text not in self._marks:
            self._marks[text] = f"{HELD_OPEN}{len(self._texts)}{HELD_CLOSE}"
            self._texts.append(text)
        return self._marks[text]


def _item(key: str, value: Node) -> str | None:
    """The short form of an entry of a mapping that a list was made into; None when it says more than a list can."""
    match value:
        case Scalar(value=None):
            return key
        case Scalar():
            return f"{key}={text_of(value.value)}"
        case Table(entries={"condition": Scalar(value="service_started"), **more}) if not more:
            return key
        case _:
            return None


def _files(node: Node) -> Node:
    """``label_file`` as files have it: it merges as mappings, and is read as paths."""
    items = node.items if isinstance(node, Items) else ()
    paths = (item.entries.get("path", item) if isinstance(item, Table) else item for item in items)
    return node.with_items(tuple(paths)) if isinstance(node, Items) else node
