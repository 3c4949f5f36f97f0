"""Where a crane container is on the network: ``net``, ``networks``, ``ip`` and aliases in Compose's words.

Crane put every container on two networks, the engine's default bridge and its own. Here it is on its own alone, where
names and links work.
"""

from collections.abc import Container, Mapping

from msgspec import Struct, field

from boxship.spec.crane.expand import Expander, literal
from boxship.spec.crane.notices import Notices
from boxship.spec.report import Report
from boxship.spec.tree import Items, Node, Scalar, Table, make_table
from boxship.where import Where

DEFAULT = "default"
_MODES = frozenset({"host", "none"})
_NAMESPACE_KINDS = ("container", "service")


class Networking(Struct, frozen=True):
    """What all containers share. ``has_default``: the file's version puts each on the default network as well.

    ``alias_prefix``: what crane put before a container's name, if the file says so; peers may use that name.
    """

    declared: Container[str]
    containers: Container[str]
    has_default: bool
    alias_prefix: str
    expander: Expander
    notices: Notices
    report: Report
    external: dict[str, Node] = field(default_factory=dict)
    """Networks that are used and not declared: somebody else made them."""


def place(container: Table, name: str, path: str, shared: Networking) -> dict[str, Node]:
    """The Compose keys ``network_mode`` or ``networks`` of one container; neither for the default network alone."""
    entries = container.entries
    node = entries.get("net")
    net = shared.expander.scalar(node)
    if isinstance(node, Scalar):
        mode = namespace(node, net, path, shared)
        if mode is not None or net in _MODES:
            _note_unused(entries, path, shared)
            return {"network_mode": mode or node.with_value(literal(net))}
    return _attach(container, name, path, shared)


def namespace(node: Scalar, mode: str, path: str, shared: Networking) -> Scalar | None:
    """``container:X`` and ``service:X`` as Compose's ``service:X`` where X is in the file; None for other modes."""
    kind, colon, owner = mode.partition(":")
    if not colon or kind not in _NAMESPACE_KINDS:
        return None
    if owner in shared.containers:
        return node.with_value(literal(f"service:{owner}"))
    if kind == "service":
        shared.report.stray(node.where, path, f"unknown container '{owner}'", code="unknown-name")
    else:
        reason = f"the container '{owner}' is not in this file, so it must run already"
        shared.report.warn(node.where, path, reason, "declare it here if it is yours", code="crane")
    return node.with_value(literal(f"container:{owner}"))


def _note_unused(entries: Mapping[str, Node], path: str, shared: Networking) -> None:
    for key in ("ip", "ip6", "net-alias", "networks", "mac-address"):
        if key in entries:
            advice = "a container with the network of the host or of another one has no address of its own"
            shared.notices.leave_out(key, advice, entries[key].where, f"{path}.{key}")


def _attach(container: Table, name: str, path: str, shared: Networking) -> dict[str, Node]:
    entries = container.entries
    ends = _written_ends(entries)
    own = _own_network(entries, path, shared)
    if own != DEFAULT or not ends:
        ends = {own: ends.get(own), **ends}
    if shared.has_default:
        ends.setdefault(DEFAULT, None)
    first = next(iter(ends))
    ends[first] = _with_addresses(ends[first], entries)
    if shared.alias_prefix:
        ends = {key: _with_alias(end, f"{shared.alias_prefix}{name}", container.where) for key, end in ends.items()}
    if list(ends) == [DEFAULT] and ends[DEFAULT] is None:
        return {}
    said = (entries[key].where for key in ("networks", "net", "net-alias", "ip") if key in entries)
    where = next(said, container.where)
    return {"networks": make_table({key: end or Scalar(None, where) for key, end in ends.items()}, where)}


def _written_ends(entries: Mapping[str, Node]) -> dict[str, Table | None]:
    node = entries.get("networks")
    if isinstance(node, Table):
        return {key: _end(value) for key, value in node.entries.items()}
    return {
        str(item.value): None for item in (node.items if isinstance(node, Items) else ()) if isinstance(item, Scalar)
    }


def _end(node: Node) -> Table | None:
    """One end in Compose's words: ``alias``, ``ip`` and ``ip6`` are crane's."""
    if not isinstance(node, Table):
        return None
    names = {"alias": "aliases", "ip": "ipv4_address", "ip6": "ipv6_address"}
    entries = {names.get(key, key): value for key, value in node.entries.items()}
    return make_table(entries, node.where)


def _own_network(entries: Mapping[str, Node], path: str, shared: Networking) -> str:
    node = entries.get("net")
    net = shared.expander.scalar(node)
    if not isinstance(node, Scalar) or net in {"", "bridge", DEFAULT}:
        return DEFAULT
    if net not in shared.declared:
        reason = f"the network '{net}' is not declared here, so it must be there already"
        shared.report.warn(
            node.where, f"{path}.net", reason, f"declare it if it is yours: networks: {{{net}: }}", code="crane"
        )
        external: dict[str, Node] = {"external": Scalar(True, node.where), "name": node.with_value(literal(net))}
        shared.external.setdefault(net, make_table(external, node.where))
    return net


def _with_addresses(end: Table | None, entries: Mapping[str, Node]) -> Table | None:
    """The end with what crane says beside ``net``: it is about that network."""
    names = {"ip": "ipv4_address", "ip6": "ipv6_address", "mac-address": "mac_address", "net-alias": "aliases"}
    said = {names[key]: entries[key] for key in names if key in entries}
    if not said:
        return end
    where = next(iter(said.values())).where
    return make_table({**said, **(end.entries if end is not None else {})}, where)


def _with_alias(end: Table | None, alias: str, where: Where) -> Table:
    before = end.entries.get("aliases") if end is not None else None
    items = before.items if isinstance(before, Items) else ()
    aliases = Items((*items, Scalar(literal(alias), where)), where)
    return make_table({**(end.entries if end is not None else {}), "aliases": aliases}, where)
