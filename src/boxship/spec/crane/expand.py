"""Crane's variables: ``$X``, ``${X}``, ``${X:-default}``, ``${X:?message}`` and ``$$``, in keys as well as in values.

Values keep their text: Compose replaces its variables in the same way, and what is written by ``import`` should still
say ``${PASSWORD}``. Only what has to be understood here (names, paths, references) is expanded here.
"""

from collections.abc import Mapping

from boxship.spec.interpolate import SubstitutionError, substitute
from boxship.spec.report import Report
from boxship.spec.scalars import text_of
from boxship.spec.tree import Items, Node, Scalar, Table
from boxship.where import Where

HOOKED = ("BOXSHIP_HOOKED_CONTAINER", "CRANE_HOOKED_CONTAINER")
"""What a hook may use: they have a value only while it runs."""


def literal(text: str) -> str:
    """A text that Compose's own replacement of variables leaves as it is."""
    return text.replace("$", "$$")


class Expander:
    """Replaces variables; says which are missing once for each place."""

    def __init__(self, environment: Mapping[str, str], report: Report) -> None:
        self._environment = environment
        self._report = report

    def text(self, text: str, *, is_hook: bool = False) -> str:
        """The text with its variables replaced; what is wrong with it was reported when its file was read."""
        try:
            return substitute(text, self._lookup_hook if is_hook else self._environment.get, _ignore)
        except SubstitutionError:
            return text

    def scalar(self, node: Node | None) -> str:
        """A plain value as text, "" for everything else."""
        return self.text(text_of(node.value)) if isinstance(node, Scalar) else ""

    def tree(self, node: Node) -> Node:
        """The node with all its values replaced."""
        match node:
            case Scalar(value=str() as text):
                return node.with_value(self.text(text)) if "$" in text else node
            case Scalar():
                return node
            case Items():
                return node.with_items(tuple(map(self.tree, node.items)))
            case Table():
                return node.with_entries({key: self.tree(value) for key, value in node.entries.items()})

    def keys(self, table: Table) -> Table:
        """The mapping with the variables of its keys replaced; of two keys that become one the last counts."""
        if not any("$" in key for key in table.entries):
            return table
        entries = {self.text(key): value for key, value in table.entries.items()}
        return Table(entries, {self.text(key): where for key, where in table.keys.items()}, table.where)

    def check(self, node: Node, path: str, *, is_hook: bool = False) -> None:
        """Report every variable below ``node`` that has no value: an error, or a warning for a lax reader."""
        match node:
            case Scalar(value=str() as text):
                self._check_text(text, node.where, path, is_hook=is_hook)
            case Scalar():
                pass
            case Items():
                for index, item in enumerate(node.items):
                    self.check(item, f"{path}[{index}]", is_hook=is_hook)
            case Table():
                for key, value in node.entries.items():
                    inner = f"{path}.{key}" if path else key
                    self._check_text(key, node.at(key), inner, is_hook=is_hook)
                    self.check(value, inner, is_hook=is_hook or inner == "hooks")

    def _check_text(self, text: str, where: Where, path: str, *, is_hook: bool) -> None:
        if "$" not in text:
            return
        missing: list[str] = []
        try:
            substitute(text, self._lookup_hook if is_hook else self._environment.get, missing.append)
        except SubstitutionError as err:
            hint = "" if "required" in str(err) else "write $$ for a plain dollar sign"
            self._report.error(where, path, str(err), hint)
            return
        for name in dict.fromkeys(missing):
            if self._report.is_lax:
                self._report.unset(name, where, path, self._environment)
            else:
                hint = self._report.suggest(name, self._environment) or f"set it, or write ${{{name}:-...}}"
                self._report.error(where, path, f"the variable {name} is not set", hint, code="required-variable")

    def _lookup_hook(self, name: str) -> str | None:
        return f"${{{name}}}" if name in HOOKED else self._environment.get(name)


def _ignore(name: str) -> None:
    """Missing variables are reported by ``check``."""
