"""Which files can't be taken for unchanged although they look it.

A pass opens a file, notes its inode, size, mode and times (the *look*), and reads it. Later the file is taken for
unchanged when its look is the same and nothing speaks against it. What speaks against it, and what that proves:

* **Changed since the pass began.** The kernel stamps ctime, which nobody can set, at the start of every write, at
  every change of attributes, and when a page of a mapping is written for the first time since it was last clean.
  Whoever began to write after the pass began left a ctime that isn't older than that; such a file is doubtful, however
  equal it looks. (A look between stamp and bytes, or in the same tick of the clock, would be the same later.)
* **Mapped.** Who stamped before the pass began, and wrote through a shared mapping afterwards without another stamp,
  had the mapping all the time. ``look_for_writers`` runs between the beginning of a pass and its first look, and finds
  it. It runs again every second, and what was mapped once is doubtful for good.
* **Open.** The same for one ``write`` call that lasts: the file is open all the time. A file that is open for writing
  is doubtful when its ctime is younger than ten minutes before the pass: databases keep gigabytes open that they
  don't touch, and to compare them would be downtime.

So for ext4, XFS and btrfs, with all processes in sight, a file that isn't doubtful is proven to be as it was read. What
is bounded instead:

* One ``write`` call that takes longer than ten minutes.
* Writers without a descriptor or mapping that ``/proc`` shows: requests of io_uring or aio under way for a file that
  was closed, descriptors that travel through a socket, and a mapping that was read-only when somebody looked and became
  writable later without a fault.
* A clock that is set back and forth again within a second: that is noticed only where the clock is looked at.

Where source and copy lie on one file system, writing it out at the end of each pass makes mapped pages clean as well,
so that whoever writes to them next leaves a stamp: what is looked for in ``/proc`` is mostly found by time already.

Where stamps can't be trusted (tmpfs doesn't stamp what is written through a mapping; network file systems have writers
elsewhere), or not all processes are in sight, every file is doubtful: then all is compared by content.
"""

import os
import time

from boxship.host.volumes.writers import Writers

STAMPING = frozenset({"ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs"})
"""File systems that stamp ctime when a mapped page is written for the first time (their page_mkwrite does)."""
_TICK_NS = 50_000_000
"""Stamps are taken from a clock that goes by ticks of at most 10 ms."""
_COARSE_NS = 2_000_000_000
"""What old or foreign file systems round their stamps down by."""
_LONGEST_WRITE_NS = 600 * 1_000_000_000
_SECOND_NS = 1_000_000_000


class Doubts:
    """What is known about writers, for all volumes of one copy. One thread adds while others ask."""

    def __init__(self) -> None:
        self._mapped: frozenset[int] = frozenset()
        self._opened: frozenset[int] = frozenset()
        self._began_ns: list[int] = []
        self._blind: set[int] = set()
        self._clock_ahead_ns = _clock_ahead_ns()

    def begin_pass(self) -> int:
        """The number of the pass, from 0. Look for writers after this, and ``settle`` before the first file is read."""
        self.watch_clock()
        self._began_ns.append(time.monotonic_ns())
        return len(self._began_ns) - 1

    def settle(self, writers: Writers) -> None:
        """Who was found at the beginning of the pass; what that proves hangs on everybody being in sight."""
        self.add(writers)
        if not writers.is_complete:
            self._blind.add(len(self._began_ns) - 1)

    def add(self, writers: Writers) -> None:
        """Remember who was found."""
        self._mapped |= writers.mapped
        self._opened |= writers.opened
        self.watch_clock()

    def watch_clock(self) -> None:
        """A clock that was set back stamps as if it were earlier; the earliest counts."""
        self._clock_ahead_ns = min(self._clock_ahead_ns, _clock_ahead_ns())

    @property
    def suspects(self) -> frozenset[int]:
        """Inodes that are worth asking about."""
        return self._mapped | self._opened

    @property
    def quiet_before_ns(self) -> int:
        """A ctime before this is no reason for doubt, whenever the file was copied."""
        return 0 if 0 in self._blind else self._began_ns[0] + self._clock_ahead_ns - _COARSE_NS

    def was_blind(self, number: int) -> bool:
        """Whether what that pass read has to be compared, as somebody may have written it out of sight."""
        return number in self._blind

    def is_doubtful(self, status: os.stat_result, copied_in: int) -> bool:
        """Whether a file that looks the same since that pass may have changed all the same."""
        if copied_in in self._blind or status.st_ino in self._mapped:
            return True
        changed_ns = status.st_ctime_ns
        margin_ns = _TICK_NS if changed_ns % _SECOND_NS else _COARSE_NS
        began_ns = self._began_ns[copied_in] + self._clock_ahead_ns - margin_ns
        return changed_ns >= (began_ns - _LONGEST_WRITE_NS if status.st_ino in self._opened else began_ns)


def _clock_ahead_ns() -> int:
    return time.time_ns() - time.monotonic_ns()
