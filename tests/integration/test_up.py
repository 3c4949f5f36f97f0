"""`up` and the verbs around it, on the real engine, through the command line."""

import json
import socket
import subprocess

import pytest

from boxship.plan.observed import ContainerState
from tests.integration.boxes import Box

pytestmark = pytest.mark.docker

LAYERS = """
services:
  db:
    image: ${TEST_IMAGE}
    init: true
    command: [sh, -c, "sleep 0.3; mkdir -p /w; echo db > /w/index.html; exec httpd -f -p 5000 -h /w"]
    healthcheck: {test: [CMD, wget, -qO-, "http://127.0.0.1:5000/"], interval: 30s, timeout: 20s}
    volumes: [data:/data]
  init:
    image: ${TEST_IMAGE}
    command: [sh, -c, "echo migrated; exit 0"]
    depends_on: {db: {condition: service_healthy}}
  web:
    image: ${TEST_IMAGE}
    init: true
    environment: {GREETING: "${GREETING:-hello}"}
    command: [sh, -c, "mkdir -p /w; echo $$GREETING > /w/index.html; echo listening; exec httpd -f -p 8000 -h /w"]
    depends_on:
      db: {condition: service_healthy}
      init: {condition: service_completed_successfully}
volumes: {data: {}}
"""
CHECKS = """
app: compose.yaml
checks:
  web: {http: "http://web.service:8000/"}
"""


