"""``$VAR`` and ``${VAR...}`` in values: all eight operators, nested, positions kept.

A ``$`` that begins no name stays as it is, ``$$`` is one ``$``; keys are never touched. Only the branch of an
operator that is used is looked at.

Source: Compose Specification, "Interpolation"; corners as docker compose 2.40.3 answers them (2026-07).
"""

import re
from collections.abc import Callable, Mapping

from boxship.spec.report import Report
from boxship.spec.tree import HELD_CLOSE, HELD_OPEN, Items, Node, Scalar, Table, make_table
from boxship.where import Where

Lookup = Callable[[str], str | None]

MAX_NESTING = 32
"""``${A:-${B:-...}}`` deeper than this is refused; the deepest of 343 real projects has three."""

MAX_CHARACTERS = 1_000_000
"""Of a value that is made from variables: ``B=$A$A``, ``C=$B$B`` and so on would double with every line."""
MAX_TOTAL_CHARACTERS = 10_000_000
"""Of all such values of a file; a file itself is no larger."""

_DOLLAR = re.compile(r"\$(?:(?P<escaped>\$)|(?P<named>[A-Za-z_][A-Za-z0-9_]*)|(?P<brace>\{))")
_MARKABLE = re.compile(rf"{_DOLLAR.pattern}|\$|[{HELD_OPEN}{HELD_CLOSE}]")
_BRACE = re.compile(r"[{}]")
_BRACED = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(:?[-?+])?")


class SubstitutionError(ValueError):
    """A template is wrong, or a required variable is missing; the text is the sentence."""


def substitute(template: str, lookup: Lookup, missing: Callable[[str], None]) -> str:
    """The template with its variables replaced.

    Args:
        template: the text.
        lookup: a variable's value, None when it is unset.
        missing: called with each unset variable that has no default; it counts as "".

    Raises:
        SubstitutionError: for a bad form, a ``?`` operator whose variable is missing, or a result that is too long.
    """
    if "$" not in template:
        return template
    if len(template) > MAX_CHARACTERS:
        raise SubstitutionError(f"a value of more than {MAX_CHARACTERS:,} characters can't hold variables")
    return _Substitution(template, lookup, missing).expand(0, len(template), 0)


def variables_in(template: str, mark: Callable[[str], str]) -> str:
    """The template with what ``mark`` makes of each variable, and of each other ``$``, as it is written.

    So it is with the two letters that ``mark`` may begin and end with: a file that holds them holds no mark.
    """
    closings = _match_braces(template)
    parts: list[str] = []
    position = 0
    for match in _MARKABLE.finditer(template):
        if match.start() < position:
            continue  # inside of braces that were taken as a whole
        end = match.end()
        if match["brace"]:
            end = closings.get(end - 1, end - 1) + 1
        parts += (template[position : match.start()], mark(template[match.start() : end]))
        position = end
    return "".join((*parts, template[position:]))


class _Substitution:
    """One template's. It is cut by positions, and braces are matched once: both keep the time linear."""

    def __init__(self, template: str, lookup: Lookup, missing: Callable[[str], None]) -> None:
        self._template = template
        self._lookup = lookup
        self._missing = missing
        self._closings: Mapping[int, int] | None = None

    def expand(self, position: int, end: int, depth: int) -> str:
        """The part from ``position`` to ``end``. ``depth``: how many operators are around it."""
        if depth > MAX_NESTING:
            raise SubstitutionError(f"variables are nested more than {MAX_NESTING} levels deep")
        parts: list[str] = []
        length = 0
        while (match := _DOLLAR.search(self._template, position, end)) is not None:
            parts.append(self._template[position : match.start()])
            position = match.end()
            if match["escaped"]:
                found = "$"
            elif match["named"]:
                found = self._value(match["named"])
            else:
                closing = self._closing(position)
                found = self._braced(position, closing, depth)
                position = closing + 1
            parts.append(found)
            length += len(found)
            if length > MAX_CHARACTERS:
                raise SubstitutionError(f"variables make this longer than {MAX_CHARACTERS:,} characters")
        parts.append(self._template[position:end])
        return "".join(parts)

    def _value(self, name: str) -> str:
        value = self._lookup(name)
        if value is None:
            self._missing(name)
            return ""
        return value

    def _closing(self, position: int) -> int:
        """Where the brace closes that opens right before ``position``."""
        if self._closings is None:
            self._closings = _match_braces(self._template)
        closing = self._closings.get(position - 1)
        if closing is None:
            raise SubstitutionError(f"'{_shorten(self._template[position - 2 :])}' has no closing brace")
        return closing

    def _braced(self, start: int, end: int, depth: int) -> str:
        match = _BRACED.match(self._template, start, end)
        if match is None or (match[2] is None and match.end() != end):
            raise SubstitutionError(f"'{_shorten(self._template[start - 2 : end + 1])}' is not a variable")
        name, operator = match[1], match[2]
        if operator is None:
            return self._value(name)
        value = self._lookup(name)
        is_present = bool(value) if operator[0] == ":" else value is not None
        match operator[-1]:
            case "-":
                return value or "" if is_present else self.expand(match.end(), end, depth + 1)
            case "+":
                return self.expand(match.end(), end, depth + 1) if is_present else ""
            case _:
                if is_present:
                    return value or ""
                reason = _shorten(self.expand(match.end(), end, depth + 1), 500)
                state = "empty" if value is not None else "not set"
                raise SubstitutionError(
                    f"the variable {name} is required but {state}" + (f": {reason}" if reason else "")
                )


