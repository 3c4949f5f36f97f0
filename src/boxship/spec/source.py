"""Reads the files that a person names: only regular ones, bounded, and each failure as one sentence."""

import os
import stat
import sys
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct

from boxship.spec.report import Report
from boxship.where import Related, Where

MAX_FILE_BYTES = 10 * 1024 * 1024
"""Larger than any hand-written file by two orders of magnitude; the largest of 343 real Compose files is 100 kB."""


STDIN = Path("-")
"""The file name that means the standard input."""


_BYTE_ORDER_MARK = "\ufeff"


class Mention(Struct, frozen=True):
    """The place that names a file, for messages when it can't be read."""

    where: Where
    path: str
    hint: str = ""
    related: tuple[Related, ...] = ()
    """How that place was reached."""


def read_mentioned(path: Path, shown: str, report: Report, mention: Mention | None) -> str | None:
    """As :func:`read_text`, for a file that another file may name."""
    if mention is None:
        return read_text(path, shown, report)
    return read_text(
        path,
        shown,
        report,
        at=mention.where,
        key_path=mention.path,
        hint=mention.hint,
        related=mention.related,
    )


def read_text(
    path: Path,
    shown: str,
    report: Report,
    *,
    at: Where | None = None,
    key_path: str = "",
    hint: str = "",
    related: tuple[Related, ...] = (),
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
        related: how that place was reached.
    """
    where = at or Where(shown)
    subject = f"'{shown}' " if at else ""
    try:
        text = _decode(_read_regular(path), shown)
    except _RefusedError as err:
        reason = f"{subject}{err.reason}"
        report.error(
            at or err.where or where, key_path, reason, err.hint or hint, code="unreadable-file", related=related
        )
        return None
    report.read[path] = None
    return text


def read_stdin(shown: str, report: Report) -> str | None:
    """What the standard input holds, to its end; None with the problem reported."""
    try:
        with os.fdopen(sys.stdin.fileno(), "rb", closefd=False) as file:
            return _decode(_read_bounded(file), shown)
    except _RefusedError as err:
        report.error(err.where or Where(shown), "", err.reason, err.hint, code="unreadable-file")
    except (OSError, ValueError, AttributeError):  # it was closed before this program began, or isn't a file at all
        report.error(Where(shown), "", "can't be read: the standard input is closed", code="unreadable-file")
    return None


def _decode(data: bytes, shown: str) -> str:
    try:
        return data.decode().removeprefix(_BYTE_ORDER_MARK)
    except UnicodeDecodeError as err:
        line = data.count(b"\n", 0, err.start) + 1
        where = Where(shown, line, err.start - data.rfind(b"\n", 0, err.start))
        raise _RefusedError(
            f"is not UTF-8 text (byte {err.start + 1}, line {line})", "save it as UTF-8", where
        ) from None


class _RefusedError(Exception):
    def __init__(self, reason: str, hint: str = "", where: Where | None = None) -> None:
        super().__init__(reason)
        self.reason, self.hint, self.where = reason, hint, where


def _read_regular(path: Path) -> bytes:
    if str(path) == os.devnull:
        return b""  # how scripts say "no such file, please"
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
        return _read_bounded(file)


def _read_bounded(file: BinaryIO) -> bytes:
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
