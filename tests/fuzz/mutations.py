"""Changes to a case: of bytes, of lines, and of the tree that a file stands for."""

from collections.abc import Callable
from random import Random
from typing import Any

import yaml

from boxship.spec.compose_keys import COMPOSE
from boxship.spec.shape import Shape
from tests.fuzz.case import NAMES, Case
from tests.fuzz.grammar import Author
from tests.fuzz.words import HOSTILE

_PIECES = (
    b"!reset ", b"!override ", b"!!int ", b"!x ", b"${", b"}", b"$X", b"*a", b"&a ", b"<<: ", b"<<: *a\n", b"null",
    b"[", b"]",
    b"{", b"}", b": ", b"- ", b"'", b'"', b"\n", b"  ", b"\t", b"~", b"-1", b".inf", b"1e999", b"0x", b"---\n",
    b"...\n", b"|",
    b">-\n", b"? ", b"extends: ", b"include: ", b"%YAML 1.1\n", b"\0", b"\xff", b"\xef\xbb\xbf", b"\xc2\x85",
    b"\r\n", b"#",
    b"9" * 30, b"${A:-${B:-", b"service:", b"x-",
)  # fmt: skip
_WIDEST = 64_000
"""Bytes of a file that mutations let grow: what matters shows in small files, and sizes have tests of their own."""
_UNREADABLE = (yaml.YAMLError, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What PyYAML raises for files that it can't load, some of them by mistake."""
Mutation = Callable[[Case, Random], Case]


def mutate(case: Case, random: Random) -> Case:
    """The case with one to four changes."""
    for _ in range(random.randint(1, 4)):
        case = random.choice(_MUTATIONS)(case, random)
    return case


def _with(case: Case, name: str, content: bytes) -> Case:
    return Case({**case.files, name: content[:_WIDEST]}, case.is_lax)


def _pick(case: Case, random: Random) -> tuple[str, bytes]:
    name = random.choice(sorted(case.files) or ["compose.yaml"])
    return name, case.files.get(name, b"")


def _bytes(case: Case, random: Random) -> Case:
    name, content = _pick(case, random)
    start = random.randint(0, len(content))
    end = min(len(content), start + random.choice((0, 0, 1, 2, 8, 40)))
    return _with(
        case, name, content[:start] + random.choice((b"", bytes([random.randrange(256)]), *_PIECES)) + content[end:]
    )


def _lines(case: Case, random: Random) -> Case:
    """Leave out, double, swap or indent lines."""
    name, content = _pick(case, random)
    lines = content.split(b"\n")
    one, other = random.randrange(len(lines)), random.randrange(len(lines))
    match random.randrange(5):
        case 0:
            del lines[one]
        case 1:
            lines.insert(other, lines[one])
        case 2:
            lines[one], lines[other] = lines[other], lines[one]
        case 3:
            lines[one] = b"  " + lines[one]
        case _:
            lines[min(one, other) : max(one, other)] = lines[min(one, other) : max(one, other)] * 2
    return _with(case, name, b"\n".join(lines))


def _tree(case: Case, random: Random) -> Case:
    """Replace, remove, move or wrap one node of a YAML file."""
    name, content = _pick(case, random)
    try:
        tree = yaml.load(content, Loader=yaml.CSafeLoader)
        places = _places(tree)
    except _UNREADABLE:
        return _bytes(case, random)
    if not places:
        return _with(case, name, Author(random).yaml(Author(random).compose()))
    holder, key = random.choice(places)
    match random.randrange(6):
        case 0:
            holder[key] = random.choice(HOSTILE)
        case 1:
            holder[key] = [holder[key]]
        case 2:
            holder[key] = {"x": holder[key]}
        case 3:
            del holder[key]
        case 4:
            other, there = random.choice(places)
            holder[key] = other.get(there) if isinstance(other, dict) else other[min(there, len(other) - 1)]
        case _:
            holder[key] = Author(random).value(_shape_for(key), str(key), 3)
    try:
        # Not as JSON: aliases of aliases must stay aliases.
        text = yaml.dump(tree, Dumper=yaml.CSafeDumper, allow_unicode=True, sort_keys=False, encoding="utf-8")
    except _UNREADABLE:
        return _bytes(case, random)
    return _with(case, name, bytes(text))


def _places(tree: object) -> list[tuple[Any, Any]]:
    """Every mapping or list of the tree with each of its keys."""
    places: list[tuple[Any, Any]] = []
    waiting, seen = [tree], set[int]()
    while waiting:
        node = waiting.pop()
        if not isinstance(node, dict | list) or id(node) in seen:
            continue
        seen.add(id(node))
        for key in list(node) if isinstance(node, dict) else range(len(node)):
            places.append((node, key))
            waiting.append(node[key])
    return places


def _shape_for(key: object) -> Shape:
    services = (COMPOSE.keys or {})["services"].values
    keys = {**(COMPOSE.keys or {}), **((services.keys or {}) if services else {})}
    return keys.get(str(key), COMPOSE)


def _file(case: Case, random: Random) -> Case:
    """Add, remove or copy a whole file, or change its encoding."""
    name, content = _pick(case, random)
    match random.randrange(4):
        case 0:
            return Case({each: text for each, text in case.files.items() if each != name}, case.is_lax)
        case 1:
            return _with(case, random.choice(NAMES), content)
        case 2:
            return Case(case.files, not case.is_lax)
        case _:
            return _with(
                case,
                name,
                content.decode("utf-8", "replace").encode(random.choice(("utf-16", "latin-1", "utf-8-sig")), "replace"),
            )


_MUTATIONS: tuple[Mutation, ...] = (_bytes, _bytes, _lines, _lines, _tree, _tree, _tree, _file)
