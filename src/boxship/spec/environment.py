"""A service's variables: its ``env_file`` files in order, then ``environment`` over them."""

import os.path
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from boxship.spec.dotenv import parse_dotenv, parse_raw
from boxship.spec.fields import Fields
from boxship.spec.report import Report
from boxship.spec.scalars import text_of
from boxship.spec.shape import unset_hint
from boxship.spec.source import read_text, show_path
from boxship.spec.tree import Items, Node, Scalar, Table


class Environment(NamedTuple):
    """Resolved variables, and the names that nobody gives a value."""

    values: Mapping[str, str]
    unset: tuple[str, ...]


class EnvFiles:
    """Reads each ``env_file`` once, however many services share it."""

    def __init__(self, shell: Mapping[str, str], directory: Path, report: Report) -> None:
        self._shell = shell
        self._directory = directory
        self._report = report
        self._texts: dict[str, str | None] = {}

    def read(self, node: Node | None, path: str) -> dict[str, str]:
        """The variables of a service's files; a later file wins and may refer to an earlier one."""
        found: dict[str, str] = {}
        for index, item in enumerate(node.items if isinstance(node, Items) else ()):
            found.update(self._one(item, f"{path}[{index}]", found))
        return found

    def _one(self, item: Node, path: str, before: Mapping[str, str]) -> dict[str, str]:
        fields = Fields(item)
        file = fields.text("path") or ""
        shown = show_path(Path(file), self._directory)
        is_optional = fields.has("required") and not fields.flag("required")
        if is_optional and not os.path.exists(file):  # noqa: PTH110 os.path is what a NUL byte or ~ can't upset
            return {}
        text = self._text(file, shown, item, path)
        if text is None:
            return {}
        if fields.text("format") == "raw":
            return parse_raw(text)
        values = parse_dotenv(text, shown, self._shell, before, self._report)
        return {key: value for key, value in values.items() if value is not None}

    def _text(self, file: str, shown: str, item: Node, path: str) -> str | None:
        if file not in self._texts:
            at = Fields(item).node("path") or item
            hint = unset_hint(at)
            self._texts[file] = read_text(
                Path(file), shown, self._report, at=at.where, key_path=path, hint=hint or _GENERATED
            )
        return self._texts[file]


_GENERATED = "create it, or write it as {path: ..., required: false}"


def resolve_environment(node: Node | None, from_files: Mapping[str, str], shell: Mapping[str, str]) -> Environment:
    """``environment`` over the files' values; an empty value asks the shell.

    Source: Compose Specification, "environment": a name that the shell doesn't set is not set in the container.
    """
    values = dict(from_files)
    unset: list[str] = []
    for key, value in (node.entries if isinstance(node, Table) else {}).items():
        if not isinstance(value, Scalar):
            continue
        if value.value is not None:
            values[key] = text_of(value.value)
        elif key in shell:
            values[key] = shell[key]
        else:
            values.pop(key, None)
            unset.append(key)
    return Environment(values, tuple(unset))
