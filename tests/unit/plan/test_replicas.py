"""Services with none, one or several containers: plans, compared as text, and what can't be had more than once."""

from collections.abc import Mapping

import pytest
from msgspec.structs import replace

from boxship.errors import ConflictError, NotFoundError, SpecError
from boxship.plan.action import CreateContainer, Plan
from boxship.plan.observed import ContainerState, Observed, ObservedContainer
from boxship.plan.reconcile import reconcile
from boxship.plan.resolve import Desired, resolve, with_scales
from boxship.plan.status import service_status
from boxship.plan.verbs import plan_start
from boxship.plan.verdict import Options
from boxship.spec.model import Attachment, Condition, Dependency, Port, Service
from boxship.where import Where
from tests.unit.plan.given import IMAGE, appliance, desired, plan_of, port, running, service


def made(plan: Plan) -> dict[str, CreateContainer]:
    return {step.action.spec.name: step.action for step in plan.steps if isinstance(step.action, CreateContainer)}


def step_ids(plan: Plan) -> Mapping[str, int]:
    return {f"{step.subject.partition(':')[2]} {type(step.action).__name__}": step.id for step in plan.steps}


def after(plan: Plan, name: str) -> set[int]:
    (step,) = [each for each in plan.steps if each.id == step_ids(plan)[name]]
    return {*step.after, *step.after_ended}


def test_the_first_has_the_services_own_name_and_each_further_one_its_number() -> None:
    plan = plan_of(desired(service("web", scale=3)))
    assert sorted(made(plan)) == ["app.web", "app.web.2", "app.web.3"]
    assert [action.spec.labels.get("boxship.replica") for _, action in sorted(made(plan).items())] == [None, "2", "3"]


def test_what_runs_as_often_as_wanted_needs_no_step() -> None:
    wanted = desired(service("db", scale=2), service("web", "db", scale=3))
    plan = plan_of(wanted, running(wanted))
    assert str(plan) == ""
    assert list(plan.kept) == ["db", "db.2", "web", "web.2", "web.3"]


def test_a_dependent_waits_for_all_containers_of_what_it_depends_on() -> None:
    plan = plan_of(desired(service("db", scale=2), service("web", "db", condition=Condition.HEALTHY)))
    ids = step_ids(plan)
    assert {ids["db WaitReady"], ids["db.2 WaitReady"]} <= after(plan, "web StartContainer")
    plan = plan_of(desired(service("db", scale=2), service("web", "db")))
    ids = step_ids(plan)
    assert {ids["db StartContainer"], ids["db.2 StartContainer"]} <= after(plan, "web StartContainer")


@pytest.mark.parametrize("condition", [Condition.STARTED, Condition.HEALTHY, Condition.COMPLETED])
def test_a_dependent_of_none_starts_at_once(condition: Condition) -> None:
    plan = plan_of(desired(service("db", scale=0), service("web", "db", condition=condition)))
    assert [line.partition("service:")[2] for line in str(plan).splitlines() if "service:" in line] == [
        "web, CreateContainer, not there yet",
        "web, StartContainer, not there yet",
        "web, WaitReady, it was started",
    ]


def test_scaling_up_leaves_those_that_run_untouched() -> None:
    before = running(desired(service("web")))
    assert str(plan_of(desired(service("web", scale=2)), before)) == "\n".join(
        [
            "[] -> #1 service:web.2, CreateContainer, not there yet",
            "[1] -> #2 service:web.2, StartContainer, not there yet",
            "[2] -> #3 service:web.2, WaitReady, it was started",
        ]
    )


def test_scaling_down_removes_the_highest_numbers() -> None:
    before = running(desired(service("web", scale=3)))
    assert str(plan_of(desired(service("web")), before)) == "\n".join(
        [
            "[] -> #1 service:web.2, StopContainer, web has scale 1",
            "[] -> #2 service:web.3, StopContainer, web has scale 1",
            "[1] -> #3 service:web.2, RemoveContainer, web has scale 1",
            "[2] -> #4 service:web.3, RemoveContainer, web has scale 1",
        ]
    )
    none = str(plan_of(desired(service("web", scale=0)), before))
    assert none.count("RemoveContainer, web has scale 0") == 3


def test_a_container_that_is_missing_among_others_is_made_and_they_are_left_alone() -> None:
    wanted = desired(service("web", scale=3))
    before = running(wanted)
    without = replace(before, containers=tuple(each for each in before.containers if each.replica != "web.2"))
    assert sorted(made(plan_of(wanted, without))) == ["app.web.2"]


def test_a_changed_service_is_replaced_one_container_after_the_other() -> None:
    before = running(desired(service("web", scale=3)))
    plan = plan_of(desired(service("web", scale=3, command=("new",))), before)
    ids = step_ids(plan)
    assert ids["web WaitReady"] in after(plan, "web.2 StopContainer")
    assert ids["web.2 WaitReady"] in after(plan, "web.3 StopContainer")


