"""The forms a key's value may have, and checking a tree against them.

Checking also converts: text where a number or a truth value is wanted becomes one (variables are always text), and
what is wrong is reported and left out, so that the stages behind meet only values of the right kind.
"""

import re
from collections.abc import Mapping
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from boxship.spec.report import Report
from boxship.spec.scalars import text_of
from boxship.spec.tree import RESET, Items, Node, Scalar, Table, describe
from boxship.where import Problem, Where

Kind = Literal["text", "integer", "number", "flag", "null"]

_WORDS: Mapping[Kind, str] = {
    "text": "text",
    "integer": "a whole number",
    "number": "a number",
    "flag": "true or false",
}
_TRUE = frozenset({"true", "yes", "on", "y"})
_FALSE = frozenset({"false", "no", "off", "n"})
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
_INTEGER_END = 2**63
_NUMBER = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?")


class Shape(Struct, frozen=True):
    """A value is a scalar of one of ``kinds``, or a list of ``items``, or a mapping.

    A mapping has either free keys (``values``) or fixed ones (``keys``, where ``x-`` is always allowed when
    ``allows_extensions``). ``later`` are keys that exist but are not obeyed yet. ``key_pattern`` limits free keys.
    """

    kinds: tuple[Kind, ...] = ()
    items: "Shape | None" = None
    values: "Shape | None" = None
    keys: Mapping[str, "Shape"] | None = None
    later: frozenset[str] = frozenset()
    required: tuple[str, ...] = ()
    key_pattern: re.Pattern[str] | None = None
    allows_extensions: bool = True
    choices: tuple[str, ...] = ()
    anything: bool = False
    about: str = ""
    """One line for people; the commented example holds the same line."""
    unhonoured: str = ""
    """Why the key has no effect, as the rest of a sentence about it; each use is warned about with it."""
    harmless: tuple[str, ...] = ()
    """Values of an ``unhonoured`` key that say what happens anyway."""

    def knows(self, key: str) -> bool:
        """Whether a mapping of this shape may hold ``key``, now or later."""
        is_extension = self.allows_extensions and key.startswith("x-")
        return is_extension or key in self.later or key in (self.keys or {})


TEXT = Shape(("text",))
FLAG = Shape(("flag",))
INTEGER = Shape(("integer",))
NUMBER = Shape(("number",))
QUANTITY = Shape(("text", "number"))
TEXTS = Shape(items=TEXT)
TEXT_OR_TEXTS = Shape(("text",), items=TEXT)
ANY_SCALAR = Shape(("text", "number", "flag", "null"))
PAIRS = Shape(items=TEXT, values=ANY_SCALAR)
OPTIONS = Shape(values=Shape(("text", "number", "null")))
ANYTHING = Shape(anything=True)


def fixed(
    keys: Mapping[str, Shape],
    *,
    kinds: tuple[Kind, ...] = (),
    items: Shape | None = None,
    required: tuple[str, ...] = (),
    later: frozenset[str] = frozenset(),
) -> Shape:
    """A mapping with these keys and no others, or one of the other forms."""
    return Shape(kinds, items=items, keys=keys, required=required, later=later)


def about(text: str, shape: Shape) -> Shape:
    """The shape with its one-line description."""
    return replace(shape, about=text)


def choice(*words: str) -> Shape:
    """One of some words."""
    return Shape(("text",), choices=words)


def unhonoured(shape: Shape, reason: str, *, harmless: tuple[str, ...] = ()) -> Shape:
    """The shape of a key that is kept and has no effect: "cannot be honoured by a ... because ..."."""
    return replace(shape, unhonoured=reason, harmless=harmless)


def check_shape(node: Node, shape: Shape, path: str, report: Report) -> Node | None:
    """The node with its values converted and its wrong parts left out; None when all of it is wrong."""
    if shape.anything or node.tag is RESET:
        return node
    if isinstance(node, Scalar):
        return _check_scalar(node, shape, path, report)
    match node:
        case Items() if shape.items is not None:
            return _check_items(node, shape.items, path, report)
        case Table() if shape.keys is not None:
            return _check_fixed(node, shape, shape.keys, path, report)
        case Table() if shape.values is not None:
            return _check_free(node, shape, shape.values, path, report)
        case _:
            report.error(node.where, path, f"must be {expected_forms(shape)}, not {describe(node)}", code="wrong-form")
            return None


def expected_forms(shape: Shape) -> str:
    """The allowed forms in words: "text or a list"."""
    forms = list(dict.fromkeys(_WORDS[kind] for kind in shape.kinds if kind != "null"))
    forms += ["a list"] if shape.items is not None else []
    forms += ["a mapping"] if shape.keys is not None or shape.values is not None else []
    return " or ".join((", ".join(forms[:-1]), forms[-1])) if len(forms) > 1 else "".join(forms)


def unset_hint(node: Node) -> str:
    """Names the variables that made a value empty; "" when there are none."""
    names = dict.fromkeys(node.unset) if isinstance(node, Scalar) else {}
    return " and ".join(names) + (" is not set" if len(names) == 1 else " are not set") if names else ""


