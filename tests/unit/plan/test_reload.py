"""reload: a service and what depends on it, and nothing else."""

from collections.abc import Mapping

import pytest

from boxship.errors import NotFoundError
from boxship.plan.observed import ContainerState, Observed
from boxship.plan.reconcile import reconcile
from boxship.plan.reload import reload_of
from boxship.plan.resolve import resolve, with_scales
from boxship.plan.verdict import Options
from boxship.spec.model import Appliance
from tests.unit.plan.given import appliance, running, service

SHOP = appliance(
    service("db"),
    service("cache"),
    service("web", "db", "cache"),
    service("edge", "web"),
    service("job", "db"),
)
ENDED: Mapping[str, object] = {"state": ContainerState.EXITED, "exit_code": 0}


def plan(shop: Appliance, observed: Observed, *named: str, with_dependents: bool = True) -> str:
    found = reload_of("app", shop.services, named, observed, with_dependents=with_dependents)
    wanted = resolve(with_scales(shop, found.scales), names=found.again, with_dependencies=False)
    return str(reconcile(wanted, observed, Options(again=found.again)))


def before(**changes: Mapping[str, object]) -> Observed:
    return running(resolve(SHOP), **changes)


def test_what_runs_and_depends_on_it_is_stopped_before_it_and_started_after_it() -> None:
    lines = [line.partition("-> ")[2] for line in plan(SHOP, before(job=ENDED), "db").splitlines()]
    assert [", ".join(line.partition(" ")[2].split(", ")[:2]) for line in lines] == [
        "service:edge, StopContainer",
        "service:web, StopContainer",
        "service:db, StopContainer",
        "service:db, StartContainer",
        "service:web, StartContainer",
        "service:edge, StartContainer",
        "service:db, WaitReady",
        "service:edge, WaitReady",
        "service:web, WaitReady",
    ]
    assert "it depends on web, which is reloaded" in lines[0]
    assert "asked to reload" in lines[2]


def test_what_has_changed_is_recreated_and_its_dependents_start_again() -> None:
    changed = appliance(
        *(service(name) if name != "web" else service("web", "db", user="nobody") for name in ["db", "web"])
    )
    old = running(resolve(appliance(service("db"), service("web", "db"))))
    text = plan(changed, old, "web")
    assert "service:web, CreateContainer, user changed" in text
    assert "service:db" not in text


def test_without_dependents_only_the_service_itself_starts_again() -> None:
    assert {line.split()[3] for line in plan(SHOP, before(), "db", with_dependents=False).splitlines()} == {
        "service:db,"
    }


def test_who_lives_in_its_namespace_follows_in_any_case() -> None:
    shop = appliance(service("db"), service("tool", "db", network_mode="service:db", networks={}))
    found = reload_of("app", shop.services, ["db"], running(resolve(shop)), with_dependents=False)
    assert found.again == {
        "db": "asked to reload",
        "tool": "it depends on db, which is reloaded",
    }


def test_as_many_containers_stay_as_there_are() -> None:
    shop = appliance(service("web"))
    found = reload_of("app", shop.services, ["web"], running(resolve(appliance(service("web", scale=3)))))
    assert found.scales == {"web": 3}


def test_there_is_nothing_to_reload_without_a_container() -> None:
    with pytest.raises(NotFoundError, match="service 'db' has no container, so there is nothing to reload") as caught:
        reload_of("app", SHOP.services, ["db"], Observed())
    assert caught.value.hint == "boxship up -d db creates it"
