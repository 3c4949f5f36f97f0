"""Volumes, binds and tmpfs: the short form ``[SOURCE:]TARGET[:OPTIONS]`` as the long one, the long one as values."""

import os.path
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from boxship.spec.fields import Fields
from boxship.spec.model import Mount
from boxship.spec.report import Report
from boxship.spec.shape import unset_hint
from boxship.spec.tree import HELD_OPEN, Items, Node, Scalar, Table, make_table
from boxship.units import parse_size

_DRIVE = re.compile(r"[a-zA-Z]:(?:\\|/[^:]*:[/\\])")
"""A path of another operating system; ``v:/data`` is none, but the volume ``v`` at ``/data``."""
_WINDOWS_PATH = re.compile(r"[a-zA-Z]:[\\/]")
_PROPAGATIONS = frozenset({"private", "rprivate", "shared", "rshared", "slave", "rslave"})


class MountError(ValueError):
    """A mount is written wrongly; the text is the rest of a sentence about it."""


def expand_mount(node: Node, base: "Paths", path: str, report: Report) -> Node | None:
    """The long form of one entry with its host path absolute; None when it is wrong and reported."""
    if isinstance(node, Scalar) and node.is_held:
        return _with_its_path(node, base)
    if isinstance(node, Scalar):
        try:
            return _long_form(node, base)
        except MountError as err:
            report.error(node.where, path, f"'{node.value}' {err}", unset_hint(node))
            return None
    if isinstance(node, Table):
        return _complete(node, base)
    return node


def _with_its_path(node: Scalar, base: "Paths") -> Scalar:
    """A short form that only its variables can complete; a path that it begins with no longer depends on the folder."""
    source, colon, rest = str(node.value).partition(":")
    return node.with_value(f"{base.absolute(source)}{colon}{rest}") if colon and source[:1] in {".", "~"} else node


class Paths:
    """Where relative paths of one file begin, and what ``~`` means."""

    def __init__(self, directory: Path, home: str) -> None:
        self._directory = str(directory)
        self._home = home

    def absolute_node(self, node: Scalar) -> Scalar:
        """As ``absolute``; one that begins with a variable may be absolute already, and stays as it is."""
        text = str(node.value)
        is_open = node.is_held and text.startswith(HELD_OPEN)
        return node if is_open else node.with_value(self.absolute(text))

    def absolute(self, text: str) -> str:
        """A host path as an absolute one; a path of another operating system stays as it is."""
        if text.startswith("~"):
            return os.path.normpath(os.path.join(self._home, text[1:].lstrip("/")))  # noqa: PTH118 pure text
        if text.startswith(("/", "\\\\")) or _WINDOWS_PATH.match(text):
            return text
        return os.path.normpath(os.path.join(self._directory, text))  # noqa: PTH118 pure text: no file is touched


def _long_form(node: Scalar, base: Paths) -> Table:
    source, target, options = _split_short(str(node.value))

    def scalar(value: str | bool) -> Scalar:
        return node.with_value(value)

    is_bind = source is not None and _is_path(source)
    entries: dict[str, Node] = {
        "type": scalar("bind" if is_bind else "volume"),
        "target": scalar(_clean_target(target)),
    }
    if source is not None:
        entries["source"] = scalar(base.absolute(source) if is_bind else source)
    bind: dict[str, Node] = {"create_host_path": scalar(True)} if is_bind else {}
    for option in options.split(",") if options else ():
        if option in {"ro", "readonly"}:
            entries["read_only"] = scalar(True)
        elif option == "nocopy":
            entries["volume"] = make_table({"nocopy": scalar(True)}, node.where)
        elif option in {"z", "Z"}:
            bind["selinux"] = scalar(option)
        elif option in _PROPAGATIONS and is_bind:
            bind["propagation"] = scalar(option)
    if bind:
        entries["bind"] = make_table(bind, node.where)
    return make_table(entries, node.where)


def _split_short(text: str) -> tuple[str | None, str, str]:
    """Source (None: anonymous), target and options; the colon of a Windows drive separates nothing."""
    head = text[:2] if _DRIVE.match(text) else ""
    parts = text[len(head) :].split(":")
    parts[0] = head + parts[0]
    if not all(parts):
        where = "source" if not parts[0] else "target"
        raise MountError("is empty" if text == "" else f"has an empty {where}")
    match parts:
        case [target]:
            return None, target, ""
        case [source, target]:
            return source, target, ""
        case [source, target, options]:
            return source, target, options
        case _:
            raise MountError("has too many colons; write SOURCE:TARGET:OPTIONS with commas between options")


