"""The rarer keys under the engine's names, and none of them sent to an engine that would ignore it."""

import tarfile
from io import BytesIO
from typing import Any

import pytest
from msgspec.structs import replace

from boxship.engine.archive import pack_files
from boxship.engine.encode import encode_container, encode_endpoint, encode_mount, encode_network
from boxship.engine.needs import NEEDS, refusal_of, unmet_needs, unmet_network_needs
from boxship.plan.action import ContainerSpec, CopiedFile, Endpoint, EngineMount, NetworkSpec
from boxship.spec.model import Healthcheck, Network, Service
from boxship.spec.model_deploy import DeviceRequest
from boxship.spec.model_files import Hidden
from boxship.spec.model_limits import BlockIo, DeviceRate, DeviceWeight

OLD, NEW = (1, 41), (1, 49)


def spec(service: Service = Service("web"), **changes: Any) -> ContainerSpec:  # noqa: B008 (frozen)
    return replace(ContainerSpec("a.web", service, "image:1"), **changes)


def host_config(service: Service, api: tuple[int, int] = OLD) -> dict[str, Any]:
    body: dict[str, Any] = dict(encode_container(spec(service), api))
    return {key: value for key, value in body["HostConfig"].items() if key != "LogConfig"}


def test_processor_times_and_block_devices_are_limited() -> None:
    rates = (DeviceRate("/dev/sda", 1024),)
    service = Service(
        "web",
        cpu_period_us=50_000,
        cpu_quota_us=-1,
        cpu_rt_period_us=1000,
        cpu_rt_runtime_us=900,
        mem_swappiness=0,
        blkio_config=BlockIo(300, (DeviceWeight("/dev/sda", 400),), rates, rates, rates, rates),
    )
    rate = [{"Path": "/dev/sda", "Rate": 1024}]
    assert host_config(service) == {
        "CpuPeriod": 50_000,
        "CpuQuota": -1,
        "CpuRealtimePeriod": 1000,
        "CpuRealtimeRuntime": 900,
        "MemorySwappiness": 0,
        "BlkioWeight": 300,
        "BlkioWeightDevice": [{"Path": "/dev/sda", "Weight": 400}],
        "BlkioDeviceReadBps": rate,
        "BlkioDeviceReadIOps": rate,
        "BlkioDeviceWriteBps": rate,
        "BlkioDeviceWriteIOps": rate,
    }


def test_graphics_cards_are_asked_for_by_what_they_can() -> None:
    service = Service(
        "web",
        gpus=(
            DeviceRequest(count=-1),
            DeviceRequest(("tpu",), driver="own", device_ids=("0", "1"), options={"a": "b"}),
        ),
        device_cgroup_rules=("c 1:3 mr",),
    )
    assert host_config(service) == {
        "DeviceCgroupRules": ["c 1:3 mr"],
        "DeviceRequests": [
            {"Count": -1, "Capabilities": [["gpu"]]},
            {"Driver": "own", "DeviceIDs": ["0", "1"], "Capabilities": [["tpu"]], "Options": {"a": "b"}},
        ],
    }


def test_only_containers_of_others_are_sources_of_volumes() -> None:
    service = Service("web", volumes_from=("db", "container:old:ro"), storage_opt={"size": "1G"})
    assert host_config(service) == {"VolumesFrom": ["old:ro"], "StorageOpt": {"size": "1G"}}


def test_links_to_strangers_belong_to_each_network_or_to_the_default_bridge() -> None:
    service = Service("web", external_links=("old", "old:db"), mac_address="02:42:ac:11:65:43", network_mode="bridge")
    body = dict(encode_container(spec(service), OLD))
    assert host_config(service)["Links"] == ["old:old", "old:db"]
    assert body["MacAddress"] == "02:42:ac:11:65:43"
    end = Endpoint("n", links=("old:db",))
    assert encode_endpoint(end, OLD) == {"Links": ["old:db"]}
    assert "Links" not in dict(encode_container(spec(service, endpoints=(end,)), OLD))["HostConfig"]  # type: ignore[operator]


def test_an_end_has_a_name_and_a_weight() -> None:
    end = Endpoint("n", driver_opts={"a": "b"}, gw_priority=5, interface_name="eth9")
    assert encode_endpoint(end, NEW) == {
        "DriverOpts": {"a": "b", "com.docker.network.endpoint.ifname": "eth9"},
        "GwPriority": 5,
    }


