"""Reads the files that a person names: only regular ones, bounded, and each failure as one sentence."""

import os
import stat
from pathlib import Path

from boxship.spec.report import Report
from boxship.where import Where

MAX_FILE_BYTES = 10 * 1024 * 1024
"""Larger than any hand-written file by two orders of magnitude; the largest of 343 real Compose files is 100 kB."""


def read_text(
    path: Path, shown: str, report: Report, *, at: Where | None = None, key_path: str = "", hint: str = ""
) -> str | None:
    """The file's text without a byte-order mark, or None with the problem reported.

    Never blocks: a FIFO, socket or device is refused unopened.

    Args:
        path: the file.
        shown: how messages name it.
        report: gets the problem.
        at: the place that names the file; None when the command line or a search does.
        key_path: the key at that place.
        hint: what to do when it isn't there.
    """
    where = at or Where(shown)
    subject = f"'{shown}' " if at else ""
    try:
        data = _read_regular(path)
    except _RefusedError as err:
        report.error(where, key_path, f"{subject}{err.reason}", err.hint or hint)
        return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as err:
        line = data.count(b"\n", 0, err.start) + 1
        place = at or Where(shown, line, err.start - data.rfind(b"\n", 0, err.start))
        report.error(
            place, key_path, f"{subject}is not UTF-8 text (byte {err.start + 1}, line {line})", "save it as UTF-8"
        )
        return None


class _RefusedError(Exception):
    def __init__(self, reason: str, hint: str = "") -> None:
        super().__init__(reason)
        self.reason, self.hint = reason, hint


def _read_regular(path: Path) -> bytes:
    try:
        # O_NONBLOCK: a FIFO that takes the file's place between any check and this call must not block either.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise _RefusedError("does not exist") from None
    except (OSError, ValueError) as err:
        raise _RefusedError(f"can't be read: {_cause(err)}") from None
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)  # a file object can't be made of a directory
        kind = "a directory" if stat.S_ISDIR(status.st_mode) else "a FIFO, socket or device"
        raise _RefusedError(f"is {kind}, not a file")
    with os.fdopen(descriptor, "rb") as file:
        try:
            data = file.read(MAX_FILE_BYTES + 1)
        except OSError as err:
            raise _RefusedError(f"can't be read: {_cause(err)}") from None
    if len(data) > MAX_FILE_BYTES:
        raise _RefusedError(f"is larger than {MAX_FILE_BYTES // 1024 // 1024} MiB", "is it really the file you meant?")
    return data


def _cause(err: OSError | ValueError) -> str:
    return err.strerror.lower() if isinstance(err, OSError) and err.strerror else str(err)


def show_path(path: Path, directory: Path) -> str:
    """A path as messages show it: relative to ``directory`` when it is below."""
    try:
        return str(path.relative_to(directory))
    except ValueError:
        return str(path)
