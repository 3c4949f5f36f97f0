"""A service's variables: its ``env_file`` files in order, then ``environment`` over them."""

import os.path
from collections import ChainMap
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from boxship.spec.dotenv import parse_dotenv, parse_raw
from boxship.spec.fields import Fields
from boxship.spec.report import Report
from boxship.spec.scalars import text_of
from boxship.spec.shape import unset_hint
from boxship.spec.source import read_text, show_path
from boxship.spec.tree import Items, Node, Scalar, Table

MAX_VARIABLES = 500_000
"""Of all services' env_files together: 5,000 services with a hundred each."""


class Environment(Struct, frozen=True):
    """Resolved variables, and the names that nobody gives a value."""

    values: Mapping[str, str]
    unset: tuple[str, ...]


class EnvFiles:
    """Reads each ``env_file`` once, however many services share it."""

    def __init__(self, shell: Mapping[str, str], directory: Path, report: Report) -> None:
        self._shell = shell
        self._mutable_shell = dict(shell)  # what ChainMap's type asks for; nothing writes to it
        self._directory = directory
        self._report = report
        self._texts: dict[str, str | None] = {}
        self._parsed: dict[str, dict[str, str]] = {}
        self._left = MAX_VARIABLES

    def read(self, node: Node | None, path: str, environment: Node | None = None) -> dict[str, str]:
        """The variables of a service's files; a later file wins and may refer to an earlier one.

        They may also refer to what the service's ``environment`` says, which stands below the shell.
        """
        found: dict[str, str] = {}
        items = node.items if isinstance(node, Items) else ()
        own = resolve_environment(environment, {}, {}).values if items else {}
        shell = ChainMap(self._mutable_shell, dict(own)) if own else self._shell
        for index, item in enumerate(items):
            found.update(self._one(item, f"{path}[{index}]", shell, found))
            if self._is_too_much(len(found), item, f"{path}[{index}]"):
                return {}
        return found

    def _is_too_much(self, variables: int, item: Node, path: str) -> bool:
        """Many services that share a large file could fill any memory."""
        self._left -= variables
        if self._left < 0:
            reason = f"files give services more than {MAX_VARIABLES:,} variables in all"
            self._report.error(item.where, path, reason, "is this a real env_file?")
        return self._left < 0

    def _one(self, item: Node, path: str, shell: Mapping[str, str], before: Mapping[str, str]) -> dict[str, str]:
        fields = Fields(item)
        file = fields.text("path") or ""
        shown = show_path(Path(file), self._directory)
        is_optional = fields.has("required") and not fields.flag("required")
        if not os.path.exists(file) and (is_optional or self._report.is_lax):  # noqa: PTH110 os.path is what a NUL byte or ~ can't upset
            if not is_optional:
                self._miss(shown, fields.node("path") or item, path)
            return {}
        text = self._text(file, shown, item, path)
        if text is None:
            return {}
        if fields.text("format") == "raw":
            return parse_raw(text)
        if self._left < 0:
            return {}  # which was reported
        if before or shell is not self._shell:
            return self._parse(text, shown, shell, before)
        if file not in self._parsed:
            self._parsed[file] = self._parse(text, shown, shell, before)
        return self._parsed[file]

    def _parse(self, text: str, shown: str, shell: Mapping[str, str], before: Mapping[str, str]) -> dict[str, str]:
        values = parse_dotenv(text, shown, shell, before, self._report)
        return {key: value for key, value in values.items() if value is not None}

    def _miss(self, shown: str, named: Node, path: str) -> None:
        reason = f"'{shown}' does not exist, so its variables are missing here"
        self._report.stray(named.where, path, reason, unset_hint(named) or _GENERATED, code="unreadable-file")

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
