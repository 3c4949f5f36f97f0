"""Many files become one document: each is made ready, extends, includes others in the same way, and meets the next."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from boxship.spec.documents import Documents, Setting, identify
from boxship.spec.extends import Extender, is_elsewhere
from boxship.spec.find import read_env_files
from boxship.spec.include import Included, Inclusion, Place, complete, join, locate, read_inclusions
from boxship.spec.merge import DOCUMENT, merge
from boxship.spec.report import Report
from boxship.spec.shape import unset_hint
from boxship.spec.source import Mention
from boxship.spec.tree import Node, Table
from boxship.where import Related, Where

MAX_INCLUDE_DEPTH = 50
"""Files that include each other in a row; the deepest of 343 real projects has two."""
MAX_INCLUDES = 2_000
"""Readings of included files: two files that each include two others, and so on, double with every level."""

MAX_INCLUDED_CHARACTERS = 10_000_000
"""Of included files, each counted as often as it is read anew: for another folder, or with other variables."""


class _Step(Struct, frozen=True):
    """One file on the way to an included one, and the place in it that names the next."""

    identity: str
    file: str
    where: Where


class Assembler:
    """The files of one reading, put together."""

    def __init__(self, documents: Documents, start: Path, report: Report) -> None:
        self._documents = documents
        self._start = start
        self._report = report
        self._includes_left = MAX_INCLUDES
        self._characters_left = MAX_INCLUDED_CHARACTERS
        self._environments: dict[tuple[int, tuple[Path, ...]], tuple[Mapping[str, str], Mapping[str, str]]] = {}
        self._included: dict[tuple[int, Place], Table | None] = {}

    def assemble(self, files: Sequence[Path], setting: Setting) -> Table | None:
        """The files merged in their order, later ones over earlier ones; None when they say nothing."""
        return self._assemble([(path, None) for path in files], setting, ())

    def _assemble(
        self, files: Sequence[tuple[Path, Mention | None]], setting: Setting, way: tuple[_Step, ...]
    ) -> Table | None:
        extender = Extender(self._documents, setting, self._report)
        merged: Node | None = None
        for path, mention in files:
            context = self._documents.context(setting)
            for document in self._documents.parse(path, mention) or ():
                prepared = self._documents.prepare(document, setting.environment, context)
                brought = self._include_all(prepared, path, setting, way)
                extended = extender.extend(prepared, path, _files_of_services(brought))
                merged = merge(merged, join(extended, brought, self._report), DOCUMENT)
        return merged if isinstance(merged, Table) else None

    def _include_all(
        self, document: Table, path: Path, setting: Setting, way: tuple[_Step, ...]
    ) -> tuple[Included, ...]:
        brought: list[Included] = []
        for inclusion in read_inclusions(document):
            here = _Step(identify(path), self._documents.show(path), inclusion.where)
            found = self._include(inclusion, setting, (*way, here))
            if found is not None:
                brought.append(Included(inclusion, found))
        return tuple(brought)

    def _include(self, inclusion: Inclusion, setting: Setting, way: tuple[_Step, ...]) -> Table | None:
        if not self._may_be_included(inclusion):
            return None
        place = locate(inclusion, setting, self._report)
        if self._is_cycle(inclusion, place, way):
            return None
        environment = self._environment(inclusion, place, setting.environment)
        key = (id(environment), place)
        if key not in self._included:
            if self._is_too_much(inclusion, way):
                return None
            inner = Setting(place.directory, place.lookup, environment)
            related = tuple(Related(step.where, f"included by {step.file}") for step in reversed(way[:-1]))
            mentions = [Mention(file.where, inclusion.path, unset_hint(file), related) for file in inclusion.files]
            found = self._assemble(list(zip(place.files, mentions, strict=True)), inner, way)
            self._characters_left -= sum(map(self._documents.length, place.files))
            self._included[key] = complete(found, inner) if found is not None else None
        return self._included[key]

    def _may_be_included(self, inclusion: Inclusion) -> bool:
        for file in inclusion.files:
            if not file.value or is_elsewhere(str(file.value)):
                reason = f"'{file.value}' is not a file of this machine" if file.value else "the file's name is empty"
                hint = unset_hint(file) or "copy the files here; nothing is downloaded while reading"
                self._report.error(file.where, inclusion.path, reason, hint)
                return False
        return True

    def _is_cycle(self, inclusion: Inclusion, place: Place, way: tuple[_Step, ...]) -> bool:
        on_the_way = [step.identity for step in way]
        for file, path in zip(inclusion.files, place.files, strict=True):
            if identify(path) in on_the_way:
                circle = way[on_the_way.index(identify(path)) :]
                names = " -> ".join([*(step.file for step in circle), self._documents.show(path)])
                self._report.error(
                    file.where,
                    inclusion.path,
                    f"files include each other: {names}",
                    "remove one of the entries",
                    code="cycle",
                    related=tuple(Related(step.where, f"included by {step.file}") for step in circle[:-1]),
                )
                return True
        return False

    def _is_too_much(self, inclusion: Inclusion, way: tuple[_Step, ...]) -> bool:
        self._includes_left -= 1
        reason = ""
        if len(way) > MAX_INCLUDE_DEPTH:
            reason = f"more than {MAX_INCLUDE_DEPTH} files include each other in a row"
        elif self._includes_left < 0:
            reason = f"more than {MAX_INCLUDES:,} times a file is included"
        elif self._characters_left < 0:
            reason = f"included files have more than {MAX_INCLUDED_CHARACTERS:,} characters in all"
        if reason:
            self._report.error(inclusion.where, inclusion.path, reason, "is this a real Compose file?")
        return bool(reason)

    def _environment(self, inclusion: Inclusion, place: Place, outer: Mapping[str, str]) -> Mapping[str, str]:
        """The variables of the files around it over those of its own env files; the same object when these add none."""
        key = (id(outer), place.env_files)
        if key not in self._environments:
            mentions = [
                Mention(file.where, f"{inclusion.path}.env_file", unset_hint(file)) for file in inclusion.env_files
            ]
            found = read_env_files(place.env_files, self._start, outer, self._report, mentions)
            # The outer one is kept, too: its id must not be given to another one.
            self._environments[key] = (outer if len(found) == len(outer) else found, outer)
        return self._environments[key][0]


def _files_of_services(brought: tuple[Included, ...]) -> dict[str, str]:
    names: dict[str, str] = {}
    for each in brought:
        services = each.document.entries.get("services")
        for name in services.entries if isinstance(services, Table) else ():
            names.setdefault(name, str(each.inclusion.files[0].value))
    return names
