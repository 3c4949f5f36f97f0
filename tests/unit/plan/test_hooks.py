"""A service's own commands around starts and stops, as steps of plans."""

import pytest
from msgspec.structs import replace

from boxship.plan.action import CreateContainer, Plan, RenameContainer, RunHook, StartContainer
from boxship.plan.hooks import StopHooks, encode_stop_hooks, stop_hooks_of
from boxship.plan.observed import ContainerState, Health, Observed
from boxship.plan.resolve import Desired
from boxship.plan.status import service_status
from boxship.plan.verbs import plan_down, plan_start, plan_stop
from boxship.spec.model import Condition, Service
from boxship.spec.model_hooks import LifecycleHook
from tests.unit.plan.given import desired, plan_of, running, service

WARM, REGISTER = LifecycleHook(("warm",)), LifecycleHook(("register", "me"), user="7", environment={"A": "1"})
DRAIN = LifecycleHook(("drain",))


def hooked(**fields: object) -> Service:
    return replace(service("web", post_start=(WARM, REGISTER)), **fields)


def steps(plan: Plan) -> list[str]:
    return [f"{step.subject.partition(':')[2]} {type(step.action).__name__}" for step in plan.steps]


def hooks(plan: Plan) -> list[RunHook]:
    return [step.action for step in plan.steps if isinstance(step.action, RunHook)]


def marked(wanted: Desired, **changes: object) -> Observed:
    """It runs, but its hooks have not run through."""
    return running(wanted, web={"name": "app.web.next-0123456789ab", **changes})


def test_hooks_follow_the_start_in_order_and_come_before_readiness_and_dependents() -> None:
    assert str(plan_of(desired(hooked(), service("page", "web")))) == "\n".join(
        [
            "[] -> #1 network:default, CreateNetwork, not there yet",
            "[1] -> #2 service:web, CreateContainer, not there yet",
            "[2] -> #3 service:web, StartContainer, not there yet",
            "[3] -> #4 service:web, RunHook, after its start",
            "[4] -> #5 service:web, RunHook, after its start",
            "[1] -> #6 service:page, CreateContainer, not there yet",
            "[3,5,6] -> #7 service:page, StartContainer, not there yet",
            "[7] -> #8 service:page, WaitReady, it was started",
            "[3,5] -> #9 service:web, WaitReady, it was started",
            "[3,5] -> #10 service:web, RenameContainer, its post_start hooks have run",
        ]
    )


def test_a_container_has_its_final_name_only_when_its_hooks_have_run() -> None:
    plan = plan_of(desired(hooked()))
    (made,) = [step.action.spec.name for step in plan.steps if isinstance(step.action, CreateContainer)]
    (rename,) = [step.action for step in plan.steps if isinstance(step.action, RenameContainer)]
    assert made.startswith("app.web.next-")
    assert rename == RenameContainer(made, "app.web")
    assert [(hook.name, hook.hook, hook.title) for hook in hooks(plan)] == [
        (made, WARM, "post_start hook 1 of web"),
        (made, REGISTER, "post_start hook 2 of web"),
    ]


def test_a_container_with_its_final_name_has_had_its_hooks() -> None:
    wanted = desired(hooked())
    assert plan_of(wanted, running(wanted)).steps == ()
    assert service_status(wanted, running(wanted))[0].is_ready


def test_another_name_in_the_files_is_no_reason_to_run_them_again() -> None:
    before = running(desired(hooked()))
    assert steps(plan_of(desired(hooked(container_name="shop")), before)) == ["web RenameContainer"]


def test_hooks_that_were_cut_off_are_run_without_another_start() -> None:
    wanted = desired(hooked())
    assert steps(plan_of(wanted, marked(wanted))) == [
        "web RunHook",
        "web RunHook",
        "web RenameContainer",
        "web WaitReady",
    ]
    (row,) = service_status(wanted, marked(wanted))
    assert (row.is_ready, row.why) == (False, "its post_start hooks have not run through")


