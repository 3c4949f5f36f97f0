"""Which files to read, and the variables that are known while reading them.

Source: docker compose's lookup (2.40.3): ``-f``, then ``COMPOSE_FILE``, then the first directory upwards that holds a
file of a known name; the shell wins over ``--env-file`` or ``.env``.
"""

import os
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from pathlib import Path

from msgspec import Struct

from boxship.spec.dotenv import parse_dotenv
from boxship.spec.report import Report
from boxship.spec.source import STDIN, Mention, read_mentioned, show_path
from boxship.where import Where

APPLIANCE_NAMES = ("appliance.yaml", "appliance.yml")
COMPOSE_NAMES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
_OVERRIDE_NAMES: Mapping[str, tuple[str, ...]] = {
    "compose": ("compose.override.yaml", "compose.override.yml"),
    "docker-compose": ("docker-compose.override.yml", "docker-compose.override.yaml"),
}


CRANE_NAMES = ("crane.yml", "crane.yaml", "crane.json")
_CRANE_OVERRIDE_NAMES = ("crane.override.yml", "crane.override.yaml", "crane.override.json")


class SourceFiles(Struct, frozen=True):
    """The files that were asked for or found; ``appliance`` may name further Compose files."""

    appliance: Path | None = None
    compose: tuple[Path, ...] = ()


def find_files(named: tuple[Path, ...], start: Path, environment: Mapping[str, str], report: Report) -> SourceFiles:
    """The files that ``-f`` names, or that ``COMPOSE_FILE`` names, or the nearest ones from ``start`` upwards."""
    if named:
        return _sort_named(tuple(_beside(start, path) for path in named), start, report)
    nearest = _nearest(start)
    if nearest.appliance is None and environment.get("COMPOSE_FILE"):
        separator = environment.get("COMPOSE_PATH_SEPARATOR") or os.pathsep
        names = (name for name in environment["COMPOSE_FILE"].split(separator) if name)
        return _sort_named(tuple(_beside(start, Path(name)) for name in names), start, report)
    if nearest == SourceFiles():
        report.error(
            Where(str(start)),
            "",
            "no appliance.yaml and no compose.yaml here or in a directory above",
            f"looked for {', '.join((APPLIANCE_NAMES[0], *COMPOSE_NAMES))}; name a file with -f",
        )
    return nearest


def _beside(start: Path, path: Path) -> Path:
    return path if path == STDIN else start / path


def _sort_named(paths: tuple[Path, ...], start: Path, report: Report) -> SourceFiles:
    appliances = [path for path in paths if is_appliance_name(path)]
    if len(appliances) > 1:
        report.error(Where(show_path(appliances[1], start)), "", "a second appliance.yaml", "give one")
    compose = tuple(path for path in paths if not is_appliance_name(path))
    return SourceFiles(appliances[0] if appliances else None, compose)


def is_appliance_name(path: Path) -> bool:
    """Whether a file's name says that it is an appliance.yaml: ``appliance.yaml``, ``shop.appliance.yaml``."""
    return path.name in APPLIANCE_NAMES or path.name.endswith(tuple(f".{name}" for name in APPLIANCE_NAMES))


def _nearest(start: Path) -> SourceFiles:
    for directory in (start, *start.parents):
        appliance = _first(directory, APPLIANCE_NAMES)
        if appliance is not None:
            return SourceFiles(appliance)
        compose = find_compose(directory)
        if compose:
            return SourceFiles(None, compose)
    return SourceFiles()


def find_compose(directory: Path) -> tuple[Path, ...]:
    """The directory's Compose file of a known name and its override file, or else its crane file, or nothing."""
    main = _first(directory, COMPOSE_NAMES)
    if main is not None:
        override = _first(directory, _OVERRIDE_NAMES[main.stem])
    else:
        main, override = _first(directory, CRANE_NAMES), _first(directory, _CRANE_OVERRIDE_NAMES)
    if main is None:
        return ()
    return (main,) if override is None else (main, override)


def _first(directory: Path, names: tuple[str, ...]) -> Path | None:
    return next((directory / name for name in names if os.path.lexists(directory / name)), None)


def read_env_files(
    files: Sequence[Path],
    start: Path,
    shell: Mapping[str, str],
    report: Report,
    mentions: Sequence[Mention] = (),
) -> dict[str, str]:
    """The shell's variables over those of the files; a later file wins over an earlier one.

    ``mentions`` are the places that name the files, when a file does.
    """
    found: dict[str, str] = {}
    for path, mention in zip_longest(files, mentions[: len(files)]):
        shown = show_path(path, start)
        text = read_mentioned(path, shown, report, mention)
        if text is not None:
            values = parse_dotenv(text, shown, shell, found, report)
            found.update((key, value) for key, value in values.items() if value is not None)
    return {**found, **shell}


def default_env_file(directory: Path) -> tuple[Path, ...]:
    """The directory's ``.env``, if it has one that is no directory: Python's virtual environments are called so."""
    path = directory / ".env"
    is_there = os.path.lexists(path) and not os.path.isdir(path)  # noqa: PTH112 os.path is what a NUL byte can't upset
    return (path,) if is_there else ()
