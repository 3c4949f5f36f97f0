import pytest

from boxship.spec.model import Condition, Service
from tests.unit.spec.conftest import Read, Refuse


def merged(read: Read, base: str, over: str) -> Service:
    files = {"compose.yaml": f"services: {{a: {{image: 'a:1', {base}}}}}", "over.yaml": f"services: {{a: {{{over}}}}}"}
    names = "services: {b: {image: 'b:1'}, c: {image: 'c:1'}}\nnetworks: {n: {}, m: {}}\nvolumes: {v: {}, w: {}}\n"
    loaded = read({**files, "names.yaml": names}, f=("compose.yaml", "over.yaml", "names.yaml"))
    service: Service = loaded.appliance.services["a"]
    return service


@pytest.mark.parametrize(
    ("key", "base", "over", "value"),
    [
        ("user", "user: me", "user: you", "you"),
        ("hostname", "hostname: h", "hostname: ", "h"),
        ("command", "command: [a, b]", "command: c d", ("c", "d")),
        ("command", "command: [a, b]", "command: ", None),
        ("entrypoint", "entrypoint: x", "entrypoint: []", ()),
        ("environment", "environment: {A: 1, B: 1}", "environment: [B=2, C=2]", {"A": "1", "B": "2", "C": "2"}),
        ("labels", "labels: [a=1, b=1]", "labels: {b: 2}", {"a": "1", "b": "2"}),
        ("sysctls", "sysctls: {x.y: 1}", "sysctls: ['x.y=2', 'z=1']", {"x.y": "2", "z": "1"}),
        ("dns", "dns: 1.1.1.1", "dns: [8.8.8.8, 1.1.1.1]", ("1.1.1.1", "8.8.8.8")),
        ("dns_search", "dns_search: a", "dns_search: b", ("a", "b")),
        ("cap_add", "cap_add: [A, B]", "cap_add: [B, C]", ("A", "B", "C")),
        ("expose", "expose: [80]", "expose: ['80', '81']", ("80", "81")),
        ("extra_hosts", "extra_hosts: ['a:1.1.1.1']", "extra_hosts: {b: 2.2.2.2}", ("a:1.1.1.1", "b:2.2.2.2")),
        ("security_opt", "security_opt: [a]", "security_opt: [b]", ("a", "b")),
        ("profiles", "profiles: [x]", "profiles: [y, x]", ("x", "y")),
        ("devices", "devices: ['/dev/a:/dev/x']", "devices: ['/dev/b:/dev/x:r']", ("/dev/b:/dev/x:r",)),
        ("group_add", "group_add: [1]", "group_add: ['1', mail]", ("1", "mail")),
    ],
)  # fmt: skip
def test_each_kind_of_key_merges_its_own_way(read: Read, key: str, base: str, over: str, value: object) -> None:
    assert getattr(merged(read, base, over), key) == value


def test_mounts_are_one_per_target_and_tmpfs_add_up(read: Read) -> None:
    service = merged(read, "volumes: ['v:/d', './x:/x'], tmpfs: /t", "volumes: ['w:/d/:ro'], tmpfs: [/u, /t]")
    assert [(m.kind, m.target, m.read_only) for m in service.mounts] == [
        ("volume", "/d", True), ("bind", "/x", False), ("tmpfs", "/t", False), ("tmpfs", "/u", False),
    ]  # fmt: skip
    assert service.mounts[0].source == "w"


def test_ports_are_one_per_address_and_protocol(read: Read) -> None:
    service = merged(
        read, "ports: ['80:80', 81]", "ports: [{target: 80, published: 80}, '80:80/udp', '127.0.0.1:80:80']"
    )
    assert len(service.ports) == 4


def test_dependencies_and_networks_merge_by_name_in_any_form(read: Read) -> None:
    over = (
        "depends_on: {b: {condition: service_healthy}, c: {condition: service_started}}, networks: {m: {aliases: [x]}}"
    )
    service = merged(read, "depends_on: [b], networks: [n]", over)
    assert {name: edge.condition for name, edge in service.depends_on.items()} == {
        "b": Condition.HEALTHY, "c": Condition.STARTED,
    }  # fmt: skip
    assert {key: end.aliases for key, end in service.networks.items()} == {"n": (), "m": ("x",)}


def test_a_short_dependency_says_started(read: Read) -> None:
    service = merged(read, "depends_on: {b: {condition: service_healthy}}", "depends_on: [b]")
    assert service.depends_on["b"].condition is Condition.STARTED


