"""Files that become part of another one."""

import os
from pathlib import Path

import pytest

from boxship.spec.include import is_same
from boxship.spec.parse import parse_yaml
from boxship.spec.report import Report
from tests.unit.spec.conftest import Read, Refuse, Write

INFRA = {
    "compose.yaml": """\
        include: [infra/db.yaml]
        services: {web: {image: "web:1", depends_on: [db]}}
        """,
    "infra/db.yaml": """\
        name: not-mine
        x-note: ours
        services:
          db:
            image: "db:${TAG:-15}"
            volumes: ["./init:/init", "rows:/rows"]
            env_file: db.env
            build: {target: db}
            networks: [back]
        volumes: {rows: {}}
        networks: {back: {driver: bridge}}
        """,
    "infra/db.env": "K=1\n",
}


@pytest.mark.parametrize("entry", ["[infra/db.yaml]", "[{path: infra/db.yaml}]", "[{path: [./infra/db.yaml]}]"])
def test_an_included_file_brings_everything_and_its_paths_begin_beside_it(read: Read, write: Write, entry: str) -> None:
    appliance = read({**INFRA, "compose.yaml": INFRA["compose.yaml"].replace("[infra/db.yaml]", entry)}).appliance
    db, shop = appliance.services["db"], write({})
    assert (appliance.name, db.image, db.environment) == ("shop", "db:15", {"K": "1"})
    assert [mount.source for mount in db.mounts] == [f"{shop}/infra/init", "rows"]
    assert db.build is not None
    assert db.build.context == shop / "infra"
    assert set(appliance.volumes) == {"rows"}
    assert appliance.networks["back"].driver == "bridge"
    assert db.where["image"].file == "infra/db.yaml"


def test_every_file_that_was_read_is_remembered(read: Read, write: Write) -> None:
    files = {
        **INFRA,
        "infra/db.yaml": "services: {db: {extends: {file: base.yaml, service: b}}}",
        "infra/base.yaml": "services: {b: {image: 'b:1'}}",
    }
    shop = write({})
    found = read(files).appliance.files
    assert found == (shop / "compose.yaml", shop / "infra/db.yaml", shop / "infra/base.yaml")


def test_the_files_of_one_entry_are_merged_and_share_the_first_ones_directory(read: Read, write: Write) -> None:
    files = {
        "compose.yaml": "include: [{path: [one/a.yaml, two/b.yaml]}]",
        "one/a.yaml": "services: {a: {image: 'a:1', volumes: ['./x:/x']}}",
        "two/b.yaml": "services: {a: {image: 'a:2', volumes: ['./y:/y']}}",
    }
    a = read(files).appliance.services["a"]
    shop = write({})
    assert (a.image, [mount.source for mount in a.mounts]) == ("a:2", [f"{shop}/one/x", f"{shop}/one/y"])


def test_a_project_directory_is_where_paths_begin(read: Read, write: Write) -> None:
    files = {
        "compose.yaml": "include: [{path: lib/a.yaml, project_directory: other}]",
        "lib/a.yaml": "include: [more.yaml]\nservices: {a: {image: 'a:${V}', volumes: ['./x:/x'], build: {target: t}}}",
        "other/more.yaml": "services: {b: {extends: {file: base.yaml, service: c}}}",
        "other/base.yaml": "services: {c: {image: 'c:1', volumes: ['./z:/z']}}",
        "other/.env": "V=other\n",
        "lib/.env": "V=lib\n",
    }
    services, shop = read(files).appliance.services, write({})
    assert [mount.source for mount in services["a"].mounts] == [f"{shop}/other/x"]
    assert [mount.source for mount in services["b"].mounts] == [f"{shop}/other/z"]
    assert services["a"].image == "a:other"


def test_a_project_directory_that_is_not_there_counts_as_the_one_above(read: Read, write: Write) -> None:
    files = {
        "compose.yaml": "include: [{path: lib/a.yaml, project_directory: lib/gone}]",
        "lib/a.yaml": "services: {a: {image: 'a:1', volumes: ['./x:/x']}}",
    }
    loaded = read(files)
    (mount,) = loaded.appliance.services["a"].mounts
    assert mount.source == f"{write({})}/lib/x"
    assert "'lib/gone' is not a directory" in "".join(map(str, loaded.warnings))