def _match_braces(template: str) -> dict[int, int]:
    """Where each ``${`` closes, by the position of its brace; other braces count, too."""
    closings: dict[int, int] = {}
    opened: list[int] = []
    for brace in _BRACE.finditer(template):
        position = brace.start()
        if brace[0] == "{":
            opened.append(position)
        elif opened:
            opening = opened.pop()
            if template[opening - 1 : opening] == "$":
                closings[opening] = position
    return closings


def _shorten(text: str, length: int = 60) -> str:
    return text if len(text) <= length else text[: length - 3] + "..."


class _Interpolator:
    def __init__(self, environment: Mapping[str, str], report: Report) -> None:
        self._environment = environment
        self._report = report
        self._done: dict[int, Node] = {}
        self._characters_left = MAX_TOTAL_CHARACTERS

    def node(self, node: Node, path: str) -> Node:
        if _is_done(node):
            return node
        if isinstance(node, Scalar):
            return self._scalar(node, str(node.value), path)
        # A node that aliases share is one object: replace it once, so that it stays one.
        if id(node) not in self._done:
            self._done[id(node)] = self._branch(node, path)
        return self._done[id(node)]

    def _branch(self, node: Items | Table, path: str) -> Node:
        if isinstance(node, Items):
            numbered = enumerate(node.items)
            return node.with_items(
                tuple(item if _is_done(item) else self.node(item, f"{path}[{index}]") for index, item in numbered)
            )
        changes: dict[str, Node] = {}
        for key, value in node.entries.items():
            if not _is_done(value):
                replaced = self.node(value, f"{path}.{key}" if path else key)
                if replaced is not value:
                    changes[key] = replaced
        return node.with_changes(changes)

    def _scalar(self, node: Scalar, text: str, path: str) -> Scalar:
        if self._characters_left < 0:
            return node  # which was reported
        unset: dict[str, None] = {}
        try:
            value = substitute(text, self._environment.get, unset.setdefault)
        except SubstitutionError as err:
            self._refuse(node.where, path, str(err))
            return node
        for name in unset:
            self._report.unset(name, node.where, path, self._environment)
        if value != text:
            self._report.substituted(node.where)
        self._characters_left -= len(value)
        if self._characters_left < 0:
            self._refuse(node.where, path, f"variables make this file longer than {MAX_TOTAL_CHARACTERS:,} characters")
        return Scalar(value, node.where, node.tag, tuple(unset))

    def _refuse(self, where: Where, path: str, reason: str) -> None:
        if "required" in reason:
            self._report.error(where, path, reason, code="required-variable")
        else:
            self._report.error(where, path, reason, "write $$ for a plain dollar sign")


def _is_done(node: Node) -> bool:
    """Whether there is nothing to replace in it: so it is with most values, and they shall cost no more than this."""
    if isinstance(node, Scalar):
        return not (isinstance(node.value, str) and "$" in node.value)
    return not node.may_hold_variables


def interpolate(document: Table, environment: Mapping[str, str], report: Report) -> Table:
    """The document with every value's variables replaced; unset ones are warned about, bad ones reported."""
    interpolator = _Interpolator(environment, report)
    entries = {key: interpolator.node(node, key) for key, node in document.entries.items()}
    return document.with_entries(entries) if entries else make_table({}, document.where)
