"""How many wrong tokens one address may try. Pure: time is handed in."""

from collections import OrderedDict

WINDOW_S = 60.0
MOST_FAILURES = 10
"""Within the window; a person mistypes less often, and at this rate a random secret is never found."""
_MOST_PEERS = 1024


class Limiter:
    """Remembers a bounded number of peers; who was quiet for longest is forgotten first."""

    def __init__(self, most_failures: int = MOST_FAILURES, window_s: float = WINDOW_S) -> None:
        self._most_failures = most_failures
        self._window_s = window_s
        self._failures: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def wait_s(self, peer: str, now_s: float) -> float:
        """How long the peer must wait before anything that it presents is looked at; 0: not at all."""
        began_s, count = self._failures.get(peer, (now_s, 0))
        left_s = began_s + self._window_s - now_s
        return max(0.0, left_s) if count >= self._most_failures else 0.0

    def failed(self, peer: str, now_s: float) -> None:
        """Count a wrong token."""
        began_s, count = self._failures.pop(peer, (now_s, 0))
        if now_s - began_s >= self._window_s:
            began_s, count = now_s, 0
        self._failures[peer] = (began_s, count + 1)
        if len(self._failures) > _MOST_PEERS:
            self._failures.popitem(last=False)

    def succeeded(self, peer: str) -> None:
        """Forget what it did wrong."""
        self._failures.pop(peer, None)