def test_containers_whose_dependency_is_replaced_too_are_replaced_together() -> None:
    before = running(desired(service("db"), service("web", "db", scale=2)))
    plan = plan_of(desired(service("db", command=("new",)), service("web", "db", scale=2, command=("new",))), before)
    ids = step_ids(plan)
    assert ids["web WaitReady"] not in after(plan, "web.2 StopContainer")
    assert {ids["web StopContainer"], ids["web.2 StopContainer"]} <= after(plan, "db StopContainer")


def test_several_containers_are_found_by_dns_only() -> None:
    one = made(plan_of(desired(service("db"), service("web", "db"))))
    assert any(line.startswith("db:10.") for line in one["app.web"].spec.extra_hosts)
    two = made(plan_of(desired(service("db", scale=2), service("web", "db"))))
    assert two["app.web"].spec.extra_hosts == ()
    assert two["app.db.2"].spec.endpoints[0].ipv4_address is None
    assert two["app.db.2"].spec.endpoints[0].aliases == ("db", "db.service")


def test_a_dependent_of_a_service_that_gets_more_containers_is_recreated_with_the_reason() -> None:
    before = running(desired(service("db"), service("web", "db")))
    plan = str(plan_of(desired(service("db", scale=2), service("web", "db")), before))
    assert "service:web, CreateContainer, extra_hosts changed (db has 2 containers: found by DNS only)" in plan
    assert "service:db," not in plan


def test_none_and_one_are_the_same_for_a_dependent() -> None:
    before = running(desired(service("db"), service("web", "db")))
    plan = str(plan_of(desired(service("db", scale=0), service("web", "db")), before))
    assert "service:web" not in plan


def test_a_link_alias_of_several_is_one_of_their_dns_names() -> None:
    web = service("web", "db", links=("db:store",))
    one = made(plan_of(desired(service("db"), web)))
    assert any(line.startswith("store:") for line in one["app.web"].spec.extra_hosts)
    assert one["app.db"].spec.endpoints[0].aliases == ("db", "db.service")
    two = made(plan_of(desired(service("db", scale=2), web)))
    assert two["app.db.2"].spec.endpoints[0].aliases == ("db", "db.service", "store")


def test_who_shares_the_namespace_of_several_lives_in_the_first() -> None:
    side = service("side", "web", networks={}, network_mode="service:web", scale=2)
    plan = plan_of(desired(service("web", scale=2), side))
    assert {action.spec.network_mode for name, action in made(plan).items() if "side" in name} == {"container:app.web"}
    before = running(desired(service("web", scale=2), side))
    ids = [each.id for each in before.containers if each.name == "app.web"]
    alive = replace(before, containers=tuple(in_namespace(each, ids[0]) for each in before.containers))
    assert plan_of(desired(service("web", scale=3), side), alive).kept.keys() >= {"side", "side.2"}


def in_namespace(container: ObservedContainer, owner: str) -> ObservedContainer:
    return replace(container, network_mode=f"container:{owner}") if container.service == "side" else container


def test_restart_true_recreates_the_dependent_when_any_of_them_is_recreated() -> None:
    web = service("web", depends_on={"db": Dependency(restart=True)})
    wanted = desired(service("db", scale=2), web)
    before = running(wanted, **{"db.2": {"digest": "another", "parts": "command=0"}})
    plan = str(plan_of(wanted, before))
    assert "service:web, CreateContainer, it asks to be restarted with db, which is recreated" in plan
    assert "service:db," not in plan


def test_a_name_that_a_leaving_container_has_is_taken_over_when_it_is_gone() -> None:
    before = running(desired(service("web", scale=2)))
    plan = plan_of(desired(service("web"), service("web.2")), before)
    ids = step_ids(plan)
    (name,) = made(plan)
    assert name.startswith("app.web.2.next-")
    assert ids["web.2 RemoveContainer"] in after(plan, "web.2 RenameContainer")


def test_a_name_that_a_staying_container_of_another_service_has_is_refused() -> None:
    wanted = desired(service("web"))
    other = replace(running(wanted).containers[0], id="x", service="page", name="app.web", digest="?")
    with pytest.raises(ConflictError, match=r"needs the container name 'app\.web'"):
        reconcile(wanted, Observed(containers=(other,), images=(IMAGE,)))


def test_a_lost_container_is_made_anew_alone() -> None:
    wanted = desired(service("web", scale=3))
    plan = reconcile(wanted, running(wanted), Options(half_started=frozenset({"web.2"})))
    assert [name.partition(".next-")[0] for name in made(plan)] == ["app.web.2"]


