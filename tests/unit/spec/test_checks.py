"""The questions of appliance.yaml: what each may say, and what is refused."""

import pytest

from boxship.plan.select import Selection, select
from boxship.spec.model import Check, ExecProbe, HttpProbe, LogProbe, StatusCheck, TcpProbe
from boxship.spec.model_checks import (
    DAY_S,
    Bound,
    CertificateProbe,
    HostChecks,
    HttpExpectation,
    Limits,
    ProgramProbe,
    Redirects,
    SqlProbe,
)
from tests.unit.spec.conftest import Read, Refuse

COMPOSE = """
    services:
      web: {image: 'web:1'}
      db: {image: 'db:1', volumes: ['data:/d']}
    volumes: {data: {}}
    """


def checks_of(read: Read, text: str) -> dict[str, StatusCheck]:
    files = {"compose.yaml": COMPOSE, "appliance.yaml": f"checks:\n{text}"}
    return dict(read(files).appliance.status_checks)


def test_a_check_with_its_services_name_is_asked_by_boot_and_status(read: Read) -> None:
    files = {"compose.yaml": COMPOSE, "appliance.yaml": "checks: {web: {tcp: 80, timeout: 2s, within: 1m}}"}
    appliance = read(files).appliance
    assert appliance.checks == {"web": Check(TcpProbe(80), 2.0, 60.0)}
    assert appliance.status_checks == {"web": StatusCheck("web", "web", TcpProbe(80), 2.0)}


def test_a_check_with_a_name_of_its_own_is_asked_by_status_alone(read: Read) -> None:
    text = "checks: {port: {service: web, tcp: 80, soft: true}, web: {service: web, tcp: 81}}"
    appliance = read({"compose.yaml": COMPOSE, "appliance.yaml": text}).appliance
    assert appliance.checks == {}
    assert appliance.status_checks == {
        "port": StatusCheck("port", "web", TcpProbe(80), is_soft=True),
        "web": StatusCheck("web", "web", TcpProbe(81)),
    }


def test_what_an_http_answer_must_be(read: Read) -> None:
    text = """
  web:
    http:
      url: https://web:8443/x
      status: [200, 3xx, 404-410]
      body: "a+"
      headers: {Content-Type: ^text/}
      ca: ca.pem
      server_name: shop.example.com
"""
    probe = checks_of(read, text)["web"].probe
    assert isinstance(probe, HttpProbe)
    assert (probe.url, probe.verify_tls) == ("https://web:8443/x", True)
    assert probe.expect.ca is not None
    assert probe.expect.ca.name == "ca.pem"
    assert probe.expect.ca.is_absolute()
    assert probe.expect == HttpExpectation(
        statuses=((200, 200), (300, 399), (404, 410)),
        body="a+",
        headers={"content-type": "^text/"},
        ca=probe.expect.ca,
        server_name="shop.example.com",
    )


def test_a_single_status_and_a_way_with_redirects(read: Read) -> None:
    probe = checks_of(read, "  web: {http: {url: 'http://web/', status: 204, redirects: follow}}")["web"].probe
    assert probe == HttpProbe("http://web/", expect=HttpExpectation(((204, 204),), redirects=Redirects.FOLLOW))


def test_other_questions(read: Read) -> None:
    text = """
  a: {service: web, exec: {command: "state --now", exit_codes: [0, 3]}}
  b: {service: web, log: {pattern: "E[0-9]", last: 10m, absent: true}}
  c: {service: db, sql: {client: psql, query: select 1, database: d, user: u, arguments: [-h, /s], equals: 1}}
  d: {service: web, certificate: "web.service:443"}
  e: {service: web, certificate: {file: /c.pem, warn: 30d, fail: 10d}}
  f: {service: web, program: [look, --closely]}
  g: {service: web, certificate: {at: "[fd00::1]:8443", server_name: n, warn: 1d}}
"""
    assert {name: check.probe for name, check in checks_of(read, text).items()} == {
        "a": ExecProbe(("state", "--now"), (0, 3)),
        "b": LogProbe("E[0-9]", 600.0, is_absent=True),
        "c": SqlProbe("psql", "select 1", "d", "u", ("-h", "/s"), equals="1"),
        "d": CertificateProbe(host="web.service", port=443),
        "e": CertificateProbe(file="/c.pem", warn_s=30 * DAY_S, fail_s=10 * DAY_S),
        "f": ProgramProbe(("look", "--closely")),
        "g": CertificateProbe(host="fd00::1", port=8443, server_name="n", warn_s=DAY_S, fail_s=DAY_S),
    }


def test_a_boot_does_not_wait_for_what_only_status_can_ask(read: Read) -> None:
    text = "checks: {web: {log: {pattern: x, last: 5m}}, db: {sql: {client: psql, query: select 1}}}"
    appliance = read({"compose.yaml": COMPOSE, "appliance.yaml": text}).appliance
    assert (appliance.checks, list(appliance.status_checks)) == ({}, ["web", "db"])


