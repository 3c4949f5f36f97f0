"""Short forms as long ones, one file at a time, so that merging meets a single form of everything.

Lists of pairs become mappings, text becomes a list where both are allowed, ports and mounts become their long forms,
and relative paths become absolute: each file may have its own directory.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec.structs import replace

from boxship.spec.fields import Fields
from boxship.spec.mounts import Paths, expand_mount
from boxship.spec.ports import expand_port
from boxship.spec.report import Report
from boxship.spec.tree import Items, Node, Scalar, Table, Tag, make_table

MAX_PORTS = 100_000
"""Published ports of one file: every port of one address and protocol, and half of them again."""

Expand = Callable[[Node, "Context", str], Node]


class Context:
    """What the forms of one file depend on."""

    def __init__(self, directory: Path, home: str, report: Report) -> None:
        self.paths = Paths(directory, home)
        self.report = report
        self.ports_left = MAX_PORTS


def expand_document(document: Table, context: Context) -> Table:
    """The checked document of one Compose file in long forms."""
    return _expand_keys(document, _DOCUMENT, context, "")


def _expand_keys(node: Table, rules: Mapping[str, Expand], context: Context, path: str) -> Table:
    entries: dict[str, Node] = {}
    for key, value in node.entries.items():
        rule = rules.get(key)
        is_left = rule is None or value.tag is Tag.RESET or (isinstance(value, Scalar) and value.value is None)
        entries[key] = value if is_left or rule is None else rule(value, context, f"{path}.{key}" if path else key)
    return node.with_entries(entries)


def _keys(rules: Mapping[str, Expand]) -> Expand:
    def expand(node: Node, context: Context, path: str) -> Node:
        return _expand_keys(node, rules, context, path) if isinstance(node, Table) else node

    return expand


def _each(rule: Expand) -> Expand:
    """The rule for every value of a mapping with free keys."""

    def expand(node: Node, context: Context, path: str) -> Node:
        if not isinstance(node, Table):
            return node
        entries = {
            key: value if value.tag is Tag.RESET else rule(value, context, f"{path}.{key}")
            for key, value in node.entries.items()
        }
        return node.with_entries(entries)

    return expand


def _pairs(empty: str | None) -> Expand:
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


def _listed(node: Node, context: Context, path: str) -> Node:
    """Text as a list of one."""
    return Items((replace(node, tag=Tag.NONE),), node.where, node.tag) if isinstance(node, Scalar) else node


def _keyed(value: Callable[[Scalar], Node]) -> Expand:
    """A list of names as a mapping from each to ``value``."""

    def expand(node: Node, context: Context, path: str) -> Node:
        if not isinstance(node, Items):
            return node
        entries = {str(item.value): value(item) for item in node.items if isinstance(item, Scalar)}
        return make_table(entries, node.where, node.tag)

    return expand


def _started(item: Scalar) -> Node:
    return make_table({"condition": item.with_value("service_started")}, item.where)


def _attached(item: Scalar) -> Node:
    return item.with_value(None)


def _hosts(node: Node, context: Context, path: str) -> Node:
    """Every form of ``extra_hosts`` as a list of ``name=address``."""
    if isinstance(node, Table):
        named = ((name, item) for name, value in node.entries.items() for item in _scalars(value))
        return Items(tuple(_host(item, name, str(item.value)) for name, item in named), node.where, node.tag)
    hosts: list[Node] = []
    for item in _scalars(node):
        text = str(item.value)
        name, _, address = text.partition("=" if "=" in text else ":")
        if name and address:
            hosts.append(_host(item, name, address))
        else:
            context.report.error(item.where, path, f"'{text}' has no address", "write name:address or name=address")
    return Items(tuple(hosts), node.where, node.tag)


def _scalars(node: Node) -> list[Scalar]:
    """The plain values of a list, or the one value."""
    return [item for item in (node.items if isinstance(node, Items) else (node,)) if isinstance(item, Scalar)]


def _host(item: Scalar, name: str, address: str) -> Scalar:
    bare = address[1:-1] if address.startswith("[") and address.endswith("]") else address
    return item.with_value(f"{name}={bare}")


def _ports(node: Node, context: Context, path: str) -> Node:
    if not isinstance(node, Items):
        return node
    expanded: list[Node] = []
    for index, item in enumerate(node.items):
        ports = expand_port(item, f"{path}[{index}]", context.ports_left, context.report)
        context.ports_left -= len(ports)
        expanded += ports
    return node.with_items(tuple(expanded))


def _mounts(node: Node, context: Context, path: str) -> Node:
    if not isinstance(node, Items):
        return node
    expanded = (
        expand_mount(item, context.paths, f"{path}[{index}]", context.report) for index, item in enumerate(node.items)
    )
    return node.with_items(tuple(item for item in expanded if item is not None))


def _env_files(node: Node, context: Context, path: str) -> Node:
    listed = _listed(node, context, path)
    if not isinstance(listed, Items):
        return listed
    return listed.with_items(tuple(_env_file(item, context) for item in listed.items))


def _env_file(item: Node, context: Context) -> Node:
    table = make_table({"path": item}, item.where) if isinstance(item, Scalar) else item
    if not isinstance(table, Table) or "path" not in table.entries:
        return table
    return table.with_entries({**table.entries, "path": _absolute(table.entries["path"], context)})


def _absolute(node: Node, context: Context) -> Node:
    return node.with_value(context.paths.absolute(str(node.value))) if isinstance(node, Scalar) else node


def _test(node: Node, context: Context, path: str) -> Node:
    if not isinstance(node, Scalar):
        return node
    return Items((Scalar("CMD-SHELL", node.where), replace(node, tag=Tag.NONE)), node.where, node.tag)


def _devices(node: Node, context: Context, path: str) -> Node:
    if not isinstance(node, Items):
        return node
    return node.with_items(tuple(_device(item) for item in node.items))


def _device(item: Node) -> Node:
    if isinstance(item, Scalar):
        source, _, rest = str(item.value).partition(":")
        target, _, permissions = rest.partition(":")
        entries: dict[str, Node] = {
            "source": item.with_value(source),
            "target": item.with_value(target or source),
            "permissions": item.with_value(permissions or "rwm"),
        }
        return make_table(entries, item.where)
    if isinstance(item, Table) and "target" not in item.entries and "source" in item.entries:
        return item.with_entries({**item.entries, "target": item.entries["source"]})
    return item


def _build(node: Node, context: Context, path: str) -> Node:
    if isinstance(node, Scalar):
        node = make_table({"context": replace(node, tag=Tag.NONE)}, node.where, node.tag)
    return _expand_keys(node, _BUILD, context, path) if isinstance(node, Table) else node


def _build_context(node: Node, context: Context, path: str) -> Node:
    return node if isinstance(node, Scalar) and is_remote(str(node.value)) else _absolute(node, context)


def is_remote(context: str) -> bool:
    """Whether a build context is a URL or a git repository rather than a directory of this machine."""
    return context.startswith(("http://", "https://", "git://", "git@", "ssh://", "github.com/"))


def _external(node: Node, context: Context, path: str) -> Node:
    """``external: {name: X}``, the old form, as ``external: true`` and ``name: X``."""
    if not isinstance(node, Table):
        return make_table({}, node.where, node.tag)
    expanded = _local_bind(_expand_keys(node, {"labels": _pairs("")}, context, path), context)
    external = expanded.entries.get("external")
    if not isinstance(external, Table):
        return expanded
    entries = {**expanded.entries, "external": Scalar(True, external.where)}
    if "name" in external.entries:
        entries.setdefault("name", external.entries["name"])
    return expanded.with_entries(entries)


def _local_bind(volume: Table, context: Context) -> Table:
    """A volume that the local driver binds to a host directory may name it relative to the file."""
    options, device = Fields(volume).table("driver_opts"), Fields(volume).table("driver_opts").node("device")
    is_local = Fields(volume).text("driver") in {None, "local"}
    if not is_local or "bind" not in (options.text("o") or "").split(",") or not isinstance(device, Scalar):
        return volume
    section = volume.entries["driver_opts"]
    if not isinstance(section, Table):
        return volume
    bound = section.with_entries({**section.entries, "device": _absolute(device, context)})
    return volume.with_entries({**volume.entries, "driver_opts": bound})


_BUILD: Mapping[str, Expand] = {
    "context": _build_context,
    "args": _pairs(None),
    "labels": _pairs(""),
    "extra_hosts": _hosts,
}

_SERVICE: Mapping[str, Expand] = {
    "build": _build,
    "environment": _pairs(None),
    "env_file": _env_files,
    "ports": _ports,
    "volumes": _mounts,
    "tmpfs": _listed,
    "networks": _keyed(_attached),
    "depends_on": _keyed(_started),
    "healthcheck": _keys({"test": _test}),
    "labels": _pairs(""),
    "sysctls": _pairs(""),
    "devices": _devices,
    "dns": _listed,
    "dns_search": _listed,
    "extra_hosts": _hosts,
}

_DOCUMENT: Mapping[str, Expand] = {
    "services": _each(_keys(_SERVICE)),
    "networks": _each(_external),
    "volumes": _each(_external),
}
