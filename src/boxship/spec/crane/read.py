"""Which of the named files are crane's, and their trees.

A file is crane's when it says something that only crane understands, or has crane's name and doesn't look like Compose.
Its plain values are read as the text that was written: ``010``, ``1.10`` and ``yes`` are that in a container too.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from msgspec import Struct

from boxship.spec.crane.keys import MARKS, SERVICE_MARKS
from boxship.spec.parse import parse_yaml
from boxship.spec.report import Report
from boxship.spec.scalars import ScalarValue
from boxship.spec.source import STDIN, read_text
from boxship.spec.tree import Node, Scalar, Table

_KEYS = MARKS | SERVICE_MARKS
"""A file without any of these keys is no crane file, and needn't be parsed a second time to find out."""
_WORD_BEFORE_COLON = re.compile(r"""(?<![^\s{,'"])([a-z][a-z0-9-]*+)['"]?\s*+:(?:[\s\[{"]|\Z)""")
"""What may be a key. It goes over a text once, whatever stands in it: every start pays for it."""
_NOTHING = frozenset({"", "~", "null", "Null", "NULL"})


class CraneFile(Struct, frozen=True):
    """One crane file and its trees."""

    path: Path
    documents: tuple[Table, ...]


def read_crane_files(paths: Iterable[Path], show: Callable[[Path], str], report: Report) -> tuple[CraneFile, ...]:
    """Those of the files that are crane's; what is wrong in them goes to the report, the others are left alone.

    ``show``: how messages name a file.
    """
    found = (_read(path, show(path), report) for path in paths if path != STDIN)
    return tuple(file for file in found if file is not None)


def _read(path: Path, shown: str, report: Report) -> CraneFile | None:
    text = read_text(path, shown, Report())
    if text is None or not _may_be_crane(path, text):
        return None
    if path.suffix == ".json":
        # No text of JSON holds a tab as it is, and YAML takes none for indentation.
        text = text.replace("\t", " ")
    draft = Report(is_lax=report.is_lax)
    documents = parse_yaml(text, shown, draft, resolve=as_written)
    if not is_crane(path, documents, is_lax=report.is_lax):
        return None
    report.take_over(draft)
    return CraneFile(path, documents)


def _may_be_crane(path: Path, text: str) -> bool:
    return has_crane_name(path) or len(text) < 40 or not _KEYS.isdisjoint(_WORD_BEFORE_COLON.findall(text))


def has_crane_name(path: Path) -> bool:
    """``crane.yml`` and ``crane.override.yaml``, but also ``shop.crane.yml`` and ``crane-dev.yml``."""
    return re.search(r"(?:^|[._-])crane(?:$|[._-])", path.stem) is not None


def is_crane(path: Path, documents: tuple[Table, ...], *, is_lax: bool = False) -> bool:
    """Whether the trees of a file are a crane file's."""
    if any(MARKS & set(document.entries) for document in documents):
        return True
    services = [node for document in documents for node in _services(document)]
    if any(SERVICE_MARKS & set(service.entries) for service in services):
        return True
    if has_crane_name(path):
        return True
    # A file of a bare "services:" says nothing in either language; only crane took it.
    return is_lax and bool(documents) and all(_is_bare(document) for document in documents)


def _services(document: Table) -> list[Table]:
    node: Node | None = document.entries.get("services")
    values: Mapping[str, Node] = node.entries if isinstance(node, Table) else {}
    return [value for value in values.values() if isinstance(value, Table)]


def _is_bare(document: Table) -> bool:
    node = document.entries.get("services")
    return list(document.entries) == ["services"] and isinstance(node, Scalar) and node.value is None


def as_written(text: str) -> ScalarValue:
    """A plain scalar as its text; only "nothing" is something else."""
    return None if text in _NOTHING else text