def test_what_is_asked_of_the_machine(read: Read) -> None:
    text = """
host:
  checks:
    disk: {warn: 80%, fail: 2GiB}
    memory: {fail: 99.5%}
    clock: {server: time.example.com, warn: 2s, fail: 1h}
    dns: [a.example.com, b]
    programs: {raid: ./raid --all}
volumes: {data: {disk: {warn: 10GiB}}}
"""
    appliance = read({"compose.yaml": COMPOSE, "appliance.yaml": text}).appliance
    assert appliance.host.checks == HostChecks(
        disk=Limits(Bound(80.0), Bound(free_bytes=2 << 30)),
        memory=Limits(Bound(90.0), Bound(99.5)),
        time_server="time.example.com",
        clock_warn_s=2.0,
        clock_fail_s=3600.0,
        dns_names=("a.example.com", "b"),
        programs={"raid": ("./raid", "--all")},
    )
    assert appliance.disk_limits == {"data": Limits(Bound(free_bytes=10 << 30), Bound(95.0))}


def test_limits_of_a_volume_recreate_nothing(read: Read) -> None:
    files = {"compose.yaml": COMPOSE, "appliance.yaml": "volumes: {data: {disk: {warn: 50%}}}"}
    assert read(files).appliance.volumes == read({**files, "appliance.yaml": "version: dev"}).appliance.volumes


def test_a_service_that_is_left_out_takes_its_checks_with_it(read: Read) -> None:
    text = "checks: {web: {tcp: 80}, more: {service: web, tcp: 81}, rows: {service: db, tcp: 1}}"
    appliance = read({"compose.yaml": COMPOSE, "appliance.yaml": text}).appliance
    left = select(appliance, Selection(only="db"))
    assert list(left.status_checks) == ["rows"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("checks: {port: {tcp: 80}}", "unknown service 'port'"),
        ("checks: {port: {service: wbe, tcp: 80}}", "unknown service 'wbe'"),
        ("checks: {p: {service: web, tcp: 80, within: 1m}}", "a boot doesn't wait for this check"),
        ("checks: {web: {http: 'http://web:99999/'}}", "not a URL"),
        ("checks: {web: {http: {url: 'http://web/', status: 700}}}", "no HTTP status"),
        ("checks: {web: {http: {url: 'http://web/', status: 2x}}}", "no HTTP status"),
        ("checks: {web: {http: {url: 'http://web/', body: '('}}}", "not a regular expression"),
        ("checks: {web: {http: {url: 'http://web/', headers: {a: '['}}}}", "not a regular expression"),
        ("checks: {web: {http: {url: 'http://web/', status: 301, redirects: follow}}}", "expected, and followed"),
        ("checks: {web: {http: {status: 200}}}", "'url' is missing"),
        ("checks: {web: {exec: {command: x, exit_codes: [256]}}}", "between 0 and 255"),
        ("checks: {web: {exec: {exit_codes: [1]}}}", "'command' is missing"),
        ("checks: {web: {program: []}}", "is empty"),
        ("checks: {web: {log: {pattern: x, absent: true}}}", "since when?"),
        ("checks: {web: {log: {last: 5m}}}", "'pattern' is missing"),
        ("checks: {db: {sql: {client: oracle, query: q}}}", "none of psql"),
        ("checks: {db: {sql: {client: psql}}}", "'query' is missing"),
        ("checks: {db: {sql: {client: sqlite3, query: q}}}", "needs the file of its database"),
        ("checks: {db: {sql: {client: sqlite3, query: q, database: /d, user: u}}}", "knows no users"),
        ("checks: {web: {certificate: {warn: 5d}}}", "where is it?"),
        ("checks: {web: {certificate: {at: 'web:1', file: /c}}}", "where is it?"),
        ("checks: {web: {certificate: web}}", "no host and port"),
        ("checks: {web: {certificate: 'web:0'}}", "no host and port"),
        ("checks: {web: {certificate: {file: c.pem}}}", "not an absolute path"),
        ("checks: {web: {certificate: {at: 'web:1', warn: 1d, fail: 2d}}}", "after the failure"),
        ("host: {checks: {disk: {warn: lots}}}", "neither a share nor a size"),
        ("host: {checks: {disk: {warn: 101%}}}", "neither a share nor a size"),
        ("host: {checks: {disk: {warn: 96%}}}", "after the failure"),
        ("host: {checks: {disk: {warn: 1g, fail: 2g}}}", "after the failure"),
        ("host: {checks: {clock: {server: 'a b'}}}", "is no host"),
        ("host: {checks: {clock: {warn: 0s}}}", "no time at all"),
        ("host: {checks: {dns: ['-x']}}", "is no host name"),
        ('host: {checks: {programs: {x: "\'"}}}', "the command"),
        ("volumes: {dta: {disk: {warn: 1%}}}", "unknown volume 'dta'"),
    ],
)
def test_a_wrong_check_is_refused_in_words(refuse: Refuse, text: str, says: str) -> None:
    problems = refuse({"compose.yaml": COMPOSE, "appliance.yaml": text + "\n"})
    assert any(says in problem.reason for problem in problems), problems
