"""The points at which a box is cut off: counted from outside, never declared by the code that is cut."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum


class Way(Enum):
    """What is counted, what is killed, and when. The order is that of the matrix."""

    BEFORE_REQUEST = "killed before"
    AFTER_REQUEST = "killed after"
    ENGINE_BEFORE = "dockerd before"
    ENGINE_AFTER = "dockerd after"
    IN_COMMIT = "killed in commit"
    AFTER_COMMIT = "killed after commit"

    @property
    def counts_commits(self) -> bool:
        return self in (Way.IN_COMMIT, Way.AFTER_COMMIT)

    @property
    def kills_engine(self) -> bool:
        return self in (Way.ENGINE_BEFORE, Way.ENGINE_AFTER)


@dataclass(frozen=True, slots=True)
class Cut:
    """At the ``number``-th request or commit of an operation, counted from 1."""

    way: Way
    number: int


class Counts:
    """Requests and commits since ``arm``, by whoever sees them; at the armed one ``strike`` is called, once.

    Both counters run in threads of their own. ``strike`` is called in the one that saw the point, before the request
    or its answer goes on.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cut: Cut | None = None
        self._strike: Callable[[], None] = lambda: None
        self.requests: list[str] = []
        """Kinds of what was asked of the engine."""
        self.commits = 0
        self.is_struck = threading.Event()

    def arm(self, cut: Cut | None, strike: Callable[[], None]) -> None:
        """Count from 0 again; None: only count."""
        with self._lock:
            self._cut, self._strike = cut, strike
            self.requests = []
            self.commits = 0
            self.is_struck.clear()

    def disarm(self) -> None:
        with self._lock:
            self._cut = None

    def request(self, kind: str) -> int:
        """A request comes in; its number."""
        with self._lock:
            self.requests.append(kind)
            return len(self.requests)

    def commit(self) -> int:
        with self._lock:
            self.commits += 1
            return self.commits

    def meet(self, number: int, *ways: Way) -> bool:
        """Whether this is the armed point; then it was struck."""
        with self._lock:
            cut = self._cut
            if cut is None or cut.number != number or cut.way not in ways:
                return False
            self._cut = None
            self._strike()
            self.is_struck.set()
            return True
