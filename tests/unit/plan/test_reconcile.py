"""Plans, compared as text."""

import pytest
from msgspec.structs import replace

from boxship.errors import ConflictError, ImageMissingError, NotFoundError
from boxship.plan.action import CreateContainer
from boxship.plan.observed import (
    ContainerState,
    Health,
    Observed,
    ObservedContainer,
    ObservedMount,
    ObservedNetwork,
    ObservedVolume,
)
from boxship.plan.reconcile import orphans, reconcile
from boxship.plan.resolve import resolve
from boxship.plan.verdict import Options
from boxship.spec.model import Condition, Dependency, Healthcheck, Mount, Network, Volume
from tests.unit.plan.given import IMAGE, appliance, desired, plan_of, port, running, service


def test_an_empty_engine_gets_network_containers_and_ordered_starts() -> None:
    assert str(plan_of(desired(service("db"), service("web", "db", condition=Condition.HEALTHY)))) == "\n".join(
        [
            "[] -> #1 network:default, CreateNetwork, not there yet",
            "[1] -> #2 service:db, CreateContainer, not there yet",
            "[2] -> #3 service:db, StartContainer, not there yet",
            "[3] -> #4 service:db, WaitReady, it was started",
            "[1] -> #5 service:web, CreateContainer, not there yet",
            "[4,5] -> #6 service:web, StartContainer, not there yet",
            "[6] -> #7 service:web, WaitReady, it was started",
        ]
    )


def test_what_runs_as_wanted_needs_no_step() -> None:
    wanted = desired(service("db"), service("web", "db"))
    plan = plan_of(wanted, running(wanted))
    assert plan.steps == ()
    assert plan.kept == {"db": "runs", "web": "runs"}


def test_a_changed_service_is_replaced_new_first_and_its_dependents_are_untouched() -> None:
    before = running(desired(service("db"), service("web", "db")))
    after = desired(service("db", command=("new",)), service("web", "db"))
    assert str(plan_of(after, before)) == "\n".join(
        [
            "[] -> #1 service:db, CreateContainer, command changed",
            "[1] -> #2 service:db, StopContainer, command changed",
            "[1,2] -> #3 service:db, StartContainer, command changed",
            "[3] -> #4 service:db, WaitReady, it was started",
            "[2,3] -> #5 service:db, RemoveContainer, command changed",
            "[3,5] -> #6 service:db, RenameContainer, the container it replaces is gone",
        ]
    )


def test_a_new_image_behind_the_same_tag_replaces_the_container() -> None:
    wanted = desired(service("web"))
    before = replace(running(wanted), images=(replace(IMAGE, id="sha256:2"),))
    assert "service:web, CreateContainer, its image is new" in str(plan_of(wanted, before))


def test_another_tag_of_the_same_image_replaces_nothing() -> None:
    before = running(desired(service("web")))
    both = replace(before, images=(replace(IMAGE, tags=("img:1", "img:2")),))
    assert plan_of(desired(service("web", image="img:2")), both).steps == ()


def test_who_shares_a_namespace_is_recreated_with_its_owner() -> None:
    sharer = service("side", "web", networks={}, network_mode="service:web")
    other = service("other", "web")
    before = running(desired(service("web"), sharer, other))
    plan = str(plan_of(desired(service("web", command=("new",)), sharer, other), before))
    assert "service:side, CreateContainer, namespace of web changed" in plan
    assert "service:other" not in plan


def test_restart_true_recreates_the_dependent_with_its_dependency() -> None:
    web = service("web", depends_on={"db": Dependency(restart=True)})
    before = running(desired(service("db"), web))
    plan = str(plan_of(desired(service("db", command=("new",)), web), before))
    assert "service:web, CreateContainer, it asks to be restarted with db, which is recreated" in plan


def test_who_shares_a_namespace_starts_again_when_its_owner_does() -> None:
    wanted = desired(service("web"), service("side", "web", networks={}, network_mode="service:web"))
    before = running(wanted, web={"state": ContainerState.EXITED, "exit_code": 1})
    plan = str(plan_of(wanted, before))
    assert "service:web, StartContainer, it ended with status 1" in plan
    assert "service:side, StopContainer, it shares a namespace with web, which starts again" in plan
    assert "service:side, StartContainer, it shares a namespace with web, which starts again" in plan


