"""The tools that short forms are made long with: rules, and rules made of rules."""

from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec.structs import replace

from boxship.spec.mounts import Paths
from boxship.spec.report import Report
from boxship.spec.tree import RESET, Items, Node, Scalar, Table, Tag, make_table

MAX_PORTS = 100_000
"""Published ports of one file: every port of one address and protocol, and half of them again."""

Expand = Callable[[Node, "Context", str], Node]


class Context:
    """What the forms of one file depend on."""

    def __init__(self, directory: Path, home: str, report: Report) -> None:
        self.directory = directory
        self.paths = Paths(directory, home)
        self.report = report
        self.ports_left = MAX_PORTS


def expand_keys(node: Table, rules: Mapping[str, Expand], context: Context, path: str) -> Table:
    changes: dict[str, Node] = {}
    for key, value in node.entries.items():
        rule = rules.get(key)
        if rule is None or value.tag is RESET or (isinstance(value, Scalar) and value.value is None):
            continue
        expanded = rule(value, context, f"{path}.{key}" if path else key)
        if expanded is not value:
            changes[key] = expanded
    return node.with_changes(changes)


def inside(rules: Mapping[str, Expand]) -> Expand:
    def expand(node: Node, context: Context, path: str) -> Node:
        return expand_keys(node, rules, context, path) if isinstance(node, Table) else node

    return expand


def each(rule: Expand) -> Expand:
    """The rule for every value of a mapping with free keys."""

    def expand(node: Node, context: Context, path: str) -> Node:
        if not isinstance(node, Table):
            return node
        entries = {
            key: value if value.tag is RESET else rule(value, context, f"{path}.{key}")
            for key, value in node.entries.items()
        }
        return node.with_entries(entries)

    return expand


def pairs(empty: str | None) -> Expand:
    """``[K=V, K]`` as ``{K: V, K: empty}``."""

    def expand(node: Node, context: Context, path: str) -> Node:
        if not isinstance(node, Items):
            return node
        entries: dict[str, Node] = {}
        for item in node.items:
            if isinstance(item, Scalar):
                key, equals, value = str(item.value).partition("=")
                entries[key] = item.with_value(value if equals else empty)
        return make_table(entries, node.where, node.tag)

    return expand


def listed(node: Node, context: Context, path: str) -> Node:
    """Text as a list of one."""
    return Items((replace(node, tag=Tag.NONE),), node.where, node.tag) if isinstance(node, Scalar) else node


def keyed(value: Callable[[Scalar], Node]) -> Expand:
    """A list of names as a mapping from each to ``value``."""

    def expand(node: Node, context: Context, path: str) -> Node:
        if not isinstance(node, Items):
            return node
        entries = {str(item.value): value(item) for item in node.items if isinstance(item, Scalar)}
        return make_table(entries, node.where, node.tag)

    return expand


def scalars(node: Node) -> list[Scalar]:
    """The plain values of a list, or the one value."""
    return [item for item in (node.items if isinstance(node, Items) else (node,)) if isinstance(item, Scalar)]


def absolute(node: Node, context: Context) -> Node:
    return context.paths.absolute_node(node) if isinstance(node, Scalar) else node