def started_at(box: Box, service: str) -> str:
    found = subprocess.run(
        ["docker", "inspect", "-f", "{{.State.StartedAt}}", f"{box.name}.{service}"],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    return found.stdout.strip()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_up_starts_in_order_waits_and_rests(box: Box) -> None:
    box.write(LAYERS, CHECKS)
    up = box.run("up", "-d").must()
    assert f"{box.name} is up" in up.stdout
    rows = box.ps()
    assert {name: row["ready"] or row["why"] for name, row in rows.items()} == {
        "db": "health: starting",
        "init": True,
        "web": True,
    } or all(row["ready"] for row in rows.values())
    assert box.container("init").exit_code == 0
    assert started_at(box, "db") < started_at(box, "init") < started_at(box, "web")
    before = {each.service: each.id for each in box.observe().containers_of(box.name)}
    again = box.run("up", "-d").must()
    assert "unchanged: " in again.stderr
    assert {each.service: each.id for each in box.observe().containers_of(box.name)} == before


def test_a_changed_service_is_replaced_and_the_others_are_untouched(box: Box) -> None:
    box.write(LAYERS, CHECKS)
    box.run("up", "-d").must()
    before = {each.service: each for each in box.observe().containers_of(box.name)}
    box.environment["GREETING"] = "bonjour"
    plan = box.plan()
    assert {step["cause"] for step in plan["steps"] if step["action"] == "CreateContainer"} == {"environment changed"}
    box.run("up", "-d").must()
    after = {each.service: each for each in box.observe().containers_of(box.name)}
    assert after["web"].id != before["web"].id
    assert after["db"].id == before["db"].id
    assert after["init"].id == before["init"].id
    assert after["web"].networks == before["web"].networks, "an address must survive a replacement"
    said = box.run("exec", "-T", "web", "wget", "-qO-", "http://web.service:8000/").must()
    assert said.stdout == "bonjour\n"


def test_peers_are_in_the_hosts_file_and_stay_right_when_a_peer_is_replaced(box: Box) -> None:
    box.write(LAYERS)
    box.run("up", "-d").must()
    hosts = box.run("exec", "-T", "web", "cat", "/etc/hosts").must().stdout
    address = box.container("db").networks[f"{box.name}.default"]
    assert f"{address}\tdb\n" in hosts
    assert f"{address}\tdb.service\n" in hosts
    box.run("up", "-d", "--force-recreate", "--no-deps", "db").must()
    assert box.container("db").networks[f"{box.name}.default"] == address
    assert box.run("exec", "-T", "web", "wget", "-qO-", "http://db.service:5000/").must().stdout == "db\n"


def test_down_removes_exactly_what_up_made_and_nothing_of_others(box: Box, test_image: str) -> None:
    foreign = f"{box.name}.web.not-ours"
    docker = ["docker"]
    labels = ["--label", "bxtest=foreign"]
    try:
        for argv in (
            ["network", "create", *labels, f"{box.name}.other"],
            ["volume", "create", *labels, f"{box.name}.other"],
            ["run", "-d", "--name", foreign, *labels, "--network", f"{box.name}.other", test_image, "sleep", "600"],
        ):
            subprocess.run([*docker, *argv], check=True, capture_output=True, timeout=60)
        before = box.observe()
        box.write(LAYERS)
        box.run("up", "-d").must()
        box.environment["GREETING"] = "again"
        box.run("up", "-d", "--remove-orphans").must()
        box.run("down", "--volumes").must()
        after = box.observe()
        assert {(each.id, each.state) for each in after.containers} == {
            (each.id, each.state) for each in before.containers
        }
        assert {each.id for each in after.networks} == {each.id for each in before.networks}
        assert {each.name for each in after.volumes} == {each.name for each in before.volumes}
        assert {each.id for each in after.images} == {each.id for each in before.images}
    finally:
        subprocess.run([*docker, "rm", "-f", foreign], capture_output=True, timeout=60, check=False)
        subprocess.run([*docker, "network", "rm", f"{box.name}.other"], capture_output=True, timeout=60, check=False)
        subprocess.run([*docker, "volume", "rm", f"{box.name}.other"], capture_output=True, timeout=60, check=False)


def test_down_keeps_volumes_unless_asked_and_works_without_files(box: Box) -> None:
    box.write(LAYERS)
    box.run("up", "-d").must()
    box.run("exec", "-T", "db", "sh", "-c", "echo kept > /data/file").must()
    (box.directory / "compose.yaml").unlink()
    box.run("down").must()
    assert box.observe().containers_of(box.name) == ()
    box.write(LAYERS)
    box.run("up", "-d").must()
    assert box.run("exec", "-T", "db", "cat", "/data/file").must().stdout == "kept\n"


def test_a_service_that_ends_at_once_is_named_with_its_last_words_and_the_rest_goes_on(box: Box) -> None:
    box.write(
        """
services:
  good: {image: "${TEST_IMAGE}", init: true, command: sleep 600}
  bad: {image: "${TEST_IMAGE}", command: [sh, -c, "echo no such licence >&2; exit 3"]}
  behind: {image: "${TEST_IMAGE}", command: sleep 600, depends_on: {bad: {condition: service_completed_successfully}}}
"""
    )
    up = box.run("up", "-d")
    assert up.status == 8
    assert "bad should complete, but ended with status 3" in up.stderr
    assert "no such licence" in up.stderr
    assert "Traceback" not in up.stderr
    assert box.container("good").state is ContainerState.RUNNING
    assert box.container("behind").state is ContainerState.CREATED


def test_a_crash_loop_is_noticed(box: Box) -> None:
    box.write('services: {loop: {image: "${TEST_IMAGE}", restart: always, command: [sh, -c, "echo boom; exit 4"]}}\n')
    up = box.run("up", "-d")
    assert up.status == 8
    assert "crashes again and again" in up.stderr
    assert "boom" in up.stderr


def test_a_service_that_never_answers_times_out_with_what_was_last_heard(box: Box) -> None:
    box.write(
        'services: {web: {image: "${TEST_IMAGE}", init: true, command: [sh, -c, "echo here I am; sleep 600"]}}\n',
        "app: compose.yaml\nchecks: {web: {tcp: 8000, within: 2s}}\n",
    )
    up = box.run("up", "-d")
    assert up.status == 8
    assert "web not ready after 2 s: port 8000: connection refused" in up.stderr
    assert "here I am" in up.stderr


def test_a_port_that_is_taken_is_named_and_leaves_no_half_made_container(box: Box) -> None:
    port = free_port()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        box.write(
            f'services: {{web: {{image: "${{TEST_IMAGE}}", command: sleep 600, ports: ["127.0.0.1:{port}:80"]}}}}\n'
        )
        up = box.run("up", "-d")
        assert up.status == 5
        assert str(port) in up.stderr
        assert box.observe().containers_of(box.name) == ()
    box.run("up", "-d").must()
    assert box.container("web").ports[0].published == port


def test_a_missing_image_is_named_with_how_to_get_it(box: Box) -> None:
    box.write("services: {web: {image: registry.invalid/nowhere/web:1}}\n")
    up = box.run("up", "-d")
    assert up.status == 5
    assert "registry.invalid/nowhere/web:1" in up.stderr
    assert "hint: " in up.stderr
    assert box.observe().containers_of(box.name) == ()


def test_interrupting_an_attached_up_stops_in_order(box: Box) -> None:
    box.write(LAYERS)
    process = box.begin("up")
    assert process.stdout is not None
    seen = [process.stdout.readline() for _ in range(2)]
    assert f"{box.name} is up" in seen[0]
    ended = box.interrupt(process)
    assert ended.status == 130, ended.stderr
    states = {each.service: each.state for each in box.observe().containers_of(box.name)}
    assert set(states.values()) == {ContainerState.EXITED}
    stops = [line.split()[0] for line in ended.stderr.splitlines() if line.split()[1:2] == ["stopped"]]
    assert stops == ["web", "db"]


def test_stop_start_and_restart_keep_the_containers_and_their_order(box: Box) -> None:
    box.write(LAYERS)
    box.run("up", "-d").must()
    ids = {each.service: each.id for each in box.observe().containers_of(box.name)}
    stopped = box.run("stop").must()
    order = [line.split()[0] for line in stopped.stderr.splitlines() if line.split()[1:2] == ["stopped"]]
    assert order == ["web", "db"]
    box.run("start").must()
    first = started_at(box, "web")
    box.run("restart", "web").must()
    assert started_at(box, "web") > first
    assert {each.service: each.id for each in box.observe().containers_of(box.name)} == ids


def test_exec_passes_status_input_and_streams_through(box: Box) -> None:
    box.write(LAYERS)
    box.run("up", "-d", "db").must()
    assert box.run("exec", "-T", "db", "sh", "-c", "echo out; echo err >&2; exit 7").status == 7
    both = box.run("exec", "-T", "db", "sh", "-c", "echo out; echo err >&2")
    assert (both.stdout, both.stderr) == ("out\n", "err\n")
    assert box.run("exec", "-T", "db", "cat", stdin="through\n").must().stdout == "through\n"
    environment = box.run(
        "exec", "-T", "-e", "A=1", "-w", "/tmp", "-u", "1000", "db", "sh", "-c", "echo $A $PWD; id -u"
    )
    assert environment.must().stdout == "1 /tmp\n1000\n"
    gone = box.run("exec", "-T", "web", "true")
    assert gone.status == 3
    assert "service 'web' has no container" in gone.stderr


def test_logs_are_merged_by_time_and_marked(box: Box) -> None:
    box.write(LAYERS)
    box.run("up", "-d").must()
    text = box.run("logs").must().stdout
    assert text.index("migrated") < text.index("listening")
    lines = [json.loads(line) for line in box.run("--json", "logs", "web").must().stdout.splitlines()]
    assert [(line["service"], line["text"]) for line in lines] == [("web", "listening")]


def test_logs_follow_until_interrupted(box: Box) -> None:
    box.write(
        """
services:
  tick: {image: "${TEST_IMAGE}", init: true, command: [sh, -c, "while :; do date; sleep 0.2; done"]}
"""
    )
    box.run("up", "-d").must()
    process = box.begin("logs", "-f", "--tail", "1")
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(4)]
    assert all("tick" in line for line in lines)
    assert box.interrupt(process).status == 0