@pytest.mark.parametrize(
    ("state", "step"),
    [
        (ContainerState.EXITED, "service:web, StartContainer, it ended with status 7"),
        (ContainerState.CREATED, "service:web, StartContainer, it was made but not started"),
        (ContainerState.PAUSED, "service:web, UnpauseContainer, it is paused"),
        (ContainerState.DEAD, "service:web, CreateContainer, not there yet"),
    ],
)
def test_a_container_that_does_not_run_is_brought_back(state: ContainerState, step: str) -> None:
    wanted = desired(service("web"))
    assert step in str(plan_of(wanted, running(wanted, web={"state": state, "exit_code": 7})))


def test_a_completed_one_shot_is_not_run_again() -> None:
    wanted = desired(service("init"), service("web", "init", condition=Condition.COMPLETED))
    plan = plan_of(wanted, running(wanted, init={"state": ContainerState.EXITED, "exit_code": 0}))
    assert plan.steps == ()
    assert plan.kept["init"] == "completed"


def test_a_failed_one_shot_is_run_again() -> None:
    wanted = desired(service("init"), service("web", "init", condition=Condition.COMPLETED))
    plan = str(plan_of(wanted, running(wanted, init={"state": ContainerState.EXITED, "exit_code": 3})))
    assert "service:init, StartContainer, it ended with status 3" in plan


def test_a_kept_service_that_is_not_healthy_yet_is_waited_for() -> None:
    wanted = desired(service("web", healthcheck=Healthcheck(("CMD", "true"))))
    plan = plan_of(wanted, running(wanted, web={"health": Health.STARTING}))
    assert str(plan) == "[] -> #1 service:web, WaitReady, it runs but is starting"


def test_replacements_stop_in_reverse_order_and_start_in_order() -> None:
    before = running(desired(service("db"), service("web", "db")))
    after = desired(service("db", command=("new",)), service("web", "db", command=("new",)))
    plan = plan_of(after, before)
    by_line = {f"{step.subject} {type(step.action).__name__}": step for step in plan.steps}
    stop_web = by_line["service:web StopContainer"]
    assert stop_web.id in by_line["service:db StopContainer"].after_ended
    assert by_line["service:db StartContainer"].id in by_line["service:web StartContainer"].after


def test_a_port_that_moves_to_another_service_is_freed_first() -> None:
    before = running(desired(service("a", ports=(port(80),)), service("b")))
    plan = plan_of(desired(service("a"), service("b", ports=(port(80),))), before)
    by_line = {f"{step.subject} {type(step.action).__name__}": step for step in plan.steps}
    assert by_line["service:a StopContainer"].id in by_line["service:b StartContainer"].after


def test_a_replacement_that_was_cut_off_is_taken_up_where_it_was() -> None:
    old = running(desired(service("web")))
    wanted = desired(service("web", command=("new",)))
    created = running(wanted).containers[0]
    half = replace(created, id="id-new", name="app.web.next-1", state=ContainerState.CREATED)
    assert str(plan_of(wanted, replace(old, containers=(*old.containers, half)))) == "\n".join(
        [
            "[] -> #1 service:web, StopContainer, another container took over",
            "[1] -> #2 service:web, StartContainer, it was made but not started",
            "[1,2] -> #3 service:web, RemoveContainer, another container took over",
            "[2,3] -> #4 service:web, RenameContainer, the container it replaces is gone",
            "[2,4] -> #5 service:web, WaitReady, it was started",
        ]
    )


def test_a_target_takes_the_place_of_another() -> None:
    whole = appliance(
        service("web", ports=(port(80),)),
        service("page", ports=(port(80),)),
        targets={"default": ("web",), "maintenance": ("page",)},
    )
    before = running(resolve(whole))
    plan = reconcile(resolve(whole, target="maintenance"), before)
    text = str(plan)
    assert "service:web, StopContainer, it is not part of target maintenance" in text
    by_line = {f"{step.subject} {type(step.action).__name__}": step for step in plan.steps}
    assert by_line["service:web StopContainer"].id in by_line["service:page StartContainer"].after


def test_named_services_leave_the_others_alone() -> None:
    whole = appliance(service("web"), service("page"), targets={"default": ("web", "page")})
    before = running(resolve(whole))
    assert reconcile(resolve(whole, names=("web",)), before).steps == ()


def test_orphans_stay_unless_asked_for() -> None:
    before = running(desired(service("web"), service("gone")))
    wanted = desired(service("web"))
    assert [each.service for each in orphans(wanted, before)] == ["gone"]
    assert reconcile(wanted, before).steps == ()
    removed = str(reconcile(wanted, before, Options(remove_orphans=True)))
    assert "service:gone, StopContainer, it is no longer in the files" in removed
    assert "service:gone, RemoveContainer, it is no longer in the files" in removed


