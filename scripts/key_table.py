"""Every key of the Compose Specification and what Boxship does with it, from where each key is declared.

A key's shape says why it has no effect (``unhonoured``) or what is special about it (``about``); which engine it
takes is in ``boxship.engine.needs``. The warnings and refusals that users see come from the same places.
"""

from collections.abc import Iterator
from typing import NamedTuple

from boxship.engine.needs import ENABLE_IPV4, NEEDS
from boxship.spec.compose_keys import COMPOSE
from boxship.spec.shape import Shape

_SERVICE = "services.NAME."
_NEEDS = {f"{_SERVICE}{need.key}": need for need in NEEDS} | {ENABLE_IPV4.key: ENABLE_IPV4}
_SECTIONS = ("services.NAME", "networks.NAME", "volumes.NAME", "secrets.NAME", "configs.NAME", "models")


class KeyRow(NamedTuple):
    """A key path; honoured, warned or refused (also "honoured, refused on older engines"); and the sentence."""

    path: str
    status: str
    remark: str


def key_rows(shape: Shape = COMPOSE, path: str = "") -> Iterator[KeyRow]:
    """A row for every key, parents first. What is inside a key without effect has none either."""
    for key, inner in (shape.keys or {}).items():
        if key.startswith("x-"):
            continue
        full = f"{path}.{key}" if path else key
        yield _row(full, inner)
        if not inner.unhonoured:
            yield from _inside(inner, full)


def _inside(shape: Shape, path: str) -> Iterator[KeyRow]:
    yield from key_rows(shape, path)
    if shape.items is not None:
        yield from _inside(shape.items, f"{path}[]")
    if shape.values is not None:
        yield from _inside(shape.values, f"{path}.NAME")


def _row(path: str, shape: Shape) -> KeyRow:
    if shape.unhonoured:
        kept = f"; {', '.join(f'`{word}`' for word in shape.harmless)} needs no warning" if shape.harmless else ""
        return KeyRow(path, "warned", shape.unhonoured + kept)
    need = _NEEDS.get(path)
    if need is not None:
        status = "honoured, older engines refused" if need.is_vital else "honoured, older engines warned"
        remark = need.sentence.partition("' ")[2]
        return KeyRow(path, status, f"{remark}, {shape.about}" if shape.about else remark)
    return KeyRow(path, "refused" if shape.about.startswith("refused") else "honoured", shape.about)


def every_key() -> str:
    """The section "Every key" of docs/compatibility.md."""
    rows = [*key_rows(), *_pathless_needs()]
    parts = [
        "## Every key",
        (
            "No key of the Compose Specification is dropped in silence. A key is "
            "*honoured*: it does on the engine what docker compose makes it do. Or it is *warned* about: it is read, "
            "checked, merged and shown, and a warning says by name why it has no effect "
            "([`unhonoured-key`](reference/problems.md)). Or it is *refused* with its place when something is to be "
            "started. What needs a newer engine than the one that answers is refused, or told, when the container is "
            "made; nothing is sent to an engine that would ignore it."
        ),
        f"{len(rows)} keys: {_count(rows)}.",
    ]
    top = [row for row in rows if not row.path.startswith(tuple(f"{section}." for section in _SECTIONS))]
    parts += ["### Top level", _table(top, "")]
    for section in _SECTIONS:
        own = [row for row in rows if row.path.startswith(f"{section}.")]
        if own:
            parts += [f"### `{section}`", _table(own, f"{section}.")]
    return "\n\n".join(parts)


def _pathless_needs() -> Iterator[KeyRow]:
    """Needs of one value of a key, such as ``type: image``."""
    for path, need in _NEEDS.items():
        if ": " in path:
            yield KeyRow(path, "honoured, older engines refused", need.sentence.partition("' ")[2])


def _count(rows: list[KeyRow]) -> str:
    kinds = ("honoured", "warned", "refused")
    counts = {kind: sum(row.status.partition(",")[0] == kind for row in rows) for kind in kinds}
    return ", ".join(f"{count} {kind}" for kind, count in counts.items())


def _table(rows: list[KeyRow], prefix: str) -> str:
    lines = (f"| `{row.path.removeprefix(prefix)}` | {row.status} | {row.remark} |" for row in rows)
    return "\n".join(("| key | what happens | remark |", "| --- | --- | --- |", *lines))
