"""What docs/benchmarks.md shows: the newest figures of each row, as a drawing and as a table. Values in, text out."""

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from benchmarks.chart import Bar, Panel, draw
from benchmarks.figures import Spread
from benchmarks.goals import Goals, Quantity, Verdict, judge_row
from benchmarks.history import Run, last_of
from benchmarks.rows import Row
from benchmarks.tools import COMPOSE_V1, COMPOSE_V2, RAW
from benchmarks.wording import ABSENT, describe, show_range, show_reached

BEGIN = "<!-- figures: written by benchmarks/run.py --draw -->"
END = "<!-- end of figures -->"
PICTURE = "benchmarks.svg"
_COLUMNS = (COMPOSE_V2, COMPOSE_V1, RAW)


class Line(Struct, frozen=True):
    """One quantity of one row, from the run that measured it last."""

    row: Row
    quantity: Quantity
    run: Run
    verdicts: tuple[Verdict, ...]

    def of(self, tool: str) -> Spread | None:
        return self.quantity.of(self.run.summaries(self.row.key).get(tool))

    @property
    def tools(self) -> Sequence[str]:
        """Who has something here, or can't; the titles' order."""
        unable = self.run.unable.get(self.row.key, {})
        return [key for key in self.run.tools if self.of(key) is not None or key in unable]

    @property
    def title(self) -> str:
        return f"{self.row.title}, {self.quantity.title}"

    @property
    def strictest(self) -> float | None:
        """The lowest goal, in the quantity's own unit."""
        limits = []
        for goal in (verdict.goal for verdict in self.verdicts):
            theirs = self.of(goal.against) if goal.against else None
            if not goal.against:
                limits.append(goal.at_most)
            elif theirs is not None:
                limits.append(goal.at_most * theirs.median)
        return min(limits, default=None)


def pick_lines(rows: Sequence[Row], runs: Sequence[Run], goals: Goals, ours: str) -> tuple[Line, ...]:
    """For each row its newest run on the machine of the newest run of all: what the row is about, then its goals."""
    if not runs:
        return ()
    found = []
    for row in rows:
        run = last_of(runs, row.key, runs[-1].machine)
        if run is None or run.summaries(row.key).get(ours) is None:
            continue
        verdicts = tuple(judge_row(goals, row.key, run.summaries(row.key), run.tools, ours))
        for quantity in dict.fromkeys((row.quantity, *(verdict.goal.quantity for verdict in verdicts))):
            fitting = tuple(verdict for verdict in verdicts if verdict.goal.quantity is quantity)
            found.append(Line(row, quantity, run, fitting))
    return tuple(found)


def draw_lines(lines: Sequence[Line], ours: str) -> str:
    """The SVG: every line but those that only count."""
    panels = []
    for line in lines:
        if line.quantity.is_count:
            continue
        values = ((key, line.of(key)) for key in line.tools)
        bars = tuple(Bar(line.run.tools[key], each.median if each else None, key == ours) for key, each in values)
        panels.append(Panel(line.title, line.quantity.unit, bars, line.strictest))
    return draw("Boxship beside docker compose and the engine itself", _taken(lines), panels)


def _taken(lines: Sequence[Line]) -> str:
    days = sorted({f"{line.run.at:%Y-%m-%d}" for line in lines})
    machine = lines[-1].run.machine
    when = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    return f"Medians, taken on {when}: {machine.cpus} cores, Docker {machine.engine.engine}, Linux {machine.kernel}"


def render_section(lines: Sequence[Line], goals: Goals, ours: str) -> Iterator[str]:
    """Yield the lines of Markdown between the two marks."""
    yield from _circumstances(lines)
    titles = {key: title for line in lines for key, title in line.run.tools.items()}
    columns = [key for key in _COLUMNS if key in titles]
    yield ""
    yield f"![Bars of every figure in the table below, ours beside the peers'.]({PICTURE})"
    yield ""
    yield f"| what | {titles[ours]} | {''.join(f'{titles[key]} | ' for key in columns)}others | goals |"
    yield "| --- " * (len(columns) + 4) + "|"
    for line in lines:
        cells = [_cell(line, key) for key in (ours, *columns)]
        others = [
            f"{line.run.tools[key]} {_cell(line, key)}"
            for key in line.tools
            if key not in (ours, *columns)
        ]  # fmt: skip
        verdicts = "; ".join(_verdict(verdict, line.run.tools) for verdict in line.verdicts)
        yield f"| {line.title} | {' | '.join(cells)} | {'; '.join(others)} | {verdicts} |"
    yield ""
    yield "Where the goals come from:"
    yield ""
    for source in dict.fromkeys(verdict.goal.source for line in lines for verdict in line.verdicts):
        yield f"* *{source}*: {' '.join(goals.sources[source].split())}"


def _circumstances(lines: Sequence[Line]) -> Iterator[str]:
    runs: Mapping[str, Run] = {run.at.isoformat(): run for run in (line.run for line in lines)}
    machine = lines[-1].run.machine
    engine = machine.engine
    yield f"* {machine.cpu}, {machine.cpus} cores, {machine.memory_gib:.0f} GiB."
    yield f"* {machine.system}, Linux {machine.kernel}."
    yield f"* Docker {engine.engine}, containerd {engine.containerd}, runc {engine.runc}, Python {machine.python}."
    for at in sorted(runs):
        run = runs[at]
        after = "" if run.load_after is None else f" and {run.load_after:.1f} after"
        yield (
            f"* Taken on {run.at:%Y-%m-%d %H:%M} UTC in {run.rounds} rounds, checkout {run.machine.checkout}, "
            f"load {run.machine.load:.1f} before{after}, {run.machine.others} containers of others."
        )
    yield from dict.fromkeys(f"* {sentence}" for run in runs.values() for sentence in run.left_out)


def _cell(line: Line, key: str) -> str:
    found = line.of(key)
    return ABSENT if found is None else show_range(found, line.quantity.unit)


def _verdict(verdict: Verdict, titles: Mapping[str, str]) -> str:
    goal = verdict.goal
    text = describe(goal, titles.get(goal.against, "")).removeprefix(f"{goal.quantity.title} ").replace("<=", "≤")
    reached = "" if verdict.reached is None else f"{show_reached(goal, verdict.reached)}, "
    return (
        f"{text}: {reached}**{verdict.word.lower()}**"
        if verdict.is_met is False
        else f"{text}: {reached}{verdict.word}"
    )


def replace_section(page: str, section: str) -> str:
    """The page with a new section between the marks. Raises: ValueError when it has no such marks."""
    head, begin, rest = page.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError("no marks")
    return f"{head}{BEGIN}\n\n{section}\n\n{END}{tail}"