def test_force_recreate_replaces_what_is_as_wanted_and_no_recreate_keeps_what_is_not() -> None:
    wanted = desired(service("web"))
    forced = str(reconcile(wanted, running(wanted), Options(force_recreate=True)))
    assert "service:web, CreateContainer, asked for with --force-recreate" in forced
    changed = desired(service("web", command=("new",)))
    assert reconcile(changed, running(wanted), Options(no_recreate=True)).steps == ()


def test_a_missing_image_is_pulled_once_for_all_who_need_it() -> None:
    text = str(reconcile(desired(service("a"), service("b")), Observed()))
    assert text.count("image:img:1, PullImage, a needs it") == 1
    assert text.count("PullImage") == 1


def test_a_missing_image_that_must_not_be_pulled_is_named() -> None:
    with pytest.raises(ImageMissingError, match="'img:1' of service 'web'"):
        reconcile(desired(service("web", pull_policy="never")), Observed())


def test_other_peoples_networks_volumes_and_names_are_refused_not_taken() -> None:
    wanted = desired(service("web", mounts=(Mount("volume", "/d", "data"),)))
    foreign_network = ObservedNetwork(id="x", name="app.default", driver="bridge")
    with pytest.raises(ConflictError, match=r"network 'app\.default' exists and wasn't made by app"):
        reconcile(wanted, Observed(images=(IMAGE,), networks=(foreign_network,)))
    with pytest.raises(ConflictError, match=r"volume 'app\.data' exists"):
        reconcile(wanted, Observed(images=(IMAGE,), volumes=(ObservedVolume("app.data", "local"),)))
    foreign = ObservedContainer("x", "app.web", "img:1", "sha256:1", ContainerState.RUNNING)
    with pytest.raises(ConflictError, match=r"container name 'app\.web'"):
        reconcile(wanted, Observed(images=(IMAGE,), containers=(foreign,)))


def test_externals_must_be_there_and_are_not_made() -> None:
    base = appliance(service("web"))
    outside = replace(base, networks={"default": Network("default", name="shared", external=True)})
    with pytest.raises(NotFoundError, match="network 'shared' is declared external"):
        reconcile(resolve(outside), Observed(images=(IMAGE,)))
    there = ObservedNetwork(id="x", name="shared", driver="bridge", subnets=("10.9.0.0/24",))
    assert "CreateNetwork" not in str(reconcile(resolve(outside), Observed(images=(IMAGE,), networks=(there,))))
    stored = replace(
        appliance(service("web", mounts=(Mount("volume", "/d", "data"),))),
        volumes={"data": Volume("data", external=True)},
    )
    with pytest.raises(NotFoundError, match="volume 'data' is declared external"):
        reconcile(resolve(stored), Observed(images=(IMAGE,)))


def test_a_network_whose_options_changed_is_made_anew_with_all_on_it() -> None:
    sharer = service("side", "web", networks={}, network_mode="service:web")
    before = running(desired(service("web"), sharer))
    changed = replace(appliance(service("web"), sharer), networks={"default": Network("default", internal=True)})
    plan = reconcile(resolve(changed), before)
    order = [f"{step.subject} {type(step.action).__name__}" for step in plan.steps]
    assert order.index("service:web RemoveContainer") < order.index("network:default RemoveNetwork")
    assert order.index("network:default RemoveNetwork") < order.index("network:default CreateNetwork")
    assert order.index("network:default CreateNetwork") < order.index("service:web CreateContainer")
    assert "service:side CreateContainer" in order


def test_an_optional_dependency_that_fails_does_not_hold_its_dependent_back() -> None:
    web = service("web", depends_on={"extra": Dependency(Condition.HEALTHY, required=False)})
    plan = plan_of(desired(service("extra"), web))
    by_line = {f"{step.subject} {type(step.action).__name__}": step for step in plan.steps}
    wait = by_line["service:extra WaitReady"].id
    assert wait in by_line["service:web StartContainer"].after_ended
    assert wait not in by_line["service:web StartContainer"].after


def test_anonymous_volumes_go_on_in_the_replacement() -> None:
    name = "a" * 64
    before = running(
        desired(service("web", mounts=(Mount("volume", "/cache"),))),
        web={"mounts": (ObservedMount("volume", name, "/cache"), ObservedMount("volume", "b" * 64, "/from-image"))},
    )
    wanted = desired(service("web", command=("new",), mounts=(Mount("volume", "/cache"),)))
    made = [step.action.spec for step in plan_of(wanted, before).steps if isinstance(step.action, CreateContainer)]
    assert [(each.target, each.source) for each in made[0].mounts] == [("/cache", name), ("/from-image", "b" * 64)]