def test_the_included_env_file_stands_below_the_variables_outside(read: Read) -> None:
    files = {
        "compose.yaml": "include: [sub/a.yaml]\nservices: {web: {image: 'w:${W:-none}'}}",
        "sub/a.yaml": "services: {a: {image: 'a:${V}-${W}-${S}', environment: [W, S, NOBODY]}}",
        ".env": "V=outer\n",
        "sub/.env": "V=inner\nW=inner\nS=inner\n",
    }
    services = read(files, env={"S": "shell"}).appliance.services
    assert services["a"].image == "a:outer-inner-shell"
    assert services["a"].environment == {"W": "inner", "S": "shell"}
    assert services["a"].unset_environment == ("NOBODY",)
    assert services["web"].image == "w:none"


def test_named_env_files_replace_the_one_beside_the_file(read: Read) -> None:
    files = {
        "compose.yaml": "include: [{path: sub/a.yaml, env_file: [env/one.env, env/two.env]}]",
        "sub/a.yaml": "services: {a: {image: 'a:${V:-no}-${W:-no}-${X:-no}'}}",
        "env/one.env": "V=one\nW=one\n",
        "env/two.env": "W=two-${V}\n",
        "sub/.env": "X=beside\n",
    }
    assert read(files).appliance.services["a"].image == "a:one-two-one-no"
    without = {**files, "compose.yaml": "include: [{path: sub/a.yaml, env_file: /dev/null}]"}
    assert read(without).appliance.services["a"].image == "a:no-no-no"


def test_a_virtual_environment_called_env_is_no_env_file(read: Read) -> None:
    files = {
        "compose.yaml": "include: [sub/a.yaml]",
        "sub/a.yaml": "services: {a: {image: 'a:1'}}",
        ".env/bin/python": "",
        "sub/.env/bin/python": "",
    }
    assert read(files).appliance.services["a"].image == "a:1"


def test_includes_nest_and_meet_again_when_they_say_the_same(read: Read, write: Write) -> None:
    files = {
        "compose.yaml": "include: [one/a.yaml, two.yaml]\nservices: {web: {image: 'w:1', depends_on: [deep]}}",
        "one/a.yaml": "include: [two/deep.yaml]\nservices: {a: {image: 'a:1'}}",
        "two.yaml": "include: [{path: one/two/deep.yaml}]\nservices: {b: {image: 'b:1'}}",
        "one/two/deep.yaml": "services: {deep: {image: 'd:1', volumes: ['./x:/x', 'v:/v']}}\nvolumes: {v: }",
    }
    services = read(files).appliance.services
    assert set(services) == {"web", "a", "b", "deep"}
    assert services["deep"].mounts[0].source == f"{write({})}/one/two/x"


def test_what_says_the_same_is_no_conflict_and_what_differs_is(read: Read, refuse: Refuse) -> None:
    files = {
        "compose.yaml": """\
            include: [inc.yaml]
            services: {db: {ports: ["1:1"], image: "db:1", labels: {}}}
            networks: {back: }
            """,
        "inc.yaml": """\
            services: {db: {image: "db:1", ports: ["1:1"], labels: []}}
            networks: {back: {}}
            """,
    }
    assert set(read(files).appliance.services) == {"db"}
    differing = {
        **files,
        "inc.yaml": "services:\n  db: {image: 'db:2', ports: ['1:1']}\nnetworks:\n  back: {internal: true}",
    }
    service, network = refuse(differing)
    assert str(service) == (
        "compose.yaml:2:12: services.db: the service 'db' comes from inc.yaml as well, and differs "
        "(rename one, or change the included one in an override file; the other at inc.yaml:2:3, "
        "included at compose.yaml:1:11)"
    )
    assert (network.path, network.where.line) == ("networks.back", 3)


def test_two_included_files_that_differ_are_told_with_both_places(refuse: Refuse) -> None:
    files = {
        "compose.yaml": "include: [one.yaml, two.yaml]",
        "one.yaml": "services: {db: {image: 'db:1'}}",
        "two.yaml": "services: {db: {image: 'db:2'}}",
    }
    (problem,) = refuse(files)
    assert (problem.where.file, problem.related[0].where.file) == ("one.yaml", "two.yaml")


def test_a_later_file_may_change_what_an_earlier_one_includes(read: Read) -> None:
    files = {
        "compose.yaml": "include: [inc.yaml]\nservices: {web: {image: 'w:1'}}",
        "compose.override.yaml": """\
            services: {db: {ports: ['5:5'], networks: [n]}, gone: !reset }
            networks: {n: {internal: true}}
            """,
        "inc.yaml": "services: {db: {image: 'db:1'}, gone: {image: 'g:1'}}\nnetworks: {n: {driver: bridge}}",
    }
    appliance = read(files).appliance
    assert set(appliance.services) == {"web", "db"}
    assert (appliance.services["db"].image, appliance.services["db"].ports[0].published) == ("db:1", "5")
    assert (appliance.networks["n"].driver, appliance.networks["n"].internal) == ("bridge", True)


