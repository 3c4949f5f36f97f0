"""Files of Boxship's on a host: written with a record of them, and removed by that record and nothing else.

The record is written first. Whenever the power fails, it names all that may be there, and what isn't there or isn't as
it was written is no business of whoever removes.
"""

import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from boxship.errors import ConflictError, HostError
from boxship.host.places import STATE_ROOT
from boxship.host.sail.files import HostFile

_RECORD = "installed.json"
FORMAT = 1


class Record(Struct, frozen=True):
    """``files``: path -> what it was: "sha256:..." or "link:...". ``folders`` were made for them, outermost first."""

    files: Mapping[str, str] = field(default_factory=dict)
    shared: tuple[str, ...] = ()
    """Those of ``files`` that other appliances need, too."""
    loader_options: tuple[str, ...] = ()
    """What the Loader is started with: it stays when a later installation names none."""
    sysctl: Mapping[str, str] = field(default_factory=dict)
    """The kernel settings of the host: they stay when a later installation has no files that could say."""
    folders: tuple[str, ...] = ()
    format: int = FORMAT


class Changes(Struct, frozen=True):
    """What happened to files, or would: paths on the host. ``changed_by_hand`` stayed."""

    written: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    changed_by_hand: tuple[str, ...] = ()


class HostTree:
    """The files of a host: of this one, or of one that is a folder here."""

    def __init__(self, root: Path, *, dry_run: bool = False) -> None:
        self._root = root
        self._dry_run = dry_run

    def at(self, path: Path | str) -> Path:
        """Where a path of the host is here."""
        return self._root / str(path).lstrip("/")

    def record(self, appliance: str) -> Record:
        """What was written for an appliance; an empty one when nothing was.

        Raises: HostError when it can't be read.
        """
        path = self._record_path(appliance)
        try:
            return msgspec.json.decode(path.read_bytes(), type=Record)
        except (FileNotFoundError, NotADirectoryError):
            return Record()
        except (OSError, msgspec.DecodeError) as err:
            raise HostError(
                f"can't read {path}: {err}", hint="it lists what boxship install wrote on this host"
            ) from err

    def install(
        self,
        appliance: str,
        files: Sequence[HostFile],
        loader_options: tuple[str, ...] = (),
        sysctl: Mapping[str, str] | None = None,
    ) -> Changes:
        """Write what isn't there as it should be, and remove what an earlier installation needed and this doesn't.

        ``loader_options`` and ``sysctl`` are recorded with it.

        Raises:
            ConflictError: One of the files is somebody else's, or was changed by hand. Nothing was changed.
            HostError: A file can't be written; ``uninstall`` removes what was.
        """
        before, others = self.record(appliance), self._others(appliance)
        known = [before.files, *(each.files for each in others.values())]
        to_write = [each for each in files if self._is(each.path) != _digest(each)]
        self._demand_ours(to_write, known)
        wanted = {str(each.path): _digest(each) for each in files}
        gone = [path for path in before.files if path not in wanted]
        changes = self._removable(before, gone, others)
        kept = tuple(str(each.path) for each in files if each not in to_write)
        changes = replace(changes, written=tuple(str(each.path) for each in to_write), kept=kept)
        if not self._dry_run:
            missing = self._missing_folders(each.path for each in (*files, HostFile(STATE_ROOT / appliance / _RECORD)))
            folders = tuple(dict.fromkeys((*before.folders, *map(str, missing))))
            shared = tuple(str(each.path) for each in files if each.is_shared)
            record = Record(wanted, shared, loader_options, sysctl or {}, folders)
            _told(lambda: self._write(appliance, record, to_write, missing, others))
            _told(lambda: self._remove(changes.removed))
        return changes

    def prepare(self, appliance: str) -> None:
        """Make the folder of state, for what is written there before ``install``, which would take it for older.

        Raises: HostError.
        """
        before = self.record(appliance)
        missing = self._missing_folders([STATE_ROOT / appliance / _RECORD])
        if missing:
            folders = tuple(dict.fromkeys((*before.folders, *map(str, missing))))
            _told(lambda: self._write(appliance, replace(before, folders=folders), (), missing, {}))

    def uninstall(self, appliance: str, own_state: Iterable[Path] = (), own_folders: Sequence[Path] = ()) -> Changes:
        """Remove what is as it was written, and the folders that were made for it and are empty.

        The same goes for what came to be later: ``own_state`` and, if they are empty, ``own_folders``.

        Raises: HostError when something can't be removed.
        """
        record, others = self.record(appliance), self._others(appliance)
        changes = self._removable(record, list(record.files), others)
        if not self._dry_run and record != Record():
            state = [str(path) for path in own_state]
            _told(lambda: self._remove((*changes.removed, *state, str(STATE_ROOT / appliance / _RECORD))))
            _told(lambda: self._remove_empty((*record.folders, *map(str, own_folders))))
            _told(lambda: self._hand_over(record.folders, others))
        return changes

    def _record_path(self, appliance: str) -> Path:
        return self.at(STATE_ROOT / appliance / _RECORD)

    def _others(self, appliance: str) -> dict[str, Record]:
        found = sorted(self.at(STATE_ROOT).glob(f"*/{_RECORD}"))
        return {path.parent.name: self.record(path.parent.name) for path in found if path.parent.name != appliance}

    def _is(self, path: Path | str) -> str:
        """What is there, in the form of a record; "" for nothing."""
        at = self.at(path)
        try:
            if at.is_symlink():
                return f"link:{at.readlink()}"
            mode = stat.S_IMODE(at.stat().st_mode)
            return _digest(HostFile(at, at.read_bytes(), mode))
        except FileNotFoundError:
            return ""
        except OSError as err:
            return f"unreadable:{err.strerror}"

    def _demand_ours(self, files: Sequence[HostFile], known: Sequence[Mapping[str, str]]) -> None:
        foreign, changed = [], []
        for each in files:
            found, name = self._is(each.path), str(each.path)
            if found and not any(name in files for files in known):
                foreign.append(name)
            elif found and not any(files.get(name) == found for files in known):
                changed.append(name)
        if foreign:
            raise ConflictError(
                f"{' and '.join(foreign)} {'is' if len(foreign) == 1 else 'are'} there and not Boxship's",
                hint="move it away; --no-command installs no command for people",
            )
        if changed:
            raise ConflictError(
                f"{' and '.join(changed)} {'was' if len(changed) == 1 else 'were'} changed since boxship install",
                hint="move it away, and put what you need beside it (systemctl edit for a unit)",
            )

    def _removable(self, record: Record, paths: Sequence[str], others: Mapping[str, Record]) -> Changes:
        needed = {path for other in others.values() for path in other.files}
        own = [path for path in paths if path not in needed and self._is(path)]
        removed = tuple(path for path in own if self._is(path) == record.files[path])
        return Changes(removed=removed, changed_by_hand=tuple(path for path in own if path not in removed))

    def _missing_folders(self, paths: Iterable[Path]) -> list[Path]:
        folders = {folder for path in paths for folder in path.parents if folder != folder.parent}
        return sorted(folder for folder in folders if not self.at(folder).exists())

    def _write(
        self,
        appliance: str,
        record: Record,
        files: Sequence[HostFile],
        folders: Sequence[Path],
        others: Mapping[str, Record],
    ) -> None:
        self._root.mkdir(parents=True, exist_ok=True)
        for folder in folders:
            # State is nobody's but root's.
            mode = 0o700 if folder == STATE_ROOT / appliance else 0o755
            self.at(folder).mkdir(mode=mode, exist_ok=True)
        self._write_record(appliance, record)
        for name, other in others.items():
            both = {path: record.files[path] for path in other.shared if path in record.files}
            if both:
                self._write_record(name, replace(other, files={**other.files, **both}))
        for each in files:
            _write_file(self.at(each.path), each)

    def _write_record(self, appliance: str, record: Record) -> None:
        content = msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n"
        path = self._record_path(appliance)
        _write_file(path, HostFile(path, content))

    def _remove(self, paths: Iterable[str]) -> None:
        for path in paths:
            self.at(path).unlink(missing_ok=True)

    def _remove_empty(self, folders: Sequence[str]) -> None:
        for folder in sorted(folders, reverse=True):
            at = self.at(folder)
            if at.is_dir() and not any(at.iterdir()):
                at.rmdir()

    def _hand_over(self, folders: Sequence[str], others: Mapping[str, Record]) -> None:
        """What is still needed goes with the last one that needs it."""
        left = [folder for folder in folders if self.at(folder).exists()]
        for name, other in others.items() if left else ():
            self._write_record(name, replace(other, folders=tuple(dict.fromkeys((*other.folders, *left)))))


def _digest(file: HostFile) -> str:
    if file.link:
        return f"link:{file.link}"
    head = f"{file.mode:o}\n"
    return f"sha256:{hashlib.sha256(head.encode() + file.content).hexdigest()}"


def _write_file(path: Path, file: HostFile) -> None:
    """All of it or nothing."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    if file.link:
        draft.symlink_to(file.link)
    else:
        with draft.open("wb") as stream:
            stream.write(file.content)
            stream.flush()
            os.fsync(stream.fileno())
        draft.chmod(file.mode)
    draft.replace(path)


def _told(work: Callable[[], None]) -> None:
    try:
        work()
    except PermissionError as err:
        raise HostError(f"not allowed to write {err.filename}", hint="run it as root: sudo boxship ...") from err
    except OSError as err:
        raise HostError(
            f"can't write {err.filename}: {err.strerror}", hint="boxship uninstall removes what was"
        ) from err
