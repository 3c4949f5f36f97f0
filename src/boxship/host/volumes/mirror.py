"""One pass over a volume that makes the copy like the source.

A pass looks at every file of the source. What looks as it did when it was read, and isn't doubtful (``doubts``), stays;
everything else is compared and brought up to date. What the copy has too much is removed first. The copy belongs to
nobody else meanwhile. The source may be written, and then a pass leaves out what slipped away; ``is_quiet`` says that
nobody writes it, and that then is an error.
"""

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

from boxship.errors import HostError
from boxship.host.volumes.doubts import Doubts
from boxship.host.volumes.dress import dress_open, is_dressed_alike
from boxship.host.volumes.faults import GONE, GoneError, cannot, printable
from boxship.host.volumes.folders import Descent, open_root
from boxship.host.volumes.kernel import Cloner
from boxship.host.volumes.links import Links
from boxship.host.volumes.memory import Memory, look_of
from boxship.host.volumes.passes import Manner, Tally, Visit
from boxship.host.volumes.removal import remove_entry
from boxship.host.volumes.things import put_file, put_other

Watch = Callable[[int, int], None]
"""Told how many bytes and how many things were dealt with since; may raise StoppedError."""
_IS_NO_FOLDER = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})


class Mirror:
    """A pass. Blocks; ``run`` is for a thread."""

    def __init__(
        self,
        source: Path,
        destination: Path,
        memory: Memory,
        doubts: Doubts,
        manner: Manner,
        cloner: Cloner,
        watch: Watch,
    ) -> None:
        self._source = source
        self._destination = destination
        self._memory = memory
        self._doubts = doubts
        self._manner = manner
        self._cloner = cloner
        self._watch = watch
        self._links = Links()
        self._tally = Tally()
        self._done_bytes = 0
        self._visits: list[Visit] = []
        self._folders: dict[str, dict[str, bytes]] = {}
        self._later: dict[tuple[str, str], int] = {}

    def run(self) -> Tally:
        """Make the pass; the memory is of it afterwards.

        Raises: HostError; StoppedError from the watch. The copy is half then, and the next pass goes on with it.
        """
        self._from = self._open(self._source)
        try:
            self._to = self._open(self._destination)
            try:
                self._go()
            finally:
                self._to.close()
        finally:
            self._from.close()
        self._memory.folders = self._folders
        self._memory.later = self._later
        return self._tally

    def _open(self, path: Path) -> Descent:
        try:
            return Descent(open_root(path))
        except OSError as err:
            raise cannot("open the volume", str(path), err) from err

    def _go(self) -> None:
        self._device = os.fstat(self._to.fd).st_dev
        # Who is found from here on counts in the next pass.
        self._suspects = self._doubts.suspects
        self._quiet_before_ns = self._doubts.quiet_before_ns if self._manner.trusts_stamps else 0
        self._arrive()
        while self._visits:
            visit = self._visits[-1]
            if visit.pending:
                self._go_down(visit, visit.pending.pop())
            else:
                self._go_up()

    def _arrive(self) -> None:
        """Deal with all that is in the folder at hand, but for its folders."""
        folder = self._from.path
        visit = Visit(os.fstat(self._from.fd), self._memory.take(folder))
        self._visits.append(visit)
        self._folders[folder] = visit.looks
        self._tally.folders += 1
        try:
            visit.there = set(os.listdir(self._to.fd))  # noqa: PTH208  # a descriptor has no Path
            unsettled = self._look(visit)
            for name in visit.there.difference(visit.looks, visit.pending, (name for name, _ in unsettled)):
                remove_entry(self._to.fd, name, self._device)
                visit.is_touched = True
                self._tally.removed += 1
        except OSError as err:
            raise self._cannot_copy("", err) from err
        for name, status in unsettled:
            self._watch(0, 1)
            self._settle(visit, name, status)
        self._watch(0, len(visit.looks) - len(unsettled) + 1)

    def _look(self, visit: Visit) -> list[tuple[str, os.stat_result]]:
        """Keep what certainly is as it was; return the rest. This is what a pass with no changes spends its time on."""
        unsettled, pending, looks, known, there = [], visit.pending, visit.looks, visit.known, visit.there
        suspects, quiet_before_ns, audits = self._suspects, self._quiet_before_ns, self._manner.audits
        size_bytes = 0
        with os.scandir(self._from.fd) as entries:
            for entry in entries:
                name = entry.name
                try:
                    status = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    self._lose(name)
                    continue
                if stat.S_ISDIR(status.st_mode):
                    pending.append(name)
                    continue
                size_bytes += status.st_size
                look = look_of(status)
                if (
                    known.get(name) == look
                    and status.st_ctime_ns < quiet_before_ns
                    and status.st_ino not in suspects
                    and status.st_nlink == 1
                    and name in there
                    and not audits
                ):
                    looks[name] = look
                else:
                    unsettled.append((name, status))
        self._tally.size_bytes += size_bytes
        self._tally.files += len(looks) + len(unsettled)
        if self._memory.later:
            self._remember_later(looks)
        return unsettled

    def _remember_later(self, names: dict[str, bytes]) -> None:
        folder = self._from.path
        for name in names:
            if number := self._memory.copied_in(folder, name):
                self._later[folder, name] = number

    def _settle(self, visit: Visit, name: str, status: os.stat_result) -> None:
        try:
            existing = self._existing(visit, name)
            if existing and stat.S_ISDIR(existing.st_mode):
                self._remove(visit, name)
                existing = None
            if status.st_nlink > 1 or (existing and existing.st_nlink > 1):
                self._settle_linked(visit, name, status, existing)
            else:
                self._keep_or_put(visit, name, status, existing)
        except GoneError:
            self._lose(name)
        except OSError as err:
            raise self._cannot_copy(name, err) from err

    def _settle_linked(self, visit: Visit, name: str, status: os.stat_result, existing: os.stat_result | None) -> None:
        if self._links.has(status):
            if not self._links.is_in_place(status, existing):
                if existing:
                    self._remove(visit, name)
                self._links.link(status, self._to.root, self._to.fd, name)
                visit.is_touched = True
            visit.looks[name] = look_of(status)
            return
        if existing and self._links.is_taken(status, existing):
            self._remove(visit, name)
            existing = None
        self._keep_or_put(visit, name, status, existing)
        inode = os.stat(name, dir_fd=self._to.fd, follow_symlinks=False).st_ino
        self._links.register(status, self._from.path, name, inode)

    def _keep_or_put(self, visit: Visit, name: str, status: os.stat_result, existing: os.stat_result | None) -> None:
        folder, look = self._from.path, look_of(status)
        copied_in = self._memory.copied_in(folder, name)
        if (
            existing
            and visit.known.get(name) == look
            and not self._is_doubtful(status, copied_in)
            and is_dressed_alike(status, existing)
        ):
            self._tally.audited += 1
        else:
            look = self._put(visit, name, status, existing)
            copied_in = self._manner.number
        visit.looks[name] = look
        if copied_in:
            self._later[folder, name] = copied_in

    def _is_doubtful(self, status: os.stat_result, copied_in: int) -> bool:
        return not self._manner.trusts_stamps or self._doubts.is_doubtful(status, copied_in)

    def _put(self, visit: Visit, name: str, status: os.stat_result, existing: os.stat_result | None) -> bytes:
        if existing and stat.S_IFMT(existing.st_mode) != stat.S_IFMT(status.st_mode):
            self._remove(visit, name)
            existing = None
        visit.is_touched |= existing is None
        if not stat.S_ISREG(status.st_mode):
            # What stands there differently is replaced, which touches the folder.
            visit.is_touched = True
            put_other(self._from.fd, self._to.fd, name, status, existing)
            return look_of(status)
        put = put_file(
            self._from.fd, self._to.fd, name, status, existing, self._cloner, self._tick, compares=self._manner.compares
        )
        self._tally.touched += 1
        self._tally.shared += put.written.is_shared
        self._tally.written_bytes += put.written.written_bytes
        return look_of(put.seen)

    def _existing(self, visit: Visit, name: str) -> os.stat_result | None:
        if name not in visit.there:
            return None
        return os.stat(name, dir_fd=self._to.fd, follow_symlinks=False)

    def _remove(self, visit: Visit, name: str) -> None:
        remove_entry(self._to.fd, name, self._device)
        visit.is_touched = True

    def _tick(self, count_bytes: int) -> None:
        self._done_bytes += count_bytes
        self._watch(count_bytes, 0)

    def _go_down(self, visit: Visit, name: str) -> None:
        try:
            self._from.enter(name)
        except OSError as err:
            if err.errno in GONE:
                self._lose(name)
                return
            raise cannot("open", os.path.join(self._source, self._from.path, name), err) from err  # noqa: PTH118
        try:
            self._enter_copy(visit, name)
        except OSError as err:
            raise self._cannot_copy(name, err) from err
        self._arrive()

    def _enter_copy(self, visit: Visit, name: str) -> None:
        if name in visit.there:
            try:
                self._to.enter(name)
            except OSError as err:
                if err.errno not in _IS_NO_FOLDER:
                    raise
                self._remove(visit, name)
            else:
                return
        os.mkdir(name, 0o700, dir_fd=self._to.fd)
        visit.is_touched = True
        self._to.enter(name)

    def _go_up(self) -> None:
        """Last of all its owner, mode and times: everything before changed them."""
        visit = self._visits.pop()
        try:
            if self._from.fd >= 0:
                self._finish_folder(visit)
        except OSError as err:
            raise self._cannot_copy("", err) from err
        if self._visits:
            self._to.leave()
            try:
                self._from.leave()
            except GoneError:
                self._lose("")
                self._visits[-1].pending.clear()

    def _finish_folder(self, visit: Visit) -> None:
        folder, look = self._from.path, look_of(visit.status)
        copied_in = self._memory.copied_in(folder, ".")
        is_as_it_was = visit.known.get(".") == look and not self._is_doubtful(visit.status, copied_in)
        if visit.is_touched or not is_as_it_was or self._manner.audits:
            dress_open(self._to.fd, visit.status, self._from.fd)
            copied_in = copied_in if is_as_it_was else self._manner.number
        visit.looks["."] = look
        if copied_in:
            self._later[folder, "."] = copied_in

    def _lose(self, name: str) -> None:
        """Something was there a moment ago. The next pass deals with what is there then."""
        self._tally.gone += 1
        if self._manner.is_quiet:
            path = printable(os.path.join(self._source, self._from.path, name))  # noqa: PTH118  # names needn't be UTF-8
            raise HostError(
                f"{path} changed while it was copied, although whoever writes it should have been stopped",
                hint="look for a program outside of the appliance that writes there (fuser, lsof), and stop it",
            )

    def _cannot_copy(self, name: str, err: OSError) -> HostError:
        # Names needn't be UTF-8, and a folder's own name is "".
        source, copy = (
            os.path.join(root, self._from.path, name).rstrip("/")  # noqa: PTH118
            for root in (self._source, self._destination)
        )
        return cannot(f"copy {printable(source)} to", copy, err, max(0, self._manner.total_bytes - self._done_bytes))
