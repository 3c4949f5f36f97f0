"""What the rarer keys of a Compose file do on the real engine: read back from it, and from inside the containers."""

import json
import os
import subprocess
from typing import Any

import pytest

from tests.integration.boxes import Box, Ran

pytestmark = pytest.mark.docker

LIMITS_AND_FILES = """
services:
  web:
    image: ${TEST_IMAGE}
    init: true
    command: [sleep, infinity]
    deploy:
      resources:
        limits: {memory: 64M, cpus: "0.50", pids: 77}
        reservations: {memory: 32M}
      restart_policy: {condition: on-failure, max_attempts: 3}
      placement: {constraints: [node.role==manager]}
    cpu_shares: 512
    mem_swappiness: 10
    device_cgroup_rules: ["c 1:3 mr"]
    mac_address: 02:42:ac:11:65:43
    storage_opt: {}
    annotations: {org.example.a: b}
    label_file: labels.env
    labels: {own: label}
    external_links: ["${STRANGER}:old"]
    networks: {default: {driver_opts: {com.example.x: y}}}
    volumes:
      - {type: volume, target: /anonymous, volume: {labels: {kept: "yes"}}}
      - {type: bind, source: ., target: /here, bind: {recursive: disabled}}
    secrets:
      - cert
      - {source: token, target: api/token, uid: "33", gid: "44", mode: 0440}
    configs:
      - {source: motd, target: /etc/motd.d/today}
      - greeting
    post_start: [{command: [sh, -c, "echo $$WHO > /started"], environment: {WHO: hook}}]
secrets:
  cert: {file: cert.pem}
  token: {environment: API_TOKEN}
configs:
  motd: {content: "price: $$5\\n"}
  greeting: {file: greeting.txt}
networks:
  default:
    ipam: {options: {com.example.option: set}}
"""

PROCESSOR = """
services:
  slow:
    image: ${TEST_IMAGE}
    init: true
    command: [sleep, infinity]
    cpu_period: 50ms
    cpu_quota: 25000
    use_api_socket: true
    volumes_from: ["container:${STRANGER}:ro"]
    scale: 2
    network_mode: none
"""


def inspect(name: str) -> dict[str, Any]:
    found = subprocess.run(["docker", "inspect", name], capture_output=True, text=True, check=True, timeout=30)
    parsed: list[dict[str, Any]] = json.loads(found.stdout)
    return parsed[0]


def inside(box: Box, service: str, script: str) -> str:
    return box.run("exec", "-T", service, "sh", "-c", script).must().stdout


@pytest.fixture
def stranger(box: Box, test_image: str) -> Any:
    """A container that is nobody's appliance, with a volume."""
    name = f"{box.name}-stranger"
    network = f"{name}-net"
    script = "echo from afar > /afar/file; exec sleep infinity"
    subprocess.run(["docker", "network", "create", network], check=True, timeout=30, capture_output=True)
    subprocess.run(
        ["docker", "run", "-d", "--init", "--name", name, "--network", network, "-v", "/afar", test_image,
         "sh", "-c", script],
        check=True, timeout=60, capture_output=True,
    )  # fmt: skip
    box.environment["STRANGER"] = name
    yield name
    subprocess.run(["docker", "rm", "-fv", name], check=True, timeout=60, capture_output=True)
    box.remove()
    subprocess.run(["docker", "network", "rm", network], check=True, timeout=30, capture_output=True)


def up(box: Box) -> Ran:
    return box.run("up", "-d").must()


def prepare(box: Box, compose: str) -> None:
    box.write(compose)
    (box.directory / "cert.pem").write_text("certificate")
    (box.directory / "greeting.txt").write_text("hello")
    (box.directory / "labels.env").write_text("from=file\nown=overridden\n")
    box.environment |= {"API_TOKEN": "hunter2", "XDG_STATE_HOME": str(box.directory / "state")}


def test_keys_reach_the_engine_and_work_inside(box: Box, stranger: str) -> None:
    prepare(
        box,
        LIMITS_AND_FILES.replace("networks: {default: {driver_opts", "networks: {outer: {}, default: {driver_opts")
        + f"  outer: {{external: true, name: {stranger}-net}}\n",
    )
    began = up(box)
    web = inspect(f"{box.name}.web")
    host = web["HostConfig"]
    assert {
        key: host[key]
        for key in (
            "Memory", "MemoryReservation", "NanoCpus", "PidsLimit", "CpuShares", "MemorySwappiness",
            "DeviceCgroupRules", "RestartPolicy",
        )
    } == {
        "Memory": 64 * 2**20,
        "MemoryReservation": 32 * 2**20,
        "NanoCpus": 500_000_000,
        "PidsLimit": 77,
        "CpuShares": 512,
        "MemorySwappiness": 10,
        "DeviceCgroupRules": ["c 1:3 mr"],
        "RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 3},
    }  # fmt: skip
    labels = web["Config"]["Labels"]
    assert (labels["from"], labels["own"]) == ("file", "label")
    mounts = {mount["Destination"]: mount for mount in web["Mounts"]}
    assert not mounts["/run/secrets/cert"]["RW"]
    assert inspect(mounts["/anonymous"]["Name"])["Labels"]["kept"] == "yes"
    (bind,) = [mount for mount in host["Mounts"] if mount["Target"] == "/here"]
    assert bind["BindOptions"] == {"NonRecursive": True}
    assert "02:42:ac:11:65:43" in {end["MacAddress"] for end in web["NetworkSettings"]["Networks"].values()}
    assert inspect(f"{box.name}.default")["IPAM"]["Options"] == {"com.example.option": "set"}
    # 20.10 knows no annotations, and says so; nobody obeys placement.
    assert "'annotations' needs API 1.43" in began.stderr or host.get("Annotations")
    assert "placement" in box.run("check").stdout + box.run("check").stderr

    seen = inside(
        box,
        "web",
        "cat /run/secrets/cert /run/secrets/api/token /etc/motd.d/today /greeting /started;"
        "stat -c '%a %u %g' /run/secrets/api/token; cat /sys/class/net/*/address;"
        "cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null;"
        "nslookup old 2>&1; true",
    )
    assert seen.startswith("certificatehunter2price: $5\nhellohook\n440 33 44\n")
    assert "02:42:ac:11:65:43" in seen
    assert str(64 * 2**20) in seen
    (address,) = [net["IPAddress"] for net in inspect(stranger)["NetworkSettings"]["Networks"].values()]
    assert address in seen
    everything = json.dumps(web) + began.stderr + began.stdout + json.dumps(box.plan())
    assert "hunter2" not in everything
    assert box.plan()["steps"] == []

    box.environment["API_TOKEN"] = "hunter3"
    (box.directory / "greeting.txt").write_text("good evening")
    causes = {step["cause"] for step in box.plan()["steps"] if step["action"] == "CreateContainer"}
    assert causes == {"configs, secrets changed"}
    up(box)
    assert inside(box, "web", "cat /run/secrets/api/token /greeting") == "hunter3good evening"


