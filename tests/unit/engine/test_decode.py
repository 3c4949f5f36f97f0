"""The engine's answers become records; the answers are recordings of a real engine."""

import json
from pathlib import Path

import pytest

from boxship.engine import decode
from boxship.engine.fields import Fields, read_list, read_object
from boxship.engine.port import ContainerStats
from boxship.errors import EngineError
from boxship.plan.observed import ContainerState, Health, ObservedContainer, ObservedMount, ObservedPort
from boxship.spec.model import Healthcheck

RECORDINGS = Path(__file__).parents[2] / "recordings" / "docker-20.10"


def recorded(name: str) -> bytes:
    return (RECORDINGS / name).read_bytes()


@pytest.fixture(scope="module")
def containers() -> dict[str, ObservedContainer]:
    found = [decode.decode_container(item) for item in read_list(recorded("containers.json"), "list")]
    return {container.service: container for container in found}


@pytest.mark.parametrize(
    ("service", "state", "health", "exit_code"),
    [
        ("web", ContainerState.RUNNING, Health.HEALTHY, None),
        ("sick", ContainerState.RUNNING, Health.UNHEALTHY, None),
        ("slow", ContainerState.RUNNING, Health.STARTING, None),
        ("paused", ContainerState.PAUSED, Health.NONE, None),
        ("new", ContainerState.CREATED, Health.NONE, None),
        ("done", ContainerState.EXITED, Health.NONE, 0),
        ("killed", ContainerState.EXITED, Health.NONE, 137),
        ("loop", ContainerState.RESTARTING, Health.NONE, 3),
    ],
)
def test_a_list_tells_state_health_and_exit_code_of_every_container(
    containers: dict[str, ObservedContainer],
    service: str,
    state: ContainerState,
    health: Health,
    exit_code: int | None,
) -> None:
    seen = containers[service]
    assert (seen.state, seen.health, seen.exit_code) == (state, health, exit_code)


def test_a_list_tells_who_a_container_belongs_to(containers: dict[str, ObservedContainer]) -> None:
    seen = containers["web"]
    assert (seen.name, seen.appliance, seen.digest, seen.parts) == ("rec.web", "rec", "d1", "p1")
    assert seen.image == "boxship-test:busybox"
    assert seen.image_id.startswith("sha256:")
    assert seen.labels["boxship.service"] == "web"


def test_a_list_tells_the_address_given_also_of_a_container_that_never_ran(
    containers: dict[str, ObservedContainer],
) -> None:
    assert containers["web"].networks == containers["web"].addresses == {"rec.net": "10.98.5.9"}
    assert (containers["new"].networks, containers["new"].addresses) == ({"rec.net": ""}, {"rec.net": "10.98.5.10"})


def test_a_list_tells_mounts_with_the_names_of_volumes(containers: dict[str, ObservedContainer]) -> None:
    mounts = {mount.target: mount for mount in containers["web"].mounts}
    assert mounts["/data"] == ObservedMount("volume", "rec.data", "/data", read_only=True)
    assert mounts["/host"] == ObservedMount("bind", "/tmp", "/host")
    assert len(mounts["/anon"].source) == 64


def test_a_list_tells_published_and_exposed_ports(containers: dict[str, ObservedContainer]) -> None:
    ports = set(containers["web"].ports)
    assert ObservedPort(80, 18999, "tcp", "127.0.0.1") in ports
    assert ObservedPort(53, 18998, "udp", "0.0.0.0") in ports
    assert ObservedPort(81, None, "tcp", "") in ports


def test_a_running_container_is_told_in_detail() -> None:
    detail = decode.decode_detail(read_object(recorded("inspect-running.json"), "inspect"))
    assert (detail.name, detail.state, detail.network_mode) == ("rec.web", ContainerState.RUNNING, "rec.net")
    assert detail.pid > 0
    assert detail.addresses == {"rec.net": "10.98.5.9"}
    assert detail.health is Health.HEALTHY
    assert detail.healthcheck == Healthcheck(("CMD-SHELL", "true"), interval_s=1.0)
    assert detail.started_at
    assert detail.finished_at == ""


def test_a_container_that_never_ran_has_no_times_and_no_address() -> None:
    detail = decode.decode_detail(read_object(recorded("inspect-created.json"), "inspect"))
    assert (detail.pid, detail.started_at, detail.finished_at, detail.addresses) == (0, "", "", {})
    assert (detail.health, detail.healthcheck) == (Health.NONE, None)


def test_an_unhealthy_container_is_told_with_what_its_probe_printed() -> None:
    detail = decode.decode_detail(read_object(recorded("inspect-unhealthy.json"), "inspect"))
    assert (detail.health, detail.health_output, detail.health_exit_code) == (Health.UNHEALTHY, "no", 1)


