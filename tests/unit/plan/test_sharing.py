"""volumes_from: mounts of another service, under names that outlive containers."""

import pytest
from msgspec.structs import replace

from boxship.plan.action import CreateContainer, CreateVolume
from boxship.plan.observed import Observed, ObservedImage
from boxship.plan.reconcile import reconcile
from boxship.plan.resolve import resolve
from boxship.plan.sharing import volume_holders, with_shared_volumes
from boxship.spec.model import Mount, Service, Volume
from tests.unit.plan.given import IMAGE, appliance, desired, running, service

HOLDING_IMAGE = ObservedImage("sha256:2", tags=("data:1",), volumes=("/data", "/var/lib/x"))


def mounts(made: object, name: str) -> list[tuple[str, str | None, bool, bool]]:
    found = next(each for each in made.services if each.name == name)  # type: ignore[attr-defined]
    return [(mount.target, mount.source, mount.read_only, mount.nocopy) for mount in found.mounts]


def holder() -> Service:
    return service("data", image="data:1")


def test_what_an_image_declares_gets_a_name_and_is_shared() -> None:
    wanted = desired(holder(), service("web", "data", volumes_from=("data",)))
    made = with_shared_volumes(wanted, Observed(images=(IMAGE, HOLDING_IMAGE)))
    assert mounts(made, "data") == [
        ("/data", "data-data", False, False),
        ("/var/lib/x", "data-var-lib-x", False, False),
    ]
    assert mounts(made, "web") == [("/data", "data-data", False, True), ("/var/lib/x", "data-var-lib-x", False, True)]
    assert list(made.volumes) == ["data-data", "data-var-lib-x"]


def test_what_the_file_mounts_is_shared_as_it_is_and_a_services_own_mounts_win() -> None:
    own = (
        Mount("volume", "/data", "data"),
        Mount("bind", "/etc/x", "/x"),
        Mount("tmpfs", "/tmp"),
        Mount("volume", "/anon"),
    )
    web = service("web", "data", volumes_from=("data:ro",), mounts=(Mount("bind", "/etc/x", "/mine"),))
    made = with_shared_volumes(desired(service("data", mounts=own), web), Observed(images=(IMAGE,)))
    assert mounts(made, "web") == [
        ("/etc/x", "/mine", False, False),
        ("/data", "data", True, True),
        ("/anon", "data-anon", True, True),
    ]
    assert mounts(made, "data")[-1] == ("/anon", "data-anon", False, False)


def test_sharing_goes_on_through_several_services() -> None:
    wanted = desired(
        holder(),
        service("b", "data", volumes_from=("data:ro",)),
        service("c", "b", volumes_from=("b", "container:other")),
    )
    made = with_shared_volumes(wanted, Observed(images=(IMAGE, replace(HOLDING_IMAGE, volumes=("/data",)))))
    assert mounts(made, "c") == [("/data", "data-data", True, True)]


def test_without_volumes_from_nothing_changes() -> None:
    wanted = desired(holder(), service("web"))
    assert with_shared_volumes(wanted, Observed(images=(HOLDING_IMAGE,))) is wanted
    assert volume_holders(wanted.everything) == frozenset()


def test_the_plan_makes_the_volumes_before_the_containers() -> None:
    wanted = desired(holder(), service("web", "data", volumes_from=("data",)))
    plan = reconcile(wanted, Observed(images=(IMAGE, HOLDING_IMAGE)))
    made = {step.action.spec.name for step in plan.steps if isinstance(step.action, CreateVolume)}
    assert made == {"app.data-data", "app.data-var-lib-x"}
    for step in plan.steps:
        if isinstance(step.action, CreateContainer):
            assert {mount.source for mount in step.action.spec.mounts} == made


def test_a_service_alone_finds_the_volumes_of_one_that_is_not_chosen() -> None:
    made = appliance(
        service("data", mounts=(Mount("volume", "/d", "data"),)), service("web", "data", volumes_from=("data",))
    )
    made = replace(made, volumes={"data": Volume("data", name="exact")})
    alone = resolve(made, names=("web",), with_dependencies=False)
    plan = reconcile(alone, Observed(images=(IMAGE,)))
    (volume,) = [step.action.spec.name for step in plan.steps if isinstance(step.action, CreateVolume)]
    assert volume == "exact"


@pytest.mark.parametrize("exit_code", [0, 1])
def test_one_that_holds_volumes_and_ended_well_is_left_alone(exit_code: int) -> None:
    wanted = desired(service("data", mounts=(Mount("volume", "/d"),)), service("web", "data", volumes_from=("data",)))
    observed = running(wanted, data={"state": "exited", "exit_code": exit_code})
    plan = reconcile(wanted, replace(observed, volumes=()))
    started = [step for step in plan.steps if type(step.action).__name__ == "StartContainer"]
    assert bool(started) is bool(exit_code)
