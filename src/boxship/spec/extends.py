"""``extends``: a service begins as another one, of the same document or of another file, and changes what it likes.

Everything of the other service is inherited, also what names networks, volumes and other services; what is declared
beside it in its file is not. Relative paths begin at the file where they are written. A document's services extend
before the document meets earlier files, so an override can't extend what only they hold.

Source: Compose Specification, "extends" (2026-06); corners as docker compose 2.40.3 answers them (2026-10).
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from itertools import pairwise
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from boxship.spec.canonical import Context, is_remote
from boxship.spec.check_file import list_known
from boxship.spec.documents import Documents, Setting, identify
from boxship.spec.merge import DOCUMENT, merge, merge_documents
from boxship.spec.mounts import Paths
from boxship.spec.report import Report
from boxship.spec.shape import unset_hint
from boxship.spec.source import Mention
from boxship.spec.tree import Items, Node, Scalar, Table, Tag, make_table
from boxship.where import Related, Where

MAX_INHERITED = 400_000
"""Values that the services of one set of files inherit together: eighty for each of 5,000 services."""

_SERVICE = DOCUMENT.inside("services").inside("")


class _Base(Struct, frozen=True):
    """A service as others inherit it: without tags."""

    table: Table
    size: int


class _Pool(ABC):
    """Services that can be extended, by name."""

    def __init__(self, path: Path, lookup: Path, documents: Documents) -> None:
        self.file, self.identity, self.lookup = documents.show(path), identify(path), lookup
        self.extended: dict[str, Table] = {}
        """Those that have inherited what they extend; their tags are for earlier files."""
        self._bases: dict[str, _Base | None] = {}

    @abstractmethod
    def find(self, name: str) -> Table | None:
        """The service as it is written."""

    @abstractmethod
    def names(self) -> Iterable[str]:
        """Of all of them."""

    def base(self, name: str) -> _Base | None:
        """The extended service as others inherit it."""
        if name not in self._bases:
            alone = merge(None, replace(self.extended[name], tag=Tag.NONE), _SERVICE)
            self._bases[name] = _Base(alone, _count(alone)) if isinstance(alone, Table) else None
        return self._bases[name]


class _DocumentPool(_Pool):
    """The services of one prepared document."""

    def __init__(self, services: Table, path: Path, lookup: Path, documents: Documents) -> None:
        super().__init__(path, lookup, documents)
        self._services = services

    def find(self, name: str) -> Table | None:
        node = self._services.entries.get(name)
        return node if isinstance(node, Table) and node.tag is not Tag.RESET else None

    def names(self) -> Iterable[str]:
        return self._services.entries


class _FilePool(_Pool):
    """The services of another file, each prepared when it is asked for: what nobody extends may be wrong."""

    def __init__(self, path: Path, parsed: tuple[Table, ...], documents: Documents, setting: Setting) -> None:
        super().__init__(path, path.parent, documents)
        self._documents = documents
        self._environment = setting.environment
        self._context: Context = documents.context(replace(setting, directory=path.parent))
        self._sections = [section for each in parsed if isinstance(section := each.entries.get("services"), Table)]

    def find(self, name: str) -> Table | None:
        alone = [
            make_table({"services": make_table({name: section.entries[name]}, section.where)}, section.where)
            for section in self._sections
            if name in section.entries
        ]
        prepared = [self._documents.prepare(document, self._environment, self._context) for document in alone]
        # Of one document the tags stay: they are for what the service itself extends.
        merged = prepared[0] if len(prepared) == 1 else merge_documents(tuple(prepared))
        services = merged.entries.get("services") if merged is not None else None
        found = services.entries.get(name) if isinstance(services, Table) else None
        return found if isinstance(found, Table) and found.tag is not Tag.RESET else None

    def names(self) -> Iterable[str]:
        return (name for section in self._sections for name in section.entries)


class _Link(Struct, frozen=True):
    """One service on the way along ``extends``."""

    pool: _Pool
    name: str
    table: Table

    @property
    def extends(self) -> Node | None:
        node = self.table.entries.get("extends")
        return None if node is None or node.tag is Tag.RESET else node

    @property
    def where(self) -> Where:
        return self.extends.where if self.extends is not None else self.table.where


class Extender:
    """Resolves the ``extends`` of one set of files; each other file is looked at once."""

    def __init__(
        self, documents: Documents, setting: Setting, report: Report, *, allowance: int = MAX_INHERITED
    ) -> None:
        self._documents = documents
        self._setting = setting
        self._report = report
        self._pools: dict[str, _Pool] = {}
        self._included: Mapping[str, str] = {}
        self._allowance = self._left = allowance

    def extend(self, document: Table, path: Path, included: Mapping[str, str]) -> Table:
        """The prepared document of ``path`` with what its services inherit.

        ``included`` names the files of services that it includes; they can be extended by their file only.
        """
        services = document.entries.get("services")
        if not isinstance(services, Table) or not any(map(_has_extends, services.entries.values())):
            return document
        self._included = included
        pool = _DocumentPool(services, path, self._setting.lookup, self._documents)
        entries = {
            name: self._extended(pool, name) if _has_extends(node) else node for name, node in services.entries.items()
        }
        return document.with_entries({**document.entries, "services": services.with_entries(entries)})

    def _extended(self, pool: _Pool, name: str) -> Table:
        links, base = self._follow(pool, name)
        for link in reversed(links):
            extended = self._inherit(link, base)
            link.pool.extended[link.name] = extended
            base = link.pool.base(link.name)
        return pool.extended[name]

    def _follow(self, pool: _Pool, name: str) -> tuple[list[_Link], _Base | None]:
        """The services along ``extends`` that aren't extended yet, and what the last of them begins as.

        Iterative, because a chain may be thousands of services long.
        """
        links: list[_Link] = []
        seen: set[tuple[str, str]] = set()
        while name not in pool.extended:
            if (pool.identity, name) in seen:
                self._report_cycle(links, pool, name)
                return links, None
            table = pool.find(name)
            if table is None:
                self._report_unknown(links, pool, name)
                return links, None
            seen.add((pool.identity, name))
            links.append(_Link(pool, name, table))
            following = self._next(links)
            if following is None:
                return links, None
            pool, name = following
        return links, pool.base(name)

    def _next(self, links: list[_Link]) -> tuple[_Pool, str] | None:
        """What the last service extends; None for nothing, and for what can't be had and is reported."""
        extends = links[-1].extends
        service = extends.entries.get("service") if isinstance(extends, Table) else extends
        if not isinstance(service, Scalar) or service.value is None:
            return None
        file = extends.entries.get("file") if isinstance(extends, Table) else None
        pool = self._file_pool(file, links) if isinstance(file, Scalar) and file.value is not None else links[-1].pool
        return None if pool is None else (pool, str(service.value))

    def _file_pool(self, file: Scalar, links: list[_Link]) -> _Pool | None:
        text, path = str(file.value), f"services.{links[-1].name}.extends.file"
        if not text or is_elsewhere(text):
            reason = f"'{text}' is not a file of this machine" if text else "the file's name is empty"
            hint = unset_hint(file) or "copy the file here; nothing is downloaded while reading"
            self._report.error(file.where, path, reason, hint)
            return None
        target = Path(Paths(links[-1].pool.lookup, self._setting.environment.get("HOME", "")).absolute(text))
        if str(target) not in self._pools:
            parsed = self._documents.parse(target, Mention(file.where, path, unset_hint(file), _way(links[:-1])))
            if parsed is None:
                return None
            self._pools[str(target)] = _FilePool(target, parsed, self._documents, self._setting)
        return self._pools[str(target)]

    def _report_cycle(self, links: list[_Link], pool: _Pool, name: str) -> None:
        first = next(i for i, link in enumerate(links) if (link.pool.identity, link.name) == (pool.identity, name))
        circle = [*links[first:], links[first]]
        names = [link.name for link in circle]
        shown = names if len(names) <= 12 else [*names[:6], "...", *names[-5:]]
        self._report.error(
            links[-1].where,
            f"services.{links[-1].name}.extends",
            f"services extend each other: {' -> '.join(shown)}",
            "let one of them stand alone",
            code="cycle",
            related=tuple(Related(one.where, f"{one.name} -> {two.name}") for one, two in pairwise(circle[:-1])),
        )

    def _report_unknown(self, links: list[_Link], pool: _Pool, name: str) -> None:
        last = links[-1]
        extends = last.extends
        at = extends.entries["service"] if isinstance(extends, Table) else extends
        self._report.error(
            at.where if at is not None else last.where,
            f"services.{last.name}.extends",
            f"there is no service '{name}' in {pool.file}",
            (unset_hint(at) if at is not None else "") or self._known_hint(pool, name),
            code="unknown-name",
            related=_way(links[:-1]),
        )

    def _known_hint(self, pool: _Pool, name: str) -> str:
        if name in self._included and isinstance(pool, _DocumentPool):
            return f"it is included: write {{file: {self._included[name]}, service: {name}}}"
        known = list(pool.names())
        return self._report.suggest(name, known) or list_known(known)

    def _inherit(self, link: _Link, base: _Base | None) -> Table:
        own = link.table
        if "extends" not in own.entries:
            return own
        entries = {key: node for key, node in own.entries.items() if key != "extends"}
        keys = {key: where for key, where in own.keys.items() if key != "extends"}
        if link.extends is None:
            return Table(entries, keys, own.where, own.tag)
        written = Table(entries, keys, own.where)
        merged = merge(base.table, written, _SERVICE) if base is not None and self._affords(link, base) else None
        if not isinstance(merged, Table):
            # The key stays known, so that nothing complains about what it would have brought.
            return Table(entries, own.keys, own.where, own.tag)
        tagged = _keep_tags(merged, written)
        return Table(tagged.entries, tagged.keys, own.where, own.tag)

    def _affords(self, link: _Link, base: _Base) -> bool:
        self._left -= base.size
        if self._left >= 0:
            return True
        reason = f"more than {self._allowance:,} values are inherited in all"
        self._report.error(link.where, f"services.{link.name}.extends", reason, "is this a real Compose file?")
        return False


