"""Volumes for tests: made, changed at random, copied."""

import os
import random
import stat
from collections.abc import Callable
from pathlib import Path

from boxship.clock import SystemClock
from boxship.execute.generations import CopyReport, VolumePair, finish, precopy
from boxship.host.volumes.manifest import manifest
from boxship.state.operation import Progress
from boxship.state.verify import Verify

IS_ROOT = os.geteuid() == 0


def lines_of(path: Path) -> list[str]:
    """Said better by a failed comparison than two fingerprints."""
    return list(manifest(path))


def unheard(progress: Progress) -> None:
    """Nobody looks at it."""


async def copy(
    source: Path, destination: Path, *, meanwhile: Callable[[], object] = lambda: None, verify: Verify = Verify.TOUCHED
) -> CopyReport:
    """Both halves; ``meanwhile`` is what the old release writes between them."""
    copying = await precopy([VolumePair("data", source, destination)], unheard, SystemClock())
    meanwhile()
    return await finish(copying, unheard, SystemClock(), verify=verify)


def fill(root: Path) -> None:
    """One of everything that a volume may hold."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "plain").write_bytes(b"some text\n" * 1000)
    (root / ".hidden").write_bytes(b"")
    (root / "twin").hardlink_to(root / "plain")
    (root / "deep/er/est").mkdir(parents=True)
    (root / "deep/twin").hardlink_to(root / "plain")
    (root / "empty").mkdir()
    (root / "link").symlink_to("plain")
    (root / "dangling").symlink_to("/nowhere/at/all")
    os.link(root / "link", root / "link's twin", follow_symlinks=False)
    (root / ("n" * 255)).write_bytes(b"long")
    Path(os.fsdecode(os.fsencode(root) + b"/\xff\xfe")).write_bytes(b"not UTF-8")
    os.mkfifo(root / "pipe", 0o640)
    os.mknod(root / "socket", stat.S_IFSOCK | 0o660)
    with (root / "sparse").open("wb") as file:
        file.seek(8 * 1024 * 1024)
        file.write(b"the end of a hole")
        file.truncate(24 * 1024 * 1024)
    (root / "setuid").write_bytes(b"#!")
    (root / "setuid").chmod(0o6755)
    os.setxattr(root / "plain", "user.note", b"attributes go over")
    os.setxattr(root / "empty", "user.folder", b"\0\1")
    if IS_ROOT:
        _fill_as_root(root)
    (root / "empty").chmod(0o1777)
    os.utime(root / "deep/er/est", ns=(1_000_000_001, 1_234_567_890_123_456_789))
    os.utime(root / "link", ns=(5, 6_000_000_007), follow_symlinks=False)
    os.utime(root, ns=(1, 1_111_111_111_111_111_111))


def _fill_as_root(root: Path) -> None:
    os.mknod(root / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    os.chown(root / "setuid", 1234, 4321)
    (root / "setuid").chmod(0o6755)
    os.chown(root / "dangling", 77, 78, follow_symlinks=False)
    # CAP_NET_BIND_SERVICE, as setcap writes it.
    capability = bytes.fromhex("01000002000400000000000000000000") + bytes(4)
    os.setxattr(root / "setuid", "security.capability", capability)
    os.setxattr(root / "dangling", "trusted.note", b"of a link", follow_symlinks=False)
    access = _acl((1, 6, -1), (2, 7, 1234), (4, 4, -1), (16, 7, -1), (32, 0, -1))
    os.setxattr(root / "deep", "system.posix_acl_access", access)
    os.setxattr(root / "deep", "system.posix_acl_default", access)


def _acl(*entries: tuple[int, int, int]) -> bytes:
    """Version 2, then tag, permissions and id of each (Linux, posix_acl_xattr.h)."""
    packed = (2).to_bytes(4, "little")
    for tag, permissions, number in entries:
        packed += tag.to_bytes(2, "little") + permissions.to_bytes(2, "little")
        packed += number.to_bytes(4, "little", signed=True)
    return packed


class Disturber:
    """Does one thing after another to a tree, the same for the same seed: what services do, and worse."""

    def __init__(self, root: Path, seed: int) -> None:
        self._root = root
        self._chance = random.Random(seed)

    def disturb(self, times: int) -> None:
        for _ in range(times):
            change = self._chance.choice(
                (
                    self._write,
                    self._write,
                    self._append,
                    self._overwrite_keeping_times,
                    self._cut,
                    self._remove,
                    self._rename,
                    self._link,
                    self._symlink,
                    self._make_folder,
                    self._dress,
                    self._punch,
                )
            )
            try:
                change()
            except (FileExistsError, IsADirectoryError, NotADirectoryError, FileNotFoundError):
                continue  # two things of one name: then it is another one's turn
            except OSError as err:
                if err.errno not in (22, 39, 40):  # a folder into itself, not empty, too many links
                    raise

    def _some_path(self) -> Path:
        """Never one beyond a link, which may lead out of the tree."""
        path = self._root
        for _ in range(self._chance.randint(1, 3)):
            if path.is_symlink():
                break
            path /= self._chance.choice("abcd")
        return path

    def _some_file(self) -> Path:
        files = [path for path in self._root.rglob("*") if path.is_file() and not path.is_symlink()]
        if not files:
            raise FileNotFoundError
        return self._chance.choice(sorted(files))

    def _write(self) -> None:
        path = self._some_path()
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink():
            path.unlink()
        path.write_bytes(self._chance.randbytes(self._chance.choice((0, 10, 5000, 300_000))))

    def _append(self) -> None:
        with self._some_file().open("ab") as file:
            file.write(self._chance.randbytes(100))

    def _overwrite_keeping_times(self) -> None:
        path = self._some_file()
        status = path.stat()
        with path.open("r+b") as file:
            file.seek(status.st_size // 2)
            file.write(self._chance.randbytes(min(10, status.st_size - status.st_size // 2)))
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

    def _cut(self) -> None:
        path = self._some_file()
        os.truncate(path, path.stat().st_size * self._chance.choice((0, 1, 3)) // 2)

    def _remove(self) -> None:
        path = self._some_path()
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        else:
            path.unlink()

    def _rename(self) -> None:
        self._some_path().rename(self._some_path())

    def _link(self) -> None:
        self._some_path().hardlink_to(self._some_file())

    def _symlink(self) -> None:
        self._some_path().symlink_to(self._chance.choice(("a", "../b", "/nowhere", "no/where")))

    def _make_folder(self) -> None:
        self._some_path().mkdir(parents=True)

    def _dress(self) -> None:
        path = self._some_file()
        path.chmod(self._chance.choice((0o600, 0o644, 0o755)))
        os.setxattr(path, "user.note", self._chance.randbytes(4))

    def _punch(self) -> None:
        path = self._some_file()
        size = path.stat().st_size
        os.truncate(path, 0)
        os.truncate(path, size)
