"""Crane files as one Compose document, and what Compose can't say as part of an appliance.yaml."""

import re
from collections.abc import Collection, Mapping
from pathlib import Path

from boxship.spec.crane.expand import Expander, literal
from boxship.spec.crane.forms import Flat, Flattener
from boxship.spec.crane.hooks import read_hooks
from boxship.spec.crane.networks import DEFAULT, Networking
from boxship.spec.crane.notices import Notices
from boxship.spec.crane.service import Shared, translate
from boxship.spec.crane.translation import Translation
from boxship.spec.crane.volumes import Volumes, volume_sources, volume_table
from boxship.spec.model import Target
from boxship.spec.report import Report
from boxship.spec.scalars import text_of
from boxship.spec.tree import Items, Node, Scalar, Table, make_table

_LOADER_IMAGE = re.compile(r"(?:.*[/._-])?loader(?::[^/]*|@.*)?")
_LOADER_KEYS = frozenset({"image", "build", "detach", "restart", "rm", "requires"})
_SHORTCUTS = "write them into a Makefile or a script; import keeps them as comments"
_NO_SYNC = "Linux needs none: bind mounts are as fast as the disk"


def translate_documents(
    documents: tuple[Table, ...],
    directory: Path,
    environment: Mapping[str, str],
    elsewhere: Collection[str],
    report: Report,
) -> Translation:
    """All crane documents of one reading; problems go to the report.

    Args:
        documents: the trees of the files in order; a later one wins.
        directory: where relative paths begin.
        environment: the variables.
        elsewhere: the services that Compose files beside these declare.
        report: gets the problems.
    """
    notices = Notices()
    expander = Expander(environment, report)
    flat = Flattener(expander, notices, report).flatten(documents)
    _note_sections(flat, notices)
    replaced = _find_loader(flat, expander)
    shared = _shared(flat, directory, elsewhere, replaced, expander, notices, report)
    section = "services" if flat.is_v3 else "containers"
    services = {name: translate(name, table, f"{section}.{name}", shared) for name, table in flat.containers.items()}
    groups = _groups(flat, (*flat.containers, *elsewhere), expander, report)
    hooks = read_hooks(flat.section("hooks"), groups, flat.containers, expander, report)
    _tell_replaced(flat, replaced, report)
    notices.tell(report)
    return Translation(
        _document(flat, services, shared),
        targets=_targets(flat, groups, replaced),
        hooks=hooks,
        commands=_commands(flat),
        replaced=replaced,
    )


def _shared(
    flat: Flat,
    directory: Path,
    elsewhere: Collection[str],
    replaced: tuple[str, ...],
    expander: Expander,
    notices: Notices,
    report: Report,
) -> Shared:
    prefix = _prefix(flat, directory, expander)
    containers = {**flat.containers, **{name: make_table({}, flat.document.where) for name in elsewhere}}
    taken = volume_sources(flat.containers, expander)
    sources = {reference.partition(":")[0] for references in taken.values() for reference in references}
    return Shared(
        containers=flat.containers,
        elsewhere=frozenset(elsewhere),
        replaced=replaced,
        image_prefix=prefix if flat.is_v3 else "",
        networking=Networking(
            declared=flat.section("networks").entries,
            containers=containers,
            has_default=flat.is_v3 and prefix != "",
            alias_prefix=prefix if "prefix" in flat.document.entries else "",
            expander=expander,
            notices=notices,
            report=report,
        ),
        volumes=Volumes(directory, flat.section("volumes").entries, sources, expander, report),
        expander=expander,
        notices=notices,
        report=report,
    )


def _prefix(flat: Flat, directory: Path, expander: Expander) -> str:
    """What crane put before every name: the directory's name unless the file says otherwise; "" for nothing."""
    node = flat.document.entries.get("prefix")
    if not isinstance(node, Scalar) or node.value is True:
        return f"{directory.name}_"
    return "" if node.value is False else expander.scalar(node)


