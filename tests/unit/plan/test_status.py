"""What people see of desired against observed."""

from collections.abc import Mapping

import pytest
from msgspec.structs import replace

from boxship.plan.observed import ContainerState, Health, Observed, ObservedPort
from boxship.plan.resolve import Desired, resolve
from boxship.plan.status import CloseLook, ServiceStatus, browser_addresses, service_status
from boxship.spec.model import Check, Condition, HttpProbe, Restart, TcpProbe
from tests.unit.plan.given import appliance, desired, running, service


def status_of(wanted: Desired, **web: object) -> ServiceStatus:
    rows = service_status(wanted, running(wanted, web=web))
    return next(row for row in rows if row.service == "web")


@pytest.mark.parametrize(
    ("container", "why"),
    [
        ({}, ""),
        ({"health": Health.HEALTHY}, ""),
        ({"health": Health.STARTING}, "health: starting"),
        ({"health": Health.UNHEALTHY}, "health: unhealthy"),
        ({"state": ContainerState.CREATED}, "created"),
        ({"state": ContainerState.PAUSED}, "paused"),
        ({"state": ContainerState.RESTARTING}, "restarting"),
        ({"state": ContainerState.EXITED, "exit_code": 3}, "ended with status 3"),
        ({"state": ContainerState.EXITED, "exit_code": 0}, ""),
        ({"state": ContainerState.DEAD}, "dead"),
    ],
)
def test_why_a_service_is_not_ready(container: Mapping[str, object], why: str) -> None:
    row = status_of(desired(service("web")), **container)
    assert (row.is_ready, row.why) == (not why, why)


@pytest.mark.parametrize(
    ("container", "look", "why"),
    [
        (
            {"health": Health.UNHEALTHY},
            CloseLook(health_exit_code=3, health_output="a\nrefused\n"),
            "health: unhealthy, the check exited 3: refused",
        ),
        ({"health": Health.STARTING}, CloseLook(), "health: starting, not asked yet"),
        ({"health": Health.STARTING}, CloseLook(health_exit_code=1), "health: starting, the check exited 1"),
        (
            {"state": ContainerState.EXITED, "exit_code": 137},
            CloseLook(is_out_of_memory=True),
            "ended with status 137, out of memory",
        ),
        (
            {"state": ContainerState.EXITED, "exit_code": 127},
            CloseLook(error="no such file"),
            "ended with status 127: no such file",
        ),
        ({"state": ContainerState.CREATED}, CloseLook(error="port is taken"), "created: port is taken"),
        ({"state": ContainerState.RESTARTING, "exit_code": 2}, None, "restarting: ended with status 2"),
    ],
)
def test_a_close_look_says_more(container: Mapping[str, object], look: CloseLook | None, why: str) -> None:
    wanted = desired(service("web"))
    seen = running(wanted, web=container)
    (row,) = service_status(wanted, seen, looks={"id-web": look} if look else {})
    assert row.why == why
    assert row.restarts == (None if look is None else 0)


def test_one_that_was_not_started_says_which_of_its_dependencies_it_waits_for() -> None:
    wanted = desired(service("web", "db", "cache", "log"), service("db"), service("cache"), service("log"))
    created = {"state": ContainerState.CREATED}
    seen = running(wanted, web=created, db={"health": Health.STARTING}, cache=created)
    rows = {row.service: row.why for row in service_status(wanted, seen)}
    assert rows == {
        "web": "created, waits for db and cache",
        "db": "health: starting",
        "cache": "created",
        "log": "",
    }
    nothing = {row.service: row.why for row in service_status(wanted, Observed())}
    assert nothing["web"] == "not created, waits for db and cache and log"


def test_one_that_runs_waits_for_nobody() -> None:
    wanted = desired(service("web", "db"), service("db"))
    seen = running(wanted, web={"health": Health.UNHEALTHY}, db={"health": Health.UNHEALTHY})
    assert [row.why for row in service_status(wanted, seen)] == ["health: unhealthy"] * 2


def test_one_that_answered_boxship_is_ready_before_the_engine_asks_and_says_so() -> None:
    wanted = desired(service("web"))
    seen = running(wanted, web={"health": Health.STARTING})
    (row,) = service_status(wanted, seen, found_ready={"web"})
    assert (row.is_ready, row.why, row.note) == (True, "", "it answered up; the engine asks later")


@pytest.mark.parametrize(
    ("image", "note"),
    [
        ("img:1", ""),
        ("docker.io/library/img:1", ""),
        ("img:0", "from img:0, should be img:1"),
        ("sha256:1", "from an older img:1"),
    ],
)
def test_one_made_from_another_image_says_so(image: str, note: str) -> None:
    assert status_of(desired(service("web")), image=image).note == note


def test_one_that_is_to_run_for_ever_is_not_ready_once_it_ended() -> None:
    row = status_of(desired(service("web", restart=Restart("always"))), state=ContainerState.EXITED, exit_code=0)
    assert row.why == "ended with status 0"