def test_targets_take_each_others_place(box: Box) -> None:
    port = free_port()
    box.write(
        f"""
services:
  web: {{image: "${{TEST_IMAGE}}", init: true, command: sleep 600, ports: ["127.0.0.1:{port}:80"]}}
  page: {{image: "${{TEST_IMAGE}}", init: true, command: sleep 600, ports: ["127.0.0.1:{port}:80"]}}
""",
        "app: compose.yaml\ntargets: {default: [web], maintenance: [page]}\n",
    )
    box.run("up", "-d").must()
    assert [each.service for each in box.observe().containers_of(box.name)] == ["web"]
    box.run("--target", "maintenance", "up", "-d").must()
    assert [each.service for each in box.observe().containers_of(box.name)] == ["page"]
    box.run("up", "-d").must()
    assert [each.service for each in box.observe().containers_of(box.name)] == ["web"]


def test_who_shares_a_network_namespace_follows_its_owner(box: Box) -> None:
    compose = """
services:
  web: {image: "${TEST_IMAGE}", init: true, command: [httpd, -f, -p, "8000"], environment: {A: "${GREETING:-1}"}}
  side: {image: "${TEST_IMAGE}", init: true, command: sleep 600, network_mode: "service:web"}
"""
    box.write(compose)
    box.run("up", "-d").must()
    box.run("exec", "-T", "side", "nc", "-w", "2", "127.0.0.1", "8000", "-e", "true").must()
    before = box.container("side").id
    box.environment["GREETING"] = "2"
    box.run("up", "-d").must()
    assert box.container("side").id != before
    box.run("exec", "-T", "side", "nc", "-w", "2", "127.0.0.1", "8000", "-e", "true").must()
    assert box.plan()["steps"] == []


