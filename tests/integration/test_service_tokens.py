"""A service on a real engine asks its box by itself: nobody has placed a token, and nothing else is allowed."""

import json
import os
import re
import signal
import subprocess
import uuid
from collections.abc import Iterator
from datetime import datetime

import pytest

from boxship.engine.docker import connect
from boxship.engine.port import ExecResult
from tests.integration.boxes import BOXSHIP, run_aside
from tests.integration.loaders import LoaderBox, loader_box

pytestmark = [pytest.mark.docker, pytest.mark.timeout(180)]

USER = "1234"
BOOT_S = 5
MIGRATION_S = 2 * BOOT_S
# The hardest case: nothing of it can be written, what is at /run is empty, and its user is not root.
COMPOSE = f"""
services:
  web:
    image: ${{TEST_IMAGE}}
    init: true
    user: "{USER}"
    read_only: true
    tmpfs: [/run, /tmp]
    stop_grace_period: 0s
    command: [sh, /migrate]
    configs: [{{source: migrate, target: /migrate}}]
  other:
    image: ${{TEST_IMAGE}}
    init: true
    stop_grace_period: 0s
    command: [sleep, infinity]
configs:
  migrate: {{file: ./migrate.sh}}
"""
MIGRATE = """
began=$(date +%s)
while [ $(($(date +%s) - began)) -lt {seconds} ]; do
    timeout 3 wget -q -O - --header "Authorization: Bearer $(cat /run/boxship/token)" \\
        --header 'Content-Type: application/json' --post-data '{{"within_s": 4, "note": "migrates"}}' \\
        "$BOXSHIP_URL/v1/services/web/heartbeat" >>/tmp/answers 2>&1
    sleep 0.5
done
touch /tmp/ready
exec sleep infinity
"""
APPLIANCE = {
    "app": "compose.yaml",
    "boot": {"attempts": 1, "timeout": f"{BOOT_S}s"},
    "api": {"web": ["heartbeat"]},
    "checks": {"web": {"exec": ["test", "-e", "/tmp/ready"]}},
}
FORBIDDEN = (
    "services/other/heartbeat",
    "services/web/restart",
    "boot/default",
    "switch",
    "tokens",
    "host/reboot",
)
ALSO_FORBIDDEN = ("boot", "status", "audit", "tokens", "services/web/logs", "operations")


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory, test_image: str) -> Iterator[LoaderBox]:
    folder, name = tmp_path_factory.mktemp("tokens"), f"bxtoken-{uuid.uuid4().hex[:8]}"
    source, releases = folder / "source", folder / "releases"
    source.mkdir()
    (source / "compose.yaml").write_text(COMPOSE)
    for version, seconds in (("1.0.0", MIGRATION_S), ("2.0.0", 0), ("3.0.0", 0)):
        (source / "migrate.sh").write_text(MIGRATE.format(seconds=seconds))
        (source / "appliance.yaml").write_text(json.dumps({"name": name, "version": version, **APPLIANCE}))
        argv = [*BOXSHIP, "release", "create", "--output", str(releases)]
        environment = {**os.environ, "TEST_IMAGE": test_image}
        subprocess.run(argv, cwd=source, env=environment, check=True, capture_output=True, timeout=60)
    with loader_box(name, folder, None, "--source", f"dir:{releases}") as made:
        made.to("1.0.0")
        yield made


def container(box: LoaderBox, service: str = "web") -> str:
    mine = box.observe().containers_of(box.appliance)
    (found,) = [each.name for each in mine if each.service == service and each.state == "running"]
    return found


def run_in(name: str, *argv: str) -> ExecResult:
    async def run() -> ExecResult:
        engine = connect(None)
        try:
            return await engine.run_exec(name, argv, timeout_s=20)
        finally:
            await engine.close()

    return run_aside(run)


def started_at(box: LoaderBox) -> str:
    """When the container of web began to run; "" while it doesn't."""
    mine = box.observe().containers_of(box.appliance)
    names = [each.name for each in mine if each.service == "web" and each.state == "running"]
    argv = ["docker", "inspect", "--format", "{{.State.StartedAt}}", *names]
    return subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False).stdout if names else ""


def asked(box: LoaderBox, path: str, *, post: bool = False) -> str:
    """The status that the service itself gets."""
    body = "--header 'Content-Type: application/json' --post-data '{}'" if post else ""
    script = (
        'timeout 5 wget -S -O - --header "Authorization: Bearer $(cat /run/boxship/token)" '
        f'{body} "$BOXSHIP_URL/v1/{path}" 2>&1'
    )
    answer = run_in(container(box), "sh", "-c", script).output
    found = re.search(r"HTTP/1\.1 (\d+)", answer)
    return found[1] if found else answer


def token(box: LoaderBox) -> str:
    return run_in(container(box), "cat", "/run/boxship/token").output.strip()


def test_a_migration_that_is_longer_than_a_boot_ends_well_by_its_own_heartbeats(box: LoaderBox) -> None:
    (switched,) = [
        each
        for each in box.get("/v1/operations")["operations"]
        if each["kind"] == "switch" and each["parameters"]["version"] == "1.0.0"
    ]
    assert switched["status"] == "done", switched
    began, ended = (datetime.fromisoformat(switched[each]) for each in ("began_at", "ended_at"))
    assert (ended - began).total_seconds() > BOOT_S


def test_its_token_is_good_for_nothing_else(box: LoaderBox) -> None:
    assert asked(box, "services/web/heartbeat", post=True) == "200"
    for path in FORBIDDEN:
        assert asked(box, path, post=True) == "403", path
    for path in ALSO_FORBIDDEN:
        assert asked(box, path) == "403", path


def test_it_is_for_the_services_own_user_and_nowhere_else(box: LoaderBox) -> None:
    name = container(box)
    said = run_in(name, "stat", "-c", "%u %a", "/run/boxship/token")
    assert said.output.split() == [USER, "400"]
    assert run_in(container(box, "other"), "ls", "/run/boxship").exit_code != 0
    inspected = subprocess.run(["docker", "inspect", name], check=True, capture_output=True, text=True, timeout=20)
    assert "BOXSHIP_URL" in inspected.stdout
    assert token(box) not in inspected.stdout
    assert token(box) not in box.last_words()
    kept = b"".join(each.read_bytes() for each in box.state.glob("state.db*"))
    assert token(box).encode() not in kept


def test_it_outlives_starts_of_the_loader_and_of_its_container(box: LoaderBox) -> None:
    before = token(box)
    box.end(signal.SIGKILL)
    began = started_at(box)
    # Whatever runs in it; the engine starts it again.
    run_in(container(box), "kill", "-9", "-1")
    box.eventually(lambda: started_at(box) not in ("", began), "the container starts again")
    box.start()
    box.booted()
    assert token(box) == before
    assert asked(box, "services/web/heartbeat", post=True) == "200"


def test_another_generation_has_another_one_and_the_first_ends_with_its_generation(box: LoaderBox) -> None:
    first = token(box)
    box.to("2.0.0")
    assert token(box) != first
    assert asked(box, "services/web/heartbeat", post=True) == "200"
    box.to("3.0.0")
    assert box.over(box.begin("/v1/gc"))["status"] == "done"
    valid = [each for each in box.get("/v1/tokens")["tokens"] if each["service"] and not each["revoked_at"]]
    assert sorted((each["service"], each["name"]) for each in valid) == [
        ("web", "generation 2"),
        ("web", "generation 3"),
    ]
    assert sorted(each.name for each in (box.state / "tokens").iterdir()) == ["2", "3"]
