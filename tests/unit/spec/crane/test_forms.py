"""All schemas of crane give the same appliance, and what crane's own tests ask of reading."""

import json

import pytest

from tests.unit.spec.crane.conftest import Read, Refuse, plan_text, sentences

V0 = """
containers:
  - {name: data, dockerfile: ./data, image: shop/data, run: {volume: [/data], cmd: "true", detach: true}}
  - name: web
    image: img:1
    run:
      link: ["db:db.service"]
      volumes-from: [data]
      publish: ["80:8080"]
      env: [A=1, B=two]
      memory: 512m
      net: bridge
      restart: on-failure:3
      interactive: true
      cmd: [serve, --port, 8080]
  - {name: db, image: "img:1", run: {user: 999, workdir: /srv}}
"""
V1 = """
containers:
  data: {dockerfile: ./data, image: shop/data, run: {volume: [/data], cmd: "true", detach: true}}
  web:
    image: img:1
    start: {attach: true, interactive: true}
    rm: {volumes: false}
    run:
      link: ["db:db.service"]
      volumes-from: [data]
      publish: ["80:8080"]
      env: {A: 1, B: two}
      memory: 512m
      restart: on-failure:3
      interactive: true
      cmd: serve --port 8080
  db: {image: "img:1", run: {user: 999, workdir: /srv}}
"""
V2 = """
containers:
  data: {build: {context: ./data}, image: shop/data, run: {volume: [/data], cmd: "true"}}
  web:
    image: img:1
    requires: [db]
    exec: {interactive: true, tty: true}
    run:
      link: ["db:db.service"]
      volumes-from: [data]
      publish: ["80:8080"]
      env: [A=1, B=two]
      memory: 512m
      restart: on-failure:3
      interactive: true
      cmd: [serve, --port, "8080"]
  db: {image: "img:1", run: {user: "999", workdir: /srv}}
"""
V3 = """
services:
  data: {build: {context: ./data}, image: shop/data, volume: [/data], cmd: "true"}
  web:
    image: img:1
    requires: [db]
    link: ["db:db.service"]
    volumes-from: [data]
    publish: ["80:8080"]
    env: [A=1, B=two]
    memory: 512m
    restart: on-failure:3
    interactive: true
    cmd: [serve, --port, 8080]
  db: {image: "img:1", user: "999", workdir: /srv}
"""
V3_IN_COMPOSES_WORDS = """
prefix: true
services:
  data: {build: ./data, image: shop/data, volumes: [/data], command: ["true"]}
  web:
    image: img:1
    depends_on: {db: {condition: service_started}}
    links: ["db:db.service"]
    volumes_from: [data]
    ports: [{target: 8080, published: 80}]
    environment: {A: 1, B: two}
    mem_limit: 512m
    restart: on-failure:3
    stdin_open: true
    command: serve --port 8080
  db: {image: "img:1", user: "999", working_dir: /srv}
"""


@pytest.mark.parametrize("other", [V1, V2, V3], ids=["v1", "v2", "v3"])
def test_every_schema_gives_the_same_plan(read: Read, other: str) -> None:
    first = read(V0)
    second = read(other)
    assert plan_text(second) == plan_text(first)
    assert second.appliance.services == first.appliance.services


def test_composes_words_in_a_crane_file_mean_the_same(read: Read) -> None:
    one, other = read(V3).appliance.services, read(V3_IN_COMPOSES_WORDS).appliance.services
    for name in ("data", "web", "db"):
        for field in ("build", "command", "environment", "mem_limit_bytes", "restart", "volumes_from", "links", "user"):
            assert getattr(one[name], field) == getattr(other[name], field), (name, field)
    assert one["web"].ports[0].published == other["web"].ports[0].published


def test_json_and_yaml_are_the_same(read: Read) -> None:
    services = {
        "web": {"image": "img:1", "env": {"1234": 4567, "T": True, "F": False}, "networks": {"n": {"alias": ["w"]}}}
    }
    document = {"services": services, "networks": {"n": None}, "groups": {"default": ["web"]}}
    from_json = read({"crane.json": json.dumps(document, indent="\t")}, f=("crane.json",))
    from_yaml = read(
        """
        services: {web: {image: img:1, env: {1234: 4567, T: true, F: false}, networks: {n: {alias: [w]}}}}
        networks: {n: }
        groups: {default: [web]}
        """,
        f=("crane.yml",),
    )
    assert from_json.appliance.services == from_yaml.appliance.services
    assert from_json.appliance.targets == from_yaml.appliance.targets
    assert from_json.appliance.services["web"].environment == {"1234": "4567", "T": "true", "F": "false"}