@pytest.mark.parametrize(
    ("mount", "options"),
    [
        (
            EngineMount("volume", "/x", "v", nocopy=True, subpath="a", labels={"k": "v"}),
            {"VolumeOptions": {"NoCopy": True, "Subpath": "a", "Labels": {"k": "v"}}},
        ),
        (EngineMount("image", "/x", "v", subpath="a"), {"ImageOptions": {"Subpath": "a"}}),
        (EngineMount("bind", "/x", "v", recursive="disabled"), {"BindOptions": {"NonRecursive": True}}),
        (EngineMount("bind", "/x", "v", recursive="readonly"), {"BindOptions": {"ReadOnlyForceRecursive": True}}),
        (EngineMount("bind", "/x", "v", recursive="writable"), {"BindOptions": {"ReadOnlyNonRecursive": True}}),
        (EngineMount("bind", "/x", "v", recursive="enabled"), {}),
    ],
)
def test_a_mount_says_what_is_shown_and_how_deep(mount: EngineMount, options: dict[str, object]) -> None:
    assert encode_mount(mount) == {"Type": mount.kind, "Source": "v", "Target": "/x", **options}


def test_a_bind_that_is_not_recursive_is_no_short_one() -> None:
    mount = EngineMount("bind", "/x", "/y", recursive="disabled")
    body: dict[str, Any] = dict(encode_container(spec(mounts=(mount,)), OLD))
    assert "Binds" not in body["HostConfig"]
    assert len(body["HostConfig"]["Mounts"]) == 1


def test_a_network_may_have_no_old_addresses_and_options_for_its_address_driver() -> None:
    body: dict[str, Any] = dict(
        encode_network(NetworkSpec("n", Network("n", enable_ipv4=False, ipam_options={"a": "b"})))
    )
    assert body["EnableIPv4"] is False
    assert body["IPAM"]["Options"] == {"a": "b"}


USES: dict[str, ContainerSpec] = {
    "annotations": spec(Service("web", annotations={"a": "b"})),
    "healthcheck.start_interval": spec(Service("web", healthcheck=Healthcheck(start_interval_s=1.0))),
    "networks.NAME.mac_address": spec(endpoints=(Endpoint("a"), Endpoint("b", mac_address="02:42:ac:11:65:43"))),
    "volumes[].bind.recursive": spec(mounts=(EngineMount("bind", "/x", "/y", recursive="readonly"),)),
    "volumes[].volume.subpath": spec(mounts=(EngineMount("volume", "/x", "y", subpath="z"),)),
    "volumes[].type: image": spec(mounts=(EngineMount("image", "/x", "y"),)),
    "networks.NAME.gw_priority": spec(endpoints=(Endpoint("a", gw_priority=1),)),
    "networks.NAME.interface_name": spec(endpoints=(Endpoint("a", interface_name="eth9"),)),
}


@pytest.mark.parametrize("need", NEEDS, ids=lambda need: need.key)
def test_a_key_is_missed_by_every_engine_before_the_one_that_learnt_it(need: Any) -> None:
    used = USES[need.key]
    assert [each.key for each in unmet_needs(used, OLD)] == [need.key]
    assert [each.key for each in unmet_needs(used, (need.api[0], need.api[1] - 1))] == [need.key]
    assert list(unmet_needs(used, need.api)) == []
    assert list(unmet_needs(spec(), OLD)) == []
    refusal = refusal_of(list(unmet_needs(used, OLD)), OLD)
    assert refusal.startswith(f"'{need.key}' needs API ") is need.is_vital
    assert refusal.endswith("this engine speaks 1.41") is need.is_vital


def test_the_annotations_are_left_out_where_they_are_told() -> None:
    service = Service("web", annotations={"a": "b"})
    assert host_config(service) == {}
    assert host_config(service, NEW) == {"Annotations": {"a": "b"}}


def test_a_network_without_old_addresses_needs_a_newer_engine() -> None:
    network = NetworkSpec("n", Network("n", enable_ipv4=False))
    (need,) = unmet_network_needs(network, OLD)
    assert refusal_of([need], OLD).startswith("'networks.NAME.enable_ipv4' needs API 1.48 (Docker 28.0)")
    assert list(unmet_network_needs(network, NEW)) == []
    assert list(unmet_network_needs(NetworkSpec("n", Network("n", enable_ipv4=True)), OLD)) == []


def test_packed_files_carry_owner_mode_and_any_text_and_no_folder() -> None:
    files = (CopiedFile("/run/secrets/a", Hidden("ä\udcff"), 1, 2, 0o440), CopiedFile("/b", Hidden("")))
    with tarfile.open(fileobj=BytesIO(pack_files(files))) as archive:
        found = {
            member.name: (member.uid, member.gid, member.mode, (archive.extractfile(member) or BytesIO()).read())
            for member in archive.getmembers()
        }
    assert found == {"run/secrets/a": (1, 2, 0o440, b"\xc3\xa4\xff"), "b": (0, 0, 0o444, b"")}
