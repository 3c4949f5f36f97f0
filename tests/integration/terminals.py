"""A command on a terminal of its own, as a person has one."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.integration.boxes import BOXSHIP, DEADLINE_S, Box


class Terminal:
    """What was written to it so far, and keys to press."""

    def __init__(self, process: "subprocess.Popen[bytes]", master: int) -> None:
        self._process = process
        self._master = master
        self._shown = ""

    def press(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self._process.send_signal(signal.SIGWINCH)

    def until(self, pattern: str) -> str:
        """Wait until the pattern is there; all up to its end, which is then forgotten."""
        deadline_s = time.monotonic() + DEADLINE_S
        while (found := re.search(pattern, self._shown)) is None:
            assert time.monotonic() < deadline_s, f"no {pattern!r} in {self._shown!r}"
            assert self._read() or re.search(pattern, self._shown), f"no {pattern!r} at the end of {self._shown!r}"
        shown, self._shown = self._shown[: found.end()], self._shown[found.end() :]
        return shown

    def ended(self) -> int:
        """Its exit status; the rest of what it writes is read meanwhile, as a full terminal would hold it up."""
        while self._read():
            pass
        return self._process.wait(timeout=DEADLINE_S)

    def _read(self) -> bool:
        ready, _, _ = select.select([self._master], [], [], DEADLINE_S)
        try:
            data = os.read(self._master, 65536) if ready else b""
        except OSError:
            # Linux says so when nobody has the other side open any more.
            data = b""
        self._shown += data.decode(errors="replace")
        return bool(data)


@contextmanager
def on_terminal(box: Box, *arguments: str) -> Iterator[Terminal]:
    """The command line on a terminal of 24 lines and 80 columns; ended with its terminal if it hasn't yet."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    process = subprocess.Popen(
        [*BOXSHIP, "-p", box.name, *arguments],
        cwd=box.directory,
        env={**os.environ, **box.environment, "NO_COLOR": "1", "TERM": "dumb"},
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    try:
        yield Terminal(process, master)
    finally:
        os.close(master)
        if process.poll() is None:
            process.kill()
        process.wait(timeout=DEADLINE_S)
