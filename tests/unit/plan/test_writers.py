"""Another target: what leaves has stopped before something starts that writes the same data."""

import pytest

from boxship.plan.action import StartContainer, Step, StopContainer
from boxship.plan.observed import ContainerState, Observed, ObservedMount
from boxship.plan.resolve import resolve
from boxship.spec.model import Mount, Service
from tests.unit.plan.given import appliance, plan_of, running, service

DATA = (Mount("volume", "/data", "data"),)
TARGETS = {"default": ("web",), "maintenance": ("repair",)}


def after_which(*services: Service, leaves: str, starts: str, mounts: tuple[ObservedMount, ...]) -> bool:
    """Whether maintenance's ``starts`` waits until default's ``leaves`` has stopped."""
    files = appliance(*services, targets=TARGETS)
    before = running(resolve(files, target="default"), **{leaves: {"mounts": mounts}})
    steps = plan_of(resolve(files, target="maintenance"), before).steps
    by_id = {step.id: step for step in steps}
    (start,) = [
        step for step in steps if isinstance(step.action, StartContainer) and step.subject == f"service:{starts}"
    ]
    return any(is_stop_of(by_id[step_id], leaves) for step_id in start.after)


def is_stop_of(step: Step, name: str) -> bool:
    return isinstance(step.action, StopContainer) and step.subject == f"service:{name}"


def volume(name: str = "app.data", *, read_only: bool = False) -> tuple[ObservedMount, ...]:
    return (ObservedMount("volume", name, "/data", read_only=read_only),)


def folder(path: str, *, read_only: bool = False) -> tuple[ObservedMount, ...]:
    return (ObservedMount("bind", path, "/data", read_only=read_only),)


def test_who_writes_a_volume_of_the_new_target_stops_before_its_new_writer_starts() -> None:
    files = appliance(service("db", mounts=DATA), service("web", "db"), service("repair", mounts=DATA), targets=TARGETS)
    before = running(resolve(files, target="default"), db={"mounts": volume()})
    assert str(plan_of(resolve(files, target="maintenance"), before)) == "\n".join(
        [
            "[] -> #1 service:web, StopContainer, it is not part of target maintenance",
            "[1~] -> #2 service:db, StopContainer, it is not part of target maintenance",
            "[] -> #3 volume:data, CreateVolume, not there yet",
            "[3] -> #4 service:repair, CreateContainer, not there yet",
            "[2,4] -> #5 service:repair, StartContainer, not there yet",
            "[5] -> #6 service:repair, WaitReady, it was started",
            "[2] -> #7 service:db, RemoveContainer, it is not part of target maintenance",
            "[1] -> #8 service:web, RemoveContainer, it is not part of target maintenance",
        ]
    )


@pytest.mark.parametrize(
    ("theirs", "ours", "waits"),
    [
        (volume(), Mount("volume", "/data", "data"), True),
        (volume(read_only=True), Mount("volume", "/data", "data"), True),
        (volume(), Mount("volume", "/data", "data", read_only=True), True),
        (volume(read_only=True), Mount("volume", "/data", "data", read_only=True), False),
        (volume("app.other"), Mount("volume", "/data", "data"), False),
        (volume(""), Mount("volume", "/data"), False),
        (folder("/srv/data"), Mount("bind", "/data", "/srv/data"), True),
        (folder("/srv/data/part"), Mount("bind", "/data", "/srv/data"), True),
        (folder("/srv"), Mount("bind", "/data", "/srv/data"), True),
        (folder("/srv/database"), Mount("bind", "/data", "/srv/data"), False),
        (folder("/etc/localtime", read_only=True), Mount("bind", "/etc/localtime", "/etc/localtime", True), False),
        (folder("app.data"), Mount("volume", "/data", "data"), False),
    ],
)
def test_only_what_one_of_them_may_write_is_waited_for(
    theirs: tuple[ObservedMount, ...], ours: Mount, *, waits: bool
) -> None:
    repair = service("repair", mounts=(ours,))
    assert after_which(service("web"), repair, leaves="web", starts="repair", mounts=theirs) is waits


def test_the_way_back_waits_as_well() -> None:
    files = appliance(service("db", mounts=DATA), service("web", "db"), service("repair", mounts=DATA), targets=TARGETS)
    default, maintenance = (resolve(files, target=name) for name in ("default", "maintenance"))
    stopped = running(default, db={"state": ContainerState.EXITED}, web={"state": ContainerState.EXITED})
    runs = running(maintenance, repair={"mounts": volume()})
    both = Observed((*stopped.containers, *runs.containers), runs.networks, images=runs.images)
    plan = str(plan_of(default, both))
    assert "[] -> #1 service:repair, StopContainer, it is not part of target default" in plan
    assert "[1] -> #2 service:db, StartContainer" in plan


def test_what_both_targets_share_runs_on() -> None:
    files = appliance(
        service("db", mounts=DATA), service("web", "db"), service("repair", "db", mounts=DATA), targets=TARGETS
    )
    before = running(resolve(files, target="default"), db={"mounts": volume()})
    plan = plan_of(resolve(files, target="maintenance"), before)
    assert plan.kept == {"db": "runs"}
    assert "service:db" not in str(plan)
