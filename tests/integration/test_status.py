"""Checks of real containers on the real engine: every kind once, well and broken."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.eventually import eventually
from tests.integration.boxes import Box

pytestmark = pytest.mark.docker


def found(box: Box, *arguments: str) -> dict[tuple[str, str], dict[str, Any]]:
    """(Subject, check) -> its result, asked anew."""
    said = json.loads(box.run("status", "--json", "--fresh", *arguments).stdout)
    return {(each["subject"], each["check"]): each for each in said["results"]}


def make_certificate(directory: Path, days: int) -> None:
    directory.mkdir(exist_ok=True)
    argv = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    argv += ["-days", str(days), "-subj", "/CN=web", "-keyout", str(directory / "key"), "-out", str(directory / "crt")]
    subprocess.run(argv, check=True, capture_output=True, timeout=30)


COMPOSE = """
services:
  web:
    image: ${TEST_IMAGE}
    init: true
    command: [sh, -c, "mkdir -p /www; echo '<title>Shop' > /www/index.html; echo begun; exec httpd -f -p 8000 -h /www"]
    volumes: ["./tls:/tls:ro", "small:/small", "./files:/files"]
    stop_grace_period: 1s
  idle:
    image: ${TEST_IMAGE}
    init: true
    command: [sleep, infinity]
    stop_grace_period: 1s
volumes:
  small: {driver_opts: {type: tmpfs, device: tmpfs, o: "size=4m"}}
"""

APPLIANCE = """
checks:
  web: {http: "http://web.service:8000/"}
  page: {service: web, http: {url: "http://web:8000/", status: 200, headers: {content-type: html}, body: "<title>Shop"}}
  wrong-page: {service: web, soft: true, http: {url: "http://web:8000/none", status: 200}}
  port: {service: web, tcp: 8000}
  no-port: {service: web, tcp: 8001}
  command: {service: web, exec: {command: [sh, -c, "exit 3"], exit_codes: [3]}}
  no-command: {service: web, exec: [no-such-program]}
  hangs: {service: web, exec: [sleep, "1234"], timeout: 1s}
  begun: {service: web, log: {pattern: begun, last: 10m}}
  no-errors: {service: web, log: {pattern: begun, last: 10m, absent: true}}
  program: {service: web, program: [echo, '{"status": "warn", "message": "half", "values": {"n": 2}}']}
  no-sql: {service: web, sql: {client: psql, query: select 1}}
  certificate: {service: web, certificate: {file: /tls/crt}}
  no-certificate: {service: web, certificate: "web.service:8000"}
host:
  checks: {programs: {here: [sh, -c, "pwd; exit 1"]}}
"""


@pytest.fixture(scope="module")
def module_box(tmp_path_factory: pytest.TempPathFactory, test_image: str) -> Iterator[Box]:
    directory = tmp_path_factory.mktemp("status")
    made = Box(f"bxtest-{directory.name}", directory, {"TEST_IMAGE": test_image, "XDG_STATE_HOME": str(directory)})
    make_certificate(directory / "tls", days=100)
    (directory / "files").mkdir()
    made.write(COMPOSE, "checks: {web: {http: 'http://web.service:8000/'}}")
    made.run("up", "-d").must()
    made.write(COMPOSE, APPLIANCE)
    yield made
    made.remove()


def test_every_kind_of_check_is_asked_of_the_container_itself(module_box: Box) -> None:
    results = found(module_box)
    levels = {check: each["level"] for (subject, check), each in results.items() if subject == "web"}
    assert levels == {
        "running": "ok", "web": "ok", "page": "ok", "wrong-page": "fail", "port": "ok", "no-port": "fail",
        "command": "ok", "no-command": "fail", "hangs": "fail", "begun": "ok", "no-errors": "fail",
        "program": "warn", "no-sql": "fail", "certificate": "ok", "no-certificate": "fail",
    }  # fmt: skip
    said = {check: results["web", check]["message"] for check in levels}
    assert said["wrong-page"] == "GET /none answered 404"
    assert said["no-port"] == "port 8001: connection refused"
    assert said["no-command"].startswith("no-such-program exited 12")
    assert said["hangs"] == "no answer within 1 s"
    assert said["no-errors"].startswith("'begun' is in the log, ")
    assert said["no-errors"].endswith(" in the last 10m, first: begun")
    assert said["program"] == "half"
    assert said["no-sql"].startswith("there is no psql in the container")
    assert said["certificate"].startswith(("it expires in 100 days", "it expires in 99 days"))
    assert said["no-certificate"].startswith("web.service:8000: ")
    assert results["web", "program"]["values"] == {"program.n": 2.0}
    assert results["idle", "dns"]["level"] == "ok"
    assert results["host", "here"]["message"] == str(module_box.directory)

    def listed() -> str:
        return module_box.run("exec", "-T", "web", "ps").must().stdout

    assert "httpd" in listed()
    eventually(lambda: "sleep 1234" not in listed(), "a command that hung is ended", said=listed)


SMALL = """
checks:
  certificate: {service: web, certificate: {file: /tls/crt}}
