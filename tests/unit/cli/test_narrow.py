"""The table of ps in narrow terminals, and its other forms."""

import json

import pytest
from msgspec.structs import replace

from boxship.cli.render.table import status_lines
from boxship.cli.render.template import format_rows
from boxship.errors import UsageError
from boxship.plan.observed import ContainerState, Health, ObservedPort
from boxship.plan.status import CloseLook, ServiceStatus, service_status
from tests.unit.plan.given import desired, running, service

REFUSED = CloseLook(restarts=3, health_exit_code=1, health_output="trying...\nconnection to 10.0.0.9 refused\n")


def rows() -> tuple[ServiceStatus, ...]:
    wanted = desired(service("db"), service("web", "db"))
    ports = (
        ObservedPort(80, 10_080, "tcp", "0.0.0.0"),
        ObservedPort(443, 10_443, "tcp", "0.0.0.0"),
        ObservedPort(53, 53, "udp", "127.0.0.1"),
        ObservedPort(80, 10_080, "tcp", "::"),
        ObservedPort(9000, None, "tcp", ""),
    )
    seen = running(
        wanted,
        db={"status": "Up 3 minutes (unhealthy)", "health": Health.UNHEALTHY, "networks": {"app.default": "10.0.0.2"}},
        web={"status": "Up 2 minutes", "ports": ports, "networks": {"app.default": "10.0.0.3"}},
    )
    images = {"db": "registry.example.com/share/db:1.4", "web": "registry.example.com/share/web:1.4"}
    seen = replace(seen, containers=tuple(replace(each, image=images[each.service]) for each in seen.containers))
    found = service_status(wanted, seen, looks={"id-db": REFUSED})
    return tuple(replace(row, note="") for row in found)


def test_with_room_everything_is_in_one_line() -> None:
    lines = status_lines(rows(), None)
    assert lines[0].split() == ["SERVICE", "STATE", "STATUS", "RESTARTS", "ADDRESS", "PORTS", "IMAGE"]
    assert len(lines) == 3
    assert lines[1].endswith("health: unhealthy, the check exited 1: connection to 10.0.0.9 refused")
    assert "0.0.0.0:10080->80/tcp, 0.0.0.0:10443->443/tcp, 127.0.0.1:53->53/udp" in lines[2]
    assert status_lines(rows(), 1000) == lines


def test_in_80_columns_nothing_wraps_and_the_reason_stands_below() -> None:
    assert status_lines(rows(), 80) == [
        "SERVICE  STATUS                    RESTARTS  ADDRESS   PORTS         IMAGE",
        "db       Up 3 minutes (unhealthy)  3         10.0.0.2  -             db:1.4",
        "    health: unhealthy, the check exited 1: connection to 10.0.0.9 refused",
        "web      Up 2 minutes              -         10.0.0.3  10080->80 +2  web:1.4",
    ]


@pytest.mark.parametrize("width", [60, 70, 80, 100, 120, 140, 160, 200])
def test_no_line_is_longer_than_the_terminal_is_wide(width: int) -> None:
    lines = status_lines(rows(), width)
    assert max(map(len, lines)) <= width
    assert "10.0.0.9 refused" in " ".join(" ".join(lines).split())


def test_a_wider_terminal_shows_no_less() -> None:
    widths = range(40, 260, 5)
    shown = [len(status_lines(rows(), width)[0].split()) for width in widths]
    assert shown == sorted(shown)


def test_in_a_terminal_too_narrow_for_anything_the_shortest_form_is_printed() -> None:
    assert status_lines(rows(), 10)[0].split() == ["SERVICE", "STATUS", "RESTARTS", "PORTS"]


def test_json_of_the_format_option_is_docker_composes() -> None:
    first, second = [json.loads(line) for line in format_rows(rows(), "app", "json", is_whole=False)]
    assert (first["Name"], first["Service"], first["State"], first["Health"]) == (
        "app.db",
        "db",
        "running",
        "unhealthy",
    )
    assert (first["Project"], first["ExitCode"], second["Health"]) == ("app", 0, "")
    assert second["Publishers"][0] == {
        "URL": "0.0.0.0",
        "TargetPort": 80,
        "PublishedPort": 10080,
        "Protocol": "tcp",
    }
    assert second["Publishers"][-1]["PublishedPort"] == 0


def test_what_is_missing_is_no_container_to_docker_compose() -> None:
    wanted = desired(service("web"))
    none = service_status(wanted, replace(running(wanted), containers=()))
    assert format_rows(none, "app", "json", is_whole=False) == []
    assert format_rows(none, "app", "{{.Service}} {{.State}} {{.Why}}", is_whole=False) == ["web missing not created"]


def test_a_template_is_filled_for_each_row_with_or_without_a_header() -> None:
    assert format_rows(rows(), "app", r"{{.Service}}\t{{ .Restarts }}", is_whole=False) == ["db\t3", "web\t0"]
    assert format_rows(rows(), "app", r"table {{.Service}}\t{{.State}}", is_whole=False) == [
        "SERVICE  STATE",
        "db       running",
        "web      running",
    ]


@pytest.mark.parametrize("form", ["{{.Nope}}", "text", "table", "{{Service}}"])
def test_a_template_that_names_nothing_known_is_refused(form: str) -> None:
    with pytest.raises(UsageError, match="--format"):
        format_rows(rows(), "app", form, is_whole=False)


def test_a_container_that_ended_shows_how(capsys: pytest.CaptureFixture[str]) -> None:
    wanted = desired(service("web"))
    seen = running(wanted, web={"state": ContainerState.EXITED, "exit_code": 137, "status": "Exited (137)"})
    (row,) = service_status(wanted, seen, looks={"id-web": CloseLook(is_out_of_memory=True)})
    assert status_lines([row], None)[1].endswith("ended with status 137, out of memory")


def test_one_that_answered_up_shows_it_in_its_status() -> None:
    wanted = desired(service("web"))
    seen = running(
        wanted, web={"health": Health.STARTING, "status": "Up 3 seconds (health: starting)", "image": "img:0"}
    )
    (row,) = service_status(wanted, seen, found_ready={"web"})
    line = status_lines([row], None)[1]
    assert "Up 3 seconds (answered up)" in line
    assert line.endswith("  from img:0, should be img:1")
