"""The comparison as a drawing: one small panel for each row, a bar for each tool, in SVG written by hand.

It is shown as a picture in a page, light or dark: it brings its own ground and follows the reader's setting. Text is
laid out by estimate, as there is no font here to measure with; so labels are short and have room.
"""

import textwrap
from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape

from msgspec import Struct

from benchmarks.wording import ABSENT, show

WIDTH = 800
_MARGIN, _GAP = 20, 28
_PANEL = (WIDTH - 2 * _MARGIN - _GAP) / 2
_LABEL, _VALUE = 160, 58
_BAR_ROOM = _PANEL - _LABEL - _VALUE
_LINE, _BAR = 17, 11
_TITLE_LINE, _TITLE_CHARACTERS, _LABEL_CHARACTERS = 16, 54, 23
_PANEL_END = 20
_HEAD, _FOOT = 64, 30
_LEAST_BAR = 1.5

_STYLE = """
  .ground { fill: #ffffff; stroke: #d0d7de }
  text { font: 12px system-ui, -apple-system, "Segoe UI", "Noto Sans", "DejaVu Sans", sans-serif; fill: #1f2328 }
  .head { font-size: 16px; font-weight: 600 }
  .title { font-weight: 600 }
  .quiet { fill: #59636e }
  .ours { font-weight: 600 }
  .bar { fill: #b1bac4 }
  .bar-ours { fill: #0969da }
  .goal { stroke: #bc4c00; stroke-width: 2 }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #0d1117; stroke: #3d444d }
    text { fill: #f0f6fc }
    .quiet { fill: #9198a1 }
    .bar { fill: #656c76 }
    .bar-ours { fill: #4493f8 }
    .goal { stroke: #f0883e }
  }
"""


class Bar(Struct, frozen=True):
    """One tool's median; None where it can't do that."""

    label: str
    value: float | None
    is_ours: bool = False


class Panel(Struct, frozen=True):
    """One row. ``goal`` in the same unit as the bars: the strictest there is."""

    title: str
    unit: str
    bars: Sequence[Bar]
    goal: float | None = None

    @property
    def title_lines(self) -> Sequence[str]:
        return textwrap.wrap(self.title, _TITLE_CHARACTERS) or [""]

    @property
    def height(self) -> float:
        return len(self.title_lines) * _TITLE_LINE + 6 + len(self.bars) * _LINE + _PANEL_END

    def describe(self) -> str:
        """For who doesn't see it."""
        values = (f"{bar.label} {ABSENT if bar.value is None else show(bar.value, self.unit)}" for bar in self.bars)
        goal = "" if self.goal is None else f"; goal {show(self.goal, self.unit)}"
        return f"{self.title}: {', '.join(values)}{goal}."


def draw(heading: str, subheading: str, panels: Sequence[Panel]) -> str:
    """The SVG, with a description of every figure in it."""
    columns = _deal(panels)
    height = _HEAD + max((sum(panel.height for panel in column) for column in columns), default=0) + _FOOT
    said = " ".join(panel.describe() for panel in panels)
    size = f'viewBox="0 0 {WIDTH} {height:g}" width="{WIDTH}" height="{height:g}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-labelledby="title desc">',
        f'<title id="title">{escape(heading)}</title>',
        f'<desc id="desc">{escape(said)}</desc>',
        f"<style>{_STYLE}</style>",
        f'<rect class="ground" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1:g}" rx="8"/>',
        _text(_MARGIN, 30, heading, "head"),
        _text(_MARGIN, 48, subheading, "quiet"),
    ]
    for number, column in enumerate(columns):
        x, y = _MARGIN + number * (_PANEL + _GAP), float(_HEAD)
        for panel in column:
            lines += _panel(panel, x, y)
            y += panel.height
    lines += _key(height - 16)
    return "\n".join([*lines, "</svg>", ""])


def _deal(panels: Sequence[Panel]) -> tuple[Sequence[Panel], Sequence[Panel]]:
    """In reading order into two columns, as even as can be."""
    whole = sum(panel.height for panel in panels)

    def unevenness(count: int) -> float:
        return abs(2 * sum(panel.height for panel in panels[:count]) - whole)

    left = min(range(len(panels) + 1), key=unevenness)
    return panels[:left], panels[left:]


def _panel(panel: Panel, x: float, y: float) -> Iterator[str]:
    for line in panel.title_lines:
        y += _TITLE_LINE
        yield _text(x, y - 3, line, "title")
    y += 6
    most = max([bar.value or 0.0 for bar in panel.bars] + [panel.goal or 0.0]) or 1.0
    start = x + _LABEL
    for bar in panel.bars:
        yield from _bar(bar, panel.unit, x, y, most)
        if bar.is_ours and panel.goal is not None:
            at = start + _BAR_ROOM * panel.goal / most
            yield f'<line class="goal" x1="{at:.1f}" x2="{at:.1f}" y1="{y - 1:.1f}" y2="{y + _BAR + 3:.1f}"/>'
        y += _LINE


def _bar(bar: Bar, unit: str, x: float, y: float, most: float) -> Iterator[str]:
    start, baseline = x + _LABEL, y + _BAR - 1
    label = textwrap.shorten(bar.label, _LABEL_CHARACTERS, placeholder="…")
    yield _text(x, baseline, label, "ours" if bar.is_ours else "quiet")
    if bar.value is None:
        yield _text(start, baseline, ABSENT, "quiet")
        return
    width = max(_LEAST_BAR, _BAR_ROOM * bar.value / most)
    style = "bar-ours" if bar.is_ours else "bar"
    yield f'<rect class="{style}" x="{start:.1f}" y="{y:.1f}" width="{width:.1f}" height="{_BAR}" rx="2"/>'
    # At the right edge, so that figures stand below each other and no mark of a goal runs through them.
    yield _text(x + _PANEL, baseline, show(bar.value, unit), "ours" if bar.is_ours else "quiet", anchor="end")


def _key(y: float) -> Iterator[str]:
    yield f'<line class="goal" x1="{_MARGIN + 1}" x2="{_MARGIN + 1}" y1="{y - 10}" y2="{y + 3}"/>'
    yield _text(_MARGIN + 10, y, "our goal. Shorter is better; every panel has a scale of its own.", "quiet")


def _text(x: float, y: float, text: str, style: str, anchor: str = "start") -> str:
    where = f' text-anchor="{anchor}"' if anchor != "start" else ""
    return f'<text class="{style}" x="{x:.1f}" y="{y:.1f}"{where}>{escape(text)}</text>'
