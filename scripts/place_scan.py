"""Fail when a file of this repository depends on where it lies or where packages come from.

Looked for are hosts that serve packages (the machine's own configuration names those, so that a mirror or an offline
copy works) and absolute paths of this checkout, of its neighbours and of the home of whoever runs this.
"""

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from scripts.tracked import ROOT, text_files

# In parts, because this file is looked at, too.
PACKAGE_HOSTS = tuple(
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("registry", "npmjs", "org"),
        ("registry", "yarnpkg", "com"),
        ("deb", "debian", "org"),
        ("ftp", "debian", "org"),
        ("security", "debian", "org"),
        ("snapshot", "debian", "org"),
        ("archive", "ubuntu", "com"),
        ("security", "ubuntu", "com"),
        ("ports", "ubuntu", "com"),
        ("dl-cdn", "alpinelinux", "org"),
        ("proxy", "golang", "org"),
        ("crates", "io"),
        ("rubygems", "org"),
    )
)
SHARED_FOLDERS = {Path(name) for name in ("/", "/home", "/mnt", "/opt", "/root", "/srv", "/tmp", "/usr/src")}  # noqa: S108
"""Their entries are nobody's neighbours, so naming one says nothing about this machine."""


def places_of_this_machine(root: Path, home: Path) -> tuple[str, ...]:
    """Return the paths that only mean something here: the checkout, what lies beside it, and a personal home."""
    neighbours = [] if root.parent in SHARED_FOLDERS else list(root.parent.iterdir())
    homes = [home] if home.parent in {Path("/home"), Path("/Users")} else []
    return tuple(sorted({str(place) for place in (root, *neighbours, *homes)}))


def scan(path: str, content: str, places: Iterable[str]) -> Iterator[str]:
    """Yield one sentence for each line of ``content`` that names a package host or one of ``places``."""
    host = re.compile("|".join(map(re.escape, PACKAGE_HOSTS)))
    place = re.compile(rf"(?<![\w.])(?:{'|'.join(map(re.escape, places))})(?![\w-])")
    for number, line in enumerate(content.splitlines(), start=1):
        if found := host.search(line):
            yield f"{path}:{number}: names the package host {found[0]}; leave that to the machine's configuration."
        if found := place.search(line):
            yield f"{path}:{number}: names {found[0]}, which is there on this machine only; use a relative path."


def main() -> int:
    """Print what was found. Returns: the exit status."""
    places = places_of_this_machine(ROOT, Path.home())
    findings = [finding for path, content in text_files() for finding in scan(path, content, places)]
    for finding in findings:
        print(finding)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
