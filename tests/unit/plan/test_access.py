"""Who may ask the box for something gets its address and a folder before its start; nobody else gets anything."""

from msgspec.structs import replace

from boxship.plan.access import BOX_FOLDER, Access
from boxship.plan.action import CreateContainer, EngineMount, HandOver, Plan
from boxship.plan.observed import ContainerState
from boxship.plan.resolve import Desired
from boxship.plan.sources import host_sources
from boxship.plan.verbs import plan_start
from boxship.spec.model import Service
from tests.unit.plan.given import desired, plan_of, running, service

ACCESS = Access("http://loader.service:8481", "/state/tokens/3/web.d")
MOUNT = EngineMount("bind", BOX_FOLDER, ACCESS.folder, read_only=True, create_host_path=False)


def wanted(web: Service | None = None) -> Desired:
    made = desired(web or service("web", environment={"MODE": "fast"}), service("db"))
    return replace(made, access={"web": ACCESS})


def specs(plan: Plan) -> dict[str, tuple[tuple[EngineMount, ...], dict[str, str]]]:
    found = [step.action.spec for step in plan.steps if isinstance(step.action, CreateContainer)]
    return {each.service.name: (each.mounts, dict(each.service.environment)) for each in found}


def kinds(plan: Plan) -> list[str]:
    return [type(step.action).__name__ for step in plan.steps if step.subject == "service:web"]


def test_a_service_with_a_token_is_shown_its_folder_and_told_where_the_box_is() -> None:
    assert specs(plan_of(wanted())) == {
        "web": ((MOUNT,), {"BOXSHIP_URL": "http://loader.service:8481", "MODE": "fast"}),
        "db": ((), {}),
    }


def test_what_the_files_say_of_the_variable_counts_more() -> None:
    own = service("web", environment={"BOXSHIP_URL": "http://elsewhere"})
    assert specs(plan_of(wanted(own)))["web"][1] == {"BOXSHIP_URL": "http://elsewhere"}


def test_the_folder_is_its_users_before_it_starts() -> None:
    plan = plan_of(wanted())
    assert kinds(plan)[:3] == ["CreateContainer", "HandOver", "StartContainer"]
    assert [step.action for step in plan.steps if isinstance(step.action, HandOver)] == [
        HandOver("app.web", ACCESS.folder)
    ]


def test_one_that_was_made_by_a_plan_that_was_cut_off_is_handed_its_folder_too() -> None:
    made = running(wanted(), web={"state": ContainerState.CREATED})
    assert kinds(plan_of(wanted(), made))[:2] == ["HandOver", "StartContainer"]
    assert "HandOver" in kinds(plan_start(wanted(), made))


def test_one_that_runs_with_its_token_is_left_alone() -> None:
    assert plan_of(wanted(), running(wanted())).steps == ()


def test_the_folder_is_no_source_that_a_vendor_has_to_bring() -> None:
    assert host_sources(plan_of(wanted()), wanted()) == ()
