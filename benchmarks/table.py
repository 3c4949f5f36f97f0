"""The tables of one run, as plain text. Values in, lines out."""

from collections.abc import Iterator, Mapping, Sequence

from benchmarks.figures import Failure, Outcome, Summary, ratio
from benchmarks.goals import Goals, Verdict, judge_row
from benchmarks.history import Run
from benchmarks.rows import Row
from benchmarks.wording import ABSENT, UNKNOWN, align, describe, show, show_range, show_reached, show_spread

_HEAD = ("", "n", "wall s", "client CPU s", "engine CPU s", "peak MiB", "wall ratio", "client ratio", "all CPU ratio")


def render_row(row: Row, run: Run, goals: Goals, ours: str) -> Iterator[str]:
    """Yield the lines of one row. Ratios are ours / theirs."""
    summaries = run.summaries(row.key)
    unable = {key: why for key, why in run.unable.get(row.key, {}).items() if key not in summaries}
    mine = summaries.get(ours)
    yield row.title
    if not summaries:
        yield "  nothing was measured"
        return
    lines = [_HEAD, *(_cells(run.tools[key], each, mine, key == ours) for key, each in summaries.items())]
    lines += [(run.tools[key], *([ABSENT] * 5), "", "", "") for key in run.tools if key in unable]
    yield from align(lines)
    for key, summary in summaries.items():
        yield from _notes(run.tools[key], run.rows[row.key][key], summary)
    yield from (f"  {run.tools[key]}: can't read this file: {why}" for key, why in unable.items())
    for verdict in judge_row(goals, row.key, summaries, run.tools, ours):
        yield f"  goal: {render_verdict(verdict, run.tools)}"


def _cells(title: str, summary: Summary | None, ours: Summary | None, is_ours: bool) -> tuple[str, ...]:
    if summary is None:
        return (title, "0", *(["failed"] + [""] * (len(_HEAD) - 3)))
    ratios: list[float | None] = [None] * 3
    if ours is not None and not is_ours:
        ratios = [
            ratio(ours.wall_s, summary.wall_s),
            ratio(ours.client_cpu_s, summary.client_cpu_s),
            ratio(ours.whole_cpu_s, summary.whole_cpu_s),
        ]
    return (
        title,
        str(summary.count),
        show_spread(summary.wall_s),
        show_spread(summary.client_cpu_s),
        show_spread(summary.engine_cpu_s),
        UNKNOWN if summary.peak_mib is None else f"{summary.peak_mib.high:.0f}",
        *("" if each is None else f"{each:.2f}x" for each in ratios),
    )


def _notes(title: str, outcomes: Sequence[Outcome], summary: Summary | None) -> Iterator[str]:
    failures = [each.reason for each in outcomes if isinstance(each, Failure)]
    if failures:
        yield f"  {title}: {len(failures)} of {len(outcomes)} failed: {failures[0]}"
    if summary is not None and summary.late_s is not None:
        yield f"  {title}: came back {show_spread(summary.late_s)} s after the last service was ready"
    if summary is not None and summary.false_ready:
        yield f"  {title}: took {summary.false_ready} services for ready before they were"
    if summary is not None and summary.differing:
        yield f"  {title}: {summary.differing} files differ from what they were copied from"
    if summary is not None and summary.resident_mib is not None:
        yield f"  {title}: has {show_range(summary.resident_mib, 'MiB')} in memory"


def render_verdict(verdict: Verdict, titles: Mapping[str, str]) -> str:
    """The goal, what was reached, and whether that is enough."""
    text = describe(verdict.goal, titles.get(verdict.goal.against, ""))
    if verdict.reached is None:
        return f"{text}: {verdict.word}"
    return f"{text}: {show_reached(verdict.goal, verdict.reached)}, {verdict.word}"


def render_goals(rows: Sequence[Row], run: Run, goals: Goals, ours: str) -> Iterator[str]:
    """Yield all goals of a run in one table, how many are met, and where they come from."""
    measured = [row for row in rows if run.rows.get(row.key)]
    verdicts = [
        verdict for row in measured for verdict in judge_row(goals, row.key, run.summaries(row.key), run.tools, ours)
    ]
    if not verdicts:
        return
    lines = [("", "goal", "ours", "reached", "", "source")]
    for verdict in verdicts:
        goal, mine = verdict.goal, verdict.ours
        lines.append(
            (
                goal.row,
                describe(goal, run.tools.get(goal.against, "")),
                ABSENT if mine is None else show(mine.median, goal.quantity.unit),
                ABSENT if verdict.reached is None else show_reached(goal, verdict.reached),
                verdict.word,
                goal.source,
            )
        )
    known = [verdict for verdict in verdicts if verdict.is_met is not None]
    yield f"Goals: {sum(bool(verdict.is_met) for verdict in known)} of {len(known)} met"
    yield from align(lines, left=2)
    for source in dict.fromkeys(verdict.goal.source for verdict in verdicts):
        yield f"  {source}: {' '.join(goals.sources[source].split())}"
