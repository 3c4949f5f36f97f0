"""Every key of crane's is obeyed, or told by name with what to do."""

import pytest

from boxship.spec.crane.keys import RUN
from tests.unit.spec.crane.conftest import Read, Refuse

VALUES = {
    "add-host": '["h:1.2.3.4"]', "blkio-weight": "300", "blkio-weight-device": '["/dev/sda:300"]',
    "cap-add": "[NET_ADMIN]", "cap-drop": "[ALL]", "cgroup-parent": "x.slice", "cidfile": "/tmp/x", "cmd": "serve",
    "cpu-period": "50000", "cpu-quota": "25000", "cpu-shares": "512", "cpuset": "0", "detach": "true",
    "detach-keys": "ctrl-x", "device": '["/dev/null:/dev/zero"]', "device-read-bps": '["/dev/sda:1mb"]',
    "device-read-iops": '["/dev/sda:10"]',
    "device-write-bps": '["/dev/sda:1mb"]', "device-write-iops": '["/dev/sda:10"]',
    "dns": "[1.1.1.1]", "dns-opt": '["ndots:1"]', "dns-search": "[x.org]", "entrypoint": "/bin/x", "env": "[A=1]",
    "env-file": "[x.env]", "expose": "[80]", "group-add": "[audio]", "health-cmd": "ping", "health-interval": "5s",
    "health-retries": "3", "health-timeout": "5s", "hostname": "h", "init": "true", "interactive": "true",
    "ip": "10.1.1.5", "ip6": "'fd00::5'", "ipc": "host", "isolation": "default", "kernel-memory": "1g",
    "label": "[a=b]", "label-file": "[x.labels]", "link": '["db:d"]',
    "log-driver": "json-file", "log-opt": "[max-size=1m]",
    "lxc-conf": "[a=b]", "mac-address": "'02:42:ac:11:00:05'", "memory": "1g", "memory-reservation": "1g",
    "memory-swap": "2g", "memory-swappiness": "10", "net": "office", "net-alias": "[w]", "networks": "[office]",
    "no-healthcheck": "true", "oom-kill-disable": "true", "oom-score-adj": "5", "pid": "host", "privileged": "true",
    "publish": '["80:80"]', "publish-all": "true", "read-only": "true", "requires": "[db]", "restart": "always",
    "rm": "true", "runtime": "runc", "security-opt": "[no-new-privileges]", "share-ssh-socket": "true",
    "shm-size": "64m", "sig-proxy": "true", "stop-signal": "SIGINT", "stop-timeout": "5", "sysctl": "{a.b: 1}",
    "tmpfs": "[/t]", "tty": "true", "ulimit": '["nofile=1:2"]', "user": "me", "userns": "host", "uts": "host",
    "volume": '["./x:/x"]', "volume-driver": "nfs", "volumes-from": "[db]", "workdir": "/w",
}  # fmt: skip
ONLY_OF_CRANES_VERBS = {"detach"}
"""Boxship always detaches."""


def test_the_table_above_is_complete() -> None:
    assert set(VALUES) == set(RUN)


@pytest.mark.parametrize("schema", ["v1", "v3"])
@pytest.mark.parametrize("key", sorted(set(VALUES) - ONLY_OF_CRANES_VERBS))
def test_every_key_changes_the_service_or_is_told(read: Read, key: str, schema: str) -> None:
    if schema == "v1" and key != "requires":
        text = "containers: {db: {image: img:1}, web: {image: img:1, run: {" + f"{key}: {VALUES[key]}" + "}}}"
    else:
        text = "services: {db: {image: img:1}, web: {" + f"image: img:1, {key}: {VALUES[key]}" + "}}\ngroups: {}"
    bare = text.replace(f", {key}: {VALUES[key]}", "").replace(f"{key}: {VALUES[key]}", "")
    more = "\nnetworks: {office: }"
    files = {"x.env": "A=1\n", "x.labels": "a=b\n"}
    given = read({"crane.yml": text + more, **files})
    without = read({"crane.yml": bare + more, **files})
    changed = given.appliance.services["web"] != without.appliance.services["web"]
    told = [warning for warning in given.warnings if f"'{key}' is left out" in warning.reason]
    assert changed or told, text
    assert all(warning.hint for warning in told)