def is_elsewhere(name: str) -> bool:
    """Whether the name of a Compose file says that it must be fetched from somewhere."""
    return is_remote(name) or "://" in name


def _has_extends(node: Node) -> bool:
    return isinstance(node, Table) and node.tag is not Tag.RESET and "extends" in node.entries


def _way(links: list[_Link]) -> tuple[Related, ...]:
    """How a service came to be asked for, the nearest first."""
    return tuple(Related(link.where, f"extended by {link.name}") for link in reversed(links))


def _keep_tags(merged: Table, own: Table) -> Table:
    """``!reset`` and ``!override`` are obeyed here and once more by the files before this one."""
    if not _is_tagged(own):
        return merged
    entries, keys = dict(merged.entries), dict(merged.keys)
    for key, node in own.entries.items():
        found = entries.get(key)
        if node.tag is Tag.RESET:
            entries[key], keys[key] = node, own.at(key)
        elif node.tag is Tag.OVERRIDE and found is not None:
            entries[key] = replace(found, tag=Tag.OVERRIDE)
        elif isinstance(node, Table) and isinstance(found, Table):
            entries[key] = _keep_tags(found, node)
    return Table(entries, keys, merged.where, merged.tag)


def _is_tagged(node: Node) -> bool:
    return node.tag is not Tag.NONE or (isinstance(node, Table) and any(map(_is_tagged, node.entries.values())))


def _count(node: Node) -> int:
    match node:
        case Scalar():
            return 1
        case Items():
            return 1 + sum(map(_count, node.items))
        case Table():
            return 1 + sum(map(_count, node.entries.values()))