def test_networks_and_volumes_are_told_with_their_keys() -> None:
    (network,) = [decode.decode_network(item) for item in read_list(recorded("networks.json"), "list")]
    assert (network.name, network.key, network.digest, network.appliance) == ("rec.net", "net", "n1", "rec")
    assert (network.subnets, network.ip_ranges) == (("10.98.5.0/24",), ("10.98.5.128/25",))
    volumes = read_object(recorded("volumes.json"), "list").children("Volumes")
    (volume,) = [decode.decode_volume(item) for item in volumes]
    assert (volume.name, volume.key, volume.digest, volume.driver) == ("rec.data", "data", "v1", "local")


def test_an_image_without_a_tag_has_none() -> None:
    tagged, untagged = [decode.decode_image(item) for item in read_list(recorded("images.json"), "list")]
    assert tagged.tags == ("boxship-test:busybox",)
    assert (untagged.tags, untagged.digests) == ((), ())


def test_events_are_told_with_their_time() -> None:
    lines = recorded("events.jsonl").splitlines()
    events = [decode.decode_event(Fields(json.loads(line), "events")) for line in lines]
    assert [event.action for event in events[:2]] == ["create", "start"]
    assert events[5].action == "health_status: healthy"
    assert {(event.appliance, event.service, event.name) for event in events} == {("rec", "web", "rec.web")}
    assert events[0].at_s < events[1].at_s


@pytest.mark.parametrize(
    ("status", "exit_code"),
    [
        ("Exited (0) Less than a second ago", 0),
        ("Exited (-1) 2 days ago", -1),
        ("Up 2 hours", None),
        ("Created", None),
        ("Dead", None),
        ("Removal In Progress", None),
        ("", None),
    ],
)
def test_the_exit_code_is_read_from_the_sentence(status: str, exit_code: int | None) -> None:
    assert decode.exit_code_in(status) == exit_code


def test_a_links_name_is_not_a_containers_own() -> None:
    seen = decode.decode_container(Fields({"Names": ["/other/alias", "/own"], "State": "running"}, "list"))
    assert seen.name == "own"


def test_a_state_of_a_newer_engine_is_not_taken_for_a_running_one() -> None:
    assert decode.decode_state("hibernating") is ContainerState.DEAD


@pytest.mark.parametrize(
    "item",
    [{"Id": 5}, {"Created": "x"}, {"Names": "x"}, {"Labels": []}, {"NetworkSettings": {"Networks": {"a": 1}}}],
)
def test_a_field_of_the_wrong_kind_is_an_error_that_names_the_call(item: dict[str, object]) -> None:
    with pytest.raises(EngineError, match="'list containers' makes no sense"):
        decode.decode_container(Fields(item, "list containers"))


def usage(**changes: object) -> ContainerStats | None:
    """What is made of an answer of cgroup 1 with ``changes``."""
    answer = {
        "read": "2026-11-22T22:21:34.500000000Z",
        "preread": "2026-11-22T22:21:33.000000000Z",
        "pids_stats": {"current": 3},
        "cpu_stats": {"cpu_usage": {"total_usage": 4_500_000_000}},
        "precpu_stats": {"cpu_usage": {"total_usage": 1_500_000_000}},
        "memory_stats": {"usage": 1000, "limit": 5000, "stats": {"total_inactive_file": 300, "inactive_file": 100}},
        "networks": {"eth0": {"rx_bytes": 1, "tx_bytes": 10}, "eth1": {"rx_bytes": 2, "tx_bytes": 20}},
        "blkio_stats": {"io_service_bytes_recursive": [{"op": "Read", "value": 7}, {"op": "write", "value": 8}]},
    }
    return decode.decode_stats(Fields({**answer, **changes}, "ask"))


def test_what_is_used_is_counted_over_networks_and_disks_and_the_time_between_two_looks() -> None:
    assert usage() == ContainerStats(200.0, 700, 5000, 3, 30, 7, 8, 3)


def test_memory_is_told_of_both_kinds_of_cgroups() -> None:
    for memory in ({"usage": 1000, "stats": {"inactive_file": 100}}, {"usage": 900}):
        found = usage(memory_stats=memory)
        assert found is not None
        assert (found.memory_bytes, found.memory_limit_bytes) == (900, 0)


def test_the_first_look_knows_no_use_of_the_processor() -> None:
    for preread in ("0001-01-01T00:00:00Z", "2026-11-22T22:21:34.500000000Z"):
        found = usage(preread=preread)
        assert found is not None
        assert found.cpu_percent is None


def test_one_that_does_not_run_has_no_figures() -> None:
    assert usage(pids_stats={}) is None
    assert usage(read="0001-01-01T00:00:00Z") is None
