"""One input: some files of a folder, and whether it is read laxly; as one text, so that a fuzzer can keep and cut it.

::

    === lax
    === compose.yaml
    services: {web: {image: "x:1"}}
    === .env
    A=1
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

NAMES = (
    "compose.yaml",
    "compose.override.yaml",
    "appliance.yaml",
    "crane.yml",
    "base.yaml",
    "more.yaml",
    ".env",
    "app.env",
    "app.labels",
)
"""What reading looks for, and what the seeds and the grammar refer to."""
_MARK = re.compile(rb"(?:\A|\n|(?<=\n))=== ([a-z.]{1,32})\n")
_LAX = "lax"


@dataclass(frozen=True, slots=True)
class Case:
    """The files by their name."""

    files: Mapping[str, bytes]
    is_lax: bool = False

    def write(self, directory: Path) -> None:
        """Put the files into an empty directory."""
        for name, content in self.files.items():
            (directory / name).write_bytes(content)


def encode(case: Case) -> bytes:
    parts = [b"=== lax\n"] if case.is_lax else []
    parts += [b"=== " + name.encode() + b"\n" + content for name, content in case.files.items()]
    return b"\n".join(parts)


def decode(data: bytes) -> Case:
    """What any bytes stand for; those without a mark are one Compose file, unknown names are left out."""
    pieces = _MARK.split(data)
    files = {"compose.yaml": pieces[0]} if len(pieces) == 1 else {}
    is_lax = False
    for name, content in zip(pieces[1::2], pieces[2::2], strict=True):
        is_lax |= name.decode() == _LAX
        if name.decode() in NAMES:
            files[name.decode()] = content
    return Case(files, is_lax)