def test_a_service_is_on_its_own_networks_and_the_default_one(read: Read) -> None:
    loaded = read(
        """
        services:
          a: {image: img:1, networks: {front: {alias: [www], ip: 10.1.2.3}}}
          b: {image: img:1, networks: [front]}
          c: {image: img:1, net: front, ip: 10.1.2.4, net-alias: [see]}
        networks: {front: {subnet: 10.1.2.0/24}}
        """
    )
    services = loaded.appliance.services
    assert all(list(service.networks) == ["front", "default"] for service in services.values())
    assert (services["a"].networks["front"].aliases, services["a"].networks["front"].ipv4_address) == (
        ("www",),
        "10.1.2.3",
    )
    assert (services["c"].networks["front"].aliases, services["c"].networks["front"].ipv4_address) == (
        ("see",),
        "10.1.2.4",
    )
    assert loaded.appliance.networks["front"].ipam[0].subnet == "10.1.2.0/24"


def test_without_a_prefix_there_is_no_default_network_beside_others(read: Read) -> None:
    loaded = read("prefix: false\nservices: {a: {image: img:1, networks: [n]}, b: {image: img:1}}\nnetworks: {n: }")
    assert list(loaded.appliance.services["a"].networks) == ["n"]
    assert list(loaded.appliance.services["b"].networks) == ["default"]


def test_an_undeclared_network_belongs_to_somebody_else(read: Read) -> None:
    loaded = read("containers: {a: {image: img:1, run: {net: office}}}")
    assert loaded.appliance.networks["office"].external
    assert any("'office' is not declared" in warning.reason for warning in loaded.warnings)


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("", "shop"),
        ("prefix: true", "shop"),
        ("prefix: false", "shop"),
        ("prefix: Store_", "store"),
        ("prefix: ${X}_", "x-1"),
    ],
)
def test_the_prefix_names_the_appliance(read: Read, written: str, name: str) -> None:
    assert (
        read(f"{written}\nservices: {{web: {{image: img:1}}}}\ngroups: {{}}", env={"X": "x-1"}).appliance.name == name
    )


def test_a_prefix_that_is_written_is_part_of_a_name_that_peers_may_use(read: Read) -> None:
    loaded = read("prefix: shop_\nservices: {web: {image: img:1, requires: [db]}, db: {image: img:1}}")
    assert loaded.appliance.services["db"].networks["default"].aliases == ("shop_db",)


@pytest.mark.parametrize("key", ["publish: 80", "expose: 80", "volume: /x", "env-file: x", "cap-add: ALL"])
def test_a_single_value_in_place_of_a_list_is_refused_and_taken_by_a_lax_reader(
    read: Read, refuse: Refuse, key: str
) -> None:
    text = f"containers: {{web: {{image: img:1, run: {{{key}}}}}}}"
    (problem,) = [each for each in refuse(text) if "must be a list" in each.reason]
    assert problem.path == f"containers.web.run.{key.partition(':')[0]}"
    assert read(text, lax=True).appliance.services["web"].image == "img:1"


@pytest.mark.parametrize("env", ["[{A: 1}]", "{A: [1]}", "{A: {B: 1}}"])
def test_variables_are_plain_values(refuse: Refuse, env: str) -> None:
    assert refuse(f"services: {{web: {{image: img:1, env: {env}}}}}")


@pytest.mark.parametrize("key", ["sig-proxy: 3", "memory-swappiness: much", "detach: maybe", "cpu-shares: [1]"])
def test_a_value_of_the_wrong_kind_is_refused(refuse: Refuse, key: str) -> None:
    assert refuse(f"services: {{web: {{image: img:1, cmd: x, {key}}}}}")


