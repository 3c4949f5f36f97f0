"""Which images travel."""

from pathlib import Path

import pytest

from boxship.errors import ImageMissingError
from boxship.plan.action import PullImage, PushImage
from boxship.plan.observed import Observed, ObservedImage
from boxship.plan.transfers import PullOptions, images_of, plan_pull, plan_push
from boxship.spec.model import Build, Mount, Service

HERE = Observed(images=(ObservedImage("sha256:1", tags=("here:1", "shop:1", "shop:latest")),))
MADE = Service("shop", image="shop:1", build=Build(Path("/x"), tags=("shop:latest",)))


def pulled(*services: Service, options: PullOptions = PullOptions()) -> dict[str, str]:  # noqa: B008 (frozen)
    steps = plan_pull("app", services, HERE, options).steps
    return {step.action.reference: step.cause for step in steps if isinstance(step.action, PullImage)}


def test_every_image_is_pulled_once_also_those_that_are_mounted() -> None:
    shown = Mount(kind="image", source="pages:1", target="/p")
    services = (Service("a", image="there:1"), Service("b", image="there:1", mounts=(shown,)))
    assert pulled(*services) == {"there:1": "a needs it", "pages:1": "b needs it"}
    assert images_of("app", services) == ("there:1", "pages:1")


@pytest.mark.parametrize(
    ("own", "asked", "is_pulled"),
    [
        (None, "", True),
        ("missing", "", False),
        ("if_not_present", "", False),
        ("always", "missing", False),
        ("missing", "always", True),
        ("never", "", False),
        ("build", "", False),
    ],
)
def test_the_policy_decides_over_what_is_here(own: str | None, asked: str, is_pulled: bool) -> None:
    service = Service("a", image="here:1", pull_policy=own)
    assert bool(pulled(service, options=PullOptions(asked))) is is_pulled
    if is_pulled:
        assert pulled(service, options=PullOptions(asked)) == {"here:1": "a may need a newer one"}


def test_what_could_be_built_may_fail_or_is_left_out_and_a_name_of_this_machine_is_never_asked_for() -> None:
    nameless = Service("tools", build=Build(Path("/x")))
    (step,) = plan_pull("app", (MADE, nameless), HERE, PullOptions()).steps
    assert step.best_effort
    assert pulled(MADE, nameless, options=PullOptions(ignore_buildable=True)) == {}


def test_what_is_built_is_pushed_under_all_of_its_names() -> None:
    steps = plan_push("app", (MADE, Service("tools", build=Build(Path("/x"))), Service("a", image="here:1")), HERE)
    references = [step.action.reference for step in steps.steps if isinstance(step.action, PushImage)]
    assert references == ["shop:1", "shop:latest"]
    assert steps.steps[1].after_ended == (steps.steps[0].id,)


def test_what_was_not_built_is_told_before_anything_is_pushed() -> None:
    with pytest.raises(ImageMissingError, match="image 'shop:1' of service 'shop' is not on this machine") as caught:
        plan_push("app", (MADE,), Observed())
    assert caught.value.hint == "make it first: boxship build shop"
