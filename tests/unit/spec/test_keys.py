"""The rarer keys of the Compose Specification: every form, every override, and what is told about them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from boxship.spec.compose_keys import COMPOSE
from boxship.spec.deploy import with_limits
from boxship.spec.model import Restart, Service
from boxship.spec.model_files import Hidden
from boxship.spec.render import to_compose, to_json
from boxship.spec.shape import Shape
from tests.unit.spec.conftest import Read, Refuse
from tests.unit.spec.key_forms import FORMS, OVERRIDES

TOP = """
secrets:
  s: {file: s.txt}
  e: {environment: E_VALUE}
configs:
  c: {file: c.txt}
  d: {content: "x=$${A}"}
volumes: {data: {}}
models: {llm: {model: ai/small, context_size: 5, runtime_flags: [--fast]}}
"""


def files(lines: str, over: str = "") -> dict[str, str]:
    def body(text: str) -> str:
        return "".join(f"    {line}\n" for line in text.splitlines())

    made = {
        "compose.yaml": f"services:\n  a:\n    image: a:1\n{body(lines)}{TOP}",
        "s.txt": "secret",
        "c.txt": "config",
        "one.labels": "A=file\nB=${UNKNOWN}\nexport C='x y'\n",
        "two.labels": "A=later\n",
    }
    return made | ({"over.yaml": f"services:\n  a:\n{body(over)}"} if over else {})


def shown(read: Read, lines: str, over: str = "") -> dict[str, Any]:
    """The service as ``show --format compose`` prints it, without what all of them have."""
    named = ("compose.yaml", "over.yaml") if over else ("compose.yaml",)
    loaded = read(files(lines, over), f=named, env={"E_VALUE": "hunter2", "HOME": "/home/me"})
    document: Any = to_compose(loaded)
    directory = str(loaded.appliance.directory)
    service: dict[str, Any] = json.loads(json.dumps(document["services"]["a"]).replace(directory, "/D"))
    return {key: value for key, value in service.items() if key not in {"image", "networks"}}


@pytest.mark.parametrize(("lines", "expected"), FORMS, ids=[lines[:40] for lines, _ in FORMS])
def test_a_key_is_shown_as_docker_compose_shows_it(read: Read, lines: str, expected: dict[str, Any]) -> None:
    assert shown(read, lines) == expected


@pytest.mark.parametrize(("lines", "over", "expected"), OVERRIDES, ids=[over[:40] for _, over, _ in OVERRIDES])
def test_a_later_file_overrides_each_key_in_its_own_way(
    read: Read, lines: str, over: str, expected: dict[str, Any]
) -> None:
    assert shown(read, lines, over) == expected


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ("secrets: [nope]", "unknown secret 'nope'"),
        ("configs: [nope]", "unknown config 'nope'"),
        ("models: [nope]", "unknown model 'nope'"),
        ("build: {context: ., secrets: [nope]}", "unknown secret 'nope'"),
        ("build: {context: ., additional_contexts: {x: 'service:nope'}}", "unknown service 'nope'"),
        ("volumes_from: [nope]", "unknown service 'nope'"),
        ("volumes_from: [a]", "services wait for each other: a -> a"),
        ("secrets: [{source: s, mode: rw}]", "'rw' is no octal mode"),
        ("secrets: [{source: s, mode: 999999}]", "'999999' is no octal mode"),
        ("secrets: [{target: x}]", "the key 'source' is missing"),
        ("scale: 2\ndeploy: {replicas: 3}", "scale says 2, and deploy.replicas says 3"),
        ("scale: -1", "-1 is fewer than none"),
        ("scale: 2\ncontainer_name: fixed", "'fixed' can be the name of one container, and there are to be 2"),
        ("mem_limit: 1m\ndeploy: {resources: {limits: {memory: 2m}}}", "differs from deploy.resources.limits.memory"),
        ("cpus: 1\ndeploy: {resources: {limits: {cpus: 2}}}", "differs from deploy.resources.limits.cpus"),
        ("deploy: {restart_policy: {condition: anny}}", "'anny' is none of none, any and on-failure"),
        ("deploy: {resources: {reservations: {devices: [{driver: x}]}}}", "the key 'capabilities' is missing"),
        ("gpus: some", "'some' is none of all"),
        ("gpus: [{count: many}]", "'many' is no number of devices"),
        ("gpus: [{count: 1, device_ids: [a]}]", "count and device_ids exclude each other"),
        ("cpu_quota: soon", "'soon' is not a duration"),
        ("mem_swappiness: 101", "101 is not between -1 and 100"),
        ("cpu_percent: 200", "200 is not between 0 and 100"),
        ("post_start: [{user: x}]", "the key 'command' is missing"),
        ("post_start: [{command: ''}]", "the command is empty"),
        ('post_start: [{command: "a \'b"}]', "the command holds a ' that is never closed"),
        ("provider: {options: {}}", "the key 'type' is missing"),
        ("label_file: none.labels", "'none.labels' does not exist"),
        ("volumes: [{type: image, target: /x}]", "the image mount has no source"),
        ("platform: linux/arm64\nbuild: {context: ., platforms: [linux/amd64]}", "platform linux/arm64 is none of"),
        ("develop: {watch: [{path: x}]}", "the key 'action' is missing"),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(refuse: Refuse, lines: str, reason: str) -> None:
    problems = refuse(files(lines))
    assert reason in " ".join(problem.reason for problem in problems)
    assert all(problem.where.line > 0 for problem in problems)


@pytest.mark.parametrize(
    ("top", "reason"),
    [
        ("secrets: {x: {}}", "nothing says where the secret comes from"),
        ("configs: {x: {file: a, content: b}}", "file and content exclude each other"),
        ("secrets: {x: {file: a, environment: B}}", "file and environment exclude each other"),
        ("secrets: {x: }", "is empty"),
        ("secrets: {x: {file: a, content: a}}", "unknown key 'content'"),
        ("configs: {x: {file: a, driver: a}}", "unknown key 'driver'"),
        ("models: {x: {name: a}}", "the key 'model' is missing"),
    ],
)
def test_a_secret_config_or_model_that_is_nothing_is_refused(refuse: Refuse, top: str, reason: str) -> None:
    (problem,) = refuse(f"services: {{a: {{image: 'a:1'}}}}\n{top}\n")
    assert reason in problem.reason


def reasons(read: Read, lines: str, **env: str) -> list[str]:
    loaded = read(files(lines), env=env)
    return [problem.reason for problem in loaded.warnings if problem.where.file == "compose.yaml"]


@pytest.mark.parametrize(
    ("lines", "key"),
    [
        ("deploy: {placement: {constraints: [a]}}", "placement"),
        ("deploy: {update_config: {parallelism: 1}}", "update_config"),
        ("deploy: {rollback_config: {parallelism: 1}}", "rollback_config"),
        ("deploy: {endpoint_mode: vip}", "endpoint_mode"),
        ("deploy: {mode: global}", "mode"),
        ("deploy: {labels: {a: b}}", "labels"),
        ("deploy: {resources: {reservations: {cpus: 1}}}", "cpus"),
        ("deploy: {restart_policy: {delay: 5s}}", "delay"),
        ("deploy: {restart_policy: {window: 5s}}", "window"),
        ("credential_spec: {file: x}", "credential_spec"),
        ("cpu_count: 2", "cpu_count"),
        ("cpu_percent: 5", "cpu_percent"),
        ("provider: {type: x}", "provider"),
        ("pre_start: [{command: [a]}]", "pre_start"),
        ("pull_policy: weekly", "pull_policy"),
        ("pull_refresh_after: 1d", "pull_refresh_after"),
        ("build: {context: ., platforms: [linux/amd64]}", "platforms"),
        ("build: {context: ., privileged: true}", "privileged"),
        ("build: {context: ., sbom: true}", "sbom"),
        ("secrets: [{source: s, uid: '5'}]", "uid"),
        ("volumes: [{type: volume, source: data, target: /a, volume: {labels: {k: v}}}]", "labels"),
    ],
)
def test_a_key_without_effect_is_told_by_name_with_the_reason(read: Read, lines: str, key: str) -> None:
    told = [reason for reason in reasons(read, lines) if "cannot be honoured" in reason and "models" not in reason]
    assert len(told) == 1
    assert key in told[0].partition("cannot be honoured")[0]
    assert " because " in told[0]


@pytest.mark.parametrize(
    "lines",
    [
        "deploy: {mode: replicated, endpoint_mode: dnsrr, restart_policy: {condition: any, delay: 0s}}",
        "deploy: {resources: {limits: {cpus: 1, memory: 1m, pids: 5}, reservations: {memory: 1m}}}",
        "pull_policy: always",
        "build: {context: ., privileged: false, provenance: false}",
        "build: {context: ., cache_to: [a], ssh: [default], additional_contexts: {a: ./a}, entitlements: [x]}",
        "deploy: !reset {placement: {constraints: [a]}}",
        "gpus: all\nannotations: {a: b}\npost_start: [{command: [a]}]",
    ],
)
def test_what_is_obeyed_or_says_what_happens_anyway_is_not_told(read: Read, lines: str) -> None:
    assert not [reason for reason in reasons(read, lines) if "cannot be honoured" in reason and "models" not in reason]


def test_a_warning_about_a_key_without_effect_can_be_silenced(read: Read) -> None:
    lines = "deploy: {mode: global}\nx-boxship: {allow: [unhonoured-key]}"
    assert not [reason for reason in reasons(read, lines) if "'mode'" in reason]


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ("configs: [d]\nread_only: true", "'d' is copied into the container, and read_only refuses that"),
        ("configs: [{source: d, target: /tmp/d}]\ntmpfs: /tmp", "the tmpfs at /tmp hides it"),
        ("use_api_socket: true", "the engine's socket gives this service the whole machine"),
    ],
)
def test_what_will_go_wrong_later_is_told_now(read: Read, lines: str, reason: str) -> None:
    assert reason in " ".join(reasons(read, lines))


def test_an_external_secret_and_a_missing_file_are_told_when_reading(read: Read) -> None:
    text = "services: {a: {image: 'a:1', secrets: [x, y]}}\nsecrets: {x: {external: true}, y: {file: gone}}\n"
    told = " ".join(problem.reason for problem in read(text).warnings)
    assert "the secret 'x' is external, and this engine keeps none" in told
    assert "gone' does not exist" in told


def test_old_external_names_of_secrets_are_understood_and_only_used_ones_are_shown(read: Read) -> None:
    text = (
        "services: {a: {image: 'a:1', secrets: [x], configs: [d]}}\n"
        "secrets: {x: {external: {name: real}}, unused: {environment: U}}\n"
        "configs: {d: {content: hello, labels: [k=v]}}\n"
    )
    document: Any = to_compose(read(text))
    assert document["secrets"] == {"x": {"name": "real", "external": True}}
    assert document["configs"] == {"d": {"name": "shop_d", "content": "hello", "labels": {"k": "v"}}}


def test_the_value_of_a_variable_is_known_and_never_shown(read: Read) -> None:
    loaded = read(files("secrets: [e]"), env={"E_VALUE": "hunter2"})
    secret = loaded.appliance.secrets["e"]
    assert secret.value == Hidden("hunter2")
    assert secret.value is not None
    assert secret.value.reveal() == "hunter2"
    assert hash(secret.value) == hash(Hidden("hunter2"))
    for text in (repr(loaded), repr(to_compose(loaded)), repr(to_json(loaded.appliance)), str(secret.value)):
        assert "hunter2" not in text
    assert read(files("secrets: [e]")).appliance.secrets["e"].value is None


def test_relative_files_begin_where_they_are_written(read: Read) -> None:
    loaded = read(files("secrets: [s]"))
    assert loaded.appliance.secrets["s"].file == str(Path(loaded.appliance.directory, "s.txt"))


def test_every_end_of_a_network_may_have_a_weight_and_a_name(service: Any) -> None:
    found: Service = service("networks: {back: {gw_priority: 5, interface_name: eth9}}")
    assert (found.networks["back"].gw_priority, found.networks["back"].interface_name) == (5, "eth9")


def test_a_network_may_do_without_ipv4_and_has_options_for_its_addresses(read: Read) -> None:
    text = (
        "services: {a: {image: 'a:1', networks: [n]}}\nnetworks: {n: {enable_ipv4: false, ipam: {options: {a: b}}}}\n"
    )
    loaded = read(text)
    network = loaded.appliance.networks["n"]
    assert (network.enable_ipv4, network.ipam_options) == (False, {"a": "b"})
    document: Any = to_compose(loaded)
    assert document["networks"]["n"] == {"name": "shop_n", "enable_ipv4": False}


def test_who_takes_volumes_from_a_service_starts_after_it(read: Read) -> None:
    text = "services:\n  a: {image: 'a:1', volumes_from: ['b:ro', 'container:x']}\n  b: {image: 'b:1'}\n"
    edges = read(text).appliance.services["a"].depends_on
    assert list(edges) == ["b"]
    assert not edges["b"].restart


def test_a_service_that_another_program_provides_needs_no_image_and_no_network(read: Read) -> None:
    found = read("services: {a: {provider: {type: cloud}}}\n").appliance.services["a"]
    assert (found.image, found.networks) == (None, {})


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("{}", Restart("always")),
        ("{condition: any, max_attempts: 3}", Restart("always")),
        ("{condition: none}", Restart("no")),
        ("{condition: on-failure, max_attempts: 3}", Restart("on-failure", 3)),
        ("{condition: unless-stopped}", Restart("unless-stopped")),
    ],
)
def test_restart_follows_deploy_where_it_says_nothing_itself(service: Any, policy: str, expected: Restart) -> None:
    found: Service = service(f"deploy: {{restart_policy: {policy}}}")
    assert with_limits(found).restart == expected
    own: Service = service(f"restart: 'no'\ndeploy: {{restart_policy: {policy}}}")
    assert with_limits(own).restart == Restart("no")


def names_in(shape: Shape) -> Mapping[str, Shape]:
    return shape.keys or {}


def test_nothing_of_the_specification_is_left_for_later() -> None:
    def later(shape: Shape) -> set[str]:
        inner = [*names_in(shape).values(), *(each for each in (shape.items, shape.values) if each is not None)]
        return set(shape.later).union(*(later(each) for each in inner))

    assert later(COMPOSE) == set()
    services = names_in(COMPOSE)["services"].values
    assert services is not None
    assert len([key for key in names_in(services) if not key.startswith("x-")]) >= 93
