from pathlib import Path

import pytest

import boxship.spec
from boxship.spec.appliance_keys import APPLIANCE
from boxship.spec.load import load
from boxship.spec.loaded import LoadOptions
from boxship.spec.model import Check, ExecProbe, Host, HttpProbe, LogProbe, TcpProbe
from boxship.spec.model_boot import Boot
from boxship.spec.model_build import Base, ContextPart, Wheels
from boxship.spec.model_switch import OnSwitch
from boxship.spec.rules import key_texts
from boxship.spec.shape import Shape
from tests.unit.spec.conftest import Read, Refuse

COMPOSE = """
    services:
      web: {build: ./web, depends_on: [db]}
      db: {image: 'db:1', volumes: ['data:/d']}
      sorry: {image: 'sorry:1'}
    volumes: {data: {}, cache: {}}
    """
EXAMPLE = Path(boxship.spec.__path__[0]) / "example.yaml"


def test_everything_that_compose_cannot_say(read: Read) -> None:
    digest = "0123456789abcdef" * 4
    text = f"""
        name: shop
        version: 1.2.3
        targets: {{default: [web], maintenance: [sorry]}}
        boot: {{attempts: 2, timeout: 90s, fallback: maintenance}}
        checks:
          web: {{http: "http://web.service:8000/health", timeout: 2s, within: 1m}}
          db: {{exec: [pg_isready]}}
          sorry: {{tcp: 80}}
        host: {{sysctl: {{vm.overcommit_memory: 1}}, needs: {{ram: 2GiB, disk: 10g, cpus: 2}}}}
        volumes: {{data: {{on_switch: share}}}}
        build:
          bases:
            shop/base:1: {{suite: bookworm, packages: [python3]}}
            shop/web:1: {{from: "shop/base:1"}}
            db:1: {{image: "registry/db@sha256:{digest}"}}
          wheels: {{web: {{requirements: web/requirements.txt, python: 3.11}}}}
        """
    appliance = read({"compose.yaml": COMPOSE, "appliance.yaml": text}).appliance
    assert (appliance.name, appliance.version) == ("shop", "1.2.3")
    assert {target.name: target.roots for target in appliance.targets.values()} == {
        "default": ("web",), "maintenance": ("sorry",),
    }  # fmt: skip
    assert appliance.boot == Boot("default", 2, 90.0, fallback="maintenance")
    assert appliance.checks["web"] == Check(HttpProbe("http://web.service:8000/health"), 2.0, 60.0)
    assert appliance.checks["db"].probe == ExecProbe(("pg_isready",))
    assert appliance.checks["sorry"].probe == TcpProbe(80)
    assert appliance.host == Host({"vm.overcommit_memory": "1"}, 2 << 30, 10 << 30, 2)
    assert {key: volume.on_switch for key, volume in appliance.volumes.items()} == {
        "data": OnSwitch.SHARE, "cache": OnSwitch.COPY,
    }  # fmt: skip
    assert appliance.bases["shop/base:1"] == Base("shop/base:1", suite="bookworm", packages=("python3",))
    assert appliance.bases["shop/web:1"].parent == "shop/base:1"
    assert appliance.bases["db:1"].digest_reference == f"registry/db@sha256:{digest}"
    requirements = appliance.directory / "web/requirements.txt"
    assert appliance.wheels == {"web": Wheels("web", requirements, python="3.11")}
    assert [path.name for path in appliance.files] == ["compose.yaml", "appliance.yaml"]


def test_without_one_the_folder_names_the_appliance_and_the_version_is_dev(read: Read) -> None:
    appliance = read(COMPOSE).appliance
    assert (appliance.name, appliance.version, appliance.targets) == ("shop", "dev", {})


