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
from boxship.spec.tree import NONE, RESET, Items, Node, Scalar, Table, Tag, make_table

Identity = Callable[[Node], str]

_OVERRIDE = Tag.OVERRIDE


def _scalar_identity(node: Node) -> str:
    return str(node.value) if isinstance(node, Scalar) else f"#{id(node)}"


def _by_key(key: str) -> Identity:
    return lambda node: (Fields(node).text(key) if isinstance(node, Table) else None) or _scalar_identity(node)


def _by_target(directory: str) -> Identity:
    """The place in the container where a secret or config appears, as far as it is written."""

    def identify(node: Node) -> str:
        fields = Fields(node)
        return fields.text("target") or f"{directory}{fields.text('source')}"

    return identify


def _itself(node: Node) -> str:
    return f"#{id(node)}"


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
_APPEND = Rule(identity=_itself)
"""Also what is there already: order and number mean something, or equal items are different things."""
_DEPLOY = Rule(
    keys={
        "placement": Rule(keys={"constraints": _APPEND, "preferences": _APPEND}),
        "resources": Rule(
            keys={"reservations": Rule(keys={"devices": _APPEND, "generic_resources": _APPEND})},
        ),
    }
)

_SERVICE = Rule(
    keys={
        "command": Rule(replaces=True, keeps_empty=True),
        "entrypoint": Rule(replaces=True, keeps_empty=True),
        "healthcheck": Rule(keys={"test": _REPLACE}),
        "environment": _PAIRS,
        "blkio_config": Rule(each=_APPEND),
        "build": Rule(
            keys={
                "args": _PAIRS,
                "ssh": _PAIRS,
                "secrets": Rule(identity=_by_target("")),
                "ulimits": Rule(each=_REPLACE),
            }
        ),
        "configs": Rule(identity=_by_target("/")),
        "deploy": _DEPLOY,
        "develop": Rule(keys={"watch": _APPEND}),
        "gpus": _APPEND,
        "label_file": _APPEND,
        "post_start": _APPEND,
        "pre_start": _APPEND,
        "pre_stop": _APPEND,
        "provider": Rule(keys={"options": Rule(each=_REPLACE)}),
        "secrets": Rule(identity=_by_target("/run/secrets/")),
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
    if over.tag is RESET:
        return None
    if base is None or over.tag is _OVERRIDE or rule.replaces:
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
            return _table_alone(over, rule)
        case Items():
            items = tuple(item for item in over.items if item.tag is not RESET)
            kept = items if rule.replaces else _unique(items, rule)
            return over if len(kept) == len(over.items) and over.tag is NONE else Items(kept, over.where)
        case Scalar(value=None) if base is not None and not rule.keeps_empty:
            return base
        case Scalar():
            return over


def _table_alone(over: Table, rule: Rule) -> Table:
    """Most mappings stay the nodes that they are: a file that meets no other costs neither time nor memory."""
    changes: dict[str, Node | None] = {}
    for key, value in over.entries.items():
        is_plain = isinstance(value, Scalar) and value.tag is NONE
        merged = value if is_plain else merge(None, value, rule.inside(key))
        if merged is not value:
            changes[key] = merged
    if over.tag is NONE and not changes:
        return over
    entries = over.with_changes(changes).entries
    # Keys whose value was wrong and left out stay known, so that nothing else complains about their absence.
    left_out = {key: where for key, where in over.keys.items() if key not in over.entries}
    return Table(entries, {**{key: over.at(key) for key in entries}, **left_out}, over.where)


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
    kept = [item for item in items if item.tag is not RESET]
    return tuple({rule.identity(item): item for item in kept}.values()) if len(kept) > 1 else tuple(kept)
