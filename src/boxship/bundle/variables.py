"""Which variables of the vendor's environment the files really use: those without which they read differently."""

import re
from collections.abc import Mapping
from pathlib import Path

from msgspec.structs import replace

from boxship.errors import SpecError
from boxship.spec.load import load
from boxship.spec.loaded import Loaded, LoadOptions
from boxship.spec.model import Appliance

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OF_THE_MACHINE = frozenset({"PWD", "OLDPWD", "HOME", "COMPOSE_PROJECT_NAME", "COMPOSE_PROFILES", "COMPOSE_ENV_FILES"})
"""What a box has its own of, or what a release says in another way."""
_OF_READING = frozenset({"COMPOSE_FILE", "COMPOSE_PATH_SEPARATOR", "COMPOSE_DISABLE_ENV_FILE"})
"""What changes a reading without standing in a file."""


_ESCAPES = (("\\", "\\\\"), ('"', '\\"'), ("$", "\\$"), ("\n", "\\n"), ("\r", "\\r"))
"""The backslash first."""


def used_variables(options: LoadOptions, loaded: Loaded) -> Mapping[str, str]:
    """Of ``options.environ`` those that the files can't do without, with their values.

    Found by reading: only names that stand in the files come into question, and each of them whose absence changes
    nothing is left out. So ``PATH`` in a command doesn't carry the vendor's ``PATH`` to a box.
    """
    words = _OF_READING.union(*(_words(path) for path in loaded.read))
    kept = {name: value for name, value in options.environ.items() if name in words and name not in _OF_THE_MACHINE}
    for name in sorted(kept):
        without = {other: value for other, value in kept.items() if other != name}
        if _reads_as(options, without) == loaded.appliance:
            kept = without
    return kept


def _words(path: Path) -> frozenset[str]:
    try:
        return frozenset(_WORD.findall(path.read_text(encoding="utf-8-sig")))
    except (OSError, UnicodeDecodeError):
        return frozenset()


def _reads_as(options: LoadOptions, environ: Mapping[str, str]) -> Appliance | None:
    machine = {name: value for name, value in options.environ.items() if name in _OF_THE_MACHINE}
    try:
        return load(replace(options, environ={**machine, **environ})).appliance
    except SpecError:
        return None


def as_env_file(variables: Mapping[str, str]) -> str:
    """A file of variables that reads back as they are."""
    lines = (f"{name}={_quoted(value)}\n" for name, value in sorted(variables.items()))
    return "# What the files used of the environment in which this release was made.\n" + "".join(lines)


def _quoted(value: str) -> str:
    if "'" not in value and "\\" not in value:
        return f"'{value}'"
    for plain, escaped in _ESCAPES:
        value = value.replace(plain, escaped)
    return f'"{value}"'
