"""Every key of a service reaches the engine under the engine's own name."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from boxship.engine.encode import encode_container, encode_endpoint, encode_network, encode_volume, later_endpoints
from boxship.engine.seccomp import with_inline_profiles
from boxship.errors import HostError
from boxship.plan.action import ContainerSpec, Endpoint, EngineMount, NetworkSpec, VolumeSpec
from boxship.spec.model import Healthcheck, IpamPool, Logging, Network, Port, Restart, Service, Ulimit, Volume

OLD, NEW = (1, 41), (1, 44)


def encoded(service: Service, api: tuple[int, int] = OLD, **changes: Any) -> dict[str, Any]:
    return dict(encode_container(replace(ContainerSpec("a.web", service, "image:1"), **changes), api))


def host_config(service: Service, **changes: Any) -> dict[str, Any]:
    return dict(encoded(service, **changes)["HostConfig"])


def test_a_service_that_says_nothing_leaves_the_engines_defaults_but_bounds_its_log() -> None:
    log = {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "3"}}
    assert encoded(Service("web")) == {
        "Image": "image:1",
        "HostConfig": {"LogConfig": log},
        "NetworkingConfig": {"EndpointsConfig": {}},
    }


def test_what_runs_and_who_runs_it_is_encoded() -> None:
    service = Service(
        "web",
        command=("serve", "--all"),
        entrypoint=(),
        environment={"A": "1", "B": ""},
        user="1000:1000",
        working_dir="/srv",
        hostname="web",
        domainname="example.com",
        tty=True,
        stdin_open=True,
        stop_signal="SIGQUIT",
        stop_grace_period_s=1.5,
    )
    body = encoded(service, labels={"l": "v"})
    assert body["Cmd"] == ["serve", "--all"]
    assert body["Entrypoint"] == []
    assert body["Env"] == ["A=1", "B="]
    assert (body["User"], body["WorkingDir"]) == ("1000:1000", "/srv")
    assert (body["Hostname"], body["Domainname"]) == ("web", "example.com")
    assert (body["Tty"], body["OpenStdin"]) == (True, True)
    assert (body["StopSignal"], body["StopTimeout"]) == ("SIGQUIT", 2)
    assert body["Labels"] == {"l": "v"}


def test_isolation_and_privileges_are_encoded() -> None:
    service = Service(
        "web",
        uts="host",
        userns_mode="host",
        cgroup="private",
        cgroup_parent="/p",
        privileged=True,
        read_only=True,
        init=False,
        runtime="runc",
        isolation="default",
        group_add=("video",),
        cap_add=("NET_ADMIN",),
        cap_drop=("ALL",),
        security_opt=("no-new-privileges:true",),
        sysctls={"net.core.somaxconn": "1"},
        devices=("/dev/a", "/dev/b:/dev/c", "/dev/d:/dev/e:r"),
    )
    config = host_config(service, network_mode="host", ipc="shareable", pid="container:x")
    assert (config["NetworkMode"], config["IpcMode"], config["PidMode"]) == ("host", "shareable", "container:x")
    assert (config["UTSMode"], config["UsernsMode"], config["CgroupnsMode"]) == ("host", "host", "private")
    assert (config["CgroupParent"], config["Runtime"], config["Isolation"]) == ("/p", "runc", "default")
    assert (config["Privileged"], config["ReadonlyRootfs"], config["Init"]) == (True, True, False)
    assert (config["CapAdd"], config["CapDrop"], config["GroupAdd"]) == (["NET_ADMIN"], ["ALL"], ["video"])
    assert config["SecurityOpt"] == ["no-new-privileges:true"]
    assert config["Sysctls"] == {"net.core.somaxconn": "1"}
    assert [tuple(device.values()) for device in config["Devices"]] == [
        ("/dev/a", "/dev/a", "rwm"),
        ("/dev/b", "/dev/c", "rwm"),
        ("/dev/d", "/dev/e", "r"),
    ]


def test_limits_are_encoded_in_the_engines_units() -> None:
    service = Service(
        "web",
        shm_size_bytes=1,
        mem_limit_bytes=2,
        mem_reservation_bytes=3,
        memswap_limit_bytes=-1,
        cpus=1.5,
        cpu_shares=4,
        cpuset="0,1",
        pids_limit=5,
        oom_score_adj=0,
        oom_kill_disable=True,
        ulimits={"nofile": Ulimit(6, 7)},
    )
    config = host_config(service)
    assert (config["ShmSize"], config["Memory"], config["MemoryReservation"], config["MemorySwap"]) == (1, 2, 3, -1)
    assert (config["NanoCpus"], config["CpuShares"], config["CpusetCpus"]) == (1_500_000_000, 4, "0,1")
    assert (config["PidsLimit"], config["OomScoreAdj"], config["OomKillDisable"]) == (5, 0, True)
    assert config["Ulimits"] == [{"Name": "nofile", "Soft": 6, "Hard": 7}]


def test_names_and_restarts_are_encoded() -> None:
    service = Service("web", dns=("1.1.1.1",), dns_search=("a",), dns_opt=("b",), restart=Restart("on-failure", 3))
    config = host_config(service, extra_hosts=("db:10.0.0.2",))
    assert (config["Dns"], config["DnsSearch"], config["DnsOptions"]) == (["1.1.1.1"], ["a"], ["b"])
    assert config["ExtraHosts"] == ["db:10.0.0.2"]
    assert config["RestartPolicy"] == {"Name": "on-failure", "MaximumRetryCount": 3}
    assert host_config(Service("web", restart=Restart("always", 3)))["RestartPolicy"] == {"Name": "always"}


def test_ports_are_published_and_exposed() -> None:
    service = Service(
        "web",
        ports=(Port(80, "8080", host_ip="127.0.0.1"), Port(80), Port(53, "5000-5010", "udp")),
        expose=("90", "91-92/udp"),
    )
    body = encoded(service)
    assert set(body["ExposedPorts"]) == {"80/tcp", "53/udp", "90/tcp", "91/udp", "92/udp"}
    assert body["HostConfig"]["PortBindings"] == {
        "80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}, {"HostIp": "", "HostPort": ""}],
        "53/udp": [{"HostIp": "", "HostPort": "5000-5010"}],
    }


@pytest.mark.parametrize(
    ("logging", "config"),
    [
        (Logging("journald"), {"Type": "journald", "Config": {}}),
        (
            Logging("json-file", {"max-size": "1m"}),
            {"Type": "json-file", "Config": {"max-size": "1m", "max-file": "3"}},
        ),
        (
            Logging(None, {"tag": "x"}),
            {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "3", "tag": "x"}},
        ),
    ],
)
def test_a_log_file_is_always_bounded(logging: Logging, config: dict[str, Any]) -> None:
    assert host_config(Service("web", logging=logging))["LogConfig"] == config


def test_a_health_checks_times_are_nanoseconds() -> None:
    check = Healthcheck(("CMD", "true"), 1.5, 2, 3, 0.5, 0.25)
    times = {"Interval": 1_500_000_000, "Timeout": 2_000_000_000, "StartPeriod": 500_000_000}
    body = {"Test": ["CMD", "true"], "Retries": 3, **times}
    assert encoded(Service("web", healthcheck=check))["Healthcheck"] == body
    assert encoded(Service("web", healthcheck=check), NEW)["Healthcheck"] == {**body, "StartInterval": 250_000_000}


@pytest.mark.parametrize("check", [Healthcheck(disable=True), Healthcheck(("NONE",))])
def test_a_disabled_health_check_disables_the_images(check: Healthcheck) -> None:
    assert encoded(Service("web", healthcheck=check))["Healthcheck"] == {"Test": ["NONE"]}


@pytest.mark.parametrize(
    ("mount", "bind"),
    [
        (EngineMount("bind", "/in", "/out"), "/out:/in:rw"),
        (EngineMount("bind", "/in", "/out", read_only=True, selinux="z", propagation="rslave"), "/out:/in:ro,z,rslave"),
        (EngineMount("bind", "/in", "/out", create_host_path=False, selinux="Z"), "/out:/in:rw,Z"),
        (EngineMount("volume", "/in", "name", selinux="z", nocopy=True), "name:/in:rw,z,nocopy"),
    ],
)
def test_a_bind_that_creates_or_relabels_its_source_is_a_short_one(mount: EngineMount, bind: str) -> None:
    config = host_config(Service("web"), mounts=(mount,))
    assert config["Binds"] == [bind]
    assert "Mounts" not in config


@pytest.mark.parametrize(
    ("mount", "long"),
    [
        (
            EngineMount("bind", "/in", "/out", create_host_path=False, propagation="shared"),
            {"Type": "bind", "Source": "/out", "Target": "/in", "BindOptions": {"Propagation": "shared"}},
        ),
        (EngineMount("bind", "/in", "/a:b"), {"Type": "bind", "Source": "/a:b", "Target": "/in"}),
        (EngineMount("volume", "/in"), {"Type": "volume", "Target": "/in"}),
        (
            EngineMount("volume", "/in", "name", read_only=True, nocopy=True),
            {
                "Type": "volume",
                "Source": "name",
                "Target": "/in",
                "ReadOnly": True,
                "VolumeOptions": {"NoCopy": True},
            },
        ),
        (
            EngineMount("tmpfs", "/in", tmpfs_size_bytes=1024, tmpfs_mode=0o1777),
            {"Type": "tmpfs", "Target": "/in", "TmpfsOptions": {"SizeBytes": 1024, "Mode": 0o1777}},
        ),
    ],
)
def test_every_other_mount_is_a_long_one(mount: EngineMount, long: dict[str, Any]) -> None:
    config = host_config(Service("web"), mounts=(mount,))
    assert config["Mounts"] == [long]
    assert "Binds" not in config


def test_an_old_engine_gets_one_network_at_create_and_the_rest_after() -> None:
    endpoints = (Endpoint("a", ("web",), "10.0.0.2", mac_address="02:00:00:00:00:01"), Endpoint("b"))
    spec = ContainerSpec("a.web", Service("web"), "image", endpoints)
    old, new = encode_container(spec, OLD), encode_container(spec, NEW)
    first = {"Aliases": ["web"], "IPAMConfig": {"IPv4Address": "10.0.0.2"}}
    assert old["NetworkingConfig"] == {"EndpointsConfig": {"a": first}}
    assert old["MacAddress"] == "02:00:00:00:00:01"
    assert later_endpoints(spec, OLD) == endpoints[1:]
    assert new["NetworkingConfig"] == {"EndpointsConfig": {"a": {**first, "MacAddress": "02:00:00:00:00:01"}, "b": {}}}
    assert "MacAddress" not in new
    assert later_endpoints(spec, NEW) == ()


def test_the_first_network_is_the_containers_mode_unless_one_is_given() -> None:
    assert host_config(Service("web"), endpoints=(Endpoint("a"), Endpoint("b")))["NetworkMode"] == "a"
    assert host_config(Service("web"), network_mode="none")["NetworkMode"] == "none"


def test_everything_of_an_endpoint_is_encoded() -> None:
    endpoint = Endpoint("a", (), None, "fd00::2", None, ("169.254.1.1",), {"o": "1"})
    assert encode_endpoint(endpoint, NEW) == {
        "IPAMConfig": {"IPv6Address": "fd00::2", "LinkLocalIPs": ["169.254.1.1"]},
        "DriverOpts": {"o": "1"},
    }


def test_a_networks_own_addresses_win_over_chosen_ones() -> None:
    pool = IpamPool("10.1.0.0/16", gateway="10.1.0.1", aux_addresses={"printer": "10.1.0.9"})
    network = Network("n", driver_opts={"o": "1"}, ipam=(pool,), internal=True, attachable=True, enable_ipv6=False)
    body = encode_network(NetworkSpec("a.n", network, "10.9.0.0/24", "10.1.128.0/17", "10.9.0.1", {"l": "v"}))
    config = {
        "Subnet": "10.1.0.0/16",
        "IPRange": "10.1.128.0/17",
        "Gateway": "10.1.0.1",
        "AuxiliaryAddresses": {"printer": "10.1.0.9"},
    }
    assert body["IPAM"] == {"Config": [config]}
    assert (body["Name"], body["Driver"], body["CheckDuplicate"]) == ("a.n", "bridge", True)
    assert (body["Internal"], body["Attachable"], body["EnableIPv6"]) == (True, True, False)
    assert (body["Options"], body["Labels"]) == ({"o": "1"}, {"l": "v"})


def test_a_network_without_addresses_leaves_them_to_the_engine() -> None:
    assert "IPAM" not in encode_network(NetworkSpec("a.n", Network("n")))


def test_a_volume_is_encoded() -> None:
    volume = Volume("d", driver_opts={"type": "nfs"})
    assert encode_volume(VolumeSpec("a.d", volume, {"l": "v"})) == {
        "Name": "a.d",
        "Driver": "local",
        "DriverOpts": {"type": "nfs"},
        "Labels": {"l": "v"},
    }


def test_a_seccomp_profile_is_sent_with_its_content(tmp_path: Path) -> None:
    profile = tmp_path / "profile.json"
    profile.write_text('{"x": 1}')
    options = (f"seccomp={profile}", "seccomp:unconfined", "no-new-privileges")
    spec = ContainerSpec("a.web", Service("web", security_opt=options), "image")
    assert with_inline_profiles(spec).service.security_opt == ('seccomp={"x": 1}', *options[1:])


def test_a_seccomp_profile_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    spec = ContainerSpec("a.web", Service("web", security_opt=(f"seccomp={tmp_path}/none",)), "image")
    with pytest.raises(HostError, match=r"seccomp profile .*/none: No such file"):
        with_inline_profiles(spec)