def test_variables_stand_also_in_names(read: Read) -> None:
    loaded = read(
        """
        services:
          ${P}_db: {image: "img:${TAG}"}
          ${P}_web: {image: img:1, requires: ["${P}_db"], link: ["${P}_db:$ALIAS"], volume: ["$PWD/x:/x", "./$P:/y"]}
        groups: {"${P}": ["${P}_web"], default: ["${P}_db"]}
        hooks: {"${P}": {pre-start: "echo $P"}}
        """,
        env={"P": "app", "TAG": "1", "ALIAS": "db", "PWD": "/here"},
    )
    appliance = loaded.appliance
    assert list(appliance.services) == ["app_db", "app_web"]
    assert appliance.services["app_db"].image == "img:1"
    assert appliance.services["app_web"].link_aliases == {"db": "app_db"}
    assert [mount.source for mount in appliance.services["app_web"].mounts] == ["/here/x", f"{appliance.directory}/app"]
    assert appliance.targets["app"].roots == ("app_web",)
    assert appliance.hooks["app_web"].pre_start == ("echo", "app")


def test_hooks_of_a_container_override_those_of_its_group_event_by_event(read: Read) -> None:
    hooks = read(
        """
        services: {web: {image: img:1}, db: {image: img:1}}
        groups: {all: [web, db]}
        hooks:
          all: {pre-start: "echo all", post-stop: "echo gone"}
          web: {pre-start: "echo web"}
        """
    ).appliance.hooks
    assert (hooks["web"].pre_start, hooks["web"].post_stop) == (("echo", "web"), ("echo", "gone"))
    assert hooks["db"].pre_start == ("echo", "all")


def test_two_groups_that_give_a_container_the_same_event_are_refused(refuse: Refuse) -> None:
    (problem,) = refuse(
        """
        services: {web: {image: img:1}}
        groups: {a: [web], b: [web]}
        hooks: {a: {pre-start: x}, b: {pre-start: y}}
        """
    )
    assert problem.reason == "'web' gets pre-start from the groups 'a' and 'b'"


def test_groups_are_targets_and_without_a_default_group_that_is_everything(read: Read) -> None:
    services = "services: {a: {image: img:1}, b: {image: img:1, requires: [a]}, c: {image: img:1}}"
    targets = read(f"{services}\ngroups: {{one: [b, b, a]}}").appliance.targets
    assert {name: target.roots for name, target in targets.items()} == {"one": ("b", "a"), "default": ("a", "b", "c")}
    assert read(services + "\ngroups: {}").appliance.targets == {}


def test_a_dependency_is_one_however_often_it_is_named(read: Read) -> None:
    text = "services: {web: {image: img:1, requires: [db], link: [db, 'db:a', 'db:b']}, db: {image: img:1}}"
    web = read(text).appliance.services["web"]
    assert list(web.depends_on) == ["db"]
    assert web.link_aliases == {"db": "db", "a": "db", "b": "db"}


def test_volumes_from_may_be_read_only_and_is_a_dependency(read: Read) -> None:
    loaded = read(
        """
        services:
          data: {image: img:1, volume: [/data, "./etc:/etc/app"], cmd: echo data}
          web: {image: img:1, volumes-from: ["data:ro"]}
        """
    )
    assert loaded.appliance.services["web"].depends_on["data"].condition == "service_completed_successfully"
    text = plan_text(loaded)
    assert "volume:data-data, CreateVolume" in text
    assert text.index("service:data, WaitReady") < text.index("service:web, StartContainer")


