"""kill, pause, unpause and rm: which containers they mean, and in which order."""

from collections.abc import Mapping

import pytest
from msgspec.structs import replace

from boxship.errors import NotFoundError
from boxship.names import LABEL_ONE_OFF
from boxship.plan.action import KillContainer, RemoveContainer
from boxship.plan.observed import ContainerState, Observed
from boxship.plan.present import (
    numbered,
    plan_kill,
    plan_pause,
    plan_remove,
    plan_unpause,
    present_container,
    removable,
    running_container,
)
from boxship.plan.verbs import plan_down
from tests.unit.plan.given import desired, running, service

EDGES = {"web": ("db",), "db": ()}
ENDED: Mapping[str, object] = {"state": ContainerState.EXITED, "exit_code": 3}
PAUSED: Mapping[str, object] = {"state": ContainerState.PAUSED}


def shop(**changes: Mapping[str, object]) -> Observed:
    return running(desired(service("db"), service("web", "db")), **changes)


def with_one_off(observed: Observed, state: ContainerState = ContainerState.RUNNING) -> Observed:
    """With a container that `run` made of web."""
    (web,) = [each for each in observed.containers if each.service == "web"]
    labels = {**web.labels, LABEL_ONE_OFF: "4f2a"}
    extra = replace(web, id="id-extra", name="app.web.run-4f2a", labels=labels, state=state)
    return replace(observed, containers=(*observed.containers, extra))


def with_a_foreigner(observed: Observed) -> Observed:
    foreign = replace(observed.containers[0], id="id-foreign", name="app.foreign", appliance="")
    other = replace(observed.containers[0], id="id-other", name="other.db", appliance="other")
    return replace(observed, containers=(*observed.containers, foreign, other))


def test_kill_sends_the_signal_to_all_that_runs_dependents_first() -> None:
    plan = plan_kill("app", shop(), EDGES, signal="SIGHUP")
    assert str(plan).splitlines() == [
        "[] -> #1 service:web, KillContainer, asked for with SIGHUP",
        "[1~] -> #2 service:db, KillContainer, asked for with SIGHUP",
    ]
    assert plan.steps[0].action == KillContainer("app.web", "SIGHUP")


def test_kill_of_what_does_not_run_is_nothing_unless_it_was_named() -> None:
    assert plan_kill("app", shop(web=ENDED, db=ENDED), EDGES).steps == ()
    with pytest.raises(NotFoundError, match="service 'web' does not run: it ended with status 3") as caught:
        plan_kill("app", shop(web=ENDED), EDGES, only={"web"})
    assert "boxship start web" in caught.value.hint


def test_a_named_service_without_a_container_says_what_makes_one() -> None:
    with pytest.raises(NotFoundError, match="service 'cache' has no container") as caught:
        plan_pause("app", shop(), EDGES, only={"cache"})
    assert caught.value.hint == "boxship up -d cache creates it"


def test_pause_freezes_what_is_not_frozen_yet() -> None:
    assert str(plan_pause("app", shop(web=PAUSED), EDGES)) == "[] -> #1 service:db, PauseContainer, asked for"
    assert plan_pause("app", shop(web=PAUSED), EDGES, only={"web"}).steps == ()


def test_unpause_wakes_dependencies_first() -> None:
    assert str(plan_unpause("app", shop(web=PAUSED, db=PAUSED), EDGES)).splitlines() == [
        "[] -> #1 service:db, UnpauseContainer, asked for",
        "[1~] -> #2 service:web, UnpauseContainer, asked for",
    ]
    assert plan_unpause("app", shop(), EDGES, only={"web"}).steps == ()


def test_rm_takes_what_has_ended_and_leaves_what_runs() -> None:
    taken, left = removable("app", shop(web=ENDED))
    assert ([each.replica for each in taken], [each.replica for each in left]) == (["web"], ["db"])
    plan = plan_remove("app", taken, EDGES, volumes=True)
    assert [step.action for step in plan.steps] == [RemoveContainer("app.web", volumes=True, network="app.default")]


def test_rm_with_stop_stops_dependents_first_and_removes_only_what_stopped() -> None:
    taken, left = removable("app", shop(), running=True)
    assert left == ()
    assert str(plan_remove("app", taken, EDGES)).splitlines() == [
        "[] -> #1 service:web, StopContainer, asked for with --stop",
        "[1~] -> #2 service:db, StopContainer, asked for with --stop",
        "[2] -> #3 service:db, RemoveContainer, asked for",
        "[1] -> #4 service:web, RemoveContainer, asked for",
    ]


def test_rm_takes_what_run_left_behind_but_never_where_somebody_is_inside() -> None:
    ended, _ = removable("app", with_one_off(shop(), ContainerState.EXITED))
    assert [each.replica for each in ended] == ["web.run-4f2a"]
    taken, left = removable("app", with_one_off(shop()), running=True)
    assert {each.replica for each in (*taken, *left)} == {"web", "db"}


def test_what_run_made_is_no_container_of_the_service() -> None:
    observed = with_one_off(shop())
    assert [each.replica for each in observed.containers_of("app")] == ["db", "web"]
    assert [each.replica for each in observed.one_offs_of("app")] == ["web.run-4f2a"]
    assert "run-4f2a" not in str(plan_kill("app", observed, EDGES))


def test_down_takes_what_run_made_before_what_it_depends_on() -> None:
    lines = str(plan_down("app", with_one_off(shop()), EDGES)).splitlines()
    assert lines[:3] == [
        "[] -> #1 service:web.run-4f2a, StopContainer, the appliance goes down",
        "[] -> #2 service:web, StopContainer, the appliance goes down",
        "[1~,2~] -> #3 service:db, StopContainer, the appliance goes down",
    ]


def test_no_verb_touches_what_belongs_to_others() -> None:
    observed = with_a_foreigner(shop(web=PAUSED))
    taken, left = removable("app", observed, running=True)
    assert {each.id for each in (*taken, *left)} == {"id-db", "id-web"}
    plans = (
        plan_kill("app", observed, EDGES),
        plan_pause("app", observed, EDGES),
        plan_unpause("app", observed, EDGES),
    )
    names = {getattr(step.action, "name", "") for plan in plans for step in plan.steps}
    assert names == {"app.db", "app.web"}


def test_the_container_to_go_into_runs_and_has_the_number_asked_for() -> None:
    observed = running(desired(service("web", scale=3)), web=ENDED)
    assert running_container(observed, "app", "web", None).replica == "web.2"
    assert running_container(observed, "app", "web", 3).replica == "web.3"
    with pytest.raises(NotFoundError, match="service 'web' has no container 7") as caught:
        numbered(observed, "app", "web", 7)
    assert caught.value.hint == "there are: 1, 2, 3"


def test_a_paused_one_is_told_from_one_that_ended() -> None:
    with pytest.raises(NotFoundError, match="service 'web' is paused, so nothing can run inside") as caught:
        running_container(shop(web=PAUSED), "app", "web", None)
    assert caught.value.hint == "boxship unpause web"
    with pytest.raises(NotFoundError, match="it is created"):
        running_container(shop(web={"state": ContainerState.CREATED}), "app", "web", None)


def test_files_are_copied_from_one_that_has_ended_when_none_runs() -> None:
    observed = running(desired(service("web", scale=2)), web=ENDED)
    assert present_container(observed, "app", "web", None).replica == "web.2"
    assert present_container(shop(web=ENDED), "app", "web", None).replica == "web"
