"""The live tree: every service with its state, since when, and what it waits for."""

import sys
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from boxship.cli.render.board import Board, Row
from boxship.cli.render.color import sanitized
from boxship.events import Event, Notice, Phase

_FRAMES_PER_S = 8
_MARKS: dict[Phase, tuple[str, str]] = {
    Phase.READY: ("✔", "green"),
    Phase.COMPLETED: ("✔", "green"),
    Phase.PUSHED: ("✔", "green"),
    Phase.KEPT: ("✔", "green"),
    Phase.CREATED: ("•", "dim"),
    Phase.WAITING: ("·", "dim"),
    Phase.STOPPED: ("■", "dim"),
    Phase.REMOVED: ("✔", "dim"),
    Phase.FAILED: ("✘", "bold red"),
    Phase.SKIPPED: ("⏭", "yellow"),
}
_KINDS = ("image", "network", "volume", "service")


class TreeDisplay:
    """Redraws at most 8 times a second; what scrolls away stays readable."""

    def __init__(self, console: Console | None = None) -> None:
        self._board = Board()
        self._console = console or Console(file=sys.stderr, highlight=False)
        self._spinner = Spinner("dots", style="cyan")
        self._live = Live(
            console=self._console, refresh_per_second=_FRAMES_PER_S, get_renderable=self._draw, transient=False
        )

    def show(self, event: Event) -> None:
        self._board.apply(event, datetime.now(UTC))
        if isinstance(event, Notice):
            style = "yellow" if event.is_warning else ""
            self._live.console.print(Text(sanitized(event.text), style=style))

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def _draw(self) -> Group:
        now = datetime.now(UTC)
        table = Table.grid(padding=(0, 2, 0, 0), expand=True)
        table.add_column(width=1)
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True, justify="right")
        # The only column that gives way: a long detail must not push the names off the screen.
        table.add_column(no_wrap=True, overflow="ellipsis", style="dim", ratio=1)
        rows = sorted(self._board.rows.values(), key=lambda row: _KINDS.index(row.subject.partition(":")[0]))
        # A screen's height at most: the rows that are done go first, as the news is in the others.
        room = max(3, self._console.size.height - 3)
        done = [row for row in rows if row.phase in (Phase.READY, Phase.KEPT, Phase.CREATED, Phase.REMOVED)]
        hidden = set(map(id, done[: max(0, len(rows) - room)]))
        for row in rows:
            if id(row) not in hidden:
                self._add(table, row, now)
        extra = [Text(f"  and {len(hidden)} more that are done", style="dim")] if hidden else []
        return Group(table, *extra)

    def _add(self, table: Table, row: Row, now: datetime) -> None:
        kind, _, name = row.subject.partition(":")
        mark = _MARKS.get(row.phase)
        icon = Text(mark[0], style=mark[1]) if mark else self._spinner
        label = Text(name if kind == "service" else f"{kind} {name}", style="" if kind == "service" else "dim")
        seconds = (now - row.since).total_seconds()
        if row.phase in (Phase.READY, Phase.COMPLETED, Phase.PUSHED, Phase.STOPPED, Phase.FAILED):
            seconds = (row.since - row.began_at).total_seconds()
        shown = "" if row.phase in (Phase.KEPT, Phase.CREATED, Phase.REMOVED, Phase.SKIPPED) else f"{seconds:.1f} s"
        detail = row.detail
        if row.phase in (Phase.WAITING, Phase.CREATED) and kind == "service":
            waits = self._board.waiting_for(row)
            detail = f"waits for {waits}" if waits else ""
        # As Text: rich would read "[...]" in a plain string as its own markup.
        phase = Text(str(row.phase), style=mark[1] if mark else "cyan")
        table.add_row(icon, label, phase, shown, Text(sanitized(detail)))