def test_a_start_again_runs_them_again_and_marks_that_first() -> None:
    wanted = desired(hooked())
    ended = running(wanted, web={"state": ContainerState.EXITED, "exit_code": 1})
    for plan in (plan_of(wanted, ended), plan_start(wanted, ended)):
        assert steps(plan) == [
            "web RenameContainer",
            "web StartContainer",
            "web RunHook",
            "web RunHook",
            "web RenameContainer",
            "web WaitReady",
        ]
        names = [step.action.name for step in plan.steps if isinstance(step.action, StartContainer | RunHook)]
        assert {name.startswith("app.web.next-") for name in names} == {True}


def test_a_container_that_is_only_resumed_is_not_started_so_its_hooks_rest() -> None:
    wanted = desired(hooked())
    paused = running(wanted, web={"state": ContainerState.PAUSED})
    assert steps(plan_of(wanted, paused)) == ["web UnpauseContainer", "web WaitReady"]
    assert steps(plan_start(wanted, paused)) == ["web UnpauseContainer", "web WaitReady"]
    assert "web RunHook" in steps(plan_of(wanted, marked(wanted, state=ContainerState.PAUSED)))


def test_a_one_shot_that_has_completed_needs_no_hooks() -> None:
    wanted = desired(hooked(), service("page", "web", condition=Condition.COMPLETED))
    before = marked(wanted, state=ContainerState.EXITED, exit_code=0)
    assert steps(plan_of(wanted, before)) == ["web RenameContainer"]


def test_the_old_container_goes_only_when_the_hooks_of_its_replacement_have_run() -> None:
    before = running(desired(hooked()))
    plan = plan_of(desired(hooked(command=("new",))), before)
    remove = next(step for step in plan.steps if type(step.action).__name__ == "RemoveContainer")
    assert {step.id for step in plan.steps if isinstance(step.action, RunHook)} & set(remove.after)


def test_hooks_before_a_stop_hinder_neither_each_other_nor_the_stop() -> None:
    wanted = desired(service("db", pre_stop=(DRAIN, WARM)), service("web", "db"))
    assert str(plan_stop("app", running(wanted), {"web": ("db",)})) == "\n".join(
        [
            "[] -> #1 service:web, StopContainer, asked for",
            "[1~] -> #2 service:db, RunHook, before its stop (best effort)",
            "[2] -> #3 service:db, RunHook, before its stop (best effort)",
            "[3] -> #4 service:db, StopContainer, asked for",
        ]
    )


def test_every_way_to_stop_runs_them() -> None:
    wanted = desired(service("web", pre_stop=(DRAIN,)))
    before = running(wanted)
    plans = {
        "down": plan_down("app", before, {}),
        "restart": plan_start(wanted, before, again=True),
        "recreate": plan_of(desired(service("web", pre_stop=(DRAIN,), command=("new",))), before),
        "scale": plan_of(desired(service("web", pre_stop=(DRAIN,), scale=0)), before),
        "gone from the file": plan_of(desired(service("web")), before),
    }
    assert [name for name, plan in plans.items() if [each.hook for each in hooks(plan)] != [DRAIN]] == []


def test_before_a_replacement_is_there_nothing_is_run_in_the_old_one() -> None:
    before = running(desired(service("web", pre_stop=(DRAIN,))))
    plan = plan_of(desired(service("web", command=("new",))), before)
    (hook,) = [step for step in plan.steps if isinstance(step.action, RunHook)]
    (create,) = [step for step in plan.steps if isinstance(step.action, CreateContainer)]
    assert create.id in hook.after


@pytest.mark.parametrize("state", [ContainerState.RESTARTING, ContainerState.EXITED])
def test_nothing_is_run_where_no_process_is(state: ContainerState) -> None:
    wanted = desired(service("web", pre_stop=(DRAIN,)))
    assert hooks(plan_stop("app", running(wanted, web={"state": state, "health": Health.NONE}), {})) == []


def test_the_container_remembers_its_hooks_and_how_long_they_may_take() -> None:
    web = service("web", pre_stop=(DRAIN, REGISTER), stop_grace_period_s=90.0)
    (container,) = running(desired(web)).containers
    assert stop_hooks_of(container) == StopHooks((DRAIN, REGISTER), 90.0)
    assert stop_hooks_of(replace(container, labels={"boxship.pre_stop": "{"})) == StopHooks()
    assert '"within_s":60.0' in encode_stop_hooks(service("web", pre_stop=(DRAIN,)))
