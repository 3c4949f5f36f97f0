"""Deployments side by side: names, networks and data of their own, and plans that touch one generation only."""

import pytest
from msgspec.structs import replace

from boxship.plan.action import ContainerSpec, CreateContainer, CreateNetwork, CreateVolume, Plan, StartContainer
from boxship.plan.deployed import Carried, carried_volumes, desired_of, plan_quiesce, plan_settle, preparing
from boxship.plan.observed import ContainerState, Observed, ObservedImage, ObservedVolume
from boxship.plan.reconcile import reconcile
from boxship.plan.resolve import Desired
from boxship.plan.sharing import with_shared_volumes
from boxship.spec.model import Attachment, Condition, IpamPool, Mount, Network, Volume
from boxship.spec.model_switch import OnSwitch
from tests.unit.plan.given import IMAGE, appliance, desired, running, service


def of_generation(wanted: Desired, generation: int) -> Desired:
    return replace(wanted, generation=generation)


def container_of(plan: Plan) -> ContainerSpec:
    """The one that the plan makes."""
    (made,) = [step.action.spec for step in plan.steps if isinstance(step.action, CreateContainer)]
    return made


def with_data(policy: OnSwitch = OnSwitch.COPY) -> Desired:
    db = service("db", mounts=(Mount("volume", "/data", "data"),))
    wanted = desired(db, service("web", "db"))
    return replace(wanted, volumes={"data": Volume("data", on_switch=policy)})


def test_all_that_a_generation_makes_has_its_number_in_its_name() -> None:
    wanted = of_generation(with_data(), 3)
    plan = reconcile(wanted, Observed(images=(IMAGE,)))
    made = [
        (step.action.spec.name, step.action.spec.labels["boxship.generation"])
        for step in plan.steps
        if isinstance(step.action, CreateNetwork | CreateVolume | CreateContainer)
    ]
    assert sorted(made) == [(f"app.{key}.g3", "3") for key in ("data", "db", "default", "web")]


def test_containers_of_a_box_know_their_loader_at_the_gateway() -> None:
    plan = reconcile(of_generation(desired(service("web")), 1), Observed(images=(IMAGE,)))
    made = container_of(plan)
    (network,) = [step.action.spec for step in plan.steps if isinstance(step.action, CreateNetwork)]
    assert network.subnet is not None
    gateway = network.subnet.rpartition(".")[0] + ".1"
    assert made.extra_hosts == (f"loader.service:{gateway}",)
    # Otherwise the engine takes the first address of its own range, and doesn't say so.
    assert network.gateway == gateway


def test_a_gateway_keeps_clear_of_the_files_other_addresses_and_of_the_services() -> None:
    pool = IpamPool(subnet="10.9.0.0/24", aux_addresses={"printer": "10.9.0.1"})
    fixed = {"back": Network("back", ipam=(pool,))}
    web = service("web", networks={"back": Attachment()})
    wanted = of_generation(replace(desired(web), networks=fixed), 2)
    plan = reconcile(wanted, Observed(images=(IMAGE,)))
    (network,) = [step.action.spec for step in plan.steps if isinstance(step.action, CreateNetwork)]
    assert network.gateway == "10.9.0.2"
    assert "10.9.0.2" not in {endpoint.ipv4_address for endpoint in container_of(plan).endpoints}
    assert container_of(plan).extra_hosts == ("loader.service:10.9.0.2",)


def test_the_loader_is_where_the_engine_says_that_the_gateway_is_and_nothing_is_made_anew_for_it() -> None:
    wanted = of_generation(desired(service("web")), 1)
    assert not reconcile(wanted, running(wanted)).steps


def test_a_container_name_is_kept_as_an_alias() -> None:
    plan = reconcile(of_generation(desired(service("web", container_name="front")), 2), Observed(images=(IMAGE,)))
    made = container_of(plan)
    assert made.name == "front.g2"
    assert "front" in made.endpoints[0].aliases


def test_another_generation_is_left_alone_and_does_not_count() -> None:
    old = running(of_generation(desired(service("web"), service("gone")), 1))
    new = of_generation(desired(service("web")), 2)
    plan = reconcile(new, old.of_generation("app", 2))
    assert {type(step.action).__name__ for step in plan.steps} == {
        "CreateNetwork",
        "CreateContainer",
        "StartContainer",
        "WaitReady",
    }


def test_a_network_with_a_given_subnet_is_of_no_generation() -> None:
    wanted = desired(service("web", networks={"back": Attachment()}))
    fixed = Network("back", ipam=(IpamPool(subnet="10.9.0.0/24", gateway="10.9.0.254"),))
    plan = reconcile(of_generation(replace(wanted, networks={"back": fixed}), 2), Observed(images=(IMAGE,)))
    made = container_of(plan)
    assert made.endpoints[0].network == "app.back"
    assert made.extra_hosts == ("loader.service:10.9.0.254",)


