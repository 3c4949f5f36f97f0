"""The one line for people of every key of ``appliance.yaml``: the comment above it in ``example.yaml``.

The reference page, the JSON Schema and the hints of errors all take it from here.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from boxship.spec.appliance_keys import APPLIANCE
from boxship.spec.parse import parse_yaml
from boxship.spec.report import Report
from boxship.spec.shape import Shape
from boxship.spec.tree import Table

EXAMPLE = Path(__file__).with_name("example.yaml")
ANY_NAME = "NAME"
"""Stands in a key path for a name that the vendor chooses."""

_DEFAULT = re.compile(r" \(([^()]*)\)$")


@cache
def key_texts() -> Mapping[str, str]:
    """Key path -> its line; read when it is first needed, as most files are without errors."""
    text = EXAMPLE.read_text(encoding="utf-8")
    (document,) = parse_yaml(text, EXAMPLE.name, Report())
    found: dict[str, str] = {}
    for path, line in _texts(document, APPLIANCE, "", text.splitlines()):
        found.setdefault(path, line)
    return found


def rule_of(path: str) -> str:
    """What the value at a key path must be, in words; "" for a path that the example says nothing about."""
    ways = list(_generic_paths(path, APPLIANCE, ""))
    # What holds for a name that the vendor chose is said at the key above it.
    for shown in (*ways, *(way.removesuffix(f".{ANY_NAME}") for way in ways)):
        if shown in key_texts():
            return _DEFAULT.sub(r"; without it: \1", key_texts()[shown])
    return ""


def _texts(table: Table, shape: Shape, path: str, lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    for key, node in table.entries.items():
        inner = (shape.keys or {}).get(key, shape.values)
        name = key if shape.keys is not None else ANY_NAME
        full = f"{path}.{name}" if path else name
        comment = _comment_above(lines, table.at(key).line)
        if comment:
            yield full, comment
        if isinstance(node, Table) and inner is not None:
            yield from _texts(node, inner, full, lines)


def _comment_above(lines: Sequence[str], line: int) -> str:
    """The comment right above a line (from 1), its lines joined."""
    found: list[str] = []
    for above in reversed(lines[: line - 1]):
        if not above.lstrip().startswith("# "):
            break
        found.insert(0, above.strip().removeprefix("# "))
    return " ".join(found)


def _generic_paths(path: str, shape: Shape, before: str) -> Iterator[str]:
    """``checks.web.http`` as ``checks.NAME.http``; names may hold dots, so there may be several ways to read it."""
    if not path or path.startswith("["):
        yield before
        return
    prefix = f"{before}." if before else ""
    for key, inner in (shape.keys or {}).items():
        if path == key or path.startswith((f"{key}.", f"{key}[")):
            yield from _generic_paths(path[len(key) :].removeprefix("."), inner, f"{prefix}{key}")
    if shape.values is not None:
        for end in [match.start() for match in re.finditer(r"[.\[]", path)]:
            yield from _generic_paths(path[end:].removeprefix("."), shape.values, f"{prefix}{ANY_NAME}")
        yield f"{prefix}{ANY_NAME}"