def test_paths_are_relative_to_the_file_and_named_volumes_are_not_paths(read: Read) -> None:
    loaded = read(
        """
        services: {web: {image: img:1, volume: [/a:/a, "b/c:/b", "./d:/d:ro", "../e:/e", "f:/f", /g, "~/h:/h"]}}
        volumes: {f: }
        """,
        env={"HOME": "/home/me"},
    )
    here = loaded.appliance.directory
    assert [mount.source for mount in loaded.appliance.services["web"].mounts] == [
        "/a", f"{here}/b/c", f"{here}/d", f"{here.parent}/e", "f", None, "/home/me/h",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("a 'b c' \"d e\"", ("a", "b c", "d e")),
        ("echo $$HOME", ("echo", "$HOME")),
        ("a & b | c > d", ("a", "&", "b", "|", "c", ">", "d")),
        ("sh -c 'a && b'", ("sh", "-c", "a && b")),
    ],
)
def test_a_command_is_split_as_crane_did(read: Read, command: str, words: tuple[str, ...]) -> None:
    text = f"services: {{web: {{image: img:1, cmd: {json.dumps(command)}}}}}"
    assert read(text).appliance.services["web"].command == words


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("containers: {web: {image: img:1, run: {detachh: true}}}", "unknown key 'detachh'"),
        ("containers: {web: {image: img:1, run: {volumes: [x]}}}", "unknown key 'volumes'"),
        ("containers: {web: {build: {context: ., build-args: [A=1]}}}", "unknown key 'build-args'"),
        ("containers: {web: {image: img:1, publish: ['80:80']}}", "'publish' stands outside of 'run'"),
        ("services: {web: {image: img:1, cmd: x, run: {rm: true}}}", "'run' is a section of crane's version 2"),
        ("services: {web: {cmd: x}}", "neither image nor build is given"),
    ],
)
def test_what_crane_ignored_is_refused_with_its_line_and_taken_by_a_lax_reader(
    read: Read, refuse: Refuse, text: str, told: str
) -> None:
    (problem,) = refuse(text)
    assert told in problem.reason
    assert problem.where.line == 1
    assert problem.hint
    loaded = read(text, lax=True)
    assert list(loaded.appliance.services) == ["web"]
    assert any(told in warning.reason for warning in loaded.warnings)


def test_every_problem_of_every_file_is_told_at_once(refuse: Refuse) -> None:
    problems = refuse(
        {
            "crane.yml": "services:\n  web: {image: img:1, requiress: [db]}\n",
            "crane.override.yml": "services:\n  web: {cmd: x, link: [db]}\n",
        }
    )
    assert sentences(problems) == [
        "2: services.web.link: unknown container 'db'",
        "2: services.web.requiress: unknown key 'requiress'",
    ]


def test_a_lax_reader_takes_the_last_of_two_equal_keys(read: Read, refuse: Refuse) -> None:
    text = "containers:\n  a: {image: img:1}\ncontainers:\n  b: {image: img:1}\n"
    assert "already defined" in refuse(text)[0].reason
    assert list(read(text, lax=True).appliance.services) == ["b"]


def test_a_crane_file_beside_a_compose_file_adds_to_it(read: Read) -> None:
    loaded = read(
        {
            "compose.yaml": "services: {web: {image: 'img:1', ports: ['80:80']}, db: {image: 'img:1'}}",
            "crane.yml": "services: {web: {requires: [db], memory: 1g}}\ngroups: {default: [web]}",
        },
        f=("compose.yaml", "crane.yml"),
    )
    web = loaded.appliance.services["web"]
    assert (web.image, list(web.depends_on), web.mem_limit_bytes) == ("img:1", ["db"], 1024**3)
    assert loaded.appliance.targets["default"].roots == ("web",)


def test_the_originals_loader_is_listed_and_never_started(read: Read) -> None:
    loaded = read(
        """
        containers:
          loader: {image: shop/loader, run: {detach: true}}
          web: {image: img:1, run: {link: ["loader:loader.service"]}}
          sql-loader: {image: shop/sql-loader, run: {cmd: fill}}
        groups: {default: [web, loader]}
        """
    )
    assert list(loaded.appliance.services) == ["loader", "web", "sql-loader"]
    assert "loader" not in plan_text(loaded).replace("sql-loader", "")
    assert [warning.path for warning in loaded.warnings if "whose place Boxship takes" in warning.reason] == ["loader"]
    assert loaded.appliance.services["sql-loader"].profiles == ()


def test_a_loader_with_the_engines_socket_is_one_whatever_its_name(read: Read) -> None:
    loaded = read(
        """
        containers:
          ship: {image: "example.com:5000/shop.loader:2", run: {volume: ["/var/run/docker.sock:/s"], cmd: load}}
          web: {image: img:1, run: {}}
        """
    )
    assert "service:ship" not in plan_text(loaded)


def test_a_service_that_says_nothing_is_told_like_any_other(read: Read, refuse: Refuse) -> None:
    text = "prefix: true\nservices: {web: , db: {image: img:1}}"
    assert sentences(refuse(text)) == ["2: services.web: neither image nor build is given"]
    assert read(text, lax=True).appliance.services["web"].image == "shop_web"