def test_a_one_shot_is_ready_once_it_completed() -> None:
    once = service("web", restart=Restart("on-failure"))
    wanted = desired(once, service("after", "web", condition=Condition.COMPLETED))
    assert status_of(wanted, state=ContainerState.EXITED, exit_code=0).is_ready
    assert status_of(wanted, state=ContainerState.EXITED, exit_code=1).why == "ended with status 1"


def test_a_service_without_a_container_is_named_with_its_image() -> None:
    wanted = desired(service("web", image=None))
    assert service_status(wanted, Observed()) == (
        ServiceStatus("web", "app/web:latest", None, is_ready=False, why="not created"),
    )


def test_rows_are_in_start_order_and_the_rest_of_the_appliance_comes_last() -> None:
    whole = appliance(service("web", "db"), service("db"), service("page"), targets={"default": ("web",)})
    before = running(desired(service("web", "db"), service("db"), service("page"), service("gone")))
    rows = service_status(resolve(whole), before)
    assert [(row.service, row.is_ready, row.why) for row in rows] == [
        ("db", True, ""),
        ("web", True, ""),
        ("gone", False, "no longer in the files"),
        ("page", False, "not part of target default"),
    ]


def test_other_peoples_containers_have_no_row() -> None:
    wanted = desired(service("web"))
    before = running(wanted)
    other = replace(before.containers[0], appliance="other", id="x")
    assert len(service_status(wanted, replace(before, containers=(*before.containers, other)))) == 1


def test_of_two_containers_the_one_that_runs_is_shown() -> None:
    wanted = desired(service("web"))
    before = running(wanted)
    newer = replace(before.containers[0], id="newer", state=ContainerState.CREATED, created_at_s=9)
    (row,) = service_status(wanted, replace(before, containers=(newer, *before.containers)))
    assert row.container is not None
    assert row.container.id == "id-web"


def addresses_of(wanted: Desired, *ports: ObservedPort) -> tuple[str, ...]:
    return browser_addresses(wanted, running(wanted, web={"ports": ports}))


def published(target: int, port: int | None, host_ip: str = "0.0.0.0", protocol: str = "tcp") -> ObservedPort:
    return ObservedPort(target, port, protocol, host_ip)


@pytest.mark.parametrize(
    ("port", "url"),
    [
        (published(80, 80), "http://localhost/"),
        (published(8080, 18080), "http://localhost:18080/"),
        (published(443, 443), "https://localhost/"),
        (published(443, 8443), "https://localhost:8443/"),
        (published(80, 443), "http://localhost:443/"),
        (published(80, 81, "127.0.0.1"), "http://localhost:81/"),
        (published(80, 81, "::"), "http://localhost:81/"),
        (published(80, 81, "192.0.2.5"), "http://192.0.2.5:81/"),
        (published(80, 81, "fd00::5"), "http://[fd00::5]:81/"),
        (published(80, 80, "fd00::5"), "http://[fd00::5]/"),
    ],
    ids=str,
)
def test_a_published_web_port_has_an_address(port: ObservedPort, url: str) -> None:
    assert addresses_of(desired(service("web")), port) == (url,)


@pytest.mark.parametrize(
    "port", [published(80, None), published(80, 80, protocol="udp"), published(5432, 5432)], ids=str
)
def test_what_is_no_web_port_has_none(port: ObservedPort) -> None:
    assert addresses_of(desired(service("web")), port) == ()


def test_https_comes_first_and_nothing_comes_twice() -> None:
    ports = (published(80, 80), published(80, 80, "::"), published(443, 443), published(443, 443, "::"))
    assert addresses_of(desired(service("web")), *ports) == ("https://localhost/", "http://localhost/")


@pytest.mark.parametrize(
    ("url", "target", "expected"),
    [
        ("https://web.service:7000/health", 7000, "https://localhost:7000/"),
        ("http://web:443/", 443, "http://localhost:443/"),
        ("https://web/", 443, "https://localhost/"),
        ("http://web/x:9/", 80, "http://localhost:80/"),
    ],
)
def test_a_check_tells_the_scheme_of_its_port(url: str, target: int, expected: str) -> None:
    made = replace(appliance(service("web")), checks={"web": Check(HttpProbe(url))})
    found = addresses_of(resolve(made), published(target, target))
    assert found == (expected.replace(":80/", "/"),)


def test_another_check_tells_no_scheme() -> None:
    made = replace(appliance(service("web")), checks={"web": Check(TcpProbe(7000))})
    assert addresses_of(resolve(made), published(7000, 7000)) == ()


def test_what_does_not_run_has_no_address() -> None:
    wanted = desired(service("web"))
    before = running(wanted, web={"ports": (published(80, 80),), "state": ContainerState.EXITED})
    assert browser_addresses(wanted, before) == ()
