"""Crane's volumes: host paths relative to the file, named volumes, and containers that only hold data for others.

What a container holds for others (``volumes-from``) outlives it: volumes without a name get one, made of the
container's name and the path.
"""

import os.path
from collections.abc import Iterable, Mapping
from pathlib import Path

from boxship.names import held_volume_key
from boxship.spec.crane.expand import Expander, literal
from boxship.spec.report import Report
from boxship.spec.scalars import text_of
from boxship.spec.tree import Items, Node, Scalar, Table, make_table

_NOTHING_TO_DO = frozenset({("true",), ("/bin/true",), (":",), ("exit", "0")})
_IDLE_IMAGES = frozenset({"true"})
"""Images whose only program ends at once: tianon/true."""


class Volumes:
    """Rewrites the volumes of all containers, and knows which names they use."""

    def __init__(
        self, directory: Path, declared: Iterable[str], sources: Iterable[str], expander: Expander, report: Report
    ) -> None:
        """``declared``: the named volumes of the file; ``sources``: the containers that others take volumes from."""
        self._directory = directory
        self._declared = frozenset(declared)
        self._sources = frozenset(sources)
        self._expander = expander
        self._report = report
        self.named: dict[str, Node] = {}
        """Volumes that are used by a name that the file doesn't declare, and those that got a name here."""

    def rewrite(self, node: Node, container: str, path: str) -> Node:
        """Every entry as Compose writes it; one that means nothing is reported and left out."""
        if not isinstance(node, Items):
            return node
        entries = (
            self._entry(item, container, f"{path}[{index}]") if isinstance(item, Scalar) else item
            for index, item in enumerate(node.items)
        )
        return node.with_items(tuple(entry for entry in entries if entry is not None))

    def _entry(self, item: Scalar, container: str, path: str) -> Node | None:
        text = text_of(item.value)
        source, colon, target = self._expander.text(text).partition(":")
        if not colon:
            return self._place(item, source, container, path)
        if not source or not target:
            missing = "source" if not source else "target"
            self._report.stray(
                item.where, path, f"'{text}' has an empty {missing}", "write HOST:CONTAINER", code="invalid-value"
            )
            return None
        if source.startswith(("/", "~")) or source in self._declared:
            return item
        if source.startswith("."):
            return item.with_value(text if text.startswith(".") else f"./{text}")
        if "/" in source or self.is_there(source):
            return self._beside(item, source, text, path)
        self._report.warn(
            item.where,
            path,
            f"'{source}' is neither declared under volumes nor a folder beside the file, so it is a named volume",
            f"declare it under volumes:, or write ./{source} for a folder",
            code="crane",
        )
        self.named.setdefault(source, item.with_value(None))
        return item

    def _beside(self, item: Scalar, source: str, text: str, path: str) -> Node:
        if "/" not in source:
            reason = f"'{source}' is the one beside the file, as it is there and no volume of that name is declared"
            self._report.warn(item.where, path, reason, f"write ./{source}", code="crane")
        return item.with_value(f"./{text}")

    def is_there(self, source: str) -> bool:
        """Whether a path of the file leads somewhere."""
        return os.path.lexists(os.path.join(self._directory, source))  # noqa: PTH118 a NUL byte can't upset it

    def _place(self, item: Scalar, place: str, container: str, path: str) -> Node | None:
        """A place in the container without a source: a volume of its own."""
        if not place.startswith("/"):
            self._report.stray(
                item.where,
                path,
                f"'{place}' is no place in a container",
                "write an absolute path",
                code="invalid-value",
            )
            return None
        if container not in self._sources:
            return item
        name = held_volume_key(container, place)
        self.named.setdefault(name, item.with_value(None))
        return item.with_value(literal(f"{name}:{place}"))


def volume_of(container: str, place: str) -> str:
    """The name of the volume that a container holds for others at a path."""
    return f"{container}-{'-'.join(part for part in place.split('/') if part)}"


def does_nothing(container: Table, expander: Expander) -> bool:
    """Whether a container ends as soon as it starts: it is there for its volumes alone."""
    command = container.entries.get("cmd")
    if command is None:
        image = expander.scalar(container.entries.get("image"))
        return image.rpartition("/")[2].partition(":")[0] in _IDLE_IMAGES
    if isinstance(command, Items):
        words = tuple(expander.scalar(item) for item in command.items)
    else:
        words = tuple(expander.scalar(command).split())
    return words in _NOTHING_TO_DO or words[:1] in {("echo",), ("/bin/echo",)}


def volume_sources(containers: Mapping[str, Table], expander: Expander) -> dict[str, tuple[str, ...]]:
    """Container -> the containers that it takes volumes from, as they are written."""
    return {name: _references(table, expander) for name, table in containers.items()}


def _references(container: Table, expander: Expander) -> tuple[str, ...]:
    node = container.entries.get("volumes-from")
    return tuple(expander.scalar(item) for item in (node.items if isinstance(node, Items) else ()))


def volume_table(declared: Table, named: Mapping[str, Node]) -> Table:
    """The file's volumes, and those that it only uses."""
    entries = {**{name: node for name, node in named.items() if name not in declared.entries}, **declared.entries}
    return make_table(entries, declared.where)