def test_variables_and_a_log_probe(read: Read) -> None:
    files = {"compose.yaml": COMPOSE, "appliance.yaml": "version: ${V:-7}\nchecks: {web: {log: 'ready in [0-9]+'}}\n"}
    appliance = read(files, env={"V": "8"}).appliance
    assert (appliance.version, appliance.checks["web"].probe) == ("8", LogProbe("ready in [0-9]+"))


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("nam: x", "unknown key 'nam'"),  # codespell:ignore nam
        ("settings: {}", "'settings' is not supported yet"),
        ("volumes: {data: {backup: {}}}", "'backup' is not supported yet"),
        ("name: My Shop", "can't be an appliance's name"),
        ("version: 1.4", "must be text"),
        ("targets: {default: [wbe]}", "unknown service 'wbe'"),
        ("targets: {default: []}", "reaches no service"),
        ("targets: {other: [web]}", "unknown target 'default'"),
        ("boot: {fallback: x}", "unknown target 'x'"),
        ("boot: {target: x}", "unknown target 'x'"),
        ("boot: {attempts: 0}", "not between"),
        ("keep: {releases: -1}", "not between 0 and 100"),
        ("keep: {releases: 101}", "not between 0 and 100"),
        ("boot: {timeout: '5'}", "needs a unit"),
        ("boot: {timeout: 0s}", "no time"),
        ("checks: {wbe: {tcp: 1}}", "unknown service 'wbe'"),
        ("checks: {web: {}}", "asks nothing"),
        ("checks: {web: {tcp: 1, log: x}}", "asks tcp and log"),
        ("checks: {web: {tcp: 70000}}", "not between"),
        ("checks: {web: {http: web/}}", "not a URL"),
        ("checks: {web: {log: '('}}", "not a regular expression"),
        ("checks: {web: {exec: []}}", "is empty"),
        ("volumes: {dta: {on_switch: copy}}", "unknown volume 'dta'"),
        ("volumes: {data: {on_switch: move}}", "none of copy, share, fresh"),
        ("host: {needs: {ram: lots}}", "not a size"),
        ("build: {wheels: {db: {requirements: r}}}", "not built here"),
        ("build: {wheels: {x: {requirements: r}}}", "unknown"),
        ("build: {contexts: {db: {lib: lib}}}", "not built here"),
        ("build: {contexts: {x: {lib: lib}}}", "unknown service 'x'"),
        ("build: {contexts: {web: {../lib: lib}}}", "not inside of the build context"),
        ("build: {contexts: {web: {/lib: lib}}}", "not inside of the build context"),
        ("build: {contexts: {web: {lib: {only: [x]}}}}", "from"),
        ("build: {contexts: {web: {lib: {from: []}}}}", "nothing is laid there"),
        ("build: {contexts: {web: {lib: ''}}}", "nothing is laid there"),
        ("build: {contexts: {web: {lib: {from: lib, except: ['!x']}}}}", "'!x' matches no path"),
        ("build: {budget: {web: much}}", "not a size"),
        ("build: {budget: {db: 1g}}", "not built here"),
        ("build: {budget: {x: 1g}}", "unknown service 'x'"),
        ("build: {bases: {b: {}}}", "begins from nothing"),
        ("build: {bases: {b: {suite: s, from: b}}}", "suite and from"),
        ("build: {bases: {b: {image: 'x:1'}}}", "not pinned"),
        ("build: {bases: {b: {from: c}}}", "unknown base 'c'"),
        ("build: {bases: {b: {from: c}, c: {from: b}}}", "begin from each other"),
        ("app: gone.yaml", "does not exist"),
        ("app: []\nname: x\nversion: [1]", "must be text"),
        ("- a", "must be a mapping"),
        ("# nothing", "says nothing"),
    ],
)
def test_a_wrong_appliance_file_is_refused_in_words(refuse: Refuse, line: str, says: str) -> None:
    problems = refuse({"compose.yaml": COMPOSE, "appliance.yaml": line + "\n"})
    assert any(says in problem.reason for problem in problems), problems


def test_contexts_and_budgets_are_read_with_their_places(read: Read) -> None:
    text = """\
        build:
          bases: {"shop/base:1": {suite: bookworm}}
          contexts:
            web:
              .: overlay
              ./etc//x/: {from: [a.ini, b.ini], only: ["*.ini"], except: [old]}
          budget: {web: 150MB, "shop/base:1": 80m}
        """
    loaded = read({"compose.yaml": COMPOSE, "appliance.yaml": text, "overlay": "", "a.ini": ""})
    appliance = loaded.appliance
    parts = appliance.contexts["web"]
    assert parts == (
        ContextPart(appliance.directory / "overlay"),
        ContextPart(appliance.directory / "a.ini", "etc/x/", ("*.ini",), ("old",)),
        ContextPart(appliance.directory / "b.ini", "etc/x/", ("*.ini",), ("old",)),
    )
    assert [part.where.line for part in parts if part.where] == [5, 6, 6]
    assert {name: budget.limit_bytes >> 20 for name, budget in appliance.budgets.items()} == {
        "web": 150, "shop/base:1": 80,
    }  # fmt: skip
    # It may still be made before the build, so it is only told.
    told = [(warning.where.line, warning.reason) for warning in loaded.warnings if "b.ini" in warning.reason]
    assert told == [(6, f"'{appliance.directory / 'b.ini'}' does not exist")]


