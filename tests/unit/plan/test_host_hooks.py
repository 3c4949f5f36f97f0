"""Commands of the vendor's machine between the steps of a plan."""

from pathlib import Path

import pytest

from boxship.errors import HostError
from boxship.execute.executor import execute
from boxship.plan.action import RunHostHook
from boxship.plan.host_hooks import with_host_hooks
from boxship.plan.reconcile import reconcile
from boxship.plan.verbs import plan_down
from boxship.spec.model import HostHooks
from tests.fakes.clock import FakeClock
from tests.fakes.engine import FakeEngine
from tests.unit.plan.given import desired, plan_of, running, service

HOOKS = {"db": HostHooks(pre_start=("warm-up",), post_start=("fill", "${CRANE_HOOKED_CONTAINER}"))}
HERE = Path("/x")


def test_hooks_stand_before_and_after_the_start_and_dependents_wait_for_them() -> None:
    plan = with_host_hooks(plan_of(desired(service("db"), service("web", "db"))), HOOKS, HERE)
    assert str(plan) == "\n".join(
        [
            "[] -> #1 network:default, CreateNetwork, not there yet",
            "[1] -> #2 service:db, CreateContainer, not there yet",
            "[2] -> #3 service:db, RunHostHook, not there yet",
            "[2,3] -> #4 service:db, StartContainer, not there yet",
            "[4] -> #5 service:db, RunHostHook, not there yet",
            "[1] -> #6 service:web, CreateContainer, not there yet",
            "[4,5,6] -> #7 service:web, StartContainer, not there yet",
            "[4] -> #8 service:db, WaitReady, it was started",
            "[7] -> #9 service:web, WaitReady, it was started",
        ]
    )


def test_who_waits_until_a_service_is_ready_waits_for_its_hook_too() -> None:
    web = service("web", "db", condition="service_healthy")  # type: ignore[arg-type]
    plan = with_host_hooks(plan_of(desired(service("db"), web)), HOOKS, HERE)
    start = next(step for step in plan.steps if str(step).startswith("[5,6,7]"))
    assert start.subject == "service:web"


def test_a_hook_knows_its_container_from_its_environment_and_in_its_arguments() -> None:
    plan = with_host_hooks(plan_of(desired(service("db"))), HOOKS, HERE)
    actions = [step.action for step in plan.steps if isinstance(step.action, RunHostHook)]
    assert [action.argv for action in actions] == [("warm-up",), ("fill", "app.db")]
    assert {action.directory for action in actions} == {"/x"}
    assert actions[0].environment == {"BOXSHIP_HOOKED_CONTAINER": "app.db", "CRANE_HOOKED_CONTAINER": "app.db"}


def test_stop_hooks_stand_around_the_stop_and_hinder_no_removal() -> None:
    observed = running(desired(service("db"), service("web", "db")))
    hooks = {"web": HostHooks(pre_stop=("bye",), post_stop=("gone",))}
    plan = with_host_hooks(plan_down("app", observed, {"web": ("db",)}), hooks, HERE)
    lines = [line for line in str(plan).splitlines() if "service:" in line]
    assert lines == [
        "[] -> #1 service:web, RunHostHook, the appliance goes down",
        "[1] -> #2 service:web, StopContainer, the appliance goes down",
        "[2] -> #3 service:web, RunHostHook, the appliance goes down",
        "[2~,3~] -> #4 service:db, StopContainer, the appliance goes down",
        "[4~] -> #5 service:db, RemoveContainer, the appliance goes down",
        "[2~] -> #6 service:web, RemoveContainer, the appliance goes down",
    ]


def test_a_replacement_gets_its_final_name_only_after_its_hook() -> None:
    before = running(desired(service("db")))
    plan = with_host_hooks(plan_of(desired(service("db", command=("new",))), before), HOOKS, HERE)
    by_id = {step.id: step for step in plan.steps}
    rename = next(step for step in plan.steps if type(step.action).__name__ == "RenameContainer")
    assert any(isinstance(by_id[number].action, RunHostHook) for number in rename.after)


def test_every_step_follows_what_it_waits_for() -> None:
    names = [f"s{number}" for number in range(5)]
    services = [service(name, *names[:index]) for index, name in enumerate(names)]
    hooks = {name: HostHooks(("a",), ("b",), ("c",), ("d",), ("e",), ("f",)) for name in names[::2]}
    plan = with_host_hooks(plan_of(desired(*services)), hooks, HERE)
    assert [step.id for step in plan.steps] == list(range(1, len(plan.steps) + 1))
    assert all(number < step.id for step in plan.steps for number in (*step.after, *step.after_ended))


def test_without_hooks_the_plan_is_the_same() -> None:
    plan = plan_of(desired(service("db")))
    assert with_host_hooks(plan, {}, HERE) is plan


def test_the_hooks_of_a_service_are_those_of_all_its_containers() -> None:
    plan = with_host_hooks(plan_of(desired(service("db", scale=2))), {"db": HostHooks(pre_start=("x",))}, HERE)
    assert sum(isinstance(step.action, RunHostHook) for step in plan.steps) == 2


async def test_hooks_run_in_their_folder_and_a_failed_one_keeps_its_container_from_starting(tmp_path: Path) -> None:
    engine = FakeEngine(FakeClock())
    engine.add_image("img:1")
    hooks = {
        "a": HostHooks(pre_start=("sh", "-c", 'echo "$CRANE_HOOKED_CONTAINER $(pwd)" > said')),
        "b": HostHooks(pre_start=("sh", "-c", "echo broken >&2; exit 3")),
    }
    wanted = desired(service("a"), service("b"), service("c", "b"))
    plan = with_host_hooks(reconcile(wanted, await engine.observe(("img:1",))), hooks, tmp_path)
    outcome = await execute(plan, engine, lambda event: None, engine.clock)
    assert (tmp_path / "said").read_text() == f"app.a {tmp_path}\n"
    assert list(engine.running) == ["app.a"]
    (failure,) = outcome.failures
    assert isinstance(failure.error, HostError)
    assert failure.error.message.startswith("pre-start hook of b: sh -c")
    assert "broken" in failure.error.message


async def test_a_command_that_is_not_there_is_told_with_its_hook(tmp_path: Path) -> None:
    engine = FakeEngine(FakeClock())
    engine.add_image("img:1")
    plan = reconcile(desired(service("a")), await engine.observe(("img:1",)))
    plan = with_host_hooks(plan, {"a": HostHooks(post_start=("/no/such/program",))}, tmp_path)
    outcome = await execute(plan, engine, lambda event: None, engine.clock)
    assert "post-start hook of a" in outcome.failures[0].error.message


@pytest.mark.parametrize("event", ["pre_build", "post_build"])
def test_build_hooks_are_no_steps_of_a_plan(event: str) -> None:
    plan = plan_of(desired(service("db")))
    assert str(with_host_hooks(plan, {"db": HostHooks(**{event: ("x",)})}, HERE)) == str(plan)
