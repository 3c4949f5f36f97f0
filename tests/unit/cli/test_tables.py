"""Tables and graphs, compared as text."""

import json

import pytest
from msgspec.structs import replace

from boxship.cli.main import report
from boxship.cli.render.graph import GRAPH_FORMATS
from boxship.cli.render.table import print_status, status_as_json
from boxship.errors import BuildError, ProbeError, SpecError
from boxship.plan.observed import ContainerState, Health, Observed, ObservedPort
from boxship.plan.resolve import Desired, resolve
from boxship.plan.status import ServiceStatus, service_status
from boxship.spec.model import Condition, Dependency
from boxship.where import Problem, Where
from tests.unit.plan.given import appliance, desired, running, service


def rows() -> tuple[ServiceStatus, ...]:
    wanted = desired(service("db"), service("web", "db"), service("page"))
    ports = (
        ObservedPort(80, 8080, "tcp", "0.0.0.0"),
        ObservedPort(80, 8080, "tcp", "::"),
        ObservedPort(53, 5353, "udp", "127.0.0.1"),
        ObservedPort(9000, None, "tcp", ""),
    )
    before = running(
        wanted,
        db={"status": "Up 3 minutes (healthy)", "health": Health.HEALTHY, "networks": {"app.default": "10.0.0.2"}},
        web={
            "status": "Exited (1) 2 seconds ago",
            "state": ContainerState.EXITED,
            "exit_code": 1,
            "ports": ports,
            "networks": {"app.default": ""},
        },
    )
    known = tuple(each for each in before.containers if each.service != "page")
    return service_status(wanted, replace(before, containers=known))


def test_the_table_of_services_is_as_wide_as_it_needs(capsys: pytest.CaptureFixture[str]) -> None:
    print_status(rows())
    table = """\
SERVICE  STATE    STATUS                    ADDRESS   PORTS                                         IMAGE
db       running  Up 3 minutes (healthy)    10.0.0.2  -                                             img:1
page     missing  -                         -         -                                             img:1  not created
web      exited   Exited (1) 2 seconds ago  -         0.0.0.0:8080->80/tcp, 127.0.0.1:5353->53/udp  img:1  ended {}
"""
    assert capsys.readouterr().out == table.format("with status 1")


def test_a_table_of_nothing_says_so_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    print_status(())
    assert capsys.readouterr() == ("", "no services\n")


def test_the_containers_of_a_scaled_service_have_a_line_each_and_are_counted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    wanted = desired(service("none", scale=0), service("web", scale=3))
    before = running(wanted, **{"web.2": {"state": ContainerState.EXITED, "exit_code": 1, "status": "Exited (1)"}})
    few = replace(before, containers=tuple(each for each in before.containers if each.replica != "web.3"))
    few = replace(few, containers=tuple(replace(each, networks={}) for each in few.containers))
    print_status(service_status(wanted, few))
    assert (
        capsys.readouterr().out
        == """\
SERVICE  READY  STATE    STATUS      ADDRESS  PORTS  IMAGE
none     0/0    none     -           -        -      img:1
web      1/3    running  -           -        -      img:1
web.2    1/3    exited   Exited (1)  -        -      img:1  ended with status 1
web.3    1/3    missing  -           -        -      img:1  not created
"""
    )


def test_containers_beyond_the_scale_are_judged_by_what_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    before = running(desired(service("web", scale=2)))
    rows = service_status(desired(service("web")), before)
    assert [(row.replica, row.is_ready) for row in rows] == [("web", True), ("web.2", True)]
    print_status(rows)
    assert capsys.readouterr().out.splitlines()[2].split()[:2] == ["web.2", "2/1"]


def test_a_graph_tells_how_many_containers_a_service_has() -> None:
    wanted = desired(service("db", scale=0), service("web", "db", scale=3))
    assert GRAPH_FORMATS["text"](wanted).splitlines() == ["web x3", "└─ db x0 (started)"]
    assert '  "web" [label="web x3"];' in GRAPH_FORMATS["dot"](wanted).splitlines()
    assert '  s1["web x3"]' in GRAPH_FORMATS["mermaid"](wanted).splitlines()
    assert json.loads(GRAPH_FORMATS["json"](wanted))["scales"] == {"db": 0, "web": 3}


def test_services_as_json_hold_what_a_program_needs() -> None:
    found = json.loads(json.dumps(status_as_json(rows())))
    assert [each["service"] for each in found] == ["db", "page", "web"]
    assert found[1] == {
        "service": "page",
        "number": 1,
        "scale": 1,
        "image": "img:1",
        "ready": False,
        "why": "not created",
        "note": "",
        "restarts": None,
        "container": None,
    }
    assert found[0] == {
        "service": "db",
        "number": 1,
        "scale": 1,
        "image": "img:1",
        "ready": True,
        "why": "",
        "note": "",
        "restarts": None,
        "container": {
            "id": "id-db",
            "name": "app.db",
            "state": "running",
            "status": "Up 3 minutes (healthy)",
            "health": "healthy",
            "exit_code": None,
            "image": "img:1",
            "image_id": "sha256:1",
            "networks": {"app.default": "10.0.0.2"},
            "ports": [],
        },
    }
    assert found[2]["container"]["exit_code"] == 1
    assert found[2]["container"]["ports"][0] == {
        "target": 80,
        "published": 8080,
        "protocol": "tcp",
        "host_ip": "0.0.0.0",
    }


