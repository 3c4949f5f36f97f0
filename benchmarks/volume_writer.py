"""Writes a volume as services do, until its standard input ends: ``volume_writer.py FOLDER MAPPED``.

A hundred times a second a few bytes in the middle of some file, and a page of MAPPED through a mapping that it keeps.
"""

import mmap
import random
import select
import sys
from pathlib import Path

PAUSE_S = 0.01
PAGE_BYTES = 4096


def main(folder: Path, mapped: Path) -> None:
    files = sorted(path for path in folder.glob("d*/*") if path != mapped)
    with mapped.open("r+b") as file:
        mapping = mmap.mmap(file.fileno(), 0)
    print("writes", flush=True)
    while not select.select([sys.stdin], [], [], PAUSE_S)[0]:
        with random.choice(files).open("r+b") as file:
            file.seek(1000)
            file.write(random.randbytes(100))
        at = random.randrange(len(mapping) // PAGE_BYTES) * PAGE_BYTES
        mapping[at : at + 8] = random.randbytes(8)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
