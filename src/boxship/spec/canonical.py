"""Short forms as long ones, one file at a time, so that merging meets a single form of everything.

Lists of pairs become mappings, text becomes a list where both are allowed, ports and mounts become their long forms,
and relative paths become absolute: each file may have its own directory.
"""

from collections.abc import Mapping

from msgspec.structs import replace

from boxship.spec.canonical_sections import BUILD, SERVICE, external, shared_file
from boxship.spec.expand import Context, Expand, absolute, each, expand_keys, inside, keyed, listed, pairs, scalars
from boxship.spec.fields import Fields
from boxship.spec.mounts import expand_mount
from boxship.spec.ports import expand_port
from boxship.spec.tree import Items, Node, Scalar, Table, Tag, make_table

__all__ = ["Context", "expand_document", "is_remote"]


def expand_document(document: Table, context: Context) -> Table:
    """The checked document of one Compose file in long forms."""
    return expand_keys(document, _DOCUMENT, context, "")


def _started(item: Scalar) -> Node:
    return make_table({"condition": item.with_value("service_started")}, item.where)


def _attached(item: Scalar) -> Node:
    return item.with_value(None)


def _hosts(node: Node, context: Context, path: str) -> Node:
    """Every form of ``extra_hosts`` as a list of ``name=address``."""
    if isinstance(node, Table):
        named = ((name, item) for name, value in node.entries.items() for item in scalars(value))
        return Items(tuple(_host(item, name, str(item.value)) for name, item in named), node.where, node.tag)
    hosts: list[Node] = []
    for item in scalars(node):
        text = str(item.value)
        name, _, address = text.partition("=" if "=" in text else ":")
        if item.is_held:
            hosts.append(item)
        elif name and address:
            hosts.append(_host(item, name, address))
        else:
            context.report.error(item.where, path, f"'{text}' has no address", "write name:address or name=address")
    return Items(tuple(hosts), node.where, node.tag)


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
    return node.with_items(tuple(_labelled(item, context, path) for item in expanded if item is not None))


_labelled = inside({"volume": inside({"labels": pairs("")})})


def _env_files(node: Node, context: Context, path: str) -> Node:
    files = listed(node, context, path)
    if not isinstance(files, Items):
        return files
    return files.with_items(tuple(_env_file(item, context) for item in files.items))


def _env_file(item: Node, context: Context) -> Node:
    table = make_table({"path": item}, item.where) if isinstance(item, Scalar) else item
    if not isinstance(table, Table) or "path" not in table.entries:
        return table
    return table.with_entries({**table.entries, "path": absolute(table.entries["path"], context)})


def _test(node: Node, context: Context, path: str) -> Node:
    if not isinstance(node, Scalar):
        return node
    return Items((Scalar("CMD-SHELL", node.where), replace(node, tag=Tag.NONE)), node.where, node.tag)


def _devices(node: Node, context: Context, path: str) -> Node:
    if not isinstance(node, Items):
        return node
    return node.with_items(tuple(_device(item) for item in node.items))


def _device(item: Node) -> Node:
    if isinstance(item, Scalar) and not item.is_held:
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
    return expand_keys(node, _BUILD, context, path) if isinstance(node, Table) else node


def _build_context(node: Node, context: Context, path: str) -> Node:
    return node if isinstance(node, Scalar) and is_remote(str(node.value)) else absolute(node, context)


def is_remote(context: str) -> bool:
    """Whether a build context is a URL or a git repository rather than a directory of this machine."""
    return context.startswith(("http://", "https://", "git://", "git@", "ssh://", "github.com/"))


def _resource(node: Node, context: Context, path: str) -> Node:
    if not isinstance(node, Table):
        return make_table({}, node.where, node.tag)
    return external(_local_bind(expand_keys(node, {"labels": pairs("")}, context, path), context))


def _local_bind(volume: Table, context: Context) -> Table:
    """A volume that the local driver binds to a host directory may name it relative to the file."""
    options, device = Fields(volume).table("driver_opts"), Fields(volume).table("driver_opts").node("device")
    is_local = Fields(volume).text("driver") in {None, "local"}
    if not is_local or "bind" not in (options.text("o") or "").split(",") or not isinstance(device, Scalar):
        return volume
    section = volume.entries["driver_opts"]
    if not isinstance(section, Table):
        return volume
    bound = section.with_entries({**section.entries, "device": absolute(device, context)})
    return volume.with_entries({**volume.entries, "driver_opts": bound})


_BUILD: Mapping[str, Expand] = {
    **BUILD,
    "context": _build_context,
    "args": pairs(None),
    "labels": pairs(""),
    "extra_hosts": _hosts,
}

_SERVICE: Mapping[str, Expand] = {
    **SERVICE,
    "build": _build,
    "environment": pairs(None),
    "env_file": _env_files,
    "ports": _ports,
    "volumes": _mounts,
    "tmpfs": listed,
    "networks": keyed(_attached),
    "depends_on": keyed(_started),
    "healthcheck": inside({"test": _test}),
    "labels": pairs(""),
    "sysctls": pairs(""),
    "devices": _devices,
    "dns": listed,
    "dns_search": listed,
    "extra_hosts": _hosts,
}

_DOCUMENT: Mapping[str, Expand] = {
    "services": each(inside(_SERVICE)),
    "networks": each(_resource),
    "volumes": each(_resource),
    "secrets": each(shared_file),
    "configs": each(shared_file),
}
