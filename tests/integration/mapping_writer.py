"""Writes into files through shared mappings until its standard input ends: ``mapping_writer.py MODE FILE...``.

``keep``: maps each file once and writes into the mappings all the time, so that most writes leave no trace in times.
``flip``: maps, writes, unmaps and closes, over and over.
"""

import mmap
import random
import select
import sys
from pathlib import Path

_PAGE_BYTES = 4096


def main(mode: str, paths: list[str]) -> None:
    kept = [_map(path) for path in paths] if mode == "keep" else []
    for mapping in kept:
        _write(mapping)
    sys.stdout.write("writes\n")
    sys.stdout.flush()
    while not select.select([sys.stdin], [], [], 0)[0]:
        for mapping in kept:
            _write(mapping)
        for path in paths if mode == "flip" else ():
            with _map(path) as mapping:
                _write(mapping)


def _map(path: str) -> mmap.mmap:
    with Path(path).open("r+b") as file:
        return mmap.mmap(file.fileno(), 0)


def _write(mapping: mmap.mmap) -> None:
    at = random.randrange(len(mapping) // _PAGE_BYTES) * _PAGE_BYTES
    mapping[at : at + 8] = random.randbytes(8)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
