"""Several files become one: each kind of key has its own way of meeting the same key of an earlier file.

Mappings merge by key, plain values are replaced, lists are appended and then hold each thing once. An empty value
keeps what was there, except where empty means something (``environment``: take it from the shell). ``!reset`` removes,
``!override`` replaces.

Source: Compose Specification, "Merge" (2026-06).
"""

from collections.abc import Callable, Mapping

from msgspec import Struct, field

from boxship.spec.fields import Fields
from boxship.spec.mounts import mount_identity
from boxship.spec.ports import port_identity
from boxship.spec.tree import Items, Node, Scalar, Table, Tag, make_table

Identity = Callable[[Node], str]


def _scalar_identity(node: Node) -> str:
    return str(node.value) if isinstance(node, Scalar) else f"#{id(node)}"


def _by_key(key: str) -> Identity:
    return lambda node: (Fields(node).text(key) if isinstance(node, Table) else None) or _scalar_identity(node)


class Rule(Struct, frozen=True):
    """How one value meets its earlier self. ``keys`` and ``each`` are the rules of what is inside a mapping."""

    keys: Mapping[str, "Rule"] = field(default_factory=dict)
    each: "Rule | None" = None
    replaces: bool = False
    identity: Identity = _scalar_identity
    keeps_empty: bool = False
    """An empty value replaces an earlier one."""
    same_driver_only: bool = False

    def inside(self, key: str) -> "Rule":
        return self.keys.get(key) or self.each or _DEFAULT


_DEFAULT = Rule()
_REPLACE = Rule(replaces=True)
_PAIRS = Rule(each=Rule(keeps_empty=True))

_SERVICE = Rule(
    keys={
        "command": Rule(replaces=True, keeps_empty=True),
        "entrypoint": Rule(replaces=True, keeps_empty=True),
        "healthcheck": Rule(keys={"test": _REPLACE}),
        "environment": _PAIRS,
        "build": Rule(keys={"args": _PAIRS}),
        "env_file": Rule(identity=_by_key("path")),
        "ports": Rule(identity=port_identity),
        "volumes": Rule(identity=mount_identity),
        "devices": Rule(identity=_by_key("target")),
        "ulimits": Rule(each=_REPLACE),
        "logging": Rule(same_driver_only=True),
    }
)

_RESOURCE = Rule(keys={"ipam": Rule(keys={"config": Rule(identity=_by_key("subnet"))})})

DOCUMENT = Rule(
    keys={"services": Rule(each=_SERVICE), "networks": Rule(each=_RESOURCE), "volumes": Rule(each=_RESOURCE)}
)


def merge_documents(documents: tuple[Table, ...], rule: Rule = DOCUMENT) -> Table | None:
    """One document from several in order, later ones over earlier ones; None for none."""
    merged: Node | None = None
    for document in documents:
        merged = merge(merged, document, rule)
    return merged if isinstance(merged, Table) else None


def merge(base: Node | None, over: Node, rule: Rule) -> Node | None:
    """``over`` on top of ``base``; None when nothing is left."""
    if over.tag is Tag.RESET:
        return None
    if base is None or over.tag is Tag.OVERRIDE or rule.replaces:
        return _alone(base, over, rule)
    match over:
        case Table() if isinstance(base, Table):
            return _merge_tables(base, over, rule)
        case Items() if isinstance(base, Items):
            return base.with_items(_unique((*base.items, *over.items), rule))
        case Scalar(value=None) if not rule.keeps_empty:
            return base
        case _:
            return _alone(None, over, rule)


def _alone(base: Node | None, over: Node, rule: Rule) -> Node | None:
    """A value with nothing under it: what is inside still obeys ``!reset`` and holds each thing once."""
    match over:
        case Table():
            return _merge_tables(make_table({}, over.where), over, rule)
        case Items():
            items = tuple(item for item in over.items if item.tag is not Tag.RESET)
            return Items(items if rule.replaces else _unique(items, rule), over.where)
        case Scalar(value=None) if base is not None and not rule.keeps_empty:
            return base
        case Scalar():
            return over


def _merge_tables(base: Table, over: Table, rule: Rule) -> Table:
    if rule.same_driver_only and not _same_driver(base, over):
        base = make_table({}, over.where)
    entries, keys = dict(base.entries), dict(base.keys)
    for key, value in over.entries.items():
        merged = merge(entries.get(key), value, rule.inside(key))
        if merged is None:
            entries.pop(key, None)
            keys.pop(key, None)
        else:
            entries[key] = merged
            keys[key] = over.at(key)
    # Keys whose value was wrong and left out stay known, so that nothing else complains about their absence.
    keys.update((key, where) for key, where in over.keys.items() if key not in over.entries)
    return Table(entries, keys, base.where if base.entries else over.where)


def _same_driver(base: Table, over: Table) -> bool:
    one, other = Fields(base).text("driver"), Fields(over).text("driver")
    return one is None or other is None or one == other


def _unique(items: tuple[Node, ...], rule: Rule) -> tuple[Node, ...]:
    """Each thing once: in the place where it was first written, as it was written last."""
    return tuple({rule.identity(item): item for item in items if item.tag is not Tag.RESET}.values())
