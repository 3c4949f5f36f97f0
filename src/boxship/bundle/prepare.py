"""A release's files made ready on the vendor's machine, and read once more as a box will read them."""

import os
import shutil
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from boxship.bundle.files import Gathered, gather
from boxship.bundle.pack import describe, pack
from boxship.bundle.read import read_release
from boxship.bundle.variables import as_env_file, used_variables
from boxship.errors import HostError, PreconditionError, SpecError
from boxship.spec.find import default_env_file
from boxship.spec.loaded import Loaded, LoadOptions
from boxship.spec.model import Appliance
from boxship.spec.model_files import Hidden
from boxship.spec.release import Reading, Release, ReleaseFile
from boxship.spec.secrecy import is_secret_name, is_secret_value
from boxship.spec.source import STDIN

VARIABLES = "boxship.env"
"""The file with what the vendor's own environment gave, beside the appliance's files."""


_OF_BUILDING = frozenset({"files", "bases", "wheels", "contexts", "budgets"})
"""What no box does; and which files were read is no matter as long as they say the same."""


class Prepared(Struct, frozen=True):
    """``archive``: the files as they travel. ``warnings``: sentences."""

    files: Mapping[str, ReleaseFile]
    archive: bytes
    reading: Reading
    warnings: tuple[str, ...] = ()


def prepare(
    loaded: Loaded, options: LoadOptions, services: Collection[str], version: str, *, with_secrets: bool
) -> Prepared:
    """Gather, copy aside, read the copy with no environment, and compare.

    Args:
        loaded: What the vendor's machine read with ``options``.
        options: How it was read.
        services: Those that the release has images for.
        version: Of the release.
        with_secrets: Take files and values along that look like secrets.

    Raises:
        PreconditionError: with everything that speaks against it; the reasons tell where.
        HostError: when there is no room for a copy.
    """
    appliance = loaded.appliance
    gathered = gather(loaded, services, with_secrets=with_secrets)
    variables = used_variables(options, loaded)
    problems = [*gathered.problems, *_secret_variables(appliance, variables, with_secrets=with_secrets)]
    if STDIN in options.files:
        problems.append("a file is read from the standard input: give it a name")
    if problems:
        raise _refusal(appliance.name, version, problems)
    reading = _reading(loaded, options, gathered.root, has_variables=bool(variables))
    try:
        with tempfile.TemporaryDirectory(prefix="boxship-release-") as folder:
            stage = Path(folder)
            files = _stage(gathered, variables, reading, stage)
            release = Release(appliance.name, version, services={}, files=files, reading=reading)
            if difference := _difference(appliance, gathered.root, stage, release):
                raise _refusal(appliance.name, version, [difference])
            return Prepared(files, pack(stage, files), reading, gathered.warnings)
    except OSError as err:
        raise HostError(f"cannot copy the files of {appliance.name}: {(err.strerror or str(err)).lower()}") from err


def _refusal(name: str, version: str, problems: list[str]) -> PreconditionError:
    return PreconditionError(f"{name} {version} can't become a release", reasons=problems)


def _secret_variables(appliance: Appliance, variables: Mapping[str, str], *, with_secrets: bool) -> list[str]:
    if with_secrets:
        return []
    of_secrets = {each.environment for each in appliance.secrets.values() if each.environment}
    return [
        f"the files use {name} of this shell, which looks like a secret: give each box its own, "
        "or insist with --include-secrets"
        for name, value in variables.items()
        if name in of_secrets or (is_secret_name(name) and is_secret_value(value))
    ]


def _reading(loaded: Loaded, options: LoadOptions, root: Path, *, has_variables: bool) -> Reading:
    start = (Path.cwd() / (options.directory or "")).absolute()
    directory = loaded.appliance.directory
    # Started in a folder below, the files were found above it; started far above, they were named.
    within = start if directory.is_relative_to(start) and start.is_relative_to(root) else directory
    named = tuple(os.path.relpath(start / path, within) for path in options.files)
    # Twice: what .env itself refers to must be known before it, and yet win over it.
    own = (os.path.relpath(directory / VARIABLES, within),) if has_variables else ()
    env_files = options.env_files or _env_files_of_shell(options)
    given = tuple(os.path.relpath(start / path, within) for path in env_files)
    if own and not given:
        first = (start / options.files[0]).parent if options.files else directory
        given = tuple(os.path.relpath(path, within) for path in default_env_file(first))
    return Reading(
        directory=os.path.relpath(within, root),
        files=named,
        env_files=(*own, *given, *own),
        profiles=loaded.active_profiles,
        is_lax=options.lax,
    )


def _env_files_of_shell(options: LoadOptions) -> tuple[Path, ...]:
    listed = options.environ.get("COMPOSE_ENV_FILES", "")
    return tuple(Path(name.strip()) for name in listed.split(",") if name.strip())


def _stage(
    gathered: Gathered, variables: Mapping[str, str], reading: Reading, stage: Path
) -> Mapping[str, ReleaseFile]:
    """The files as a box will have them."""
    for name, file in gathered.files.items():
        path = stage / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if file.link:
            path.symlink_to(file.link)
        elif file.digest:
            shutil.copyfile(gathered.contents[name], path)
            path.chmod(file.mode)
        else:
            path.mkdir(exist_ok=True)
    files = dict(gathered.files)
    if variables:
        name = os.path.normpath(Path(reading.directory, reading.env_files[-1]))
        (stage / name).write_text(as_env_file(variables), encoding="utf-8")
        (stage / name).chmod(0o644)
        files[name] = describe(stage / name)
    return files


def _difference(appliance: Appliance, root: Path, stage: Path, release: Release) -> str:
    """Where the release reads differently, as a sentence; "" when it reads the same."""
    why = f"it may depend on HOME, on PWD or on something above {root}"
    try:
        found = read_release(stage, release)
    except SpecError as err:
        return f"on a box the files can't be read: {err.problems[0]}; {why}"
    ours, theirs = (_without_building(replace(each, version=release.version)) for each in (appliance, found))
    for field in Appliance.__struct_fields__:
        where = _different_part(getattr(ours, field), getattr(theirs, field), root, stage)
        if where is not None and field not in _OF_BUILDING:
            return f"{field}{where} reads differently on a box: {why}"
    return ""


def _without_building(appliance: Appliance) -> Appliance:
    services = {name: replace(each, build=None, develop=None) for name, each in appliance.services.items()}
    return replace(appliance, services=services)


def _different_part(ours: object, theirs: object, root: Path, stage: Path) -> str | None:
    """What of two values differs: ``.key`` of a mapping, "" of anything else; None for nothing."""
    if not isinstance(ours, Mapping) or not isinstance(theirs, Mapping):
        return None if _plain(ours, root) == _plain(theirs, stage) else ""
    keys = (key for key in {**ours, **theirs} if _plain(ours.get(key), root) != _plain(theirs.get(key), stage))
    return next((f".{key}" for key in keys), None)


def _plain(value: object, root: Path) -> object:
    """A value without the places where it was written, and its paths without ``root``."""
    match value:
        case Struct():
            return {name: _plain(getattr(value, name), root) for name in value.__struct_fields__ if name != "where"}
        case Mapping():
            return [(_plain(key, root), _plain(each, root)) for key, each in value.items()]
        case tuple():
            return [_plain(each, root) for each in value]
        case str() | Path():
            return str(value).replace(str(root), "@")
        case Hidden():
            return value.reveal()
        case _:
            return value