"""


def test_a_full_volume_and_a_certificate_that_ends_soon_are_told(module_box: Box) -> None:
    def look(*, box: Box = module_box) -> tuple[dict[str, Any], dict[str, Any], list[str]]:
        """The small volume, the certificate, and what else keeps data."""
        said = json.loads(box.run("status", "--json", "--fresh", "--ignore", "dns").stdout)["results"]
        disks = [each for each in said if each["kind"] == "disk"]
        (small,) = [each for each in disks if each["labels"]["path"].endswith(".small/_data")]
        (certificate,) = [each for each in said if each["kind"] == "certificate"]
        return small, certificate, [each["message"] for each in disks if each is not small]

    tls = module_box.directory / "tls"
    module_box.write(COMPOSE, SMALL)
    make_certificate(tls, days=10)
    small, certificate, others = look()
    assert (small["level"], small["message"]) == ("ok", "0 % of 4 MiB, 4 MiB left: volume small")
    assert any("engine" in message for message in others)
    assert any(str(module_box.directory / "files") in message for message in others)
    assert certificate["level"] == "warn"
    make_certificate(tls, days=1)
    module_box.run("exec", "-T", "web", "sh", "-c", "head -c 4000000 /dev/zero > /small/file").must()
    small, certificate, _ = look()
    assert (small["level"], small["message"][:12]) == ("fail", "95 % of 4 Mi")
    assert certificate["level"] == "fail"
    (tls / "crt").write_text("not one")
    module_box.run("exec", "-T", "web", "rm", "/small/file").must()
    small, certificate, _ = look()
    assert small["level"] == "ok"
    assert certificate["message"] == "/tls/crt: the file holds no certificate in PEM"
    make_certificate(tls, days=100)
    module_box.write(COMPOSE, APPLIANCE)


def test_a_setting_that_is_not_in_force_fails_and_says_how_to_set_it(module_box: Box) -> None:
    now = Path("/proc/sys/vm/swappiness").read_text().strip()
    wanted = "61" if now != "61" else "60"
    module_box.write(COMPOSE, f"host: {{sysctl: {{vm.swappiness: {wanted}}}}}")
    done = module_box.run("status", "--fresh", "--ignore", "dns")
    module_box.write(COMPOSE, APPLIANCE)
    assert done.status == 8
    assert f"error: host, sysctl vm.swappiness: it is {now}, not {wanted} [host.sysctl]" in done.stdout
    assert f"sudo sysctl -w 'vm.swappiness={wanted}'" in done.stdout
    assert Path("/proc/sys/vm/swappiness").read_text().strip() == now


def test_verdict_exit_status_cache_and_formats(module_box: Box) -> None:
    module_box.write(COMPOSE, "checks: {web: {http: 'http://web.service:8000/'}}")
    first = module_box.run("status", "--json", "--fresh").must()
    assert json.loads(first.stdout)["verdict"] in ("ok", "degraded")
    assert module_box.run("status", "--json", "--max-age", "1h").stdout == first.stdout
    text = module_box.run("status", "--prometheus", "--max-age", "1h").must().stdout
    samples = {each.name: each.samples for each in text_string_to_metric_families(text)}
    assert {sample.labels["check"] for sample in samples["boxship_check_level"]} >= {"web", "running", "disk"}
    module_box.run("stop", "idle").must()
    stopped = module_box.run("status", "--fresh")
    assert stopped.status == 8
    assert "boxship logs --tail 50 idle" in stopped.stdout
    assert "idle" not in module_box.run("status", "web").must().stdout
    module_box.run("start", "idle").must()
    module_box.write(COMPOSE, "checks: {soft: {service: web, soft: true, tcp: 9}}")
    assert module_box.run("status", "--fresh").status == 0
    assert module_box.run("status", "--max-age", "1h", "--strict").status == 8
    module_box.write(COMPOSE, APPLIANCE)


def test_what_was_typed_wrong_is_told(module_box: Box) -> None:
    wrong = module_box.run("status", "--ignore", "disc")
    assert (wrong.status, wrong.stderr.splitlines()[1]) == (3, "hint: did you mean 'disk'?")
    assert module_box.run("status", "wbe").status == 3
    assert "--max-age: '5' needs a unit" in module_box.run("status", "--max-age", "5").stderr


def test_an_appliance_without_files_is_looked_at_too(module_box: Box, tmp_path: Path) -> None:
    bare = Box(module_box.name, tmp_path, module_box.environment)
    done = bare.run("status", "--fresh")
    assert done.status == 0, done.stdout
    assert "idle" in done.stdout
    other = Box("bxtest-no-such-appliance", tmp_path).run("status")
    assert (other.status, "there is no appliance" in other.stderr) == (3, True)
