"""Values as YAML for people: in order, without anchors, text quoted only where it would be read as something else."""

from collections.abc import Mapping

import yaml

from boxship.spec.scalars import resolve_plain
from boxship.spec.tree import Items, Node, Plain, Scalar, Table


class _Dumper(yaml.SafeDumper):
    """PyYAML's with two habits of its own: no aliases, and quotes where *our* reader would see no text."""

    def ignore_aliases(self, data: object) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text and text.strip("\n") == text.strip() else None
    if style is None and not isinstance(resolve_plain(text), str):
        style = "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _represent_nothing(dumper: yaml.SafeDumper, nothing: None) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:null", "")


_Dumper.add_representer(str, _represent_text)
_Dumper.add_representer(type(None), _represent_nothing)


def to_yaml(value: Mapping[str, Plain], *, apart: str = "") -> str:
    """A mapping as a YAML document, with an empty line between its keys, and between those under the key ``apart``."""
    return "\n".join(_part(key, inner, is_apart=key == apart) for key, inner in value.items())


def _part(key: str, value: Plain, *, is_apart: bool) -> str:
    if is_apart and isinstance(value, dict) and value:
        inner = (_indented(_dump({name: each})) for name, each in value.items())
        return f"{_dump({key: None}).rstrip()}\n" + "\n".join(inner)
    return _dump({key: value})


def _indented(text: str) -> str:
    return "".join(f"  {line}" if line.strip() else line for line in text.splitlines(keepends=True))


def _dump(value: dict[str, Plain]) -> str:
    return str(yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110, indent=2))


def to_plain(node: Node) -> Plain:
    """A tree without its places."""
    match node:
        case Scalar():
            return node.value
        case Items():
            return [to_plain(item) for item in node.items]
        case Table():
            return {key: to_plain(value) for key, value in node.entries.items()}


def comment(text: str) -> str:
    """Lines of a comment."""
    return "".join(f"# {line}".rstrip() + "\n" for line in text.splitlines())
