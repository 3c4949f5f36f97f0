"""The table, as plain text. Values in, lines out."""

from collections.abc import Iterator, Mapping, Sequence

from benchmarks.figures import Failure, Outcome, Spread, Summary, ratio, summarize
from benchmarks.rows import Goal, Row

_HEAD = ("", "n", "wall s", "client CPU s", "engine CPU s", "peak MiB", "wall ratio", "client ratio", "all CPU ratio")
_UNKNOWN = "n/a"


def render_row(
    row: Row, titles: Mapping[str, str], outcomes: Mapping[str, Sequence[Outcome]], ours: str
) -> Iterator[str]:
    """Yield the lines of one row.

    Args:
        row: what was measured.
        titles: key -> name of every tool that took part in the run, in the order in which they are shown.
        outcomes: key -> what came of its commands; tools that can't do this are absent.
        ours: the key that the ratios are about: ours / theirs.
    """
    summaries = {key: summarize(outcomes[key]) for key in titles if key in outcomes}
    mine = summaries.get(ours)
    yield row.title
    if not summaries:
        yield "  nothing was measured"
        return
    lines = [_HEAD, *(_cells(titles[key], each, mine, key == ours) for key, each in summaries.items())]
    yield from align(lines)
    for key, summary in summaries.items():
        yield from _notes(titles[key], outcomes[key], summary)
    for goal in (each for each in row.goals if each.against is None or each.against in titles):
        yield f"  goal: {judge(goal, mine, summaries, titles)}"
    if mine is not None and mine.false_ready is not None:
        early = mine.false_ready
        yield f"  goal: 0 services taken for ready before they were: {early}, {_verdict(early == 0)}"


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
        f"{summary.peak_mib:.0f}",
        *("" if each is None else f"{each:.2f}x" for each in ratios),
    )


def show_spread(found: Spread | None) -> str:
    """The median, then the least and the most."""
    if found is None:
        return _UNKNOWN
    digits = 2 if found.median >= 1 else 3
    if found.low == found.high:
        return f"{found.median:.{digits}f}"
    return f"{found.median:.{digits}f} ({found.low:.{digits}f}..{found.high:.{digits}f})"


def align(lines: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the lines with columns of equal width: the first to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for first, *others in lines:
        cells = [first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))]
        yield f"  {'  '.join(cells)}".rstrip()


def _notes(title: str, outcomes: Sequence[Outcome], summary: Summary | None) -> Iterator[str]:
    failures = [each.reason for each in outcomes if isinstance(each, Failure)]
    if failures:
        yield f"  {title}: {len(failures)} of {len(outcomes)} failed: {failures[0]}"
    if summary is not None and summary.false_ready:
        yield f"  {title}: took {summary.false_ready} services for ready before they were"


def judge(goal: Goal, ours: Summary | None, summaries: Mapping[str, Summary | None], titles: Mapping[str, str]) -> str:
    """The goal, what was reached, and whether that is enough."""
    quantity = goal.quantity
    mine = quantity.of(ours) if ours else None
    if goal.against is None:
        text, reached, unit = f"{quantity.value} <= {goal.at_most:g} s", mine.median if mine else None, " s"
    else:
        theirs = summaries.get(goal.against)
        text = f"{quantity.value} <= {goal.at_most:g}x {titles[goal.against]}"
        reached, unit = ratio(mine, quantity.of(theirs) if theirs else None), "x"
    if reached is None:
        return f"{text}: not known"
    return f"{text}: {reached:.3g}{unit}, {_verdict(reached <= goal.at_most)}"


def _verdict(is_met: bool) -> str:
    return "met" if is_met else "MISSED"
