"""Who waits for whom, as a drawing: a column per layer, what is needed by others to the left. Pure."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from msgspec import Struct

from boxship.loader.box import ServiceView
from boxship.web.escape import escape
from boxship.web.words import service_tone

MOST_DRAWN = 40
"""More are a list only: nobody follows 60 lines."""
_WIDTH, _HEIGHT, _GAP_X, _GAP_Y, _MARGIN, _LANE = 172, 50, 52, 16, 2, 4
_LONGEST = 19


class Point(NamedTuple):
    """In pixels of the drawing."""

    x: int
    y: int


class Node(Struct, frozen=True):
    """A service with its place; ``at`` is its upper left corner."""

    service: ServiceView
    at: Point


class Line(Struct, frozen=True):
    """From what is needed to who needs it, through the gaps that are left for it in the columns between."""

    tone: str
    points: tuple[Point, ...]


class _Slot(NamedTuple):
    """A row of a column: a service, or a gap for the line from ``needed`` to ``by``."""

    name: str
    needed: str = ""
    by: str = ""

    @property
    def height(self) -> int:
        return _LANE if self.needed else _HEIGHT


def _depths(needs: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Each stands right of everything it needs; in a circle, where it can."""
    depths = dict.fromkeys(needs, 0)
    for _ in needs:
        moved = False
        for name, needed in needs.items():
            depth = max((depths[each] + 1 for each in needed if each in depths and each != name), default=0)
            if depth > depths[name] and depth < len(needs):
                depths[name], moved = depth, True
        if not moved:
            break
    return depths


def place(services: Sequence[ServiceView]) -> tuple[tuple[Node, ...], tuple[Line, ...]]:
    """Columns are centred. Within one, each stands about where what it needs does, so that few lines cross."""
    by_name = {service.name: service for service in services}
    needs = {name: [each for each in service.needs if each in by_name] for name, service in by_name.items()}
    columns = _columns(needs)
    middles: dict[_Slot, Point] = {}
    tallest = max((_tall(column) for column in columns), default=0)
    for at, column in enumerate(columns):
        y = (tallest - _tall(column)) // 2 + _MARGIN
        for slot in sorted(column, key=lambda each: _wanted_y(each, needs, middles, at)):
            middles[slot] = Point(at * (_WIDTH + _GAP_X) + _MARGIN, y + slot.height // 2)
            y += slot.height + _GAP_Y
    nodes = [
        Node(by_name[slot.name], Point(middle.x, middle.y - _HEIGHT // 2))
        for slot, middle in middles.items()
        if not slot.needed
    ]
    lines = [
        Line(service_tone(by_name[needed].phase), _points(needed, name, middles))
        for name in needs
        for needed in needs[name]
    ]
    return tuple(nodes), tuple(lines)


def _columns(needs: Mapping[str, Sequence[str]]) -> list[list[_Slot]]:
    depths = _depths(needs)
    columns: list[list[_Slot]] = [[] for _ in range(max(depths.values(), default=-1) + 1)]
    for name, depth in depths.items():
        columns[depth].append(_Slot(name))
        for needed in needs[name]:
            for between in range(depths[needed] + 1, depth):
                columns[between].append(_Slot(f"{between}", needed, name))
    return columns


def _tall(column: Sequence[_Slot]) -> int:
    return sum(slot.height + _GAP_Y for slot in column) - _GAP_Y


def _wanted_y(
    slot: _Slot, needs: Mapping[str, Sequence[str]], middles: Mapping[_Slot, Point], at: int
) -> tuple[float, str]:
    """The mean of what stands in the column before."""
    before = (
        [_end(slot.needed, slot.by, at - 1)]
        if slot.needed
        else [_end(each, slot.name, at - 1) for each in needs[slot.name]]
    )
    found = [middles[each].y for pair in before for each in pair if each in middles]
    return (sum(found) / len(found) if found else 0.0), slot.name


def _end(needed: str, by: str, at: int) -> tuple[_Slot, ...]:
    lane = _Slot(f"{at}", needed, by)
    return lane, _Slot(needed)


def _points(needed: str, by: str, middles: Mapping[_Slot, Point]) -> tuple[Point, ...]:
    start, end = middles[_Slot(needed)], middles[_Slot(by)]
    lanes = sorted(middle for slot, middle in middles.items() if (slot.needed, slot.by) == (needed, by))
    through = [point for lane in lanes for point in (lane, Point(lane.x + _WIDTH, lane.y))]
    return (Point(start.x + _WIDTH, start.y), *through, end)


def draw(services: Sequence[ServiceView]) -> str:
    """An SVG, "" when there is nothing to draw or too much. It is hidden from readers, who have the list."""
    if not 1 < len(services) <= MOST_DRAWN:
        return ""
    nodes, lines = place(services)
    width = max(node.at.x for node in nodes) + _WIDTH + _MARGIN
    lowest = max([node.at.y + _HEIGHT for node in nodes] + [point.y for line in lines for point in line.points])
    height = lowest + _MARGIN
    return (
        f'<svg class="graph" viewBox="0 0 {width} {height}" width="{width}" height="{height}" aria-hidden="true">'
        f"{''.join(map(_line, lines))}{''.join(map(_box, nodes))}</svg>"
    )


def _line(line: Line) -> str:
    path = f"M{line.points[0].x} {line.points[0].y}"
    for before, point in pairwise(line.points):
        bend = (point.x - before.x) // 2
        path += f"C{before.x + bend} {before.y} {point.x - bend} {point.y} {point.x} {point.y}"
    return f'<path class="line {line.tone}" d="{path}"/>'


def _box(node: Node) -> str:
    service = node.service
    tone = service_tone(service.phase)
    name = service.name if len(service.name) <= _LONGEST else f"{service.name[: _LONGEST - 1]}…"
    return (
        f'<g class="box {tone}" transform="translate({node.at.x} {node.at.y})">'
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" rx="10"/><circle cx="18" cy="19" r="4.5"/>'
        f'<text class="name" x="32" y="23">{escape(name)}</text>'
        f'<text class="state" x="32" y="39">{escape(service.phase or "not yet")}</text></g>'
    )
