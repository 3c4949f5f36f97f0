"""Small file systems of our own, in files: what they can and how full they are is up to the test."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

_DEADLINE_S = 60


class Kind(NamedTuple):
    """``size_mib``: about the least that its mkfs takes."""

    name: str
    make: tuple[str, ...]
    package: str
    size_mib: int


EXT4 = Kind("ext4", ("mkfs.ext4", "-q", "-F"), "e2fsprogs", 64)
EXT4_WHOLE_SECONDS = Kind("ext4-128", ("mkfs.ext4", "-q", "-F", "-I", "128"), "e2fsprogs", 64)
XFS = Kind("xfs", ("mkfs.xfs", "-q", "-m", "reflink=1"), "xfsprogs", 320)
BTRFS = Kind("btrfs", ("mkfs.btrfs", "-q"), "btrfs-progs", 160)
KINDS = (EXT4, EXT4_WHOLE_SECONDS, XFS, BTRFS)


def make_image(kind: Kind, folder: Path, *, size_mib: int = 0) -> Path:
    """A file with a new file system; skips the test where there can be none."""
    path = f"{os.environ.get('PATH', os.defpath)}{os.pathsep}/usr/sbin{os.pathsep}/sbin"
    program = shutil.which(kind.make[0], path=path)
    if os.geteuid() != 0 or not Path("/dev/loop-control").exists():
        pytest.skip("mounting a file in a loop device needs root and /dev/loop-control")
    if program is None:
        pytest.skip(f"there is no {kind.make[0]}: install {kind.package} (scripts/setup test does)")
    image = folder / f"{kind.name}.img"
    with image.open("wb") as file:
        file.truncate((size_mib or kind.size_mib) * 1024 * 1024)
    subprocess.run([program, *kind.make[1:], image], check=True, timeout=_DEADLINE_S, capture_output=True)
    return image


@contextmanager
def mounted(kind: Kind, folder: Path, *, size_mib: int = 0) -> Iterator[Path]:
    """A new file system; skips the test where there can be none."""
    image, place = make_image(kind, folder, size_mib=size_mib), folder / kind.name
    place.mkdir()
    done = subprocess.run(
        ["mount", "-o", "loop", image, place], check=False, timeout=_DEADLINE_S, capture_output=True, text=True
    )
    if done.returncode != 0:
        pytest.skip(f"this kernel mounts no {kind.name} from a file: {done.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True, timeout=_DEADLINE_S)
        image.unlink()


def make_read_only(place: Path) -> None:
    """As the kernel does after an error of the disk."""
    subprocess.run(["mount", "-o", "remount,ro", place], check=True, timeout=_DEADLINE_S)