def test_preparing_makes_and_starts_nothing() -> None:
    plan = preparing(reconcile(of_generation(with_data(), 2), Observed(images=(IMAGE,))))
    assert [type(step.action).__name__ for step in plan.steps] == [
        "CreateNetwork",
        "CreateVolume",
        "CreateContainer",
        "CreateContainer",
    ]
    assert not any(isinstance(step.action, StartContainer) for step in plan.steps)


def test_quiescing_takes_the_policies_first_and_stops_dependents_before_what_they_need() -> None:
    old = running(of_generation(with_data(), 1))
    text = str(plan_quiesce("app", old, 1, cause="1.1 takes over"))
    assert text == "\n".join(
        [
            "[] -> #1 service:web, SetRestart, 1.1 takes over",
            "[1] -> #2 service:web, StopContainer, 1.1 takes over",
            "[] -> #3 service:db, SetRestart, 1.1 takes over",
            "[2~,3] -> #4 service:db, StopContainer, 1.1 takes over",
        ]
    )
    assert plan_quiesce("app", old, 2, cause="nothing of it").steps == ()


@pytest.mark.parametrize("state", [ContainerState.DEAD, ContainerState.REMOVING])
def test_quiescing_leaves_alone_what_an_engine_died_removing(state: ContainerState) -> None:
    old = running(of_generation(with_data(), 1))
    dying = [replace(each, state=state) if each.service == "web" else each for each in old.containers]
    text = str(plan_quiesce("app", replace(old, containers=tuple(dying)), 1, cause="1.1 takes over"))
    assert "service:web" not in text
    assert "service:db, StopContainer" in text


def test_settling_spares_one_shots() -> None:
    wanted = of_generation(desired(service("init"), service("web", "init", condition=Condition.COMPLETED)), 1)
    plan = plan_settle(wanted, running(wanted), cause="committed")
    assert [step.subject for step in plan.steps] == ["service:web"]
    stopped = running(wanted, web={"state": ContainerState.EXITED})
    assert plan_settle(wanted, stopped, cause="committed").steps == ()


def carried(before: OnSwitch, after: OnSwitch, *there: str) -> tuple[Carried, ...]:
    observed = Observed(volumes=tuple(ObservedVolume(name, "local") for name in there))
    return carried_volumes(of_generation(with_data(before), 1), of_generation(with_data(after), 2), observed)


def test_a_volume_goes_over_when_both_have_it_and_it_is_there() -> None:
    whole = (Carried("data", "app.data.g1", "app.data.g2"),)
    assert carried(OnSwitch.COPY, OnSwitch.COPY, "app.data.g1") == whole
    assert carried(OnSwitch.COPY, OnSwitch.COPY) == ()
    assert carried(OnSwitch.COPY, OnSwitch.FRESH, "app.data.g1") == ()
    assert carried(OnSwitch.SHARE, OnSwitch.SHARE, "app.data") == ()
    assert carried(OnSwitch.COPY, OnSwitch.SHARE, "app.data.g1") == (Carried("data", "app.data.g1", "app.data"),)


def test_what_begins_fresh_goes_over_when_a_release_gets_its_own_data_back() -> None:
    observed = Observed(volumes=(ObservedVolume("app.data.g1", "local"),))
    old, new = (of_generation(with_data(OnSwitch.FRESH), number) for number in (1, 3))
    assert carried_volumes(old, new, observed) == ()
    assert carried_volumes(old, new, observed, is_return=True) == (Carried("data", "app.data.g1", "app.data.g3"),)


def test_a_volume_that_is_a_place_of_the_host_is_not_copied_onto_itself() -> None:
    observed = Observed(volumes=(ObservedVolume("app.data.g1", "local"),))
    place = Volume("data", driver_opts={"type": "none", "o": "bind", "device": "/srv/data"})
    old, new = (of_generation(with_data(OnSwitch.COPY), number) for number in (1, 2))
    there = replace(new, volumes={"data": place})
    assert carried_volumes(replace(old, volumes={"data": place}), there, observed) == ()
    assert carried_volumes(old, there, observed) == ()
    assert carried_volumes(replace(old, volumes={"data": place}), new, observed) == ()


def test_places_that_only_the_image_declares_go_over_too() -> None:
    image = ObservedImage("sha256:1", tags=("img:1",), volumes=("/data1",))
    wanted = of_generation(desired(service("db", image="img:1")), 1)
    spelled_out = with_shared_volumes(wanted, Observed(images=(image,)))
    assert list(spelled_out.volumes) == ["db-data1"]
    assert with_shared_volumes(spelled_out, Observed(images=(image,))) == spelled_out


def test_what_is_desired_of_a_deployment_is_its_target_in_its_generation() -> None:
    assert desired_of(appliance(service("web")), "default", 4).generation == 4