def test_problems_of_both_files_come_together(refuse: Refuse) -> None:
    problems = refuse(
        {"compose.yaml": "services: {a: {image: 'a:1', x: 1}}", "appliance.yaml": "targets: {default: [b]}"}
    )
    assert [problem.where.file for problem in problems] == ["appliance.yaml", "compose.yaml"]


def key_paths(shape: Shape, path: str = "") -> set[str]:
    """Every key below a shape; ``NAME`` stands for a name that the vendor chooses."""
    found: set[str] = set()
    for key, inner in (shape.keys or {}).items():
        name = f"{path}.{key}" if path else key
        found |= {name, *key_paths(inner, name)}
    if shape.values is not None:
        found |= key_paths(shape.values, f"{path}.NAME")
    return found


def test_the_example_says_something_about_every_key_and_about_no_other() -> None:
    assert set(key_texts()) == key_paths(APPLIANCE)
    assert [text for text in key_texts().values() if not 3 < len(text) < 120] == []


def test_the_example_is_a_valid_appliance_file(tmp_path: Path) -> None:
    (tmp_path / "appliance.yaml").write_text(EXAMPLE.read_text())
    (tmp_path / "compose.production.yaml").write_text("services: {}\n")
    for path in ("shared/lib", "web/settings.ini", "web/settings.production.ini", "assets"):
        (tmp_path / path).mkdir(parents=True)
    names = ["nginx", "maintenance", "web", "cache", "db", "worker"]
    services = "".join(f"  {name}: {{build: ./{name}}}\n" for name in names)
    (tmp_path / "compose.yaml").write_text(f"services:\n{services}volumes: {{db: {{}}, cache: {{}}}}\n")
    loaded = load(LoadOptions(directory=tmp_path))
    assert (loaded.appliance.name, loaded.warnings) == ("share", ())


def test_problems_of_form_and_of_names_of_all_files_come_at_once(refuse: Refuse) -> None:
    problems = refuse(
        {
            "compose.yaml": "services: {a: {image: 'a:1', x: 1, depends_on: [b]}}",
            "appliance.yaml": "boot: {attempts: many}\nchecks: {c: {tcp: 1}}\n",
        }
    )
    assert [(problem.where.file, problem.path) for problem in problems] == [
        ("appliance.yaml", "boot.attempts"),
        ("appliance.yaml", "checks.c"),
        ("compose.yaml", "services.a.x"),
        ("compose.yaml", "services.a.depends_on"),
    ]


@pytest.mark.parametrize(
    ("appliance", "paths"),
    [
        ("targets: [a]\nboot: {target: t}", ["targets"]),
        ("targets: {t: a}\nboot: {target: t, fallback: t}", ["targets.t"]),
        ("targets: {t: [a]}\nboot: {target: [t]}", ["boot.target"]),
        ("targets: {default: [a]}\nbuild: {bases: {b: 5, c: {from: b}}}", ["build.bases.b"]),
        ("targets: {default: [a]}\napp: {x: y}", ["app"]),
        ("a: [", [""]),
    ],
)
def test_what_only_follows_from_a_wrong_value_is_not_told(refuse: Refuse, appliance: str, paths: list[str]) -> None:
    compose = "services: {a: {image: 'a:1', ports: ['80:80']}, b: {image: 'b:1', ports: ['80:80'], profiles: [p]}}"
    problems = refuse({"compose.yaml": compose, "appliance.yaml": appliance + "\n"}, profiles=("p",))
    assert [problem.path for problem in problems] == paths


def test_an_appliance_file_that_is_no_yaml_does_not_hide_the_problems_of_the_compose_file(refuse: Refuse) -> None:
    problems = refuse({"compose.yaml": "services: {a: {image: 'a:1', x: 1}}", "appliance.yaml": "a: ["})
    assert [problem.where.file for problem in problems] == ["appliance.yaml", "compose.yaml"]
