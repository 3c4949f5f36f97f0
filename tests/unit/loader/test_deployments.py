"""From a deployment to what should run of it."""

import pytest
from msgspec.structs import replace

from boxship.errors import NotFoundError
from boxship.loader.deployments import expect_target, other_generations
from boxship.names import LABEL_GENERATION
from boxship.plan.observed import ContainerState, Observed, ObservedContainer
from boxship.spec.model_boot import Boot
from tests.unit.plan.given import appliance, service

WITH_TARGETS = replace(
    appliance(service("web"), targets={"full": ("web",), "maintenance": ("web",)}), boot=Boot(target="full")
)
WITHOUT = appliance(service("web"))


@pytest.mark.parametrize(("asked", "meant"), [("", "full"), ("default", "full"), ("maintenance", "maintenance")])
def test_default_is_the_appliance_s_own_target(asked: str, meant: str) -> None:
    assert expect_target(WITH_TARGETS, asked) == meant


def test_a_target_that_is_called_default_is_meant_by_its_name() -> None:
    named = replace(
        appliance(service("web"), targets={"default": ("web",), "full": ("web",)}), boot=Boot(target="full")
    )
    assert expect_target(named, "default") == "default"


def test_an_unknown_target_is_refused_with_those_there_are() -> None:
    with pytest.raises(NotFoundError, match="no target 'servicing' in app dev") as refused:
        expect_target(WITH_TARGETS, "servicing")
    assert refused.value.hint == "its targets: full, maintenance"


def test_without_targets_there_is_only_default() -> None:
    assert expect_target(WITHOUT, "") == expect_target(WITHOUT, "default") == "default"
    with pytest.raises(NotFoundError, match="it has only 'default'"):
        expect_target(WITHOUT, "maintenance")


def container(name: str, generation: int, owner: str = "app") -> ObservedContainer:
    labels = {LABEL_GENERATION: str(generation)} if generation else {}
    return ObservedContainer(name, name, "img:1", "sha256:1", ContainerState.RUNNING, appliance=owner, labels=labels)


def test_other_generations_are_those_of_the_appliance_alone() -> None:
    containers = (
        container("a", 3),
        container("b", 1),
        container("c", 1),
        container("d", 0),
        container("e", 9, "other"),
    )
    assert other_generations(Observed(containers=containers), "app", [3]) == (0, 1)
