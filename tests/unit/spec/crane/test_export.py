"""import and init: what is written means what was read."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from boxship.cli.arguments import parse_arguments
from boxship.cli.context import Invocation
from boxship.errors import ConflictError, UsageError
from boxship.spec.load import load
from boxship.spec.loaded import LoadOptions
from tests.unit.spec.crane.conftest import plan_text
from tests.unit.spec.crane.test_forms import V0, V1, V2, V3, V3_IN_COMPOSES_WORDS

EVERYTHING = """
prefix: store_
services:
  data: {image: "tianon/true", volume: [/data, "logs:/logs", "./seed:/seed:ro"]}
  ${WHO}:
    build: {context: ./web, file: Dockerfile.web, build-arg: [A=$B]}
    env: {PASSWORD: $PASSWORD, EMPTY: , OLD: 010, YES: yes, PRICE: $$5, MULTI: "a\\nb"}
    env-file: [web.env]
    cmd: serve --name "$WHO" & wait
    requires: [data]
    link: ["db:db.service"]
    volumes-from: ["data:ro"]
    volume: ["$PWD/www:/www", "conf:/conf"]
    net: back
    ip: 10.77.0.9
    publish: ["8080:80", "127.0.0.1:53:53/udp"]
    ulimit: [nofile=100:200]
    health-cmd: curl -f localhost
    log-driver: json-file
    log-opt: [max-size=1m]
    sig-proxy: true
  db: {image: "db:1", stop-timeout: 30, sysctl: [net.core.somaxconn=9], share-ssh-socket: true}
  loader: {image: store/loader}
groups: {default: ["${WHO}", loader], "only db": [db]}
networks: {back: {subnet: 10.77.0.0/24}}
volumes: {logs: }
hooks:
  ${WHO}: {pre-start: "sh -c 'echo $CRANE_HOOKED_CONTAINER $$HOME'", post-build: ./tag it}
