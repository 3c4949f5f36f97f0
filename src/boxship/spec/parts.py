"""``build.contexts`` and ``build.budget`` of ``appliance.yaml``: what goes into images, and how large they may be."""

import posixpath
from pathlib import Path

from boxship.spec.fields import Fields
from boxship.spec.model_build import Budget, ContextPart
from boxship.spec.tree import Node, Table

_HERE = "."


def build_contexts(section: Fields, directory: Path) -> dict[str, tuple[ContextPart, ...]]:
    """By service: what is laid over its build context, in the file's order. Paths begin at ``directory``."""
    services = section.table("contexts")
    return {
        name: tuple(
            part
            for into, node in _entries(services, name).items()
            for part in _parts(services.table(name), into, node, directory)
        )
        for name in _entries(section, "contexts")
    }


def build_budgets(section: Fields) -> dict[str, Budget]:
    """By service or base."""
    limits = section.table("budget")
    return {
        name: Budget(limit_bytes, node.where)
        for name, node in _entries(section, "budget").items()
        if (limit_bytes := limits.size(name)) is not None
    }


def _parts(service: Fields, into: str, node: Node, directory: Path) -> list[ContextPart]:
    inner = service.table(into)
    single = service.text(into) or inner.text("from")
    sources = (single,) if single else inner.texts("from")
    place = _place(into)
    if place is None:
        service.complain(into, f"'{into}' is not inside of the build context", "a path without a leading / and ..")
        return []
    if not sources or not all(sources):
        service.complain(into, "nothing is laid there", "name a folder or a file")
        return []
    only, without = inner.texts("only"), inner.texts("except")
    for key, patterns in (("only", only), ("except", without)):
        if wrong := [pattern for pattern in patterns if not pattern.strip("/. ") or pattern.startswith(("!", "#"))]:
            inner.complain(key, f"'{wrong[0]}' matches no path", "for example **/*.css")
    return [ContextPart(directory / source, place, only, without, node.where) for source in sources]


def _place(into: str) -> str | None:
    """The place as a normal path, "" for the context itself; a slash at its end stays. None when it is outside."""
    if not into or into.startswith("/") or "\0" in into:
        return None
    normal = posixpath.normpath(into)
    if normal == ".." or normal.startswith("../"):
        return None
    if normal == _HERE:
        return ""
    return f"{normal}/" if into.endswith(("/", "/.")) else normal


def _entries(section: Fields, key: str) -> dict[str, Node]:
    node = section.node(key)
    return dict(node.entries) if isinstance(node, Table) else {}
