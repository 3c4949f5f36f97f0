"""Puts crane files in the place of Compose files: what follows in reading sees no difference."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec.structs import replace

from boxship.spec.appliance import ApplianceFile
from boxship.spec.crane.read import read_crane_files
from boxship.spec.crane.translation import Translation
from boxship.spec.documents import Documents
from boxship.spec.model import HostHooks
from boxship.spec.report import Report
from boxship.spec.tree import Table
from boxship.where import Where


def adopt_crane_files(
    paths: Sequence[Path],
    directory: Path,
    environment: Mapping[str, str],
    documents: Documents,
    report: Report,
) -> Translation | None:
    """Translate those of the files that are crane's and put the result in place of the first; None when none is.

    Crane files meet each other as crane's, and the result meets Compose files beside them as a Compose file does.
    """
    files = read_crane_files(paths, documents.show, report)
    if not files:
        return None
    ours = {file.path for file in files}
    others = [document for path in paths if path not in ours for document in documents.parse(path) or ()]
    trees = tuple(tree for file in files for tree in file.documents)
    if not trees and not report.has_errors:
        where = Where(documents.show(files[0].path))
        report.error(where, "", "the file says nothing", "begin with 'services:'", code="empty-value")
    # Imported here: it costs 3 ms, and hardly any command meets a crane file.
    from boxship.spec.crane.translate import translate_documents  # noqa: PLC0415 (see above)

    translation = translate_documents(trees, directory, environment, _services(others), report)
    for file in files:
        documents.put(file.path, (translation.document,) if file is files[0] else ())
    return translation


def _services(documents: Sequence[Table]) -> frozenset[str]:
    tables = (document.entries.get("services") for document in documents)
    return frozenset(name for table in tables if isinstance(table, Table) for name in table.entries)


def combine(declared: ApplianceFile | None, translation: Translation) -> ApplianceFile:
    """An appliance.yaml over what the crane file says of the same things."""
    said = declared or ApplianceFile()
    names = dict.fromkeys([*translation.hooks, *said.hooks])
    return replace(
        said,
        targets=said.targets or translation.targets,
        hooks={name: _over(said.hooks.get(name), translation.hooks.get(name)) for name in names},
        waits_for_ready=True if said.waits_for_ready is None else said.waits_for_ready,
    )


def _over(own: HostHooks | None, inherited: HostHooks | None) -> HostHooks:
    own, inherited = own or HostHooks(), inherited or HostHooks()
    events = {event: getattr(own, event) or getattr(inherited, event) for event in HostHooks.__struct_fields__}
    return HostHooks(**events)