def _document(flat: Flat, services: Mapping[str, Table], shared: Shared) -> Table:
    where = flat.document.where
    keys = {name: table.where for name, table in services.items()}
    entries: dict[str, Node] = {}
    written = flat.document.entries.get("prefix")
    name = shared.expander.scalar(written).rstrip("_-.") if isinstance(written, Scalar) else ""
    if isinstance(written, Scalar) and isinstance(written.value, str) and name:
        entries["name"] = written.with_value(literal(name))
    elif "name" in flat.document.entries:
        entries["name"] = flat.document.entries["name"]
    entries["services"] = Table(services, keys, where)
    networks = {key: _network(node) for key, node in flat.section("networks").entries.items()}
    networks = {**shared.networking.external, **networks}
    if networks:
        entries["networks"] = make_table(networks, where)
    volumes = volume_table(flat.section("volumes"), shared.volumes.named)
    if volumes.entries:
        entries["volumes"] = volumes
    entries |= {key: node for key, node in flat.document.entries.items() if key.startswith("x-")}
    return make_table(entries, where)


def _network(node: Node) -> Node:
    """Crane's ``subnet`` as Compose's address pool."""
    if not isinstance(node, Table) or "subnet" not in node.entries:
        return node
    subnet = node.entries["subnet"]
    pool = make_table({"subnet": subnet}, subnet.where)
    ipam = make_table({"config": Items((pool,), subnet.where)}, subnet.where)
    rest = {key: value for key, value in node.entries.items() if key != "subnet"}
    return make_table({**rest, "ipam": ipam}, node.where)


def _groups(flat: Flat, known: Collection[str], expander: Expander, report: Report) -> dict[str, tuple[str, ...]]:
    """Group -> its members, each once; a member that isn't there is reported and left out."""
    groups: dict[str, tuple[str, ...]] = {}
    for group, node in flat.section("groups").entries.items():
        members: dict[str, None] = {}
        for index, item in enumerate(node.items if isinstance(node, Items) else ()):
            name = expander.scalar(item)
            if name in known:
                members[name] = None
            else:
                hint = report.suggest(name, known) or "declare it, or remove it from the group"
                path = f"groups.{group}[{index}]"
                report.stray(item.where, path, f"unknown container '{name}'", hint, code="unknown-name")
        groups[group] = tuple(members)
    return groups


def _targets(flat: Flat, groups: Mapping[str, tuple[str, ...]], replaced: tuple[str, ...]) -> dict[str, Target]:
    """Groups as targets. Without a group ``default`` that is every container, as it was for crane."""
    section = flat.section("groups")
    targets = {
        name: Target(name, roots, section.entries[name].where)
        for name, members in groups.items()
        if (roots := tuple(member for member in members if member not in replaced))
    }
    everything = tuple(name for name in flat.containers if name not in replaced)
    if targets and DEFAULT not in targets and everything:
        targets[DEFAULT] = Target(DEFAULT, everything, section.where)
    return targets


def _find_loader(flat: Flat, expander: Expander) -> tuple[str, ...]:
    """The original's loader: a container of a loader's image that gets the engine's socket, or nothing at all.

    The original's host gave it everything, so in its crane file it has an image and nothing else.
    """
    found = [name for name, table in flat.containers.items() if _is_loader(name, table, expander)]
    taken = volume_sources(flat.containers, expander)
    holders = {reference.partition(":")[0] for references in taken.values() for reference in references}
    return tuple(name for name in found if name not in holders)


def _is_loader(name: str, container: Table, expander: Expander) -> bool:
    if not _LOADER_IMAGE.fullmatch(expander.scalar(container.entries.get("image"))):
        return False
    volumes = container.entries.get("volume")
    items = volumes.items if isinstance(volumes, Items) else ()
    has_socket = any("docker.sock" in expander.scalar(item) for item in items)
    return has_socket or (name == "loader" and set(container.entries) <= _LOADER_KEYS)


def _tell_replaced(flat: Flat, replaced: tuple[str, ...], report: Report) -> None:
    for name in replaced:
        table = flat.containers[name]
        report.warn(
            table.entries["image"].where,
            name,
            f"'{name}' is the loader of the original, whose place Boxship takes; it is listed and never started",
            "its API is Boxship's own; if it is something else, give it another name",
            code="crane",
        )


def _note_sections(flat: Flat, notices: Notices) -> None:
    for key in ("accelerated-mounts", "mac-syncs"):
        if key in flat.document.entries:
            notices.leave_out(key, _NO_SYNC, flat.document.at(key), key)
    if flat.section("commands").entries:
        notices.leave_out("commands", _SHORTCUTS, flat.document.at("commands"), "commands")


def _commands(flat: Flat) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, node in flat.section("commands").entries.items():
        items = node.items if isinstance(node, Items) else (node,)
        found[name] = " ".join(text_of(item.value) for item in items if isinstance(item, Scalar))
    return found
