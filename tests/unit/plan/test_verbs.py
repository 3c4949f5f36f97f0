"""The plans of down, stop, start and restart, compared as text."""

from msgspec.structs import replace

from boxship.plan.action import Completed, Ready, StopContainer, WaitReady
from boxship.plan.observed import ContainerState, Observed, ObservedNetwork, ObservedVolume
from boxship.plan.resolve import Desired, resolve
from boxship.plan.verbs import plan_down, plan_start, plan_stop
from boxship.spec.model import Check, Condition, Dependency, TcpProbe
from tests.unit.plan.given import appliance, desired, running, service

EDGES = {"web": ("db",), "db": ()}


def shop() -> Desired:
    return desired(service("db"), service("web", "db", condition=Condition.HEALTHY))


def stopped(wanted: Desired) -> Observed:
    return running(wanted, **{each.name: {"state": ContainerState.EXITED, "exit_code": 0} for each in wanted.services})


def test_down_stops_dependents_first_and_removes_what_up_made() -> None:
    assert str(plan_down("app", running(shop()), EDGES)) == "\n".join(
        [
            "[] -> #1 service:web, StopContainer, the appliance goes down",
            "[1~] -> #2 service:db, StopContainer, the appliance goes down",
            "[2~] -> #3 service:db, RemoveContainer, the appliance goes down",
            "[1~] -> #4 service:web, RemoveContainer, the appliance goes down",
            "[3,4] -> #5 network:default, RemoveNetwork, the appliance goes down",
        ]
    )


def test_down_leaves_other_peoples_things_alone() -> None:
    before = running(shop())
    others = replace(
        before,
        containers=tuple(replace(each, appliance="") for each in before.containers),
        networks=(ObservedNetwork("x", "app.other", "bridge"),),
        volumes=(ObservedVolume("app.data", "local"),),
    )
    assert plan_down("app", others, EDGES, volumes=True).steps == ()


def test_down_with_volumes_removes_them_last_and_says_that_they_were_asked_for() -> None:
    before = replace(running(shop()), volumes=(ObservedVolume("app.data", "local", "app", "data"),))
    assert "volume:data" not in str(plan_down("app", before, EDGES))
    assert str(plan_down("app", before, EDGES, volumes=True)).splitlines()[-1] == (
        "[3,4] -> #6 volume:data, RemoveVolume, asked for with --volumes"
    )


def test_down_of_some_services_leaves_the_others_the_network_and_the_volumes() -> None:
    before = replace(running(shop()), volumes=(ObservedVolume("app.data", "local", "app", "data"),))
    assert str(plan_down("app", before, EDGES, only={"web"}, volumes=True)) == "\n".join(
        [
            "[] -> #1 service:web, StopContainer, the appliance goes down",
            "[1~] -> #2 service:web, RemoveContainer, the appliance goes down",
        ]
    )


def test_down_of_what_is_stopped_only_removes() -> None:
    assert str(plan_down("app", stopped(shop()), EDGES, networks=False)) == "\n".join(
        [
            "[] -> #1 service:db, RemoveContainer, the appliance goes down",
            "[] -> #2 service:web, RemoveContainer, the appliance goes down",
        ]
    )


def test_down_of_an_empty_engine_is_nothing() -> None:
    assert plan_down("app", Observed(), EDGES, volumes=True).steps == ()


def test_stop_stops_dependents_first_within_the_grace_time() -> None:
    plan = plan_stop("app", running(shop()), EDGES, grace_s=3)
    assert str(plan) == "\n".join(
        ["[] -> #1 service:web, StopContainer, asked for", "[1~] -> #2 service:db, StopContainer, asked for"]
    )
    assert plan.steps[0].action == StopContainer("app.web", 3)


def test_stop_of_one_service_leaves_its_dependents_running() -> None:
    assert str(plan_stop("app", running(shop()), EDGES, only={"db"})) == (
        "[] -> #1 service:db, StopContainer, asked for"
    )


def test_stop_of_what_is_stopped_is_nothing() -> None:
    assert plan_stop("app", stopped(shop()), EDGES).steps == ()


def test_a_service_that_the_files_no_longer_have_is_stopped_too() -> None:
    assert str(plan_stop("app", running(desired(service("gone"))), EDGES)) == (
        "[] -> #1 service:gone, StopContainer, asked for"
    )