def test_a_later_document_and_a_later_files_include_are_merged_as_well(read: Read) -> None:
    files = {
        "compose.yaml": "include: [inc.yaml]\n---\nservices: {db: {ports: ['5:5']}}",
        "over.yaml": "include: [other.yaml]",
        "inc.yaml": "services: {db: {image: 'db:1'}}",
        "other.yaml": "services: {db: {image: 'db:2'}}",
    }
    db = read(files, f=("compose.yaml", "over.yaml")).appliance.services["db"]
    assert (db.image, db.ports[0].published) == ("db:2", "5")


def test_a_reset_beside_an_include_is_for_earlier_files(read: Read) -> None:
    files = {
        "compose.yaml": "services: {db: {image: 'db:1', ports: ['1:1']}}",
        "over.yaml": "include: [inc.yaml]\nservices: {db: !reset }",
        "inc.yaml": "services: {db: {image: 'db:2'}}",
    }
    db = read(files, f=("compose.yaml", "over.yaml")).appliance.services["db"]
    assert (db.image, db.ports) == ("db:2", ())


def test_files_that_include_each_other_are_told_with_the_way(refuse: Refuse) -> None:
    files = {
        "compose.yaml": "include: [lib/a.yaml]\nservices: {x: {image: 'x:1'}}",
        "lib/a.yaml": "include: [b.yaml]\nservices: {y: {image: 'y:1'}}",
        "lib/b.yaml": "include: [{path: ../compose.yaml}]",
    }
    (problem,) = refuse(files)
    assert str(problem) == (
        "lib/b.yaml:1:18: include[0]: files include each other: compose.yaml -> lib/a.yaml -> lib/b.yaml -> "
        "compose.yaml (remove one of the entries; included by compose.yaml at compose.yaml:1:11, "
        "included by lib/a.yaml at lib/a.yaml:1:11)"
    )


def test_a_link_back_is_a_circle_too(write: Write, refuse: Refuse) -> None:
    directory = write({})
    (directory / "again").symlink_to(directory)
    (problem,) = refuse("include: [again/compose.yaml]\nservices: {x: {image: 'x:1'}}")
    assert problem.code == "cycle"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("gone.yaml", "'gone.yaml' does not exist"),
        ("folder", "'folder' is a directory, not a file"),
        ("fifo", "'fifo' is a FIFO, socket or device, not a file"),
        ("loop", "'loop' can't be read"),
        ("binary", "'binary' is not UTF-8 text"),
        ("compose.yaml/x", "'compose.yaml/x' can't be read"),
        ('"nul\\0"', "can't be read"),
        ("x" * 300, "can't be read"),
        ('""', "the file's name is empty"),
        ("https://example.com/compose.yaml", "is not a file of this machine"),
        ("oci://registry.example.com/x", "is not a file of this machine"),
    ],
)
def test_what_cannot_be_read_is_told_at_the_place_that_names_it(
    write: Write, refuse: Refuse, name: str, says: str
) -> None:
    directory = write({})
    (directory / "folder").mkdir()
    os.mkfifo(directory / "fifo")
    (directory / "loop").symlink_to("loop")
    (directory / "binary").write_bytes(b"services: \xff")
    (problem,) = refuse(f"include:\n- {name}\nservices: {{x: {{image: 'x:1'}}}}")
    assert (str(problem.where), problem.path) == ("compose.yaml:2:3", "include[0]")
    assert says in problem.reason


def test_the_way_to_a_missing_file_is_told(refuse: Refuse) -> None:
    files = {"compose.yaml": "include: [lib/a.yaml]", "lib/a.yaml": "include: [no.yaml]"}
    (problem,) = refuse(files)
    assert str(problem) == (
        "lib/a.yaml:1:11: include[0]: 'lib/no.yaml' does not exist (included by compose.yaml at compose.yaml:1:11)"
    )