def _is_path(source: str) -> bool:
    return source[0] in "./~\\" or _WINDOWS_PATH.match(source) is not None


def _clean_target(target: str) -> str:
    return target.rstrip("/") or "/" if target.startswith("/") else target


def _complete(table: Table, base: Paths) -> Table:
    entries = dict(table.entries)
    kind, source, target = (entries.get(key) for key in ("type", "source", "target"))
    if isinstance(kind, Scalar) and kind.value == "bind" and isinstance(source, Scalar) and source.value:
        entries["source"] = base.absolute_node(source)
    if isinstance(target, Scalar):
        entries["target"] = target.with_value(_clean_target(str(target.value)))
    return table.with_entries(entries)


def mount_identity(node: Node) -> str:
    """What makes two entries the same mount: its place in the container."""
    if isinstance(node, Scalar):
        return str(node.value)
    return Fields(node).text("target") or "" if isinstance(node, Table) else ""


def build_mounts(node: Node | None, path: str, report: Report) -> tuple[Mount, ...]:
    """The mounts of a service whose entries are in the long form."""
    if not isinstance(node, Items):
        return ()
    found = (
        _build_mount(item, f"{path}[{index}]", report)
        for index, item in enumerate(node.items)
        if isinstance(item, Table)
    )
    return tuple(mount for mount in found if mount is not None)


_KINDS: Mapping[str, Literal["volume", "bind", "tmpfs", "image", "npipe", "cluster"]] = {
    "volume": "volume",
    "bind": "bind",
    "tmpfs": "tmpfs",
    "image": "image",
    "npipe": "npipe",
    "cluster": "cluster",
}


def _build_mount(table: Table, path: str, report: Report) -> Mount | None:
    fields = Fields(table, path, report)
    bind, volume, tmpfs = fields.table("bind"), fields.table("volume"), fields.table("tmpfs")
    kind, target, source = _KINDS.get(fields.text("type") or "", "volume"), fields.text("target"), fields.text("source")
    if not target:
        report.error(table.where, path, "the mount has no target", "say where in the container it appears")
        return None
    if kind == "bind" and not source:
        hint = unset_hint(table.entries.get("source", table))
        report.error(table.where, path, "the bind has no source", hint or "say which directory of the host it shows")
        return None
    if kind == "image" and not source:
        report.error(table.where, path, "the image mount has no source", "say which image it shows")
        return None
    selinux = bind.text("selinux")
    return Mount(
        kind=kind,
        target=target,
        source=source or None,
        read_only=fields.flag("read_only"),
        nocopy=volume.flag("nocopy"),
        subpath=(fields.table("image") if kind == "image" else volume).filled("subpath"),
        labels=volume.text_map("labels"),
        recursive=bind.filled("recursive"),
        consistency=fields.filled("consistency"),
        propagation=bind.text("propagation"),
        create_host_path=bind.flag("create_host_path"),
        selinux="z" if selinux == "z" else "Z" if selinux == "Z" else "",
        tmpfs_size_bytes=tmpfs.size("size"),
        tmpfs_mode=tmpfs.integer("mode"),
    )


def build_tmpfs(node: Node | None, path: str, report: Report) -> tuple[Mount, ...]:
    """The mounts of the ``tmpfs`` key: ``TARGET[:OPTIONS]`` with the options of mount(8)."""
    if not isinstance(node, Items):
        return ()
    mounts: list[Mount] = []
    for index, item in enumerate(node.items):
        target, _, options = str(item.value if isinstance(item, Scalar) else "").partition(":")
        if not target:
            report.error(item.where, f"{path}[{index}]", "the tmpfs has no target", unset_hint(item))
            continue
        mounts.append(_short_tmpfs(target, options, item, f"{path}[{index}]", report))
    return tuple(mounts)


def _short_tmpfs(target: str, options: str, item: Node, path: str, report: Report) -> Mount:
    values = dict(option.partition("=")[::2] for option in options.split(","))
    size_bytes, mode = None, None
    try:
        size_bytes = parse_size(values["size"]) if values.get("size") else None
    except ValueError as err:
        report.error(item.where, path, f"the size '{values['size']}' {err}", "for example size=64m")
    if re.fullmatch(r"[0-7]{1,5}", values.get("mode", "")):
        mode = int(values["mode"], 8)
    return Mount(kind="tmpfs", target=target, tmpfs_size_bytes=size_bytes, tmpfs_mode=mode, tmpfs_options=options)
