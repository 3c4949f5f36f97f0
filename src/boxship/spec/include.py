"""``include``: other Compose files become part of this one, each read where it lies and with its own ``.env``.

What two files bring under one name must be equal, or it is a conflict: nothing is merged. (A later ``-f`` file may
change what an earlier one includes, because the earlier one is complete by then.)

Source: Compose Specification, "include" (2026-06); corners as docker compose 2.40.3 answers them (2026-10).
"""

import os.path
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from boxship.spec.documents import Setting
from boxship.spec.find import default_env_file
from boxship.spec.mounts import Paths
from boxship.spec.report import Report
from boxship.spec.tree import Items, Node, Scalar, Table, Tag
from boxship.where import Related, Where

_SECTIONS = ("services", "networks", "volumes", "secrets", "configs", "models")
"""What is included; the file's name, version and ``x-`` keys are its own."""


class Inclusion(Struct, frozen=True):
    """One entry of ``include``: files that are merged together and read in one setting."""

    files: tuple[Scalar, ...]
    project_directory: Scalar | None
    env_files: tuple[Scalar, ...]
    path: str
    """Its key path."""

    @property
    def where(self) -> Where:
        return self.files[0].where


class Included(Struct, frozen=True):
    """What an entry brought."""

    inclusion: Inclusion
    document: Table


def read_inclusions(document: Table) -> tuple[Inclusion, ...]:
    """The entries of a prepared document, in order."""
    node = document.entries.get("include")
    found: list[Inclusion] = []
    for index, item in enumerate(node.items if isinstance(node, Items) else ()):
        entries = item.entries if isinstance(item, Table) else {"path": item}
        files, directory = _scalars(entries.get("path")), entries.get("project_directory")
        if files:
            project_directory = directory if isinstance(directory, Scalar) and directory.value else None
            found.append(Inclusion(files, project_directory, _scalars(entries.get("env_file")), f"include[{index}]"))
    return tuple(found)


def _scalars(node: Node | None) -> tuple[Scalar, ...]:
    listed = node.items if isinstance(node, Items) else (node,)
    return tuple(item for item in listed if isinstance(item, Scalar) and item.value is not None)


class Place(Struct, frozen=True):
    """Where an inclusion's files lie, and where their relative paths begin."""

    files: tuple[Path, ...]
    directory: Path
    lookup: Path
    env_files: tuple[Path, ...]


def locate(inclusion: Inclusion, setting: Setting, report: Report) -> Place:
    """The files of an entry and what goes with them.

    A project directory that isn't there counts as the one above it (docker compose 2.40.3), with a warning.
    """
    home = setting.environment.get("HOME", "")
    paths, own = Paths(setting.lookup, home), Paths(setting.directory, home)
    files = tuple(Path(paths.absolute(str(file.value))) for file in inclusion.files)
    named = inclusion.project_directory
    lookup = files[0].parent if named is None else Path(own.absolute(str(named.value)))
    directory = lookup
    if named is not None and not os.path.isdir(lookup):  # noqa: PTH112 os.path is what a NUL byte can't upset
        directory = lookup.parent
        reason = f"'{named.value}' is not a directory; relative paths begin at the one above it"
        report.warn(named.where, f"{inclusion.path}.project_directory", reason, "name the directory itself")
    env_files = tuple(Path(own.absolute(str(file.value))) for file in inclusion.env_files)
    return Place(files, directory, lookup, env_files or default_env_file(lookup))


def complete(document: Table, setting: Setting) -> Table:
    """The included document with what its own setting decides: the build context, and variables without a value."""
    services = document.entries.get("services")
    if not isinstance(services, Table):
        return document
    completed = services.with_entries({name: _complete(node, setting) for name, node in services.entries.items()})
    return document.with_entries({**document.entries, "services": completed})


def _complete(service: Node, setting: Setting) -> Node:
    if not isinstance(service, Table):
        return service
    entries = dict(service.entries)
    build, environment = entries.get("build"), entries.get("environment")
    if isinstance(build, Table) and "context" not in build.entries:
        entries["build"] = build.with_entries({**build.entries, "context": Scalar(str(setting.directory), build.where)})
    if isinstance(environment, Table):
        filled = {key: _filled(key, value, setting.environment) for key, value in environment.entries.items()}
        entries["environment"] = environment.with_entries(filled)
    return service.with_entries(entries)


def _filled(key: str, node: Node, environment: Mapping[str, str]) -> Node:
    is_asked = isinstance(node, Scalar) and node.value is None and key in environment
    return node.with_value(environment[key]) if is_asked and isinstance(node, Scalar) else node


def join(document: Table, brought: tuple[Included, ...], report: Report) -> Table:
    """The document with what its inclusions brought; what is there twice and differs is reported."""
    if "include" not in document.entries:
        return document
    entries = {key: node for key, node in document.entries.items() if key != "include"}
    keys = {key: where for key, where in document.keys.items() if key != "include"}
    for section in _SECTIONS:
        joined = _join_section(section, entries.get(section), brought, report)
        if joined is not None:
            entries[section] = joined
            keys.setdefault(section, joined.where)
    return Table(entries, keys, document.where, document.tag)


def _join_section(section: str, own: Node | None, brought: tuple[Included, ...], report: Report) -> Table | None:
    tables = [
        (each.inclusion, table)
        for each in brought
        if isinstance(table := each.document.entries.get(section), Table) and (table.entries or table.keys)
    ]
    if not tables or (own is not None and not isinstance(own, Table)):
        return None
    entries, keys = (dict(own.entries), dict(own.keys)) if own is not None else ({}, {})
    for inclusion, table in tables:
        for name, node in table.entries.items():
            found = entries.get(name)
            if found is None or found.tag is Tag.RESET:
                # A reset is for earlier files: what this file includes takes the place of theirs.
                entries[name] = node if found is None else _overriding(node)
                keys[name] = table.at(name)
            elif not is_same(found, node):
                _report_conflict(section, name, keys.get(name, found.where), table.at(name), inclusion, report)
        # Keys whose value was wrong and left out stay known, so that nothing else complains about their absence.
        keys.update((name, where) for name, where in table.keys.items() if name not in entries)
    return Table(entries, keys, own.where if own is not None else tables[0][1].where)


def _overriding(node: Node) -> Node:
    return Table(node.entries, node.keys, node.where, Tag.OVERRIDE) if isinstance(node, Table) else node


def _report_conflict(section: str, name: str, here: Where, there: Where, inclusion: Inclusion, report: Report) -> None:
    kind = section.removesuffix("s")
    report.error(
        here,
        f"{section}.{name}",
        f"the {kind} '{name}' comes from {there.file} as well, and differs",
        "rename one, or change the included one in an override file",
        code="name-clash",
        related=(Related(there, "the other"), Related(inclusion.where, "included")),
    )


def is_same(one: Node, other: Node) -> bool:
    """Whether two values say the same, wherever they were written."""
    if one is other:
        return True
    match one, other:
        case (Scalar(), Scalar()):
            return type(one.value) is type(other.value) and one.value == other.value
        case (Items(), Items()):
            return len(one.items) == len(other.items) and all(map(is_same, one.items, other.items))
        case (Table(), Table()):
            return one.entries.keys() == other.entries.keys() and all(
                is_same(node, other.entries[key]) for key, node in one.entries.items()
            )
        case _:
            return False
