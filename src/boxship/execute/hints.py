"""A cheap look at whether a process began to listen: a reason to ask a costly probe now. It never makes one pass."""

import asyncio
import re
import time
from pathlib import Path

_LISTEN = "0A"
_LOCAL_COLUMN, _STATE_COLUMN = 1, 3
# 127.0.0.11, as the kernel prints it: the engine's own name server listens there in every container.
_ENGINE_RESOLVER = "0B00007F:"
_PORT = re.compile(r"(?<![\w.])\d{2,5}(?![\w.])")
_FIRST_PORT, _LAST_PORT = 21, 65_535
_MOST_PORTS = 3
# On one machine a connection is made or refused within a millisecond.
_CONNECT_S = 0.05


class ListenHint:
    """The listening TCP sockets in a process's network namespace, read from /proc (0.3 ms, no connection made).

    Not readable for an engine on another machine, or for a user who may not look: then there is no hint.
    """

    def __init__(self, pid: int) -> None:
        self._tables = tuple(Path(f"/proc/{pid}/net/{name}") for name in ("tcp", "tcp6")) if pid else ()
        self._known = frozenset[str]()
        self.cost_s = 0.0
        """Seconds that the last look took."""
        self.is_readable = bool(pid) and self._read() is not None

    def has_news(self) -> bool:
        """Something listens that didn't at the last call."""
        began_s = time.perf_counter()
        found = self._read()
        self.cost_s = time.perf_counter() - began_s
        if found is None:
            self.is_readable = False
            return False
        has_news = bool(found - self._known)
        self._known = found
        return has_news

    def _read(self) -> frozenset[str] | None:
        found: set[str] = set()
        try:
            for table in self._tables:
                for line in table.read_text().splitlines()[1:]:
                    columns = line.split()
                    if columns[_STATE_COLUMN] == _LISTEN and not columns[_LOCAL_COLUMN].startswith(_ENGINE_RESOLVER):
                        found.add(columns[_LOCAL_COLUMN])
        except (OSError, IndexError, UnicodeDecodeError):
            return None
        return frozenset(found)


class PortHint:
    """Whether a port that a health check names has opened at the container's own address: one connection a look.

    It sees less than ``ListenHint`` (nothing that listens on the container's loopback only), but costs 0.1 ms on every
    kernel. Closed ports refuse at once; one that answers nothing is given up.
    """

    def __init__(self, address: str, argv: tuple[str, ...]) -> None:
        self._address = address
        self._closed = _ports_in(argv) if address else []

    async def has_news(self) -> bool:
        """A port is open that wasn't at the last call."""
        for port in list(self._closed):
            try:
                async with asyncio.timeout(_CONNECT_S):
                    _, writer = await asyncio.open_connection(self._address, port)
            except ConnectionRefusedError:
                continue
            except (OSError, TimeoutError):
                self._closed.remove(port)
                continue
            writer.close()
            self._closed.remove(port)
            return True
        return False


def _ports_in(argv: tuple[str, ...]) -> list[int]:
    """Numbers in a health check that may be ports, the first few."""
    found = dict.fromkeys(int(text) for text in _PORT.findall(" ".join(argv)))
    return [port for port in found if _FIRST_PORT <= port <= _LAST_PORT][:_MOST_PORTS]
