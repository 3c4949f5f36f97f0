from functools import partial

import pytest

from tests.unit.spec.conftest import Read, Refuse
from tests.unit.steps import steps_of


def services(*lines: str) -> str:
    return "services:\n" + "".join(f"  {line}\n" for line in lines)


@pytest.mark.parametrize(
    ("line", "reason", "hint"),
    [
        ("depends_on: [dbb]", "unknown service 'dbb'", "did you mean 'db'?"),
        ("depends_on: {zz: {condition: service_started, required: false}}", "unknown service 'zz'", "known: a, db"),
        ("links: ['dbb:x']", "unknown service 'dbb'", "did you mean 'db'?"),
        ("network_mode: service:dbb", "unknown service 'dbb'", "did you mean 'db'?"),
        ("networks: [bak]", "unknown network 'bak'", "did you mean 'back'?"),
        ("volumes: ['dat:/d']", "unknown volume 'dat'", "did you mean 'data'?"),
        ("volumes: ['conf/x:/d']", "unknown volume 'conf/x'", "for a directory write ./conf/x"),
    ],
)
def test_a_name_that_nothing_answers_to_is_refused_with_a_guess(
    refuse: Refuse, line: str, reason: str, hint: str
) -> None:
    text = f"services:\n  a:\n    image: a:1\n    {line}\n  db: {{image: 'db:1'}}\n"
    text += "networks: {back: {}}\nvolumes: {data: {}}\n"
    (problem,) = refuse(text)
    assert (problem.reason, problem.hint, problem.where.line) == (reason, hint, 4)


def test_a_cycle_is_refused_with_its_way_around(refuse: Refuse) -> None:
    text = services(
        "a: {image: 'a:1', depends_on: [b]}",
        "b: {image: 'b:1', links: [c]}",
        "c: {image: 'c:1', network_mode: 'service:b'}",
        "d: {image: 'd:1', depends_on: [d, a]}",
    )
    reasons = {problem.reason for problem in refuse(text)}
    assert reasons == {"services wait for each other: b -> c -> b", "services wait for each other: d -> d"}


def test_long_chains_and_rings_of_services_are_read_in_linear_time(read: Read, refuse: Refuse) -> None:
    def ring(count: int, *, is_open: bool) -> str:
        edges = (f", depends_on: [s{(n + 1) % count}]" if n + 1 < count or not is_open else "" for n in range(count))
        return services(*(f"s{n}: {{image: 's:1'{edge}}}" for n, edge in enumerate(edges)))

    assert len(read(ring(1000, is_open=True)).appliance.services) == 1000
    (problem,) = refuse(ring(1000, is_open=False))
    assert problem.reason.endswith("-> s999 -> s0")
    for do, is_open in ((read, True), (refuse, False)):
        few, many = ring(50, is_open=is_open), ring(200, is_open=is_open)
        assert steps_of(partial(do, many)) < 4.1 * steps_of(partial(do, few))


def test_a_service_without_image_and_build_is_refused(refuse: Refuse) -> None:
    (problem,) = refuse("services:\n  a:\n    command: [x]\n")
    assert (problem.path, problem.reason) == ("services.a", "neither image nor build is given")


def test_a_null_service_is_refused_once(refuse: Refuse) -> None:
    (problem,) = refuse("services:\n  a:\n  b: {image: 'b:1', depends_on: [a]}\n")
    assert problem.reason == "is empty; it must be a mapping"


def test_network_mode_and_networks_exclude_each_other(refuse: Refuse) -> None:
    (problem,) = refuse("services: {a: {image: 'a:1', network_mode: host, networks: [n]}}\nnetworks: {n: {}}\n")
    assert "exclude each other" in problem.reason


def test_an_external_volume_is_not_described(refuse: Refuse) -> None:
    (problem,) = refuse("volumes: {v: {external: true, driver: local}}")
    assert problem.path == "volumes.v.driver"


def test_two_active_services_cannot_have_one_container_name(read: Read, refuse: Refuse) -> None:
    text = services("a: {image: 'a:1', container_name: same}", "b: {image: 'b:1', container_name: same, profiles: [p]}")
    assert len(read(text).appliance.services) == 2
    (problem,) = refuse(text, profiles=("p",))
    assert "already the name of the service 'a'" in problem.reason


def test_a_required_dependency_must_be_active_and_an_optional_one_need_not(read: Read, refuse: Refuse) -> None:
    text = services("a: {image: 'a:1', depends_on: [p]}", "p: {image: 'p:1', profiles: [debug]}")
    (problem,) = refuse(text)
    assert "profile debug, which is not active" in problem.reason
    assert read(text, profiles=("debug",)).active_profiles == ("debug",)
    assert read(text, env={"COMPOSE_PROFILES": "debug,x"}).active_profiles == ("debug", "x")
    optional = text.replace("[p]", "{p: {condition: service_started, required: false}}")
    assert read(optional).appliance.services["a"].depends_on["p"].required is False


CLASH = services("a: {image: 'a:1', ports: ['80:80', '81:81']}", "b: {image: 'b:1', ports: ['127.0.0.1:80:8080']}")


def test_a_host_port_of_two_services_is_a_warning_for_a_plain_compose_file(read: Read) -> None:
    (warning,) = read(CLASH).warnings
    assert (warning.path, "80/tcp is also published by the service 'a'" in warning.reason) == (
        "services.b.ports[0]",
        True,
    )


def test_a_host_port_of_two_services_of_one_target_is_refused(read: Read, refuse: Refuse) -> None:
    together = {"compose.yaml": CLASH, "appliance.yaml": "targets: {default: [a, b]}"}
    (problem,) = refuse(together)
    assert "target 'default'" in problem.reason
    apart = {"compose.yaml": CLASH, "appliance.yaml": "targets: {default: [a], other: [b]}"}
    assert read(apart).warnings == ()
    (problem,) = refuse({"compose.yaml": CLASH, "appliance.yaml": "version: '1'"})
    assert "80/tcp" in problem.reason


@pytest.mark.parametrize("ports", ["'80:80/udp'", "'8000-8010:80'", "'80'", "'0:80'"])
def test_other_protocols_ranges_and_free_ports_do_not_clash(read: Read, ports: str) -> None:
    text = services("a: {image: 'a:1', ports: ['80:80', '8000:81']}", f"b: {{image: 'b:1', ports: [{ports}]}}")
    assert read(text).warnings == ()


def test_addresses_that_differ_do_not_clash(read: Read) -> None:
    text = services("a: {image: 'a:1', ports: ['10.0.0.1:80:80']}", "b: {image: 'b:1', ports: ['10.0.0.2:80:80']}")
    assert read(text).warnings == ()


def test_services_without_networks_meet_on_the_default_one(read: Read) -> None:
    appliance = read("services: {a: {image: 'a:1'}, b: {image: 'b:1', network_mode: none}}").appliance
    assert list(appliance.services["a"].networks) == ["default"]
    assert list(appliance.networks) == ["default"]
    assert dict(appliance.services["b"].networks) == {}
