"""Shows events while something runs: a live tree on a terminal, plain lines elsewhere, JSON lines with --json."""

import json
import sys
from datetime import UTC, datetime
from types import TracebackType
from typing import Protocol, Self

from msgspec import to_builtins

from boxship.cli.render.board import Board, Row
from boxship.cli.render.color import is_live, sanitized
from boxship.events import Event, ImageProgress, Notice, Phase, PlanMade, SubjectChanged


class Display(Protocol):
    """Where events go. A context manager, as a live one must give the terminal back."""

    def show(self, event: Event) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def make_display(*, is_json: bool, is_quiet: bool = False, kind: str = "auto") -> Display:
    """``kind``: auto, tty or plain, where neither of the others is asked for."""
    if is_json:
        return JsonDisplay()
    if is_quiet:
        return _Silent()
    if kind != "plain" and (kind == "tty" or is_live(sys.stderr)):
        # rich costs 80 ms of CPU to import, which only a terminal needs.
        from boxship.cli.render.tree import TreeDisplay  # noqa: PLC0415 (see above)

        return TreeDisplay()
    return PlainDisplay()


class _Silent:
    """Shows warnings only."""

    def show(self, event: Event) -> None:
        if isinstance(event, Notice) and event.is_warning:
            print(f"warning: {sanitized(event.text)}", file=sys.stderr)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


class JsonDisplay(_Silent):
    """One JSON object per event on stdout."""

    def show(self, event: Event) -> None:
        print(json.dumps({"event": type(event).__name__, **to_builtins(event)}), flush=True)


_QUIET_PHASES = frozenset({Phase.CREATING, Phase.WAITING, Phase.KEPT, Phase.SKIPPED})


_TIMED = frozenset({Phase.READY, Phase.COMPLETED, Phase.PUSHED})
_TOLD_EVERY_S = 10.0

# Of the column of names: so that most appliances' lines stand below each other.
_LEAST_WIDTH, _MOST_WIDTH = 14, 28


class PlainDisplay(_Silent):
    """One line per change that a person would want to read later in a CI log."""

    def __init__(self) -> None:
        self._board = Board()
        self._last: dict[str, str] = {}
        self._told_at: dict[str, datetime] = {}
        self._width = _LEAST_WIDTH

    def show(self, event: Event) -> None:
        now = datetime.now(UTC)
        row = self._board.apply(event, now)
        if isinstance(event, PlanMade):
            names = (*event.kept, *event.waits)
            self._width = min(_MOST_WIDTH, max((self._width, *map(len, names))))
        match event:
            case Notice(text, is_warning):
                print(f"{'warning: ' if is_warning else ''}{sanitized(text)}", file=sys.stderr)
            case PlanMade(kept=kept) if kept:
                self._line("", f"unchanged: {', '.join(kept)}")
            case SubjectChanged() if row is not None and row.phase not in _QUIET_PHASES:
                self._line(row.subject, self._describe(row, now))
            case ImageProgress(image, text) if text.startswith("Step "):
                self._line(f"image:{image}", sanitized(text))
            case ImageProgress(image, text, _, total_bytes) if total_bytes and self._is_due(image, now):
                self._line(f"image:{image}", sanitized(text))
            case _:
                pass

    def _describe(self, row: Row, now: datetime) -> str:
        took = f" ({(now - row.began_at).total_seconds():.1f} s)" if row.phase in _TIMED else ""
        detail = f": {row.detail}" if row.detail and not took else ""
        if row.phase is Phase.CREATED and row.subject.startswith("service:"):
            return ""
        return f"{row.phase}{took}{sanitized(detail)}"

    def _is_due(self, image: str, now: datetime) -> bool:
        """A log wants to know of a long pull that it goes on, and no more."""
        last = self._told_at.get(image) or (row.since if (row := self._board.rows.get(f"image:{image}")) else now)
        if (now - last).total_seconds() < _TOLD_EVERY_S:
            return False
        self._told_at[image] = now
        return True

    def _line(self, subject: str, text: str) -> None:
        kind, _, name = subject.partition(":")
        label = name if kind in ("service", "") else f"{kind} {name}"
        if text and self._last.get(subject) != text:
            self._last[subject] = text
            print(f"{label:<{self._width}} {text}".strip(), file=sys.stderr, flush=True)