def test_a_first_that_has_an_address_keeps_it_and_no_other_gets_it() -> None:
    one = made(plan_of(desired(service("web"))))["app.web"].spec.endpoints[0].ipv4_address
    several = made(plan_of(desired(service("web", scale=3))))
    assert [each.spec.endpoints[0].ipv4_address for _, each in sorted(several.items())] == [one, None, None]


FORBIDDEN: dict[str, tuple[Service, str]] = {
    "a container name": (service("web", scale=2, container_name="shop"), "'shop' can be the name of one container"),
    "a host port": (service("web", scale=2, ports=(port(80),)), "the host port 80 can serve one container"),
    "a range that is too small": (
        service("web", scale=3, ports=(Port(80, "8000-8001"),)),
        "the range 8000-8001 holds 2 host ports, and scale makes 3 containers (widen it: 8000-8002:80)",
    ),
    "an address": (
        service("web", scale=2, networks={"default": Attachment(ipv4_address="10.0.0.9")}),
        "ipv4_address 10.0.0.9 on 'default' can belong to one container",
    ),
    "a hardware address": (service("web", scale=2, mac_address="02:00:00:00:00:01"), "can belong to one container"),
}


@pytest.mark.parametrize(("wanted", "reason"), FORBIDDEN.values(), ids=FORBIDDEN.keys())
def test_what_can_be_had_once_is_refused_with_its_place(wanted: Service, reason: str) -> None:
    placed = replace(wanted, where={"": Where("compose.yaml", 3, 3)})
    with pytest.raises(SpecError) as caught:
        desired(placed)
    assert str(caught.value.message).startswith("compose.yaml:3:3: services.web.")
    assert reason in caught.value.message


def test_names_that_would_meet_are_refused() -> None:
    with pytest.raises(SpecError, match=r"its container 2 would have the name of the service 'web\.2'"):
        desired(service("web", scale=2), service("web.2"))
    with pytest.raises(SpecError, match=r"its container 3 would have the name that 'page' asks for: 'app\.web\.3'"):
        desired(service("web", scale=3), service("page", container_name="app.web.3"))
    assert desired(service("web", scale=2), service("web.3"), service("web.02")).replicas()


def test_a_range_of_ports_and_a_port_without_a_number_serve_several() -> None:
    ports = (Port(80, "8000-8002"), Port(81), Port(82, "0"))
    assert len(made(plan_of(desired(service("web", scale=3, ports=ports))))) == 3


def test_who_lives_in_the_namespace_of_none_is_refused() -> None:
    side = service("side", "web", networks={}, network_mode="service:web")
    with pytest.raises(SpecError, match="lives in the namespace of 'web', of which there is no container"):
        desired(service("web", scale=0), side)
    assert desired(service("web", scale=0), replace(side, scale=0)).replicas() == ()


def test_a_scale_of_the_command_line_goes_over_the_files_one() -> None:
    files = appliance(service("web", scale=5), service("db"))
    assert [each.scale for each in with_scales(files, {"web": 2}).services.values()] == [2, 1]
    with pytest.raises(NotFoundError, match="no service 'wbe' in app"):
        with_scales(files, {"wbe": 2})
    with pytest.raises(SpecError, match="can serve one container"):
        resolve(with_scales(appliance(service("web", ports=(port(80),))), {"web": 2}))


def test_start_starts_all_that_are_there_whatever_the_files_scale() -> None:
    ended = {"state": ContainerState.EXITED, "exit_code": 0}
    scaled = desired(service("db", scale=2), service("web", "db", scale=2))
    before = running(scaled, **{replica.name: ended for replica in scaled.replicas()})
    plan = plan_start(desired(service("db"), service("web", "db")), before)
    ids = step_ids(plan)
    assert {"db StartContainer", "db.2 StartContainer", "web StartContainer", "web.2 StartContainer"} <= ids.keys()
    assert {ids["db StartContainer"], ids["db.2 StartContainer"]} <= after(plan, "web.2 StartContainer")


def test_restart_stops_the_containers_of_dependents_first() -> None:
    wanted = desired(service("db", scale=2), service("web", "db", scale=2))
    plan = plan_start(wanted, running(wanted), again=True)
    ids = step_ids(plan)
    assert {ids["web StopContainer"], ids["web.2 StopContainer"]} <= after(plan, "db.2 StopContainer")
    assert ids["db.2 StopContainer"] in after(plan, "db.2 StartContainer")


def none_of(wanted: Desired) -> list[tuple[str, int, bool, str]]:
    return [(row.replica, row.scale, row.is_ready, row.why) for row in service_status(wanted, Observed())]


def test_a_service_of_which_there_should_be_none_is_as_it_should_be() -> None:
    assert none_of(desired(service("web", scale=0))) == [("web", 0, True, "")]
    assert none_of(desired(service("web", scale=2))) == [
        ("web", 2, False, "not created"),
        ("web.2", 2, False, "not created"),
    ]