def test_a_paused_container_is_resumed_so_that_it_can_stop_in_order() -> None:
    before = running(shop(), db={"state": ContainerState.PAUSED})
    assert str(plan_stop("app", before, EDGES)) == "\n".join(
        [
            "[] -> #1 service:web, StopContainer, asked for",
            "[] -> #2 service:db, UnpauseContainer, a paused container can't stop in order",
            "[1~,2] -> #3 service:db, StopContainer, asked for",
        ]
    )


def test_one_that_the_engine_restarts_again_and_again_is_stopped() -> None:
    before = running(shop(), web={"state": ContainerState.RESTARTING})
    assert "service:web, StopContainer" in str(plan_stop("app", before, EDGES))


def test_start_starts_dependencies_first_and_waits_as_the_files_say() -> None:
    assert str(plan_start(shop(), stopped(shop()))) == "\n".join(
        [
            "[] -> #1 service:db, StartContainer, asked for",
            "[1] -> #2 service:db, WaitReady, it was started",
            "[2] -> #3 service:web, StartContainer, asked for",
            "[3] -> #4 service:web, WaitReady, it was started",
        ]
    )


def test_start_leaves_what_runs_alone_and_waits_for_none_of_it() -> None:
    plan = plan_start(shop(), running(shop(), web={"state": ContainerState.EXITED}))
    assert str(plan) == "\n".join(
        [
            "[] -> #1 service:web, StartContainer, asked for",
            "[1] -> #2 service:web, WaitReady, it was started",
        ]
    )
    assert plan.kept == {"db": "runs"}


def test_start_resumes_what_is_paused() -> None:
    plan = plan_start(shop(), running(shop(), db={"state": ContainerState.PAUSED}))
    assert str(plan).splitlines()[0] == "[] -> #1 service:db, UnpauseContainer, asked for"


def test_start_does_nothing_for_services_without_a_container() -> None:
    before = stopped(desired(service("db")))
    assert "service:web" not in str(plan_start(shop(), before))


def test_restart_stops_in_reverse_and_starts_in_order() -> None:
    assert str(plan_start(shop(), running(shop()), again=True)) == "\n".join(
        [
            "[] -> #1 service:web, StopContainer, asked to restart",
            "[1~] -> #2 service:db, StopContainer, asked to restart",
            "[2] -> #3 service:db, StartContainer, asked for",
            "[3] -> #4 service:db, WaitReady, it was started",
            "[1,4] -> #5 service:web, StartContainer, asked for",
            "[5] -> #6 service:web, WaitReady, it was started",
        ]
    )


def test_restart_of_a_paused_one_resumes_stops_and_starts_it() -> None:
    wanted = desired(service("web"))
    assert str(plan_start(wanted, running(wanted, web={"state": ContainerState.PAUSED}), again=True)) == "\n".join(
        [
            "[] -> #1 service:web, UnpauseContainer, a paused container can't stop in order",
            "[1] -> #2 service:web, StopContainer, asked to restart",
            "[2] -> #3 service:web, StartContainer, asked for",
            "[3] -> #4 service:web, WaitReady, it was started",
        ]
    )


def test_an_optional_dependency_that_fails_holds_nobody_back() -> None:
    web = service("web", depends_on={"db": Dependency(Condition.HEALTHY, required=False)})
    wanted = desired(service("db"), web)
    assert (
        str(plan_start(wanted, stopped(wanted))).splitlines()[2] == "[2~] -> #3 service:web, StartContainer, asked for"
    )


def test_a_dependency_with_a_check_is_waited_for_as_up_does() -> None:
    made = replace(appliance(service("db"), service("web", "db")), checks={"db": Check(TcpProbe(1), within_s=7)})
    wanted = resolve(made)
    plan = plan_start(wanted, stopped(wanted))
    assert str(plan).splitlines()[2] == "[2] -> #3 service:web, StartContainer, asked for"
    assert plan.steps[1].action == WaitReady("app.db", Ready(Check(TcpProbe(1), within_s=7)), 7)


def test_a_one_shot_is_waited_for_until_it_completed() -> None:
    wanted = desired(service("init"), service("web", "init", condition=Condition.COMPLETED))
    gates = [
        step.action.gate for step in plan_start(wanted, stopped(wanted)).steps if isinstance(step.action, WaitReady)
    ]
    assert gates == [Completed(), Ready()]
