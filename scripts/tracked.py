"""The files of this repository that a person reads: everything git tracks or would track."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GIT_DEADLINE_S = 30


def text_files(root: Path = ROOT) -> Iterator[tuple[str, str]]:
    """Yield (path relative to ``root``, content) of every file that holds text, in the order of their paths."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        check=True,
        timeout=GIT_DEADLINE_S,
    )
    for name in sorted(set(listing.stdout.decode().split("\0")) - {""}):
        file = root / name
        if file.is_symlink() or not file.is_file():
            continue  # deleted and not yet committed, or a submodule
        content = file.read_bytes()
        if b"\0" not in content[:8192]:
            yield name, content.decode(errors="replace")
