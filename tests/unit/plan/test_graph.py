"""From named steps and edges to numbered steps."""

import pytest

from boxship.errors import BugError
from boxship.plan.action import Action, Plan, PullImage, RemoveVolume, StartContainer
from boxship.plan.graph import PlanBuilder


def add(builder: PlanBuilder, key: str, *after: str, ended: tuple[str, ...] = (), action: Action | None = None) -> None:
    builder.add(key, action or RemoveVolume(key), subject=f"volume:{key}", cause="why", after=after, after_ended=ended)


def order(plan: Plan) -> list[str]:
    return [step.subject.partition(":")[2] for step in plan.steps]


def test_steps_that_wait_for_each_other_are_a_bug_that_names_them() -> None:
    builder = PlanBuilder("app")
    add(builder, "a", "c")
    add(builder, "b", "a")
    add(builder, "c", "b")
    add(builder, "free")
    with pytest.raises(BugError, match="the plan's steps wait for each other: a, b, c"):
        builder.finish()


def test_waiting_for_an_end_closes_a_circle_as_well() -> None:
    builder = PlanBuilder("app")
    add(builder, "a", ended=("b",))
    add(builder, "b", "a")
    with pytest.raises(BugError, match="wait for each other: a, b"):
        builder.finish()


def test_two_steps_of_one_name_are_a_bug() -> None:
    builder = PlanBuilder("app")
    add(builder, "a")
    with pytest.raises(BugError, match="two steps called 'a'"):
        add(builder, "a")


def test_the_longest_way_to_the_end_goes_first() -> None:
    builder = PlanBuilder("app")
    add(builder, "a quick")
    add(builder, "b first")
    add(builder, "c second", "b first")
    add(builder, "d third", "c second")
    assert order(builder.finish()) == ["b first", "c second", "a quick", "d third"]


def test_a_costly_step_makes_its_way_the_longer_one() -> None:
    builder = PlanBuilder("app")
    add(builder, "a one")
    add(builder, "a two", "a one")
    add(builder, "b image", action=PullImage("b"))
    add(builder, "b start", "b image", action=StartContainer("b"))
    ranks = {step.subject: step.rank for step in builder.finish().steps}
    assert ranks["volume:b image"] > ranks["volume:a one"] > ranks["volume:a two"]
    assert order(builder.finish())[0] == "b image"


def test_equals_are_numbered_by_name_whatever_the_order_they_came_in() -> None:
    plans = []
    for keys in ("abcd", "dcba", "bdac"):
        builder = PlanBuilder("app")
        for key in keys:
            add(builder, key, *(("a",) if key == "d" else ()))
        plans.append(str(builder.finish()))
    assert plans[0] == plans[1] == plans[2]


def test_an_edge_to_a_step_that_is_not_there_means_already_so() -> None:
    builder = PlanBuilder("app")
    add(builder, "a", "never made", ended=("nor this",))
    builder.order("b", after=["a"])
    assert str(builder.finish()) == "[] -> #1 volume:a, RemoveVolume, why"


def test_an_edge_may_come_before_the_step_it_names() -> None:
    builder = PlanBuilder("app")
    add(builder, "a", "z")
    builder.order("a", after_ended=["y", "a"])
    add(builder, "z")
    add(builder, "y")
    assert str(builder.finish()).splitlines()[-1] == "[1~,2] -> #3 volume:a, RemoveVolume, why"


def test_an_edge_of_both_kinds_is_the_stricter_one() -> None:
    builder = PlanBuilder("app")
    add(builder, "a")
    add(builder, "b", "a", ended=("a",))
    last = builder.finish().steps[-1]
    assert (last.after, last.after_ended) == ((1,), ())


def test_a_best_effort_step_says_so() -> None:
    builder = PlanBuilder("app")
    builder.add("a", RemoveVolume("a"), subject="volume:a", cause="why", best_effort=True)
    assert builder.has("a")
    assert str(builder.finish()) == "[] -> #1 volume:a, RemoveVolume, why (best effort)"


def test_what_is_kept_is_told_by_name() -> None:
    builder = PlanBuilder("app")
    builder.keep("web", "runs")
    builder.keep("db", "completed")
    assert list(builder.finish().kept.items()) == [("db", "completed"), ("web", "runs")]


def test_a_long_chain_is_numbered_without_recursion() -> None:
    builder = PlanBuilder("app")
    for number in range(3000):
        add(builder, f"s{number:04}", f"s{number - 1:04}")
    assert [step.after for step in builder.finish().steps] == [(), *((number,) for number in range(1, 3000))]