def test_a_key_that_many_give_is_told_once(read: Read) -> None:
    loaded = read("services: {a: {image: img:1, rm: true}, b: {image: img:1, rm: true}, c: {image: img:1, rm: false}}")
    (told,) = [warning for warning in loaded.warnings if "'rm'" in warning.reason]
    assert told.reason == "'rm' is left out here and in 1 other place"


def test_namespaces_are_shared_with_a_container_of_the_file(read: Read) -> None:
    web = read(
        "services: {db: {image: img:1}, "
        "web: {image: img:1, net: 'container:db', ipc: 'container:db', pid: 'service:db'}}"
    ).appliance.services["web"]
    assert (web.network_mode, web.ipc, web.pid) == ("service:db", "service:db", "service:db")
    assert list(web.depends_on) == ["db"]


def test_a_namespace_of_a_container_elsewhere_stays_as_it_is(read: Read) -> None:
    loaded = read("services: {web: {image: img:1, net: 'container:vpn'}}")
    assert loaded.appliance.services["web"].network_mode == "container:vpn"
    assert any("'vpn' is not in this file" in warning.reason for warning in loaded.warnings)


def test_crane_ignored_keys_of_compose_are_obeyed(read: Read) -> None:
    web = read(
        "services: {web: {image: img:1, cmd: x, container_name: www, domainname: d, cpus: 0.5, profiles: [p]}}"
    ).appliance.services["web"]
    assert (web.container_name, web.domainname, web.cpus, web.profiles) == ("www", "d", 0.5, ("p",))


def test_of_two_names_for_one_thing_cranes_counts(read: Read) -> None:
    loaded = read("services: {web: {image: img:1, cmd: crane, command: compose}}")
    assert loaded.appliance.services["web"].command == ("crane",)
    assert any("'command' says the same as 'cmd'" in warning.reason for warning in loaded.warnings)


@pytest.mark.parametrize(
    ("name", "text", "is_it"),
    [
        ("crane.yml", "services: {web: {image: a:1}}", True),
        ("shop.crane.json", '{"services": {"web": {"image": "a:1"}}}', True),
        ("x.yml", "containers: {web: {image: a:1}}", True),
        ("x.json", '{"containers":{"web":{"image":"registry.example.com/a:1"}}}', True),
        ("x.yml", "services: {web: {image: a:1, cmd: x}}", True),
        ("x.yml", "services: {web: {image: a:1}}\ngroups: {}", True),
        ("x.yml", "services: {web: {image: a:1, command: groups}}", False),
        ("compose.yaml", "services: {web: {image: a:1}}\nx-env: {a: 1}", False),
    ],
)
def test_content_and_name_tell_which_files_are_cranes(read: Read, name: str, text: str, is_it: bool) -> None:
    assert (read({name: text}, f=(name,)).crane is not None) is is_it


def test_a_compose_file_or_an_appliance_file_comes_before_a_crane_file(read: Read) -> None:
    files = {"crane.yml": "containers: {old: {image: a:1}}", "compose.yaml": "services: {new: {image: 'a:1'}}"}
    assert list(read(files).appliance.services) == ["new"]
    named = read({**files, "appliance.yaml": "app: crane.yml\nboot: {wait_for: started}\ntargets: {main: [old]}\n"
                  "boot: {target: main}"}, lax=True)  # fmt: skip
    assert list(named.appliance.services) == ["old"]
    assert list(named.appliance.targets) == ["main"]


def test_an_empty_file_of_cranes_name_is_told(refuse: Refuse) -> None:
    (problem,) = refuse("# nothing yet\n")
    assert problem.reason == "the file says nothing"
