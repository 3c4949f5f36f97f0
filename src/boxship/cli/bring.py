"""Verbs that write a vendor's files: import (from crane) and init."""

import argparse
import os
from pathlib import Path

from msgspec.structs import replace

from boxship.cli.context import Invocation
from boxship.cli.dry_run import IS_DRY_RUN, DryRunEnded
from boxship.cli.render.problems import show_problems
from boxship.errors import ConflictError, HostError, UsageError
from boxship.spec.crane.export import Origin, export
from boxship.spec.crane.ship import Ship, parse_ship
from boxship.spec.draft import draft_appliance_file
from boxship.spec.find import APPLIANCE_NAMES, find_compose
from boxship.spec.report import Report
from boxship.spec.source import read_text

_COMPOSE = "compose.yaml"
_APPLIANCE = APPLIANCE_NAMES[0]
_SHIP = "ship.yml"


def add_import(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("crane", nargs="*", metavar="FILE", help="the crane file, and others that override it")
    parser.add_argument("-o", "--output", metavar="DIR", help="where to write (default: beside the crane file)")
    parser.add_argument("--force", action="store_true", help="overwrite files that are there")
    parser.set_defaults(run=bring)


def bring(invocation: Invocation, arguments: argparse.Namespace) -> int:
    files = tuple(Path(name) for name in arguments.crane) or invocation.files
    loaded = replace(invocation, files=files).load()
    if loaded.crane is None:
        raise UsageError("no crane file is named or lies here", hint="boxship import crane.yml")
    source = loaded.appliance.directory
    target = Path(arguments.output).absolute() if arguments.output else source
    origin = Origin(
        name=loaded.appliance.name,
        source=", ".join(path.name for path in loaded.appliance.files),
        from_directory=source,
        to_directory=target,
        ship=_read_ship(source / _SHIP),
    )
    exported = export(loaded.crane, origin, [each for each in loaded.warnings if each.code == "crane"])
    _write({target / _COMPOSE: exported.compose, target / _APPLIANCE: exported.appliance}, force=arguments.force)
    # What was written must be as good as what was read: its problems are shown as those of any file.
    written = replace(invocation, files=(target / _APPLIANCE,)).load()
    count = len(written.appliance.services)
    show_problems(tuple(each for each in loaded.warnings if each.code == "crane"))
    print(f"wrote {_shown(target / _COMPOSE)} and {_shown(target / _APPLIANCE)}: {count} service{'s' * (count != 1)}")
    return 0


def _read_ship(path: Path) -> Ship:
    if not path.is_file():
        return Ship()
    report = Report(is_lax=True)
    text = read_text(path, path.name, report)
    ship = parse_ship(text, path.name, report) if text is not None else Ship()
    show_problems(tuple(report.errors))
    return ship


def add_init(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--force", action="store_true", help="overwrite the appliance.yaml that is there")
    parser.set_defaults(run=init)


def init(invocation: Invocation, arguments: argparse.Namespace) -> int:
    start = (Path.cwd() / (invocation.directory or "")).absolute()
    files = tuple(start / name for name in invocation.files) or _nearest_files(start)
    loaded = replace(invocation, files=files).load()
    directory = loaded.appliance.directory
    path = directory / _APPLIANCE
    app = [os.path.relpath(file, directory) for file in files]
    _write({path: draft_appliance_file(loaded.appliance, app)}, force=arguments.force)
    written = replace(invocation, files=(path,)).load()
    targets = ", ".join(written.appliance.targets) or "default"
    print(
        f"wrote {_shown(path)}: {written.appliance.name}, {len(written.appliance.services)} services, target {targets}"
    )
    return 0


def _nearest_files(start: Path) -> tuple[Path, ...]:
    for directory in (start, *start.parents):
        if found := find_compose(directory):
            return found
    return ()


def _write(texts: dict[Path, str], *, force: bool) -> None:
    """All files, each at once or not at all.

    Raises: ConflictError before the first when one of them is there; DryRunEnded with what they would be.
    """
    there = [path for path in texts if os.path.lexists(path)]
    if there and not force:
        shown = " and ".join(_shown(path) for path in there)
        raise ConflictError(f"{shown} {'are' if len(there) > 1 else 'is'} there already", hint="--force overwrites")
    if IS_DRY_RUN.get():
        shown = "\n".join(f"# would write {_shown(path)}:\n{text}" for path, text in texts.items())
        raise DryRunEnded(shown.rstrip(), {"files": {str(path): text for path, text in texts.items()}})
    for path, text in texts.items():
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            draft.write_text(text, encoding="utf-8")
            draft.replace(path)
        except OSError as err:
            draft.unlink(missing_ok=True)
            raise HostError(f"can't write {path}: {(err.strerror or str(err)).lower()}") from err


def _shown(path: Path) -> str:
    return os.path.relpath(path)
