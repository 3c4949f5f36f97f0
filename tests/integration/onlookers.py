"""A socket in front of the real engine that lets questions through, and refuses and writes down everything else."""

import contextlib
import os
import select
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

_ENGINE = Path("/var/run/docker.sock")
_DEADLINE_S = 30.0
_REFUSAL = b'{"message":"this engine only answers questions"}'


class Onlooker:
    """``refused``: the calls that would have changed something, as "POST /v1.41/containers/create"."""

    def __init__(self, folder: Path) -> None:
        self.refused: list[str] = []
        self.asked: list[str] = []
        self._path = folder / "engine.sock"
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(self._path))
        self._server.listen(32)
        self._stop_r, self._stop_w = os.pipe()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        return f"unix://{self._path}"

    def close(self) -> None:
        os.write(self._stop_w, b"x")
        self._thread.join(timeout=_DEADLINE_S)
        self._server.close()
        os.close(self._stop_r)
        os.close(self._stop_w)

    def _serve(self) -> None:
        while True:
            ready, _, _ = select.select([self._server.fileno(), self._stop_r], [], [])
            if self._stop_r in ready:
                return
            client, _ = self._server.accept()
            threading.Thread(target=self._answer, args=(client,), daemon=True).start()

    def _answer(self, client: socket.socket) -> None:
        client.settimeout(_DEADLINE_S)
        with client, socket.socket(socket.AF_UNIX) as engine, contextlib.suppress(OSError):
            engine.connect(str(_ENGINE))
            pump = threading.Thread(target=_pump, args=(engine, client), daemon=True)
            pump.start()
            while head := _read_head(client):
                call = " ".join(head.split(b"\r\n")[0].decode().partition("?")[0].split(" ")[:2])
                if not call.startswith(("GET ", "HEAD ")) and not call.endswith("/wait"):
                    self.refused.append(call)
                    length = str(len(_REFUSAL)).encode()
                    client.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: " + length + b"\r\n\r\n" + _REFUSAL)
                    return
                self.asked.append(call)
                engine.sendall(head)


def _read_head(client: socket.socket) -> bytes:
    """A request without a body, or with one that fits into the same packet."""
    head = b""
    while b"\r\n\r\n" not in head:
        data = client.recv(65536)
        if not data:
            return b""
        head += data
    return head


def _pump(engine: socket.socket, client: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := engine.recv(65536):
            client.sendall(data)


@contextlib.contextmanager
def onlooker(folder: Path) -> Iterator[Onlooker]:
    made = Onlooker(folder)
    try:
        yield made
    finally:
        made.close()
