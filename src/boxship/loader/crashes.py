"""What ends or has to be mended again and again: seen over a while, as between two ends all looks well.

Kept in memory: a new Loader begins to count anew.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from msgspec import Struct, field

from boxship import names
from boxship.checks.codes import suggestion_for
from boxship.checks.report import Issue, Level, Result, Severity
from boxship.engine.port import ContainerDetail, EngineEvent
from boxship.loader.decide import MENDS_AT_ONCE
from boxship.state.deployment import Deployment

MENDS_REMEMBERED_S = 600.0
_MOST_KEPT = 100
"""Ends of one container; whoever ended so often is told of anyway."""


class Window(NamedTuple):
    """So many ends within so long are no accident any more."""

    seconds: float
    ends: int
    text: str


WINDOWS = (Window(MENDS_REMEMBERED_S, 3, "ten minutes"), Window(86_400.0, 6, "24 hours"))
"""The second is for what lasts a while each time, as it runs out of memory, say."""


class _Record(Struct):
    """One container's. ``restarts``: the engine's count when it was last seen; ``how`` it ended last."""

    service: str
    generation: int
    container_id: str = ""
    restarts: int = 0
    how: str = ""
    ends_s: deque[float] = field(default_factory=lambda: deque(maxlen=_MOST_KEPT))


class Crashes:
    """Times are of the monotonic clock."""

    def __init__(self) -> None:
        self._records: dict[str, _Record] = {}
        self._mends: list[tuple[float, str]] = []
        self._signalled: set[str] = set()
        """Containers that somebody sent a signal, and that haven't started since: their end is no crash."""

    def hear(self, event: EngineEvent) -> None:
        """The engine tells of a signal before the end that comes of it, for each stop, kill and forced removal.

        [M] Docker 20.10. One that was meant as no end (HUP) hides the next crash; there is no telling them apart here.
        """
        if event.action == "kill":
            self._signalled.add(event.container_id)
        elif event.action in ("start", "destroy"):
            self._signalled.discard(event.container_id)

    def ended(self, detail: ContainerDetail, exit_code: int, current: Deployment, now_s: float) -> None:
        """What isn't of ``current``, ran once for a question, was to end, or ended well, doesn't count.

        Ends that were missed since the last one, as the engine counted more restarts, count as well.
        """
        if detail.id in self._signalled:
            return
        service = detail.labels.get(names.LABEL_SERVICE, "")
        is_ours = service and names.generation_of(detail.labels) == current.generation
        if not is_ours or names.LABEL_ONE_OFF in detail.labels or (exit_code == 0 and not detail.oom_killed):
            return
        replica = names.replica_name(service, names.replica_number(detail.labels))
        record = self._records.get(replica)
        if record is None or record.generation != current.generation:
            record = self._records[replica] = _Record(service, current.generation)
        is_known = record.container_id == detail.id
        missed = detail.restart_count - record.restarts - 1 if is_known else 0
        record.container_id, record.restarts = detail.id, detail.restart_count
        record.how = "as it ran out of memory" if detail.oom_killed else f"with status {exit_code}"
        record.ends_s.extend([now_s] * (1 + min(max(missed, 0), _MOST_KEPT)))

    def mended(self, why: str, now_s: float) -> None:
        self._mends.append((now_s, why))

    def mends_s(self, now_s: float) -> tuple[float, ...]:
        """How long ago each mend was, the latest last."""
        self._mends = [each for each in self._mends if now_s - each[0] < MENDS_REMEMBERED_S]
        return tuple(now_s - at_s for at_s, _ in self._mends)

    def results(self, current: Deployment, now_s: float) -> tuple[Result, ...]:
        """A warning for each container that ends too often; if none does, one for what is mended too often."""
        return tuple(self._crashing(current, now_s)) or tuple(self._mending(now_s))

    def _crashing(self, current: Deployment, now_s: float) -> Iterator[Result]:
        mine = {replica: each for replica, each in self._records.items() if each.generation == current.generation}
        for replica, record in sorted(mine.items()):
            for window in WINDOWS:
                ends = sum(now_s - at_s < window.seconds for at_s in record.ends_s)
                if ends >= window.ends:
                    text = f"{replica} ended {ends} times in the last {window.text}, last {record.how}"
                    context = {"service": record.service, "ends": str(ends)}
                    yield _result("service.crashing", replica, "crashes", text, context, {"service": record.service})
                    break

    def _mending(self, now_s: float) -> Iterator[Result]:
        times = len(self.mends_s(now_s))
        if times >= MENDS_AT_ONCE:
            text = f"what runs had to be mended {times} times in the last ten minutes, last as {self._mends[-1][1]}"
            yield _result("box.mended", "host", "mends", text, {"mends": str(times)})


def _result(
    code: str, subject: str, kind: str, text: str, context: Mapping[str, str], labels: Mapping[str, str] | None = None
) -> Result:
    issue = Issue(code, Severity.WARNING, text, context, suggestion_for(code, context))
    return Result(kind, subject, kind, Level.WARN, text, labels=labels or {}, issue=issue)
