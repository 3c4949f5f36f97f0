"""What an engine has started by itself, and what of it came too early."""

from msgspec.structs import replace

from boxship.plan.observed import ContainerState, Observed, ObservedNetwork
from boxship.plan.resolve import Desired
from boxship.plan.turns import engine_start, plan_stop_early
from boxship.spec.model import Condition, Service
from tests.unit.plan.given import desired, running, service

ENDED_WELL = {"state": ContainerState.EXITED, "exit_code": 0}
CUT_OFF = {"state": ContainerState.EXITED, "exit_code": 255}


def boxed(*services: Service) -> Desired:
    return replace(desired(*services), generation=1)


def stopped(wanted: Desired, **changes: dict[str, object]) -> list[str]:
    """Who is stopped, in this order."""
    plan = plan_stop_early(wanted, running(wanted, **changes), cause="anew")
    assert {step.cause for step in plan.steps} <= {"anew"}
    return [step.subject for step in plan.steps if type(step.action).__name__ == "StopContainer"]


def test_dependents_stop_before_what_they_need_and_what_needs_nobody_runs_on() -> None:
    wanted = boxed(service("db"), service("app", "db"), service("web", "app"), service("alone"))
    assert str(plan_stop_early(wanted, running(wanted), cause="anew")) == "\n".join(
        [
            "[] -> #1 service:web, SetRestart, anew",
            "[1] -> #2 service:web, StopContainer, anew",
            "[] -> #3 service:app, SetRestart, anew",
            "[2~,3] -> #4 service:app, StopContainer, anew",
        ]
    )


def test_what_waits_for_one_that_has_not_come_back_stops_too() -> None:
    """[M] What ends well on the engine's SIGTERM stays down at its next start, also under on-failure."""
    assert stopped(boxed(service("db"), service("web", "db")), db=ENDED_WELL) == ["service:web"]


def test_a_one_shot_that_had_completed_keeps_nobody_waiting() -> None:
    wanted = boxed(service("init"), service("web", "init", condition=Condition.COMPLETED), service("edge", "web"))
    assert stopped(wanted, init=ENDED_WELL) == ["service:edge"]
    assert stopped(wanted, init=CUT_OFF) == ["service:edge", "service:web"]


def test_only_what_runs_and_is_wanted_is_stopped() -> None:
    wanted = boxed(service("db"), service("web", "db"))
    assert stopped(wanted, web=CUT_OFF) == []
    both = running(wanted)
    alone = boxed(service("db"))
    assert plan_stop_early(alone, both, cause="anew").steps == ()


def test_the_engine_s_own_network_tells_its_start() -> None:
    mine = ObservedNetwork("n1", "app.default", "bridge", appliance="app")
    assert engine_start(Observed(networks=(mine, ObservedNetwork("b1", "bridge", "bridge")))) == "b1"
    assert engine_start(Observed(networks=(mine,))) == ""
