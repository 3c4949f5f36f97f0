"""Secrets and configs as values: where their content comes from, and which services get them."""

import os.path
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Literal

from boxship.spec.canonical_sections import SECRETS_DIRECTORY
from boxship.spec.fields import Fields
from boxship.spec.model import Service
from boxship.spec.model_files import Grant, Hidden, SharedFile
from boxship.spec.report import Report
from boxship.spec.tree import Table

Kind = Literal["secret", "config"]
_SOURCES: Mapping[Kind, tuple[str, ...]] = {
    "secret": ("file", "environment"),
    "config": ("file", "environment", "content"),
}


def build_shared_files(fields: Fields, kind: Kind, shell: Mapping[str, str], report: Report) -> dict[str, SharedFile]:
    """Every declared secret or config by its key."""
    section = fields.table(f"{kind}s")
    node = fields.node(f"{kind}s")
    tables = node.entries if isinstance(node, Table) else {}
    return {
        key: _shared_file(key, kind, section.table(key), table, shell, report)
        for key, table in tables.items()
        if isinstance(table, Table)
    }


def _shared_file(
    key: str, kind: Kind, fields: Fields, table: Table, shell: Mapping[str, str], report: Report
) -> SharedFile:
    external = fields.flag("external")
    _check_sources(key, kind, fields, table, report, external=external)
    variable, content = fields.filled("environment"), fields.text("content")
    value = shell.get(variable) if variable else content
    shared = SharedFile(
        key=key,
        kind=kind,
        name=fields.filled("name"),
        file=fields.text("file"),
        environment=variable,
        content=content,
        external=external,
        labels=fields.text_map("labels"),
        driver=fields.filled("driver"),
        driver_opts=fields.text_map("driver_opts"),
        template_driver=fields.filled("template_driver"),
        value=Hidden(value) if value is not None else None,
        where=table.where,
    )
    _check_file(shared, fields, report)
    return shared


def _check_sources(key: str, kind: Kind, fields: Fields, table: Table, report: Report, *, external: bool) -> None:
    given = [source for source in _SOURCES[kind] if fields.has(source)]
    path = f"{kind}s.{key}"
    if len(given) > 1:
        reason = f"{' and '.join(given)} exclude each other"
        report.error(table.at(given[-1]), path, reason, "keep one of them", code="conflicting-keys")
    # A source whose value was wrong is reported already.
    elif not given and not external and not set(_SOURCES[kind]) & set(table.keys):
        hint = f"say {', '.join(_SOURCES[kind])} or external"
        report.error(table.where, path, f"nothing says where the {kind} comes from", hint, code="missing-key")


def _check_file(shared: SharedFile, fields: Fields, report: Report) -> None:
    """A file may still be made before ``up``, so one that is missing is only told."""
    node = fields.node("file")
    if shared.file and node is not None and not os.path.lexists(shared.file):
        report.warn(node.where, fields.path("file"), f"'{shared.file}' does not exist", "create it before `up`")


def granted(
    service: Service, secrets: Mapping[str, SharedFile], configs: Mapping[str, SharedFile]
) -> Iterator[tuple[Grant, SharedFile]]:
    """A service's secrets and configs, each with what it is; unknown ones are left out."""
    for grants, known in ((service.secrets, secrets), (service.configs, configs)):
        for grant in grants:
            if grant.source in known:
                yield grant, known[grant.source]


def grant_target(grant: Grant, shared: SharedFile) -> str:
    """The absolute path in the container where a secret or config appears."""
    directory = SECRETS_DIRECTORY if shared.kind == "secret" else "/"
    return str(PurePosixPath(directory, grant.target or grant.source))


def build_grants(fields: Fields, key: str) -> tuple[Grant, ...]:
    """A service's secrets, its configs, or the secrets of its build."""
    return tuple(
        Grant(
            source=each.text("source") or "",
            target=each.filled("target"),
            uid=each.filled("uid"),
            gid=each.filled("gid"),
            mode=_mode(each),
        )
        for each in fields.tables(key)
    )


def _mode(fields: Fields) -> str | None:
    value = fields.value("mode")
    if value is None:
        return None
    try:
        number = value if isinstance(value, int) else int(str(value), 8)
    except ValueError:
        number = -1
    if not 0 <= number <= 0o7777:
        fields.complain("mode", f"'{value}' is no octal mode", 'for example "0440"')
        return None
    return f"{number:04o}"
