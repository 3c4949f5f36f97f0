"""What makes a container another one, and how a plan says what changed."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from boxship import names
from boxship.plan.action import ContainerSpec
from boxship.plan.containers import Wiring, container_spec
from boxship.plan.digest import (
    changed_parts,
    container_parts,
    digest_of_parts,
    format_parts,
    network_digest,
    volume_digest,
)
from boxship.plan.resolve import Replica, resolve
from boxship.spec.model import (
    Attachment,
    Build,
    Condition,
    Dependency,
    Healthcheck,
    IpamPool,
    Logging,
    Mount,
    Network,
    Port,
    Restart,
    Service,
    Ulimit,
    Volume,
)
from boxship.spec.model_deploy import Deploy, DeviceRequest, Resources, RestartPolicy
from boxship.spec.model_files import Grant
from boxship.spec.model_hooks import Develop, LifecycleHook, WatchRule
from boxship.spec.model_limits import BlockIo
from boxship.spec.model_outside import CredentialSpec, ModelUse, Provider
from boxship.spec.model_switch import OnSwitch
from boxship.where import Where
from tests.unit.plan.given import appliance, service

WIRING = Wiring("app", {"default": "app.default"}, {"data": "app.data"}, {"default": {"web": "10.0.0.2"}})


def spec_of(web: Service, wiring: Wiring = WIRING) -> ContainerSpec:
    others = [service(name) for name in ("db",)]
    return container_spec(Replica(web), resolve(appliance(web, *others)), wiring)


def change(before: Service, after: Service) -> tuple[str, ...]:
    """The parts that a plan would name; () only when the digests are equal as well."""
    old, new = (spec_of(each).labels for each in (before, after))
    changed = changed_parts(old[names.LABEL_PARTS], new[names.LABEL_PARTS])
    assert bool(changed) is (old[names.LABEL_DIGEST] != new[names.LABEL_DIGEST])
    return changed


def changed_in(field: str, value: object) -> Service:
    return replace(service("web"), **{field: value})


# Every field of a service that makes its container another one, with a value that isn't the default.
CHANGES: dict[str, object] = {
    "command": ("serve",),
    "entrypoint": ("tini",),
    "environment": {"A": "1"},
    "ports": (Port(80, "8080"),),
    "expose": ("80",),
    "mounts": (Mount("volume", "/data", "data"),),
    "network_mode": "host",
    "ipc": "host",
    "pid": "host",
    "uts": "host",
    "userns_mode": "host",
    "cgroup": "host",
    "cgroup_parent": "apps",
    "healthcheck": Healthcheck(("CMD", "ask")),
    "restart": Restart("always"),
    "user": "nobody",
    "group_add": ("disk",),
    "working_dir": "/app",
    "hostname": "web",
    "domainname": "example",
    "labels": {"a": "b"},
    "init": True,
    "read_only": True,
    "privileged": True,
    "tty": True,
    "stdin_open": True,
    "cap_add": ("NET_ADMIN",),
    "cap_drop": ("ALL",),
    "security_opt": ("no-new-privileges",),
    "sysctls": {"net.core.somaxconn": "1024"},
    "ulimits": {"nofile": Ulimit(1, 2)},
    "devices": ("/dev/kvm",),
    "dns": ("10.0.0.1",),
    "dns_search": ("example",),
    "dns_opt": ("ndots:1",),
    "extra_hosts": ("db:10.0.0.9",),
    "stop_signal": "SIGQUIT",
    "stop_grace_period_s": 0.0,
    "shm_size_bytes": 1,
    "mem_limit_bytes": 1,
    "mem_reservation_bytes": 1,
    "memswap_limit_bytes": -1,
    "cpus": 0.5,
    "cpu_shares": 1,
    "cpuset": "0",
    "pids_limit": 10,
    "oom_score_adj": 0,
    "oom_kill_disable": True,
    "platform": "linux/arm64",
    "runtime": "runc",
    "isolation": "default",
    "logging": Logging("json-file"),
    "post_start": (LifecycleHook(("warm-up",)),),
    "annotations": {"a": "b"},
    "device_cgroup_rules": ("c 1:3 mr",),
    "gpus": (DeviceRequest(("gpu",), count=1),),
    "mac_address": "02:42:ac:11:65:43",
    "external_links": ("old:db",),
    "volumes_from": ("container:old",),
    "cpu_period_us": 100_000,
    "cpu_quota_us": 50_000,
    "cpu_rt_period_us": 10_000,
    "cpu_rt_runtime_us": 9_000,
    "mem_swappiness": 0,
    "blkio_config": BlockIo(weight=10),
    "storage_opt": {"size": "1G"},
    # It isn't the container's configuration, but what its label remembers until its stop.
    "pre_stop": (LifecycleHook(("flush",)),),
}
# And those that don't: names, what other containers are like, and what only reading the files needs.
NO_CHANGES: dict[str, object] = {
    "image": "img:2",
    "build": Build(Path("/src")),
    "container_name": "else",
    "depends_on": {"db": Dependency(Condition.STARTED)},
    "profiles": ("dev",),
    "pull_policy": "always",
    "unset_environment": ("B",),
    "links": ("db",),
    "scale": 3,
    "pre_start": (LifecycleHook(("prepare",)),),
    "attach": False,
    "develop": Develop((WatchRule("/src", "sync"),)),
    "credential_spec": CredentialSpec(file="x"),
    "provider": Provider("cloud"),
    "models": {"m": ModelUse()},
    "cpu_count": 2,
    "cpu_percent": 50,
    "pull_refresh_after": "1d",
    # Of these only what they come to counts: limits, mounts, and files with fingerprints (see below).
    "deploy": Deploy(labels={"a": "b"}),
    "secrets": (Grant("undeclared"),),
    "configs": (Grant("undeclared"),),
    "where": {"": Where("compose.yaml", 3)},
}


@pytest.mark.parametrize("field", CHANGES)
def test_a_change_of_the_container_changes_the_digest_and_is_named(field: str) -> None:
    changed = change(service("web"), changed_in(field, CHANGES[field]))
    # What follows from a field is named as well.
    expected = {
        "network_mode": ("endpoints", "network_mode"),
        "mac_address": ("endpoints", "mac_address"),
    }.get(field, (field,))
    assert changed == expected


@pytest.mark.parametrize("field", NO_CHANGES)
def test_what_does_not_change_the_container_changes_no_digest(field: str) -> None:
    assert change(service("web"), changed_in(field, NO_CHANGES[field])) == ()


def test_every_field_of_a_service_is_known_to_change_the_container_or_not_to() -> None:
    known = {*CHANGES, *NO_CHANGES, "name", "networks", "use_api_socket"}
    assert set(Service.__struct_fields__) == known


def test_limits_and_restarts_count_alike_wherever_they_are_written() -> None:
    limits = Resources(memory_bytes=1, cpus=0.5, pids=10)
    requests = (DeviceRequest(("gpu",), count=1),)
    deploy = Deploy(
        limits=limits,
        reservations=Resources(memory_bytes=2, devices=requests),
        restart_policy=RestartPolicy("on-failure", max_attempts=3),
    )
    own = service(
        "web", mem_limit_bytes=1, cpus=0.5, pids_limit=10, mem_reservation_bytes=2, gpus=requests,
        restart=Restart("on-failure", 3),
    )  # fmt: skip
    assert change(own, service("web", deploy=deploy)) == ()
    assert change(service("web"), service("web", deploy=deploy)) == (
        "cpus", "gpus", "mem_limit_bytes", "mem_reservation_bytes", "pids_limit", "restart",
    )  # fmt: skip


def test_the_engines_socket_is_a_mount() -> None:
    assert change(service("web"), service("web", use_api_socket=True)) == ("mounts",)


def test_what_is_not_set_does_not_count() -> None:
    parts = container_parts(spec_of(service("web")), {})
    assert set(parts) == {"endpoints"}
    empty = service("web", environment={}, ports=(), healthcheck=None, hostname="", privileged=False, mounts=())
    assert change(service("web"), empty) == ()


def test_a_zero_is_set() -> None:
    assert change(service("web"), service("web", oom_score_adj=0)) == ("oom_score_adj",)


def test_a_change_deep_inside_is_seen() -> None:
    before = service("web", healthcheck=Healthcheck(("CMD", "ask"), interval_s=5))
    after = service("web", healthcheck=Healthcheck(("CMD", "ask"), interval_s=6))
    assert change(before, after) == ("healthcheck",)


def test_several_changes_are_all_named_sorted() -> None:
    before = service("web", user="a", command=("x",), read_only=True)
    after = service("web", user="b", command=("y",), environment={"A": "1"})
    assert change(before, after) == ("command", "environment", "read_only", "user")


def test_the_order_of_a_mapping_does_not_count_that_of_a_list_does() -> None:
    assert (
        change(service("web", environment={"A": "1", "B": "2"}), service("web", environment={"B": "2", "A": "1"})) == ()
    )
    assert change(service("web", dns=("1.1.1.1", "9.9.9.9")), service("web", dns=("9.9.9.9", "1.1.1.1"))) == ("dns",)


def test_how_a_limit_was_written_does_not_count() -> None:
    one, two = Ulimit(5, 5, is_single=True), Ulimit(5, 5)
    assert change(service("web", ulimits={"nofile": one}), service("web", ulimits={"nofile": two})) == ()


def test_another_address_alias_or_network_changes_the_endpoints() -> None:
    before = service("web")
    moved = spec_of(before, replace(WIRING, addresses={"default": {"web": "10.0.0.3"}}))
    parts = (spec_of(before).labels[names.LABEL_PARTS], moved.labels[names.LABEL_PARTS])
    assert changed_parts(*parts) == ("endpoints",)
    assert change(before, service("web", networks={"default": Attachment(aliases=("www",))})) == ("endpoints",)


def test_boxships_own_labels_are_no_part_of_the_digest() -> None:
    spec = spec_of(service("web", labels={"a": "b"}))
    assert (
        container_parts(spec, {"a": "b"})["labels"] == container_parts(replace(spec, labels={}), {"a": "b"})["labels"]
    )


def test_text_that_is_no_unicode_can_be_digested() -> None:
    # A file name or variable of the shell may hold any byte; Python keeps those as lone surrogates.
    assert change(service("web"), service("web", environment={"A": "\udcff"})) == ("environment",)


def test_a_part_that_a_label_from_another_version_lacks_counts_as_changed() -> None:
    parts = {"command": "1", "user": "2"}
    assert changed_parts(format_parts(parts), format_parts({"command": "1"})) == ("user",)
    assert changed_parts("", format_parts(parts)) == ("command", "user")
    assert changed_parts("", "") == ()
    assert changed_parts("garbage,,=x", "garbage,,=x") == ()


def test_a_digest_is_the_same_today_and_tomorrow() -> None:
    # It stands in labels of containers that run: another value here recreates every container of every user.
    assert digest_of_parts({"command": "0123abcd"}) == "b4ff94cb48ff354a7c8006af10a83dca"
    assert format_parts({"user": "2", "command": "1"}) == "command=1,user=2"


@pytest.mark.parametrize(
    "change",
    [
        {"driver": "macvlan"},
        {"driver_opts": {"mtu": "9000"}},
        {"internal": True},
        {"enable_ipv6": True},
        {"enable_ipv4": False},
        {"ipam_options": {"a": "b"}},
        {"attachable": True},
        {"ipam": (IpamPool("10.0.0.0/24"),)},
        {"ipam_driver": "dhcp"},
        {"labels": {"a": "b"}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_another_network_has_another_digest(change: dict[str, object]) -> None:
    assert network_digest(replace(Network("a"), **change)) != network_digest(Network("a"))


def test_a_networks_or_volumes_name_is_no_part_of_its_digest() -> None:
    assert network_digest(Network("a", name="x", where=Where("f"))) == network_digest(Network("b"))
    assert volume_digest(Volume("a", name="x", on_switch=OnSwitch.FRESH)) == volume_digest(Volume("b"))
    assert volume_digest(Volume("a", driver="nfs")) != volume_digest(Volume("a"))
