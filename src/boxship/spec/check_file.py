"""Whether the names that ``appliance.yaml`` uses are names of something."""

import os
from collections.abc import Collection, Iterable, Mapping

from msgspec import Struct

from boxship.spec.appliance import ApplianceFile
from boxship.spec.model import Service
from boxship.spec.model_preflight import ContainerProbe
from boxship.spec.report import Report
from boxship.spec.tree import Table
from boxship.where import Where

_MOST_SHOWN = 12
"""Of a circle of bases."""


class Names(Struct, frozen=True):
    """Every name that the files declare, also of things whose value is wrong."""

    services: frozenset[str]
    networks: frozenset[str]
    volumes: frozenset[str]
    secrets: frozenset[str] = frozenset()
    configs: frozenset[str] = frozenset()
    models: frozenset[str] = frozenset()
    document: Table | None = None
    """What declares them."""


def declared_names(document: Table | None) -> Names:
    """The names in a merged document."""

    def keys(section: str) -> frozenset[str]:
        node = document.entries.get(section) if document is not None else None
        return frozenset({*node.entries, *node.keys}) if isinstance(node, Table) else frozenset()

    return Names(
        services=keys("services"),
        networks=keys("networks"),
        volumes=keys("volumes"),
        secrets=keys("secrets"),
        configs=keys("configs"),
        models=keys("models"),
        document=document,
    )


def list_known(names: Iterable[str]) -> str:
    """A hint with the names there are."""
    listed = sorted(names)
    return f"known: {', '.join(listed[:8])}" + (" ..." if len(listed) > 8 else "") if listed else ""


def check_file(file: ApplianceFile, services: Mapping[str, Service], names: Names, report: Report) -> None:
    """Report every name in ``appliance.yaml`` that nothing answers to."""
    checker = _Checker(file, report)
    for target in file.targets.values():
        for index, root in enumerate(target.roots):
            checker.expect(root, names.services, f"targets.{target.name}[{index}]", "service")
    _check_boot(file, checker)
    for name, check in file.status_checks.items():
        has_own_name = f"checks.{name}.service" in file.places
        path = f"checks.{name}.service" if has_own_name else f"checks.{name}"
        checker.expect(check.service, names.services, path, "service")
    for name, preflight in file.preflight.items():
        if isinstance(preflight.probe, ContainerProbe):
            checker.expect(preflight.probe.service, names.services, f"preflight.{name}.service", "service")
    for name in file.api:
        checker.expect(name, names.services, f"api.{name}", "service")
    for key in {**file.on_switch, **file.disk_limits}:
        checker.expect(key, names.volumes, f"volumes.{key}", "volume")
    _check_builds(file, services, names, checker, report)
    _check_bases(file, checker, report)


def _check_builds(
    file: ApplianceFile, services: Mapping[str, Service], names: Names, checker: "_Checker", report: Report
) -> None:
    for section, names_used in (("wheels", file.wheels), ("contexts", file.contexts)):
        for name in names_used:
            _expect_built(name, services, names, f"build.{section}.{name}", checker)
    for name, parts in file.contexts.items():
        for part in parts:
            if part.where is not None and not os.path.lexists(part.source):
                reason = f"'{part.source}' does not exist"
                report.warn(part.where, f"build.contexts.{name}", reason, "create it before `build`")
    for name in file.budgets:
        if name not in file.bases and not is_unsure(file, "build.bases"):
            _expect_built(name, services, names, f"build.budget.{name}", checker)


def _expect_built(name: str, services: Mapping[str, Service], names: Names, path: str, checker: "_Checker") -> None:
    checker.expect(name, names.services, path, "service")
    if name in services and services[name].build is None:
        checker.complain(path, f"the service '{name}' is not built here", "give it a build: section")


class _Checker:
    def __init__(self, file: ApplianceFile, report: Report) -> None:
        self._places = file.places
        self._report = report

    def place(self, path: str) -> Where:
        """Where the value at a key path was written."""
        return self._places.get(path, Where(""))

    def complain(self, path: str, reason: str, hint: str) -> None:
        self._report.error(self.place(path), path, reason, hint)

    def expect(self, name: str, known: Collection[str], path: str, what: str) -> None:
        if name not in known:
            reason = f"unknown {what} '{name}'"
            hint = self._report.suggest(name, known) or list_known(known)
            self._report.error(self.place(path), path, reason, hint, code="unknown-name")


def is_unsure(file: ApplianceFile, section: str) -> bool:
    """Whether something in a section was wrong: names that seem to be missing may be what was left out."""
    return any(path == section or path.startswith(f"{section}.") for path in file.wrong)


def _check_boot(file: ApplianceFile, checker: _Checker) -> None:
    if is_unsure(file, "targets") or "boot" in file.wrong or "boot.target" in file.wrong:
        return
    if "boot.target" in file.places:
        checker.expect(file.boot.target, file.targets or {"default"}, "boot.target", "target")
    elif file.targets:
        checker.expect(file.boot.target, file.targets, "targets", "target")
    if file.boot.fallback is not None:
        checker.expect(file.boot.fallback, file.targets, "boot.fallback", "target")


def _check_bases(file: ApplianceFile, checker: _Checker, report: Report) -> None:
    cleared: set[str] = set()
    is_sure = not is_unsure(file, "build.bases")
    for reference, base in file.bases.items():
        path = f"build.bases.{reference}.from"
        if base.parent is not None and is_sure:
            checker.expect(base.parent, file.bases, path, "base")
        chain, last = {reference: None}, reference
        while last not in cleared and (parent := _parent(file, last)) is not None:
            if parent in chain:
                names = list(chain)
                loop = " -> ".join([*names[names.index(parent) :][-_MOST_SHOWN:], parent])
                reason, hint = f"bases begin from each other: {loop}", "let one begin from a suite"
                report.error(checker.place(path), path, reason, hint, code="cycle")
                break
            chain[parent] = None
            last = parent
        cleared.update(chain)


def _parent(file: ApplianceFile, reference: str) -> str | None:
    base = file.bases.get(reference)
    return base.parent if base is not None and base.parent in file.bases else None
