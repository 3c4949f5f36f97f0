"""Boxship and the pinned packages that it runs with, as files for an image: the same from a checkout and a wheel."""

import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import boxship
from boxship.errors import BuildError

PACKAGE = Path(boxship.__file__).parent
_CARRIED = PACKAGE / "build" / "requirements.txt"
"""Where the wheel has the pinned requirements; a checkout has them beside its pyproject.toml."""
_CHECKOUT = PACKAGE.parents[1] / "requirements" / "run.txt"
_COMMAND = """\
#!/usr/bin/python3
from boxship.cli.entry import entry

entry()
"""


def run_requirements() -> Path:
    """The file that pins, with hashes, what Boxship runs with.

    Raises: BuildError when this installation came without it.
    """
    for path in (_CARRIED, _CHECKOUT):
        if path.is_file():
            return path
    raise BuildError(
        f"this installation of Boxship has no pinned requirements: no {_CARRIED}",
        hint="install Boxship from its wheel or a checkout",
    )


def own_files(packages: str, package: Path = PACKAGE) -> dict[str, bytes]:
    """Path in the image -> content: the package below the folder ``packages``, its record and the command.

    The same code gives the same files, wherever it is installed.
    """
    found = {
        f"{packages}/boxship/{path.relative_to(package)}": path.read_bytes()
        for path in sorted(package.rglob("*"))
        if path.is_file() and path.suffix != ".pyc" and path != package / _CARRIED.relative_to(PACKAGE)
    }
    record = f"Metadata-Version: 2.1\nName: boxship\nVersion: {boxship.__version__}\n"
    found[f"{packages}/boxship-{boxship.__version__}.dist-info/METADATA"] = record.encode()
    return found


def command_file() -> bytes:
    """The program ``boxship`` of an image."""
    return _COMMAND.encode()


def unpacked_wheels(wheels: Iterable[Path], packages: str) -> Mapping[str, bytes]:
    """Path in the image -> content, below the folder ``packages``. Their commands and data stay out.

    Raises: BuildError for two that have the same file, with different content.
    """
    found: dict[str, bytes] = {}
    for wheel in sorted(wheels):
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                path = _place(name)
                if not path:
                    continue
                content = archive.read(name)
                if found.setdefault(f"{packages}/{path}", content) != content:
                    raise BuildError(f"{wheel.name} has another {path} than a wheel before it")
    return found


def _place(name: str) -> str:
    """Where a wheel's file goes, relative to the folder of packages; "" for what stays out."""
    top, _, rest = name.partition("/")
    if top.endswith(".data"):
        kind, _, rest = rest.partition("/")
        name = rest if kind in ("purelib", "platlib") else ""
    return "" if name.endswith("/") or ".." in name.split("/") else name
