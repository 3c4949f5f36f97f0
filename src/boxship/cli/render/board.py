"""What is known about every subject from the events so far: the model behind the tree and the plain lines."""

from datetime import datetime

from msgspec import Struct, field

from boxship.events import (
    Event,
    FilesFollowed,
    ImageProgress,
    Notice,
    Phase,
    PlanMade,
    ServiceLog,
    StepDone,
    StepFailed,
    StepSkipped,
    StepStarted,
    SubjectChanged,
)

# What a service's time is counted from: waiting for others isn't its own.
_BEGINNINGS = frozenset({Phase.STARTING, Phase.BUILDING, Phase.PULLING, Phase.PUSHING, Phase.STOPPING})
_ENDED = frozenset({Phase.READY, Phase.COMPLETED, Phase.KEPT, Phase.PUSHED})


class Row(Struct):
    """One subject. ``since`` and ``began_at`` are of the phase and of the first change."""

    subject: str
    phase: Phase
    since: datetime
    began_at: datetime
    detail: str = ""

    @property
    def name(self) -> str:
        return self.subject.partition(":")[2]


class Board(Struct):
    """Feed it events in order; read its rows."""

    rows: dict[str, Row] = field(default_factory=dict)
    waits: dict[str, tuple[str, ...]] = field(default_factory=dict)
    failures: list[StepFailed] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)

    def apply(self, event: Event, at: datetime) -> Row | None:
        """Take an event in; the row it changed, if any."""
        match event:
            case PlanMade(kept=kept, waits=waits):
                self._lay_out(kept, waits, at)
            case SubjectChanged(subject, phase, detail):
                return self._move(subject, phase, detail, at)
            case ImageProgress(image, text):
                row = self.rows.get(f"image:{image}") or self.rows.get(f"image:{image.removesuffix(':latest')}")
                if row is not None:
                    row.detail = text
                    return row
            case StepFailed():
                self.failures.append(event)
            case Notice():
                self.notices.append(event)
            case StepStarted() | StepDone() | StepSkipped() | ServiceLog() | FilesFollowed():
                pass
        return None

    def waiting_for(self, row: Row) -> str:
        """The names a waiting service still waits for."""
        names = self.waits.get(row.name, ())
        left = [name for name in names if not self._is_over(name)]
        return ", ".join(left)

    def _is_over(self, name: str) -> bool:
        row = self.rows.get(f"service:{name}")
        return row is None or row.phase in _ENDED

    def _lay_out(self, kept: object, waits: object, at: datetime) -> None:
        self.waits = dict(waits) if isinstance(waits, dict) else {}
        for name in self.waits:
            self._move(f"service:{name}", Phase.WAITING, "", at)
        for name in kept if isinstance(kept, dict) else {}:
            self._move(f"service:{name}", Phase.KEPT, "", at)

    def _move(self, subject: str, phase: Phase, detail: str, at: datetime) -> Row:
        row = self.rows.get(subject)
        if row is None:
            row = self.rows[subject] = Row(subject, phase, at, at, detail)
            return row
        if row.phase is not phase:
            row.since = at
            if phase in _BEGINNINGS:
                row.began_at = at
        row.phase, row.detail = phase, detail
        return row
