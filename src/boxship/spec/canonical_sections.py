"""The long forms of what services hold beside their first keys: secrets, devices, hooks, watched paths, deploy."""

from collections.abc import Mapping

from boxship.spec.expand import Context, Expand, absolute, expand_keys, inside, keyed, listed, pairs
from boxship.spec.model_deploy import ALL_DEVICES
from boxship.spec.tree import Items, Node, Scalar, Table, make_table

_REMOTE_CONTEXTS = ("service:", "target:", "docker-image:", "git@", "github.com/")
SECRETS_DIRECTORY = "/run/secrets/"


def _items(rule: Expand) -> Expand:
    """The rule for every item of a list."""

    def expand(node: Node, context: Context, path: str) -> Node:
        if not isinstance(node, Items):
            return node
        return node.with_items(tuple(rule(item, context, f"{path}[{at}]") for at, item in enumerate(node.items)))

    return expand


def _grants(directory: str) -> Expand:
    """Names as ``{source: NAME}``; with a ``directory``, what has no target appears there."""

    def expand(node: Node, context: Context, path: str) -> Node:
        table = make_table({"source": node}, node.where, node.tag) if isinstance(node, Scalar) else node
        if not isinstance(table, Table) or not directory or "target" in table.entries:
            return table
        source = table.entries.get("source")
        if not isinstance(source, Scalar):
            return table
        target = source.with_value(f"{directory}{source.value}")
        return Table(
            {**table.entries, "target": target}, {**table.keys, "target": source.where}, table.where, table.tag
        )

    return _items(expand)


def _device_request(node: Node, context: Context, path: str) -> Node:
    if not isinstance(node, Table):
        return node
    expanded = expand_keys(node, {"options": pairs(""), "count": _count}, context, path)
    if "count" in expanded.entries or "device_ids" in expanded.entries:
        return expanded
    return expanded.with_entries({**expanded.entries, "count": Scalar(ALL_DEVICES, node.where)})


def _count(node: Node, context: Context, path: str) -> Node:
    if not isinstance(node, Scalar) or isinstance(node.value, int) or node.is_held:
        return node
    text = str(node.value)
    if text == "all":
        return node.with_value(ALL_DEVICES)
    if text.isascii() and text.isdecimal() and len(text) < 10:
        return node.with_value(int(text))
    context.report.error(node.where, path, f"'{text}' is no number of devices", "write a number, or all")
    return node.with_value(ALL_DEVICES)


def _gpus(node: Node, context: Context, path: str) -> Node:
    """``all`` as a list of one request."""
    if isinstance(node, Scalar) and not node.is_held:
        node = Items((make_table({}, node.where),), node.where, node.tag)
    return _items(_device_request)(node, context, path)


def _additional_context(node: Node, context: Context, path: str) -> Node:
    text = str(node.value) if isinstance(node, Scalar) else ""
    return node if "://" in text or text.startswith(_REMOTE_CONTEXTS) else absolute(node, context)


def _additional_contexts(node: Node, context: Context, path: str) -> Node:
    table = pairs("")(node, context, path)
    if not isinstance(table, Table):
        return table
    entries = {key: _additional_context(value, context, f"{path}.{key}") for key, value in table.entries.items()}
    return table.with_entries(entries)


def _path(node: Node, context: Context, path: str) -> Node:
    return absolute(node, context)


def _label_files(node: Node, context: Context, path: str) -> Node:
    files = listed(node, context, path)
    if not isinstance(files, Items):
        return files
    return files.with_items(tuple(make_table({"path": absolute(item, context)}, item.where) for item in files.items))


def _nothing(item: Scalar) -> Node:
    return item.with_value(None)


def shared_file(node: Node, context: Context, path: str) -> Node:
    """A top-level secret or config."""
    if not isinstance(node, Table):
        return node
    return external(expand_keys(node, {"labels": pairs(""), "file": _path}, context, path))


def external(table: Table) -> Table:
    """``external: {name: X}``, the old form, as ``external: true`` and ``name: X``."""
    old = table.entries.get("external")
    if not isinstance(old, Table):
        return table
    entries = {**table.entries, "external": Scalar(True, old.where)}
    if "name" in old.entries:
        entries.setdefault("name", old.entries["name"])
    return table.with_entries(entries)


_HOOK: Mapping[str, Expand] = {"environment": pairs(None)}
_HOOKS = _items(inside(_HOOK))
_WATCH: Mapping[str, Expand] = {"path": _path, "ignore": listed, "include": listed, "exec": inside(_HOOK)}
_RESERVATIONS: Mapping[str, Expand] = {"devices": _items(_device_request)}

BUILD: Mapping[str, Expand] = {
    "additional_contexts": _additional_contexts,
    "ssh": pairs(None),
    "secrets": _grants(""),
}

SERVICE: Mapping[str, Expand] = {
    "annotations": pairs(""),
    "configs": _grants(""),
    "deploy": inside({"labels": pairs(""), "resources": inside({"reservations": inside(_RESERVATIONS)})}),
    "develop": inside({"watch": _items(inside(_WATCH))}),
    "gpus": _gpus,
    "label_file": _label_files,
    "models": keyed(_nothing),
    "post_start": _HOOKS,
    "pre_start": _HOOKS,
    "pre_stop": _HOOKS,
    "secrets": _grants(SECRETS_DIRECTORY),
}