def test_processor_time_strangers_volumes_and_the_engines_socket(box: Box, stranger: str) -> None:
    # A private engine is not where the key looks for it.
    has_socket = "DOCKER_HOST" not in os.environ
    prepare(box, PROCESSOR if has_socket else PROCESSOR.replace("use_api_socket: true", ""))
    up(box)
    hosts = [inspect(f"{box.name}.slow{suffix}")["HostConfig"] for suffix in ("", ".2")]
    assert [(host["CpuPeriod"], host["CpuQuota"]) for host in hosts] == [(50_000, 25_000)] * 2
    seen = inside(box, "slow", "cat /afar/file; touch /afar/x 2>&1; test ! -S /var/run/docker.sock || echo socket")
    assert seen.startswith("from afar\n")
    assert "Read-only" in seen
    assert seen.endswith("socket\n") is has_socket
    assert box.plan()["steps"] == []


NEWER = """
services:
  web:
    image: ${TEST_IMAGE}
    init: true
    command: [sleep, infinity]
    networks:
      front: {interface_name: front0}
      back: {gw_priority: 5, interface_name: back0}
    volumes:
      - {type: volume, source: data, target: /sub, volume: {subpath: inner}}
      - {type: image, source: "${TEST_IMAGE}", target: /other, image: {subpath: bin}}
      - {type: bind, source: ., target: /here, read_only: true, bind: {recursive: readonly, propagation: rprivate}}
  filler:
    image: ${TEST_IMAGE}
    command: [sh, -c, "mkdir -p /data/inner; echo below > /data/inner/file"]
    volumes: ["data:/data"]
networks: {front: {}, back: {}}
volumes: {data: {}}
"""


def test_what_needs_a_newer_engine_works_there_and_is_refused_by_name_elsewhere(box: Box) -> None:
    prepare(box, NEWER)
    box.run("up", "filler")
    ran = box.run("up", "-d", "web")
    if ran.status == 0:
        seen = inside(box, "web", "cat /sub/file; ls /other/sh; ls /sys/class/net; ip route | grep default")
        assert seen.startswith("below\n/other/sh\n")
        assert {"front0", "back0"} <= set(seen.split())
        assert "default" in seen
        assert "dev back0" in seen
        return
    for key, api in (
        ("volumes[].bind.recursive", "1.44 (Docker 25.0)"),
        ("volumes[].volume.subpath", "1.45 (Docker 26.0)"),
        ("volumes[].type: image", "1.48 (Docker 28.0)"),
        ("networks.NAME.gw_priority", "1.48 (Docker 28.0)"),
        ("networks.NAME.interface_name", "1.49 (Docker 28.1)"),
    ):
        assert f"'{key}' needs API {api}" in ran.stderr
    assert "newer engine" in ran.stderr
    assert not [each for each in box.observe().containers_of(box.name) if each.service == "web"]


def test_what_only_a_swarm_or_the_shell_could_give_is_refused_before_anything_is_made(box: Box) -> None:
    box.write(
        "services:\n  web:\n    image: ${TEST_IMAGE}\n    secrets: [a, b]\n"
        "secrets:\n  a: {external: true}\n  b: {environment: NOT_SET_ANYWHERE}\n"
    )
    ran = box.run("up", "-d")
    assert ran.status == 2
    assert "the secret 'a' is external, and an engine without swarm keeps none" in ran.stderr
    assert "needs the variable NOT_SET_ANYWHERE, which is not set" in ran.stderr
    observed = box.observe()
    assert observed.containers_of(box.name) == ()
    assert not [network for network in observed.networks if network.appliance == box.name]


def test_a_file_that_cannot_be_copied_leaves_the_old_container_running(box: Box) -> None:
    compose = """
services:
  web:
    image: ${TEST_IMAGE}
    init: true
    command: [sleep, infinity]
    read_only: %s
    configs: [motd]
configs: {motd: {content: hello}}
"""
    prepare(box, compose % "false")
    up(box)
    before = box.container("web").id
    box.write(compose % "true")
    ran = box.run("up", "-d")
    assert ran.status != 0
    assert "read-only" in ran.stderr
    running = [each for each in box.observe().containers_of(box.name) if each.state == "running"]
    assert [each.id for each in running] == [before]
