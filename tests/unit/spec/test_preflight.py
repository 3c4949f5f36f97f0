"""preflight and host.needs of appliance.yaml: what each may say, and what is refused."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from boxship.plan.select import Selection, select
from boxship.spec.model import HttpProbe, PreflightCheck
from boxship.spec.model_checks import HttpExpectation, ProgramProbe
from boxship.spec.model_preflight import ContainerProbe
from tests.unit.spec.conftest import Read, Refuse

COMPOSE = "services: {web: {image: 'web:1'}, db: {image: 'db:1'}}\n"


def preflight_of(read: Read, text: str) -> Mapping[str, PreflightCheck]:
    return read({"compose.yaml": COMPOSE, "appliance.yaml": f"preflight: {text}\n"}).appliance.preflight


def test_a_program_a_command_and_a_url(read: Read) -> None:
    text = """
  storage: {program: ./check --all, timeout: 1m}
  license: {service: web, command: [license, check]}
  upstream: {http: 'https://up.example.com/', soft: true}
  mirror: {http: {url: 'https://m.example.com/', status: 204, ca: ca.pem}}
"""
    found = preflight_of(read, text)
    assert {name: (each.probe, each.timeout_s, each.is_soft) for name, each in found.items()} == {
        "storage": (ProgramProbe(("./check", "--all")), 60.0, False),
        "license": (ContainerProbe("web", ("license", "check")), 30.0, False),
        "upstream": (HttpProbe("https://up.example.com/"), 30.0, True),
        "mirror": (found["mirror"].probe, 30.0, False),
    }
    probe = found["mirror"].probe
    assert isinstance(probe, HttpProbe)
    assert (probe.verify_tls, probe.expect.statuses) == (True, ((204, 204),))
    assert isinstance(probe.expect, HttpExpectation)
    assert probe.expect.ca is not None
    assert probe.expect.ca.name == "ca.pem"
    assert isinstance(probe.expect.ca, Path)


def test_what_the_machine_must_have(read: Read) -> None:
    text = 'host: {needs: {kernel: "5.10", engine: "20.10", modules: [overlay, nbd]}}\n'
    host = read({"compose.yaml": COMPOSE, "appliance.yaml": text}).appliance.host
    assert (host.kernel, host.engine, host.modules) == ("5.10", "20.10", ("overlay", "nbd"))


def test_a_service_that_is_left_out_takes_its_preflight_with_it(read: Read) -> None:
    text = "preflight: {a: {service: web, command: x}, b: {service: db, command: x}, c: {program: x}}\n"
    appliance = read({"compose.yaml": COMPOSE, "appliance.yaml": text}).appliance
    assert list(select(appliance, Selection(only="db")).preflight) == ["b", "c"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("preflight: {a: {}}", "asks nothing"),
        ("preflight: {a: {program: x, http: 'http://a/'}}", "asks program and http"),
        ("preflight: {a: {command: x}}", "whose image does it run in?"),
        ("preflight: {a: {service: wbe, command: x}}", "unknown service 'wbe'"),
        ("preflight: {a: {service: web, program: x}}", "only a command runs in a service's image"),
        ("preflight: {a: {service: web, command: []}}", "is empty"),
        ("preflight: {a: {http: nowhere}}", "not a URL"),
        ("preflight: {a: {program: x, timeout: 0s}}", "no time at all"),
        ("preflight: {a: {tcp: 80}}", "unknown key"),
        ("host: {needs: {kernel: new}}", "is no version"),
        ("host: {needs: {kernel: 5.10}}", "must be text"),
        ("host: {needs: {engine: '20.x'}}", "is no version"),
    ],
)
def test_a_wrong_preflight_is_refused_in_words(refuse: Refuse, text: str, says: str) -> None:
    problems = refuse({"compose.yaml": COMPOSE, "appliance.yaml": text + "\n"})
    assert any(says in problem.reason for problem in problems), problems
