"""Version 1 of the Compose format, whose services stand at the top level: rewritten as today's files say it.

docker compose refuses such files since 2020, and so does Boxship, until ``--lax`` asks for more: then they are read, as
they can mean one thing only.

Source: the format's own upgrade guide (docs.docker.com, "Compose file versions and upgrading", 2019).
"""

import re
from collections.abc import Iterable, Mapping

from boxship.spec.compose_keys import COMPOSE
from boxship.spec.report import Report
from boxship.spec.tree import Items, Node, Scalar, Table, make_table
from boxship.where import Where

_MARKS = frozenset({"image", "build", "extends"})
"""Every service of version 1 has one of these."""
_NAMED_VOLUME = re.compile(r"([a-zA-Z0-9][a-zA-Z0-9_.-]+):[^\\]")


def is_version_1(document: Table) -> bool:
    """Whether all keys that today's format doesn't know look like services."""
    strangers = _services(document)
    return (
        bool(strangers)
        and not {"services", "version"} & set(document.entries)
        and all(isinstance(node, Table) and _MARKS & set(node.entries) for node in strangers.values())
    )


def _services(document: Table) -> dict[str, Node]:
    return {key: node for key, node in document.entries.items() if not COMPOSE.knows(key)}


def upgrade(document: Table, report: Report) -> Table:
    """The document as today's format writes it; that this is needed is a problem, or a warning for a lax reader."""
    report.stray(
        document.where,
        "",
        "services stand at the top level, as in version 1 of the format",
        "put all of them under 'services:', or read it with --lax",
        code="old-format",
    )
    services = _services(document)
    upgraded = {name: _service(node, services) for name, node in services.items() if isinstance(node, Table)}
    keys = {name: document.at(name) for name in upgraded}
    entries: dict[str, Node] = {"services": Table(upgraded, keys, document.where)}
    volumes = _named_volumes(upgraded.values())
    if volumes:
        entries["volumes"] = make_table(volumes, document.where)
    rest = {key: node for key, node in document.entries.items() if key not in services}
    return Table({**entries, **rest}, {**document.keys, **dict.fromkeys(entries, document.where)}, document.where)


def _service(service: Table, services: Mapping[str, Node]) -> Table:
    entries, keys = dict(service.entries), dict(service.keys)

    def take(key: str) -> Node | None:
        keys.pop(key, None)
        return entries.pop(key, None)

    def put(key: str, node: Node, where: Where) -> None:
        entries[key] = node
        keys[key] = where

    build, dockerfile = entries.get("build"), service.entries.get("dockerfile")
    if isinstance(build, Scalar) and dockerfile is not None:
        take("dockerfile")
        put("build", make_table({"context": build, "dockerfile": dockerfile}, build.where), service.at("build"))
    if isinstance(net := entries.get("net"), Scalar):
        take("net")
        put("network_mode", _network_mode(net, services), service.at("net"))
    driver, options = take("log_driver"), take("log_opt")
    logging = {key: node for key, node in (("driver", driver), ("options", options)) if node is not None}
    if logging:
        where = service.at("log_driver" if driver is not None else "log_opt")
        put("logging", make_table(logging, where), where)
    return Table(entries, keys, service.where)


def _network_mode(net: Scalar, services: Mapping[str, Node]) -> Scalar:
    kind, _, name = str(net.value).partition(":")
    return net.with_value(f"service:{name}") if kind == "container" and name in services else net


def _named_volumes(services: Iterable[Table]) -> dict[str, Node]:
    """Declarations of the volumes that are used by name; version 1 made them by that name when they were not there."""
    volumes: dict[str, Node] = {}
    for service in services:
        listed = service.entries.get("volumes")
        for item in listed.items if isinstance(listed, Items) else ():
            match = _NAMED_VOLUME.match(str(item.value)) if isinstance(item, Scalar) else None
            if match is not None and isinstance(item, Scalar):
                volumes.setdefault(match[1], make_table({"name": item.with_value(match[1])}, item.where))
    return volumes
