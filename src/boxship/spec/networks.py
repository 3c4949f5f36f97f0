"""The top-level ``networks`` and ``volumes`` as values."""

from collections.abc import Mapping

from boxship.spec.fields import Fields
from boxship.spec.model import IpamPool, Network, Volume
from boxship.spec.report import Report
from boxship.spec.tree import Items, Table


def build_networks(fields: Fields) -> dict[str, Network]:
    """Every declared network by its key."""
    section = fields.table("networks")
    return {key: _network(key, section.table(key), table) for key, table in _tables(fields, "networks").items()}


def _tables(fields: Fields, key: str) -> Mapping[str, Table]:
    node = fields.node(key)
    entries = node.entries if isinstance(node, Table) else {}
    return {name: value for name, value in entries.items() if isinstance(value, Table)}


def _network(key: str, fields: Fields, table: Table) -> Network:
    ipam = fields.table("ipam")
    pools = ipam.node("config")
    return Network(
        key=key,
        name=fields.filled("name"),
        external=fields.flag("external"),
        driver=fields.filled("driver"),
        driver_opts=fields.text_map("driver_opts"),
        ipam_driver=ipam.filled("driver"),
        ipam=tuple(_pool(Fields(item)) for item in (pools.items if isinstance(pools, Items) else ())),
        ipam_options=ipam.text_map("options"),
        internal=fields.flag("internal"),
        attachable=fields.flag("attachable"),
        enable_ipv4=fields.maybe_flag("enable_ipv4"),
        enable_ipv6=fields.maybe_flag("enable_ipv6"),
        labels=fields.text_map("labels"),
        where=table.where,
    )


def _pool(fields: Fields) -> IpamPool:
    return IpamPool(
        subnet=fields.filled("subnet"),
        ip_range=fields.filled("ip_range"),
        gateway=fields.filled("gateway"),
        aux_addresses=fields.text_map("aux_addresses"),
    )


def build_volumes(fields: Fields, report: Report) -> dict[str, Volume]:
    """Every declared volume by its key."""
    section = fields.table("volumes")
    return {key: _volume(key, section.table(key), table, report) for key, table in _tables(fields, "volumes").items()}


def _volume(key: str, fields: Fields, table: Table, report: Report) -> Volume:
    if fields.flag("external"):
        for other in ("driver", "driver_opts", "labels"):
            if fields.has(other):
                reason = f"'{other}' says how to make a volume that is external"
                report.error(table.at(other), fields.path(other), reason, f"remove '{other}' or 'external'")
    return Volume(
        key=key,
        name=fields.filled("name"),
        external=fields.flag("external"),
        driver=fields.filled("driver"),
        driver_opts=fields.text_map("driver_opts"),
        labels=fields.text_map("labels"),
        where=table.where,
    )
