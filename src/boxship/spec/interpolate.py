"""``$VAR`` and ``${VAR...}`` in values: all eight operators, nested, positions kept.

A ``$`` that begins no name stays as it is, ``$$`` is one ``$``; keys are never touched. Only the branch of an
operator that is used is looked at.

Source: Compose Specification, "Interpolation"; corners as docker compose 2.40.3 answers them (2026-07).
"""

import re
from collections.abc import Callable, Mapping

from boxship.spec.report import Report
from boxship.spec.tree import Items, Node, Scalar, Table, make_table

Lookup = Callable[[str], str | None]

MAX_NESTING = 32
"""``${A:-${B:-...}}`` deeper than this is refused; the deepest of 343 real projects has three."""

_DOLLAR = re.compile(r"\$(?:(?P<escaped>\$)|(?P<named>[A-Za-z_][A-Za-z0-9_]*)|(?P<brace>\{))")
_BRACED = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(:?[-?+])?")


class SubstitutionError(ValueError):
    """A template is wrong, or a required variable is missing; the text is the sentence."""


def substitute(template: str, lookup: Lookup, missing: Callable[[str], None], depth: int = 0) -> str:
    """The template with its variables replaced.

    Args:
        template: the text.
        lookup: a variable's value, None when it is unset.
        missing: called with each unset variable that has no default; it counts as "".
        depth: how many operators are around this text.

    Raises:
        SubstitutionError: for a bad form, or a ``?`` operator whose variable is missing.
    """
    if "$" not in template:
        return template
    if depth > MAX_NESTING:
        raise SubstitutionError(f"variables are nested more than {MAX_NESTING} levels deep")
    parts: list[str] = []
    position = 0
    while (match := _DOLLAR.search(template, position)) is not None:
        parts.append(template[position : match.start()])
        position = match.end()
        if match["escaped"]:
            parts.append("$")
        elif match["named"]:
            parts.append(_value(match["named"], lookup, missing))
        else:
            end = _closing_brace(template, position)
            parts.append(_expand(template[position:end], lookup, missing, depth))
            position = end + 1
    parts.append(template[position:])
    return "".join(parts)


def _value(name: str, lookup: Lookup, missing: Callable[[str], None]) -> str:
    value = lookup(name)
    if value is None:
        missing(name)
        return ""
    return value


def _closing_brace(template: str, start: int) -> int:
    open_braces = 1
    for position in range(start, len(template)):
        character = template[position]
        if character == "{":
            open_braces += 1
        elif character == "}":
            open_braces -= 1
            if open_braces == 0:
                return position
    raise SubstitutionError(f"'{_shorten('${' + template[start:])}' has no closing brace")


def _expand(inner: str, lookup: Lookup, missing: Callable[[str], None], depth: int) -> str:
    match = _BRACED.match(inner)
    if match is None or (match[2] is None and match.end() != len(inner)):
        raise SubstitutionError(f"'{_shorten('${' + inner + '}')}' is not a variable")
    name, operator = match[1], match[2]
    if operator is None:
        return _value(name, lookup, missing)
    word = inner[match.end() :]
    value = lookup(name)
    is_present = bool(value) if operator[0] == ":" else value is not None
    match operator[-1]:
        case "-":
            return value or "" if is_present else substitute(word, lookup, missing, depth + 1)
        case "+":
            return substitute(word, lookup, missing, depth + 1) if is_present else ""
        case _:
            if is_present:
                return value or ""
            reason = substitute(word, lookup, missing, depth + 1)
            state = "empty" if value is not None else "not set"
            raise SubstitutionError(f"the variable {name} is required but {state}" + (f": {reason}" if reason else ""))


def _shorten(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."


class _Interpolator:
    def __init__(self, environment: Mapping[str, str], report: Report) -> None:
        self._environment = environment
        self._report = report
        self._done: dict[int, Node] = {}

    def node(self, node: Node, path: str) -> Node:
        match node:
            case Scalar(value=str() as text) if "$" in text:
                return self._scalar(node, text, path)
            case Scalar():
                return node
            case Items() | Table():
                # A node that aliases share is one object: replace it once, so that it stays one.
                if id(node) not in self._done:
                    self._done[id(node)] = self._branch(node, path)
                return self._done[id(node)]

    def _branch(self, node: Items | Table, path: str) -> Node:
        if isinstance(node, Items):
            items = tuple(self.node(item, f"{path}[{index}]") for index, item in enumerate(node.items))
            return node if all(map(_same, items, node.items)) else node.with_items(items)
        entries = {key: self.node(value, f"{path}.{key}" if path else key) for key, value in node.entries.items()}
        is_same = all(map(_same, entries.values(), node.entries.values()))
        return node if is_same else node.with_entries(entries)

    def _scalar(self, node: Scalar, text: str, path: str) -> Scalar:
        unset: list[str] = []
        try:
            value = substitute(text, self._environment.get, unset.append)
        except SubstitutionError as err:
            hint = "" if "required" in str(err) else "write $$ for a plain dollar sign"
            self._report.error(node.where, path, str(err), hint)
            return node
        for name in dict.fromkeys(unset):
            self._report.warn(node.where, path, f"the variable {name} is not set, so it is empty here")
        return Scalar(value, node.where, node.tag, tuple(unset))


def _same(one: Node, other: Node) -> bool:
    return one is other


def interpolate(document: Table, environment: Mapping[str, str], report: Report) -> Table:
    """The document with every value's variables replaced; unset ones are warned about, bad ones reported."""
    interpolator = _Interpolator(environment, report)
    entries = {key: interpolator.node(node, key) for key, node in document.entries.items()}
    return document.with_entries(entries) if entries else make_table({}, document.where)