def test_a_health_check_keeps_its_times_and_loses_its_test(read: Read) -> None:
    check = merged(
        read, "healthcheck: {test: [CMD, a, a], retries: 2}", "healthcheck: {test: x y, timeout: 3s}"
    ).healthcheck
    assert check is not None
    assert (check.test, check.retries, check.timeout_s) == (("CMD-SHELL", "x y"), 2, 3.0)


def test_logging_options_belong_to_their_driver(read: Read) -> None:
    base = "logging: {driver: json-file, options: {max-size: 1m}}"
    same = merged(read, base, "logging: {options: {max-file: 2}}").logging
    other = merged(read, base, "logging: {driver: syslog, options: {tag: t}}").logging
    assert (same.driver, same.options) == ("json-file", {"max-size": "1m", "max-file": "2"})
    assert (other.driver, other.options) == ("syslog", {"tag": "t"})


def test_short_and_long_builds_and_limits_merge(read: Read) -> None:
    service = merged(
        read, "build: ./ctx, ulimits: {nofile: 10}", "build: {args: [A=1]}, ulimits: {nofile: {soft: 1, hard: 2}}"
    )
    assert service.build is not None
    assert (service.build.context.name, service.build.args) == ("ctx", {"A": "1"})
    assert (service.ulimits["nofile"].soft, service.ulimits["nofile"].hard) == (1, 2)


def test_an_empty_variable_in_the_override_asks_the_shell(read: Read) -> None:
    service = merged(read, "environment: {A: 1, B: 1}", "environment: {A: }")
    assert (service.environment, service.unset_environment) == ({"B": "1"}, ("A",))


def test_reset_removes_and_override_replaces(read: Read) -> None:
    base = "ports: ['80:80'], command: [x], environment: {A: 1, B: 1}, dns: [1.1.1.1], labels: {k: v}"
    over = (
        "ports: !reset [], command: !reset null, environment: {A: !reset null}, "
        "dns: !override [9.9.9.9], labels: !override {l: w}"
    )
    service = merged(read, base, over)
    assert (service.ports, service.command, service.environment) == ((), None, {"B": "1"})
    assert (service.dns, service.labels) == (("9.9.9.9",), {"l": "w"})


def test_a_service_can_be_reset(read: Read) -> None:
    files = {
        "compose.yaml": "services: {a: {image: 'a:1'}, b: {image: 'b:1'}}",
        "over.yaml": "services: {b: !reset null}",
    }
    assert list(read(files, f=("compose.yaml", "over.yaml")).appliance.services) == ["a"]


def test_reset_and_uniqueness_hold_within_one_file(read: Read) -> None:
    text = "services: {a: {image: 'a:1', dns: [1.1.1.1, 1.1.1.1], ports: !reset ['1:1'], command: [x, x]}}"
    service = read(text).appliance.services["a"]
    assert (service.dns, service.ports, service.command) == (("1.1.1.1",), (), ("x", "x"))


def test_documents_of_one_file_merge_like_files(read: Read) -> None:
    text = "services: {a: {image: 'a:1', labels: {x: '1'}}}\n---\nservices: {a: {image: 'a:2', labels: {y: '2'}}}\n"
    service = read(text).appliance.services["a"]
    assert (service.image, service.labels) == ("a:2", {"x": "1", "y": "2"})


def test_a_wrong_form_in_the_override_is_refused_in_that_file(refuse: Refuse) -> None:
    files = {
        "compose.yaml": "services: {a: {image: 'a:1', logging: {driver: x}}}",
        "over.yaml": "services:\n  a:\n    logging: [x]\n",
    }
    (problem,) = refuse(files, f=("compose.yaml", "over.yaml"))
    assert (str(problem.where), problem.reason) == ("over.yaml:3:14", "must be a mapping, not a list")


def test_relative_paths_of_all_files_begin_at_the_first_file(read: Read) -> None:
    files = {
        "app/compose.yaml": "services: {a: {image: 'a:1', volumes: ['./x:/x']}}",
        "app/sub/over.yaml": "services: {a: {volumes: ['./y:/y'], build: ./b}}",
    }
    appliance = read(files, f=("app/compose.yaml", "app/sub/over.yaml")).appliance
    service = appliance.services["a"]
    assert [mount.source for mount in service.mounts] == [f"{appliance.directory}/x", f"{appliance.directory}/y"]
    assert service.build is not None
    assert service.build.context == appliance.directory / "b"
