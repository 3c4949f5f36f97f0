"""Compose files as documents that are ready to be merged: parsed once each, then resolved for where they are used.

One file may be read in several settings: as it is, included with other variables, extended from elsewhere.
"""

import os.path
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from boxship.spec.canonical import Context, expand_document
from boxship.spec.compose_keys import COMPOSE
from boxship.spec.held import Held
from boxship.spec.interpolate import interpolate
from boxship.spec.parse import parse_yaml
from boxship.spec.report import Report
from boxship.spec.shape import check_shape
from boxship.spec.source import STDIN, Mention, read_mentioned, read_stdin, show_path
from boxship.spec.tree import Table, make_table
from boxship.spec.version_1 import is_version_1, upgrade
from boxship.where import Where


class Setting(Struct, frozen=True):
    """What a set of files that belong together is read with.

    ``directory`` is where relative host paths begin, ``lookup`` where the names of other Compose files do; they differ
    only where an ``include`` names a project directory that isn't there.
    """

    directory: Path
    lookup: Path
    environment: Mapping[str, str]


class Documents:
    """The Compose files of one reading."""

    def __init__(self, start: Path, report: Report) -> None:
        self._start = start
        self._report = report
        self._parsed: dict[str, tuple[Table, ...] | None] = {}
        self._names: dict[str, Path] = {}
        self._lengths: dict[str, int] = {}
        self.held: Held | None = None
        """Set: variables of the files that belong to it stay as they are written."""

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file that was read, in the order of reading."""
        return tuple(self._names.values())

    def show(self, path: Path) -> str:
        """How messages name a file."""
        return "<stdin>" if path == STDIN else show_path(path, self._start)

    def parse(self, path: Path, mention: Mention | None = None) -> tuple[Table, ...] | None:
        """The file's documents as they are written; None when it can't be read, which is reported.

        Args:
            path: the file.
            mention: the place that names it; None for the command line and for what a search finds.
        """
        key = str(path)
        if key not in self._parsed:
            text = self._text(path, mention)
            if text is None:
                return None  # and not remembered: each place that names a missing file is told
            self._names[key] = path
            self._lengths[key] = len(text)
            self._parsed[key] = self._documents(text, self.show(path))
        return self._parsed[key]

    def length(self, path: Path) -> int:
        """Characters of a file that was parsed; 0 for any other."""
        return self._lengths.get(str(path), 0)

    def put(self, path: Path, documents: tuple[Table, ...]) -> None:
        """Let the file be these documents: it was read, and translated, by somebody else."""
        self._names[str(path)] = path
        self._parsed[str(path)] = documents

    def _text(self, path: Path, mention: Mention | None) -> str | None:
        shown = self.show(path)
        if path == STDIN:
            return read_stdin(shown, self._report)
        return read_mentioned(path, shown, self._report, mention)

    def _documents(self, text: str, shown: str) -> tuple[Table, ...] | None:
        known = len(self._report.errors)
        documents = parse_yaml(text, shown, self._report)
        if documents:
            return tuple(upgrade(each, self._report) if is_version_1(each) else each for each in documents)
        if len(self._report.errors) == known:
            self._report.error(Where(shown), "", "the file says nothing", "begin with 'services:'", code="empty-value")
        return None

    def prepare(self, document: Table, environment: Mapping[str, str], context: Context) -> Table:
        """The document with its variables replaced, its values checked and everything in its long form."""
        held = self.held
        if held is not None and held.environment is environment and held.directory == context.directory:
            known = held.hold(document, self._report)
        else:
            known = interpolate(document, environment, self._report)
        checked = check_shape(known, COMPOSE, "", self._report)
        return expand_document(checked if isinstance(checked, Table) else make_table({}, document.where), context)

    def context(self, setting: Setting) -> Context:
        """What the long forms of one file depend on."""
        return Context(setting.directory, setting.environment.get("HOME", ""), self._report)


def identify(path: Path) -> str:
    """One text per file, whatever links lead to it: what cycles are found by."""
    try:
        return os.path.realpath(path)
    except (OSError, ValueError):  # a NUL byte, a name longer than names may be
        return str(path)