def _check_scalar(node: Scalar, shape: Shape, path: str, report: Report) -> Node | None:
    if isinstance(node.value, str) and shape.kinds and shape.kinds[0] == "text" and not shape.choices:
        return node  # so it is with most values
    if node.is_held and shape.kinds:
        return node
    for kind in shape.kinds:
        found = _convert(node, kind)
        if found is not None:
            return _check_choice(found, shape, path, report)
    if node.value is None:
        # An empty value keeps what an earlier file says; it is wrong when there is no such thing.
        reason = f"is empty; it must be {expected_forms(shape)}"
        report.defer(node, Problem(node.where, path, reason, unset_hint(node), code="empty-value"))
        return node
    is_number = isinstance(node.value, int | float) and not isinstance(node.value, bool)
    is_shown = isinstance(node.value, str) or (is_number and "text" not in shape.kinds)
    shown = f"'{text_of(node.value)}'" if is_shown else describe(node)
    hint = unset_hint(node)
    if not hint and "text" in shape.kinds and not isinstance(node.value, str):
        hint = "put it in quotes"
    report.error(node.where, path, f"must be {expected_forms(shape)}, not {shown}", hint, code="wrong-form")
    return None


def _convert(node: Scalar, kind: Kind) -> Scalar | None:
    value = node.value
    match kind:
        case "null":
            return node if value is None else None
        case "text":
            return node if isinstance(value, str) else None
        case "flag":
            return _convert_flag(node)
        case "integer":
            if isinstance(value, str) and _INTEGER.fullmatch(value):
                return node.with_value(int(value))
            if isinstance(value, float) and value.is_integer():
                return _fitting(node.with_value(int(value)))
            return _fitting(node) if isinstance(value, int) and not isinstance(value, bool) else None
        case "number":
            if isinstance(value, str) and _NUMBER.fullmatch(value):
                return node.with_value(float(value))
            return node if isinstance(value, int | float) and not isinstance(value, bool) else None


def _fitting(node: Scalar) -> Scalar | None:
    """The node if its whole number is one that the engine can hold."""
    return node if isinstance(node.value, int) and abs(node.value) < _INTEGER_END else None


def _convert_flag(node: Scalar) -> Scalar | None:
    if isinstance(node.value, bool):
        return node
    if isinstance(node.value, str) and node.value.lower() in _TRUE | _FALSE:
        return node.with_value(node.value.lower() in _TRUE)
    return None


def _check_choice(node: Scalar, shape: Shape, path: str, report: Report) -> Scalar | None:
    if not shape.choices or node.value in shape.choices:
        return node
    hint = unset_hint(node) or report.suggest(str(node.value), shape.choices)
    report.error(node.where, path, f"'{node.value}' is none of {', '.join(shape.choices)}", hint)
    return None


def _check_items(node: Items, shape: Shape, path: str, report: Report) -> Items:
    items: list[Node] = []
    for index, item in enumerate(node.items):
        checked = check_shape(item, shape, f"{path}[{index}]", report)
        if checked is not None and not _is_empty(checked, report):
            items.append(checked)
    return node.with_items(tuple(items))


def settle_empty(table: Table, report: Report) -> Table:
    """The merged mapping without empty values that no file fills; they are reported now."""
    return _settled_table(table, report) if report.has_deferred else table


def _settled_table(table: Table, report: Report) -> Table:
    left = ((key, value) for key, value in table.entries.items() if not _is_empty(value, report))
    return table.with_entries({key: _settled(value, report) for key, value in left})


def _settled(node: Node, report: Report) -> Node:
    match node:
        case Table():
            return _settled_table(node, report)
        case Items():
            return node.with_items(tuple(_settled(item, report) for item in node.items))
        case Scalar():
            return node


def _is_empty(node: Node, report: Report) -> bool:
    if not (isinstance(node, Scalar) and node.value is None and report.is_deferred(node)):
        return False
    report.settle(node)
    return True


def _check_free(node: Table, shape: Shape, values: Shape, path: str, report: Report) -> Table:
    changes: dict[str, Node | None] = {}
    for key, value in node.entries.items():
        inner = f"{path}.{key}" if path else key
        checked = None
        if shape.key_pattern is None or shape.key_pattern.fullmatch(key):
            checked = check_shape(value, values, inner, report)
        elif not (shape.allows_extensions and key.startswith("x-")):
            report.error(node.at(key), inner, f"'{key}' can't be a name", "names are letters, digits, '.', '_' and '-'")
        if checked is not value:
            changes[key] = checked
    return node.with_changes(changes)


def _check_fixed(node: Table, shape: Shape, keys: Mapping[str, Shape], path: str, report: Report) -> Table:
    changes: dict[str, Node | None] = {}
    for key, value in node.entries.items():
        inner = f"{path}.{key}" if path else key
        known = keys.get(key)
        checked = None
        if known is not None:
            checked = check_shape(value, known, inner, report)
            if known.unhonoured and checked is not None:
                _warn_unhonoured(key, checked, known, node.at(key), inner, report)
        elif not (shape.allows_extensions and key.startswith("x-")):
            _report_unknown(key, shape, node.at(key), inner, report)
        if checked is not value:
            changes[key] = checked
    for key in shape.required:
        if key not in node.entries:
            report.error(node.where, path, f"the key '{key}' is missing", code="missing-key")
    return node.with_changes(changes)


def _warn_unhonoured(key: str, value: Node, shape: Shape, where: Where, path: str, report: Report) -> None:
    if value.tag is RESET or (isinstance(value, Scalar) and value.value is None):
        return
    if not (isinstance(value, Scalar) and text_of(value.value) in shape.harmless):
        report.warn(where, path, f"'{key}' {shape.unhonoured}", code="unhonoured-key")


def _report_unknown(key: str, shape: Shape, where: Where, path: str, report: Report) -> None:
    if key in shape.later:
        hint = "remove it, or read with --lax to go without it"
        report.stray(where, path, f"'{key}' is not supported yet", hint, code="unsupported-key")
        return
    hint = report.suggest(key, [*(shape.keys or ()), *shape.later])
    report.stray(where, path, f"unknown key '{key}'", hint)
