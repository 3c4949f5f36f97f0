"""What is there, as it tells itself."""

import pytest
from msgspec.structs import replace

from boxship.errors import NotFoundError
from boxship.plan.found import booted_target, require_appliance, without_files
from boxship.plan.observed import ContainerState, Observed, ObservedNetwork, ObservedVolume
from boxship.plan.resolve import resolve
from boxship.plan.status import service_status
from boxship.plan.verbs import plan_down
from boxship.spec.model import Appliance
from tests.unit.plan.given import appliance, desired, running, service

BOX = appliance(
    service("db"),
    service("web", "db"),
    service("page"),
    service("tool", profiles=("debug",)),
    targets={"default": ("web",), "maintenance": ("page",), "data": ("db",)},
)


def booted(target: str, files: Appliance = BOX) -> Observed:
    return running(resolve(files, target=target))


@pytest.mark.parametrize(
    ("target", "found"), [("default", "default"), ("maintenance", "maintenance"), ("data", "data")]
)
def test_a_target_is_known_by_what_was_made_for_it(target: str, found: str) -> None:
    assert booted_target(BOX, booted(target)) == found


def test_nothing_at_all_is_of_no_target() -> None:
    assert booted_target(BOX, Observed()) is None
    assert booted_target(appliance(service("web")), running(desired(service("web")))) is None


def test_what_was_kept_from_another_target_does_not_speak_for_it() -> None:
    files = replace(BOX, services={**BOX.services, "page": service("page", "db")})
    old = {each.service: each for each in booted("default", files).containers}
    new = [each for each in booted("maintenance", files).containers if each.service == "page"]
    assert booted_target(files, Observed(containers=(old["db"], *new))) == "maintenance"


def test_of_several_targets_that_hold_all_the_newest_container_names_one() -> None:
    (db,) = booted("data").containers
    (other,) = [each for each in booted("default").containers if each.service == "db"]
    newer = replace(other, id="x", created_at_s=5, name="app.db.next-1")
    assert booted_target(BOX, Observed(containers=(db, newer))) == "default"
    assert booted_target(BOX, Observed(containers=(replace(db, created_at_s=9), newer))) == "data"


def test_containers_without_a_memory_are_told_by_where_they_belong() -> None:
    containers = tuple(replace(each, labels={}) for each in booted("maintenance").containers)
    assert booted_target(BOX, Observed(containers=containers)) == "maintenance"
    containers = tuple(replace(each, labels={}) for each in booted("data").containers)
    assert booted_target(BOX, Observed(containers=containers)) is None


def test_what_belongs_to_no_single_target_is_compared_with_the_boot_target() -> None:
    mixed = (*booted("default").containers, *booted("maintenance").containers)
    assert booted_target(BOX, Observed(containers=mixed)) is None


def test_a_profiles_container_belongs_to_the_target_that_it_was_added_to() -> None:
    wanted = resolve(BOX, target="maintenance", profiles=("debug",))
    assert booted_target(BOX, running(wanted), ("debug",)) == "maintenance"
    assert booted_target(BOX, running(wanted)) is None


def test_an_appliance_of_which_nothing_is_there_is_not_there() -> None:
    before = running(desired(service("web")))
    require_appliance("app", before)
    require_appliance("app", Observed(networks=before.networks))
    require_appliance("kept", Observed(volumes=(ObservedVolume("kept.data", "local", appliance="kept"),)))
    with pytest.raises(NotFoundError, match="there is no appliance 'ap' on this engine") as caught:
        require_appliance("ap", before)
    assert caught.value.hint == "did you mean 'app'?"
    foreign = ObservedNetwork("x", "theirs", "bridge")
    with pytest.raises(NotFoundError) as caught:
        require_appliance("zzz", replace(before, networks=(*before.networks, foreign)))
    assert caught.value.hint == "there are: app"
    with pytest.raises(NotFoundError) as caught:
        require_appliance("app", Observed(networks=(foreign,)))
    assert caught.value.hint == "boxship up makes one"


def test_without_files_the_containers_tell_what_should_run() -> None:
    before = running(
        desired(service("db"), service("web", "db", scale=2)),
        **{"web.2": {"state": ContainerState.EXITED, "exit_code": 1}},
    )
    remembered = without_files("app", before)
    assert [(each.name, each.scale, list(each.depends_on)) for each in remembered.services] == [
        ("db", 1, []),
        ("web", 2, ["db"]),
    ]
    assert [(row.replica, row.why) for row in service_status(remembered, before)] == [
        ("db", ""),
        ("web", ""),
        ("web.2", "ended with status 1"),
    ]
    assert without_files("other", before).services == ()


def test_what_was_made_with_the_second_number_goes_down_with_the_rest() -> None:
    plan = plan_down("app", running(desired(service("web", scale=2))), {})
    assert [step.subject for step in plan.steps if type(step.action).__name__ == "RemoveContainer"] == [
        "service:web",
        "service:web.2",
    ]
