"""The drawing of who waits for whom."""

import xml.etree.ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from boxship.loader.box import ServiceView
from boxship.web.graph import MOST_DRAWN, draw, place

NAMES = [f"s{number}" for number in range(8)]


@st.composite
def some_services(draw_one: st.DrawFn, *, has_circles: bool) -> tuple[ServiceView, ...]:
    made = []
    for at, name in enumerate(NAMES[: draw_one(st.integers(2, 8))]):
        others = NAMES if has_circles else NAMES[:at]
        needs = draw_one(st.lists(st.sampled_from(others), unique=True, max_size=3)) if others else []
        made.append(ServiceView(name, "ready", needs=tuple(needs)))
    return tuple(draw_one(st.permutations(made)))


@given(some_services(has_circles=False))
def test_each_stands_right_of_everything_it_needs(services: tuple[ServiceView, ...]) -> None:
    at = {node.service.name: node.at for node in place(services)[0]}
    assert all(at[needed].x < at[each.name].x for each in services for needed in each.needs)


@given(some_services(has_circles=True))
def test_every_service_is_drawn_once_and_no_two_overlap_even_in_a_circle(services: tuple[ServiceView, ...]) -> None:
    nodes, _ = place(services)
    assert sorted(node.service.name for node in nodes) == sorted(each.name for each in services)
    for one in nodes:
        for other in nodes:
            assert one is other or abs(one.at.x - other.at.x) >= 172 or abs(one.at.y - other.at.y) >= 50


@given(some_services(has_circles=False))
def test_no_line_runs_through_a_service(services: tuple[ServiceView, ...]) -> None:
    nodes, lines = place(services)
    for line in lines:
        for point in line.points[1:-1]:
            assert not any(
                node.at.x <= point.x <= node.at.x + 172 and node.at.y < point.y < node.at.y + 50 for node in nodes
            )


@given(some_services(has_circles=True))
def test_the_drawing_is_well_formed(services: tuple[ServiceView, ...]) -> None:
    ET.fromstring(draw(services))


def test_names_are_escaped_and_cut() -> None:
    text = draw((ServiceView("<b>", "ready"), ServiceView("a-service-with-a-very-long-name", "ready")))
    assert "&lt;b&gt;" in text
    assert "a-service-with-a-v…" in text


def test_what_nobody_could_follow_is_not_drawn() -> None:
    assert draw(()) == draw((ServiceView("web", "ready"),)) == ""
    assert draw(tuple(ServiceView(f"s{number}", "ready") for number in range(MOST_DRAWN + 1))) == ""