def shop() -> Desired:
    web = service(
        "web",
        depends_on={
            "db": Dependency(Condition.HEALTHY),
            "init": Dependency(Condition.COMPLETED),
            "extra": Dependency(required=False),
            "gone": Dependency(required=False),
        },
    )
    return resolve(
        appliance(web, service("db", "disk"), service("init", "db"), service("extra"), service("disk"), service("page"))
    )


def test_the_graph_as_text_is_a_tree_that_repeats_nothing() -> None:
    assert GRAPH_FORMATS["text"](shop()).splitlines() == [
        "page",
        "web",
        "├─ db (healthy)",
        "│  └─ disk (started)",
        "├─ extra (started, optional)",
        "└─ init (completed)",
        "   └─ db (started) ...",
    ]


def test_the_graph_of_a_chain_longer_than_the_stack_is_drawn() -> None:
    chain = [service("s0000"), *(service(f"s{number:04}", f"s{number - 1:04}") for number in range(1, 1500))]
    assert len(GRAPH_FORMATS["text"](desired(*chain)).splitlines()) == 1500


def test_the_graph_of_nothing_is_empty() -> None:
    assert GRAPH_FORMATS["text"](desired()) == ""


def test_the_graph_as_dot() -> None:
    assert GRAPH_FORMATS["dot"](shop()).splitlines() == [
        'digraph "app" {',
        "  rankdir=LR;",
        '  "disk";',
        '  "db";',
        '  "extra";',
        '  "init";',
        '  "page";',
        '  "web";',
        '  "db" -> "disk" [label="started"];',
        '  "init" -> "db" [label="started"];',
        '  "web" -> "db" [label="healthy"];',
        '  "web" -> "extra" [label="started, optional"];',
        '  "web" -> "init" [label="completed"];',
        "}",
    ]


def test_the_graph_as_mermaid() -> None:
    assert GRAPH_FORMATS["mermaid"](desired(service("db"), service("web", "db"))).splitlines() == [
        "graph LR",
        '  s0["db"]',
        '  s1["web"]',
        "  s1 -->|started| s0",
    ]


def test_the_graph_as_json() -> None:
    assert json.loads(GRAPH_FORMATS["json"](desired(service("db"), service("web", "db")))) == {
        "services": ["db", "web"],
        "scales": {},
        "edges": [{"from": "web", "to": "db", "condition": "service_started", "required": True}],
    }


def test_an_error_is_a_sentence_the_last_lines_and_a_hint(capsys: pytest.CaptureFixture[str]) -> None:
    error = ProbeError("web ended with status 1", hint="see more: boxship logs web", logs=["one", "\x1b[2Jtwo"])
    assert report(error, as_json=False) == 8
    assert capsys.readouterr() == (
        "",
        "error: web ended with status 1\n  | one\n  | two\nhint: see more: boxship logs web\n",
    )


def test_a_failed_build_shows_what_the_builder_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert report(BuildError("web can't be built", output=["make: nothing to do"]), as_json=False) == 6
    assert capsys.readouterr().err == "error: web can't be built\n  | make: nothing to do\n"


def test_every_problem_of_the_files_is_an_error_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    problems = [
        Problem(Where("b.yaml", 2, 1), "x", "is wrong"),
        Problem(Where("a.yaml", 3, 1), "y", "is bad", "do this"),
    ]
    assert report(SpecError(problems), as_json=False) == 2
    assert capsys.readouterr().err == "error: a.yaml:3:1: y: is bad (do this)\nerror: b.yaml:2:1: x: is wrong\n"


def test_what_an_error_quotes_cannot_take_over_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    error = ProbeError("GET / answered \x1b[2J\x9b31m\x07, which isn't HTTP", hint="see \x1b[1mmore")
    for as_json in (False, True):
        report(error, as_json=as_json)
        text = "".join(capsys.readouterr())
        assert not {char for char in text if char != "\n" and not char.isprintable()}


def test_an_error_as_json_goes_to_stdout_with_its_fields(capsys: pytest.CaptureFixture[str]) -> None:
    error = ProbeError("web ended", hint="look", service="web", last="refused", logs=["\udcff"])
    assert report(error, as_json=True) == 8
    out, err = capsys.readouterr()
    assert err == ""
    assert json.loads(out) == {
        "error": {
            "code": "probe.failed",
            "message": "web ended",
            "hint": "look",
            "fields": {"service": "web", "last": "refused", "logs": ["\udcff"]},
        }
    }


def test_a_snapshot_without_containers_has_a_row_per_service(capsys: pytest.CaptureFixture[str]) -> None:
    print_status(service_status(desired(service("web")), Observed()))
    assert capsys.readouterr().out.splitlines()[1] == "web      missing  -       -        -      img:1  not created"