def test_anonymous_volumes_go_on_in_a_replacement(box: Box) -> None:
    box.write(
        """
services:
  a:
    image: ${TEST_IMAGE}
    init: true
    command: sleep 600
    environment: {A: "${GREETING:-1}"}
    volumes: [/cache]
"""
    )
    box.run("up", "-d").must()
    box.run("exec", "-T", "a", "sh", "-c", "echo kept > /cache/file").must()
    box.environment["GREETING"] = "2"
    box.run("up", "-d").must()
    assert box.run("exec", "-T", "a", "cat", "/cache/file").must().stdout == "kept\n"
    box.run("down", "-v").must()


def test_an_unhealthy_dependency_holds_its_dependents_back(box: Box) -> None:
    box.write(
        """
services:
  sick:
    image: ${TEST_IMAGE}
    init: true
    command: sleep 600
    healthcheck: {test: [CMD-SHELL, "echo still sick; exit 1"], interval: 500ms, timeout: 20s, retries: 2}
  web: {image: "${TEST_IMAGE}", command: sleep 600, depends_on: {sick: {condition: service_healthy}}}
"""
    )
    up = box.run("up", "-d")
    assert up.status == 8
    assert "sick is unhealthy" in up.stderr
    assert "still sick" in up.stderr
    assert "within" not in up.stderr, "the engine's verdict ends the wait, not the timeout"
    assert box.container("web").state is ContainerState.CREATED


def test_tmpfs_options_links_limits_and_names_reach_the_container(box: Box) -> None:
    box.write(
        """
services:
  db: {image: "${TEST_IMAGE}", init: true, command: sleep 600}
  web:
    image: ${TEST_IMAGE}
    init: true
    command: sleep 600
    links: [db:store]
    tmpfs: ["/scratch:size=2m,mode=0700,uid=1234"]
    read_only: true
    user: "1234:1234"
    working_dir: /etc
    hostname: outpost
    cap_drop: [ALL]
    sysctls: {net.core.somaxconn: 99}
    ulimits: {nofile: {soft: 100, hard: 200}}
    extra_hosts: ["far.example:192.0.2.1"]
    labels: {colour: green}
"""
    )
    box.run("up", "-d").must()
    address = box.container("db").networks[f"{box.name}.default"]
    told = box.run(
        "exec",
        "-T",
        "web",
        "sh",
        "-c",
        "id -u; pwd; hostname; grep 'open files' /proc/1/limits | tr -s ' ' | cut -d ' ' -f 4;"
        " cat /proc/sys/net/core/somaxconn; cat /etc/hosts;"
        " touch /scratch/x && echo wrote; touch /y 2>&1; ls -ld /scratch; grep CapEff /proc/self/status",
    ).must()
    lines = told.stdout.splitlines()
    assert lines[:5] == ["1234", "/etc", "outpost", "100", "99"]
    assert f"{address}\tstore" in lines
    assert "192.0.2.1\tfar.example" in lines
    assert "wrote" in lines
    assert "touch: /y: Read-only file system" in lines
    assert any(line.startswith("drwx------") for line in lines)
    assert lines[-1].split()[-1] == "0" * 16
    assert box.container("web").labels["colour"] == "green"
    assert box.plan()["steps"] == []
