"""One searching process: atheris shows libFuzzer which of our lines an input reaches, and we say how inputs change.

``python -m tests.fuzz.worker FINDINGS LIBFUZZER-OPTIONS... CORPUS``. Started by ``campaign``.
"""

import hashlib
import os
import re
import sys
import tempfile
from pathlib import Path
from random import Random

import atheris

with atheris.instrument_imports(include=["boxship"]):
    from tests.fuzz.attempt import Finding, attempt, limit_memory
    from tests.fuzz.case import decode, encode
    from tests.fuzz.grammar import Author
    from tests.fuzz.mutations import mutate

_MEMORY_MIB = 1000
"""The fuzzer's own part is about 300; an input that needs more than the rest fails with a MemoryError."""


class _Search:
    def __init__(self, directory: Path, findings: Path) -> None:
        self._directory = directory
        self._findings = findings

    def run_one(self, data: bytes) -> None:
        finding = attempt(decode(data), self._directory)
        if finding is not None:
            keep(finding, data, self._findings)


def keep(finding: Finding, data: bytes, findings: Path) -> None:
    """Write down a finding: the smallest input of each signature."""
    digest = hashlib.sha256(finding.signature.encode()).hexdigest()[:6]
    name = f"{re.sub('[^a-zA-Z0-9]+', '-', finding.signature)}-{digest}"
    path = findings / f"{name}.case"
    if not path.exists() or path.stat().st_size > len(data):
        path.write_bytes(data)
        (findings / f"{name}.txt").write_text(f"{finding.signature}\n{finding.detail}\n", errors="backslashreplace")


def change(data: bytes, max_size: int, seed: int) -> bytes:
    """The next input to try."""
    random = Random(seed)
    dice = random.random()
    if dice < 0.25:
        return bytes(atheris.Mutate(data, max_size))
    case = Author(random).case() if dice < 0.3 else mutate(decode(data), random)
    return encode(case)[:max_size]


def main(argv: list[str]) -> None:
    """See the module."""
    findings, options = Path(argv[1]), argv[2:]
    with tempfile.TemporaryDirectory(
        prefix="bxfuzz-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    ) as place:
        limit_memory(_MEMORY_MIB)
        atheris.Setup([argv[0], *options], _Search(Path(place), findings).run_one, custom_mutator=change)
        atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv)