def test_a_missing_env_file_of_an_include_is_told_at_its_place(refuse: Refuse) -> None:
    files = {
        "compose.yaml": "include:\n- path: a.yaml\n  env_file: ${DIR}no.env\n",
        "a.yaml": "services: {a: {image: 'a:1'}}",
    }
    (problem,) = refuse(files)
    assert str(problem) == "compose.yaml:3:13: include[0].env_file: 'no.env' does not exist (DIR is not set)"


@pytest.mark.parametrize(
    ("include", "says"),
    [
        ("a.yaml", "must be a list, not 'a.yaml'"),
        ("{path: a.yaml}", "must be a list, not a mapping"),
        ("[{file: a.yaml}]", "unknown key 'file'"),
        ("[[a.yaml]]", "must be text or a mapping, not a list"),
    ],
)
def test_the_form_of_include_is_checked(refuse: Refuse, include: str, says: str) -> None:
    problems = refuse(f"include: {include}\nservices: {{x: {{image: 'x:1'}}}}")
    assert says in [problem.reason for problem in problems]


def test_an_included_file_that_says_nothing_is_named(refuse: Refuse) -> None:
    (problem,) = refuse({"compose.yaml": "include: [a.yaml]\nservices: {x: {image: 'x:1'}}", "a.yaml": "# nothing"})
    assert str(problem) == "a.yaml: the file says nothing (begin with 'services:')"


def test_problems_of_included_files_are_told_there_and_all_at_once(refuse: Refuse) -> None:
    files = {
        "compose.yaml": "include: [lib/a.yaml]\nservices: {x: {imag: 'x:1'}}",
        "lib/a.yaml": "services: {a: {image: 'a:1', port: []}, b: {image: }}",
    }
    places = {(problem.where.file, problem.path) for problem in refuse(files)}
    assert {("compose.yaml", "services.x.imag"), ("lib/a.yaml", "services.a.port")} <= places
    assert ("lib/a.yaml", "services.b.image") in places


def test_includes_that_double_with_every_level_are_read_once(read: Read) -> None:
    files = {"compose.yaml": "include: [l0/a.yaml, l0/b.yaml]"}
    for level in range(20):
        entries = "" if level == 19 else f"include: [../l{level + 1}/a.yaml, ../l{level + 1}/b.yaml]\n"
        for name in "ab":
            files[f"l{level}/{name}.yaml"] = f"{entries}services: {{s{level}{name}: {{image: 'x:1'}}}}"
    assert len(read(files).appliance.services) == 40


def test_includes_that_double_with_variables_of_their_own_are_bounded(refuse: Refuse) -> None:
    files = {"compose.yaml": "include: [l0a/c.yaml, l0b/c.yaml]"}
    for level in range(14):
        below = "" if level == 13 else f"include: [../l{level + 1}a/c.yaml, ../l{level + 1}b/c.yaml]\n"
        for name in "ab":
            files[f"l{level}{name}/c.yaml"] = f"{below}services: {{s{level}{name}: {{image: 'x:1'}}}}"
            files[f"l{level}{name}/.env"] = f"V{level}{name}=1\n"
    assert any("times a file is included" in problem.reason for problem in refuse(files))


def test_a_long_row_of_includes_is_bounded(refuse: Refuse) -> None:
    files = {"compose.yaml": "include: [f0.yaml]"}
    files |= {f"f{i}.yaml": f"include: [f{i + 1}.yaml]\n" for i in range(60)}
    files["f60.yaml"] = "services: {x: {image: 'x:1'}}"
    (problem,) = refuse(files)
    assert problem.reason == "more than 50 files include each other in a row"


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("{a: [1, {b: c}]}", "{a: [1, {b: c}]}", True),
        ("{a: 1, b: 2}", "{b: 2, a: 1}", True),
        ("{a: [1, 2]}", "{a: [2, 1]}", False),
        ("{a: 1}", "{a: '1'}", False),
        ("{a: 1}", "{a: true}", False),
        ("{a: [1]}", "{a: {b: 1}}", False),
        ("{a: 1}", "{a: 1, b: }", False),
    ],
)
def test_sameness_is_of_values_not_of_places(one: str, other: str, expected: bool) -> None:
    report = Report()
    (first,), (second,) = parse_yaml(one, "one.yaml", report), parse_yaml("\n\n" + other, "other.yaml", report)
    assert is_same(first, second) is expected


def test_an_appliance_file_may_name_a_compose_file_that_includes(read: Read, tmp_path: Path) -> None:
    files = {**INFRA, "appliance.yaml": "name: share\ntargets: {default: [web], data: [db]}"}
    assert set(read(files).appliance.targets) == {"default", "data"}