commands: {psql: exec db psql}
"""
FILES = {"web.env": "A=1\n", "web/Dockerfile.web": "FROM scratch\n", "conf/x": ""}
ENVIRONMENT = {"WHO": "web", "B": "b", "PASSWORD": "geheim", "PWD": "/here"}


def run(argv: list[str], directory: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.chdir(directory)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    arguments = parse_arguments(argv)
    return int(arguments.run(Invocation.from_arguments(arguments), arguments))


@pytest.mark.parametrize("output", ["", "elsewhere/deep"], ids=["beside it", "elsewhere"])
@pytest.mark.parametrize("text", [V0, V1, V2, V3, V3_IN_COMPOSES_WORDS, EVERYTHING])
def test_what_import_writes_gives_the_same_services_targets_hooks_and_plan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, output: str
) -> None:
    shop = tmp_path / "shop"
    for name, content in {"crane.yml": text, **FILES}.items():
        (shop / name).parent.mkdir(parents=True, exist_ok=True)
        (shop / name).write_text(content)
    assert run(["import", "crane.yml", *(["-o", output] if output else [])], shop, monkeypatch) == 0
    options = LoadOptions(directory=shop, environ=ENVIRONMENT)
    before = load(LoadOptions(files=(Path("crane.yml"),), directory=shop, environ=ENVIRONMENT)).appliance
    written = Path(output) / "appliance.yaml"
    after = load(LoadOptions(files=(written,), directory=options.directory, environ=ENVIRONMENT)).appliance
    assert (after.name, after.services, after.volumes) == (before.name, before.services, before.volumes)
    assert (after.networks, after.targets, after.hooks) == (before.networks, before.targets, before.hooks)
    for target in (None, *before.targets):
        assert plan_text_of(after, target) == plan_text_of(before, target)


def plan_text_of(appliance: object, target: str | None) -> str:
    from boxship.spec.loaded import Loaded

    return plan_text(Loaded(appliance), target=target)  # type: ignore[arg-type]


def test_import_keeps_variables_and_explains_what_it_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, content in {
        "crane.yml": EVERYTHING,
        **FILES,
        "ship.yml": "loader: x\ntarget: only db\nvm-ram-size: 3072\nrepo: r.example.com\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    run(["import", "crane.yml"], tmp_path, monkeypatch)
    compose, appliance = (tmp_path / "compose.yaml").read_text(), (tmp_path / "appliance.yaml").read_text()
    assert "PASSWORD: $PASSWORD" in compose
    assert "geheim" not in compose + appliance
    for told in ("'sig-proxy' is left out", "'share-ssh-socket' is left out", "loader of the original"):
        assert told in compose
    assert "psql: exec db psql  ->  boxship exec db psql" in appliance
    assert "ram: 3072MiB" in appliance
    assert "target: only db" in appliance
    assert "repo: r.example.com" in appliance
    assert "wrote compose.yaml and appliance.yaml: 4 services" in capsys.readouterr().out


@pytest.mark.parametrize("verb", [["import", "crane.yml"], ["init", "-f", "crane.yml"]])
def test_nothing_is_overwritten_without_being_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: list[str]
) -> None:
    (tmp_path / "crane.yml").write_text("containers: {web: {image: 'img:1'}}")
    (tmp_path / "appliance.yaml").write_text("name: mine\n")
    with pytest.raises(ConflictError, match=r"appliance\.yaml is there already"):
        run(verb, tmp_path, monkeypatch)
    assert (tmp_path / "appliance.yaml").read_text() == "name: mine\n"
    assert not (tmp_path / "compose.yaml").exists()
    assert run([*verb, "--force"], tmp_path, monkeypatch) == 0
    assert "mine" not in (tmp_path / "appliance.yaml").read_text()


def test_import_of_something_else_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "compose.yaml").write_text("services: {web: {image: 'img:1'}}")
    with pytest.raises(UsageError, match="no crane file"):
        run(["import"], tmp_path, monkeypatch)


NAMES = st.from_regex(r"[a-z][a-z0-9_-]{0,6}", fullmatch=True)
TEXTS = st.text(st.characters(min_codepoint=32, max_codepoint=0x24FF, exclude_categories=("Cs", "Cc")), max_size=12)
SERVICES = st.dictionaries(
    NAMES,
    st.fixed_dictionaries(
        {"image": st.just("img:1")},
        optional={
            "env": st.dictionaries(NAMES, TEXTS.map(lambda text: text.replace("$", "$$")), max_size=3),
            "cmd": st.lists(TEXTS.map(lambda text: text.replace("$", "$$")), min_size=1, max_size=3),
            "label": st.lists(st.tuples(NAMES, NAMES).map("=".join), max_size=2),
            "memory": st.sampled_from(["64m", "1g", 2**30]),
            "publish": st.lists(st.integers(1, 60000).map(lambda port: f"{port}"), max_size=2, unique=True),
            "volume": st.lists(NAMES.map(lambda name: f"./{name}:/{name}"), max_size=2, unique=True),
            "restart": st.sampled_from(["always", "on-failure:2", "no"]),
            "tty": st.booleans(),
            "stop-timeout": st.integers(0, 100),
        },
    ),
    min_size=1,
    max_size=5,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(services=SERVICES, data=st.data())
def test_import_of_any_services_gives_the_same_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, services: dict[str, dict[str, object]], data: st.DataObject
) -> None:
    names = sorted(services)
    for index, name in enumerate(names[1:], 1):
        # Only to earlier ones, so that nothing waits for itself.
        chosen = data.draw(st.lists(st.sampled_from(names[:index]), unique=True))
        services[name] |= {"requires": chosen, "link": [f"{each}:{each}.service" for each in chosen]}
        services[name] |= {"volumes-from": chosen[:1]}
    (tmp_path / "crane.json").write_text(json.dumps({"services": services}))
    run(["import", "crane.json", "--force"], tmp_path, monkeypatch)
    before = load(LoadOptions(files=(Path("crane.json"),), directory=tmp_path, environ={}))
    after = load(LoadOptions(files=(Path("appliance.yaml"),), directory=tmp_path, environ={}))
    assert after.appliance.services == before.appliance.services
    assert plan_text(after) == plan_text(before)


def test_init_writes_what_the_files_tell_and_check_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "compose.yaml").write_text(
        """
name: store
services:
  db: {image: 'db:1', healthcheck: {test: ping}, ports: ['5432:5432']}
  web: {image: 'web:1', ports: ['8080:8000'], depends_on: [db]}
  debug: {image: 'debug:1', profiles: [debug]}
"""
    )
    assert run(["init"], tmp_path, monkeypatch) == 0
    appliance = load(LoadOptions(directory=tmp_path, environ={})).appliance
    assert {name: target.roots for name, target in appliance.targets.items()} == {
        "default": ("web",),
        "debug": ("web", "debug"),
    }
    assert list(appliance.checks) == ["web"]
    assert (appliance.name, appliance.boot.timeout_s) == ("store", 300.0)
    assert "http://web.service:8000/" in (tmp_path / "appliance.yaml").read_text()


def test_init_of_services_without_profiles_or_ports_says_little(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "compose.yaml").write_text(
        "services: {a: {image: 'a:1'}, b: {image: 'a:1', network_mode: host, ports: ['1:1']}}"
    )
    assert run(["init"], tmp_path, monkeypatch) == 0
    appliance = load(LoadOptions(directory=tmp_path, environ={})).appliance
    assert (appliance.targets, appliance.checks) == ({}, {})
