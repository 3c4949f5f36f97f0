"""Between the engine and a registry: a connection that is slow, breaks off, or never says a word."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

_DEADLINE_S = 60.0
_CHUNK_BYTES = 16 * 1024


@dataclass
class Line:
    """How the next connections are. ``refuses``: so many are closed at once. ``cuts``: so many answers that are longer
    than ``cut_after_bytes`` end there. ``pause_s`` after every 16 KiB of an answer. ``is_silent``: nothing is answered.

    ``passed_bytes``: of all answers so far.
    """

    to: str
    refuses: int = 0
    cuts: int = 0
    cut_after_bytes: int = 256 * 1024
    pause_s: float = 0.0
    is_silent: bool = False
    passed_bytes: int = 0
    _server: socket.socket = field(default_factory=socket.socket)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def address(self) -> str:
        host, port = self._server.getsockname()
        return f"{host}:{port}"

    def open(self) -> None:
        self._server.bind(("127.0.0.1", 0))
        self._server.listen(32)
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        # close() alone would leave accept() waiting.
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(client,), daemon=True).start()

    def _answer(self, client: socket.socket) -> None:
        with client:
            if self._takes("refuses"):
                return
            client.settimeout(_DEADLINE_S)
            if self.is_silent:
                with contextlib.suppress(OSError):
                    while client.recv(_CHUNK_BYTES):
                        pass
                return
            host, _, port = self.to.partition(":")
            with (
                contextlib.suppress(OSError),
                socket.create_connection((host, int(port)), timeout=_DEADLINE_S) as there,
            ):
                threading.Thread(target=_pump, args=(client, there), daemon=True).start()
                self._pass_on(there, client)
                # The other thread still reads from it, so that closing it alone would tell nobody.
                client.shutdown(socket.SHUT_RDWR)

    def _pass_on(self, there: socket.socket, client: socket.socket) -> None:
        sent_bytes = 0
        while data := there.recv(_CHUNK_BYTES):
            client.sendall(data)
            sent_bytes += len(data)
            with self._lock:
                self.passed_bytes += len(data)
            if sent_bytes > self.cut_after_bytes and self._takes("cuts"):
                return
            if self.pause_s:
                time.sleep(self.pause_s)

    def _takes(self, what: str) -> bool:
        with self._lock:
            left: int = getattr(self, what)
            setattr(self, what, max(0, left - 1))
            return left > 0


def _pump(here: socket.socket, there: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := here.recv(_CHUNK_BYTES):
            there.sendall(data)
        there.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def line_to(address: str) -> Iterator[Line]:
    made = Line(address)
    made.open()
    try:
        yield made
    finally:
        made.close()
