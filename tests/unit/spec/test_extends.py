"""A service that begins as another one."""

from pathlib import Path

import pytest

from boxship.spec.documents import Documents, Setting
from boxship.spec.extends import Extender
from boxship.spec.load import load
from boxship.spec.loaded import LoadOptions
from boxship.spec.model import Service
from boxship.spec.report import Report
from tests.unit.spec.conftest import Read, Refuse, Write
from tests.unit.steps import steps_of


def one(read: Read, files: str | dict[str, str], name: str = "app", **options: object) -> Service:
    found: Service = read(files, **options).appliance.services[name]
    return found


BASE = """\
services:
  base:
    image: shop/base:1
    command: [serve]
    environment: ["A=base", "B=base"]
    ports: ["8080:80"]
    volumes: ["data:/data", "./keep:/keep"]
    networks: [back]
    depends_on: [db]
    cap_add: [NET_ADMIN]
    profiles: [extra]
  app:
    extends: EXTENDS
    environment: {B: app}
    volumes: ["./own:/data"]
    ports: ["9090:90"]
    depends_on: {cache: {condition: service_started}}
    cap_add: [SYS_TIME, NET_ADMIN]
  db: {image: "shop/db:1"}
  cache: {image: "shop/cache:1"}
volumes: {data: {}}
networks: {back: {}}
"""


@pytest.mark.parametrize("extends", ["base", "{service: base}"])
def test_everything_is_inherited_and_met_as_in_a_later_file(read: Read, extends: str) -> None:
    app = one(read, BASE.replace("EXTENDS", extends))
    assert (app.image, app.command, app.profiles) == ("shop/base:1", ("serve",), ("extra",))
    assert app.environment == {"A": "base", "B": "app"}
    assert [port.published for port in app.ports] == ["8080", "9090"]
    assert [(mount.kind, mount.target) for mount in app.mounts] == [("bind", "/data"), ("bind", "/keep")]
    assert list(app.networks) == ["back"]
    assert list(app.depends_on) == ["db", "cache"]
    assert app.cap_add == ("NET_ADMIN", "SYS_TIME")


def test_the_extended_service_stays_as_it_was(read: Read) -> None:
    text = "services:\n  app: {extends: base, image: 'app:1'}\n  base: {image: 'base:1', labels: {a: b}}\n"
    services = read(text).appliance.services
    assert (services["base"].image, services["app"].image) == ("base:1", "app:1")
    assert services["base"].labels == services["app"].labels == {"a": "b"}


CHAIN = {
    "compose.yaml": """\
        services:
          app: {extends: middle, labels: {l3: own}}
          middle: {extends: {file: lib/a.yaml, service: a}, labels: {l2: middle}}
        """,
    "lib/a.yaml": "services: {a: {extends: {file: deep/b.yaml, service: b}, labels: {l1: a}, volumes: ['./a:/a']}}",
    "lib/deep/b.yaml": """\
        services:
          b: {extends: root, env_file: b.env, build: ./ctx}
          root: {image: "root:1", labels: {l0: root, l3: root}, volumes: ["../up:/up", "~/h:/h"]}
        """,
    "lib/deep/b.env": "FROM=b",
}


def test_chains_go_through_files_and_paths_begin_where_they_are_written(read: Read, write: Write) -> None:
    app = one(read, CHAIN, env={"HOME": "/home/of"})
    shop = str(write({}))
    assert app.labels == {"l0": "root", "l1": "a", "l2": "middle", "l3": "own"}
    assert app.environment == {"FROM": "b"}
    assert app.build is not None
    assert str(app.build.context) == f"{shop}/lib/deep/ctx"
    assert [mount.source for mount in app.mounts] == [f"{shop}/lib/up", "/home/of/h", f"{shop}/lib/a"]


def test_every_value_knows_the_file_it_was_written_in(read: Read) -> None:
    app = one(read, CHAIN)
    assert {key: app.where[key].file for key in ("", "labels", "volumes", "env_file", "image")} == {
        "": "compose.yaml",
        "labels": "compose.yaml",
        "volumes": "lib/a.yaml",
        "env_file": "lib/deep/b.yaml",
        "image": "lib/deep/b.yaml",
    }
    assert "extends" not in app.where


def test_a_build_without_a_context_is_built_beside_the_first_file(read: Read, write: Write) -> None:
    files = {
        "compose.yaml": "services: {app: {extends: {file: lib/a.yaml, service: a}}}",
        "lib/a.yaml": "services: {a: {build: {target: x}}}",
    }
    app = one(read, files)
    assert app.build is not None
    assert app.build.context == write({})


def test_what_stands_beside_the_extended_service_is_not_declared_here(refuse: Refuse) -> None:
    files = {
        "compose.yaml": "services: {app: {extends: {file: lib.yaml, service: a}}}",
        "lib.yaml": """\
            services:
              a: {image: 'a:1', volumes: ['v:/v'], networks: [n], depends_on: [b]}
              b: {image: 'b:1'}
            volumes: {v: }
            networks: {n: }
            """,
    }
    problems = refuse(files)
    assert {problem.reason for problem in problems} == {
        "unknown service 'b'",
        "unknown network 'n'",
        "unknown volume 'v'",
    }
    assert {problem.where.file for problem in problems} == {"lib.yaml"}


def test_reset_and_override_are_obeyed_against_what_is_inherited(read: Read) -> None:
    text = """\
        services:
          base: {image: "b:1", ports: ["80:80"], labels: {x: "1", y: "2"}, cap_add: [A], command: [run]}
          app:
            extends: base
            ports: !reset []
            labels: {x: !reset null, z: "3"}
            cap_add: !override [B]
            command: !reset null
          more: {extends: app, cap_add: [C]}
        """
    app, more = one(read, text), one(read, text, "more")
    assert (app.ports, app.labels, app.cap_add, app.command) == ((), {"y": "2", "z": "3"}, ("B",), None)
    assert (more.ports, more.labels, more.cap_add) == ((), {"y": "2", "z": "3"}, ("B", "C"))


def test_reset_and_override_are_obeyed_against_earlier_files_as_well(read: Read) -> None:
    files = {
        "compose.yaml": "services: {app: {image: 'a:1', ports: ['80:80'], cap_add: [A], cap_drop: [A]}}",
        "over.yaml": """\
            services:
              x: {image: "x:1", ports: ["81:81"], cap_add: [X], cap_drop: [X]}
              app: {extends: x, ports: !reset [], cap_add: !override [O]}
            """,
    }
    app = one(read, files, f=("compose.yaml", "over.yaml"))
    assert (app.ports, app.cap_add, app.cap_drop, app.image) == ((), ("O",), ("A", "X"), "x:1")


def test_extends_itself_can_be_reset(refuse: Refuse, read: Read) -> None:
    text = "services:\n  base: {image: 'b:1'}\n  app: {extends: !reset null, image: 'a:1'}\n"
    assert one(read, text).image == "a:1"
    (problem,) = refuse(text.replace(", image: 'a:1'", ""))
    assert problem.reason == "neither image nor build is given"


def test_an_empty_value_keeps_what_is_inherited(read: Read) -> None:
    assert one(read, "services: {base: {image: 'b:1'}, app: {extends: base, image: }}").image == "b:1"


def test_documents_of_an_extended_file_are_one(read: Read) -> None:
    files = {
        "compose.yaml": "services: {app: {extends: {file: lib.yaml, service: a}}}",
        "lib.yaml": "services: {a: {extends: b, image: 'a:1'}, b: {image: 'b:1', cap_add: [B]}}\n"
        "---\nservices: {a: {cap_drop: [A]}, b: {cap_add: [C]}}\n",
    }
    app = one(read, files)
    assert (app.image, app.cap_add, app.cap_drop) == ("a:1", ("B", "C"), ("A",))


def test_variables_of_the_extended_file_are_those_of_the_extending_one(read: Read) -> None:
    files = {
        "compose.yaml": "services: {app: {extends: {file: 'lib/${WHICH}.yaml', service: a}}}",
        "lib/a.yaml": "services: {a: {image: 'a:${TAG}'}}",
        ".env": "TAG=outer\nWHICH=a\n",
        "lib/.env": "TAG=inner\n",
    }
    assert one(read, files).image == "a:outer"


def test_only_the_extended_service_of_another_file_must_be_right(read: Read) -> None:
    files = {
        "compose.yaml": "services: {app: {extends: {file: lib.yaml, service: a}}}",
        "lib.yaml": "services: {a: {image: 'a:1'}, b: {imag: '${X:?}', ports: 5}}",
    }
    loaded = read(files)
    assert (loaded.appliance.services["app"].image, loaded.warnings) == ("a:1", ())


def test_a_file_may_extend_from_itself_by_name(read: Read) -> None:
    text = "services: {base: {image: 'b:1'}, app: {extends: {file: compose.yaml, service: base}}}"
    assert one(read, text).image == "b:1"


def test_a_missing_service_is_named_with_what_there_is_and_who_asked(refuse: Refuse) -> None:
    (problem,) = refuse("services:\n  app: {image: 'a:1', extends: bose}\n  base: {image: 'b:1'}\n")
    assert str(problem).startswith("compose.yaml:2:32: services.app.extends: there is no service 'bose'")
    assert problem.hint == "did you mean 'base'?"
    files = {
        "compose.yaml": "services:\n  app: {extends: {file: lib.yaml, service: a}}\n",
        "lib.yaml": "services:\n  a: {extends: nobody}\n",
    }
    (problem,) = refuse(files)
    assert str(problem.where) == "lib.yaml:2:16"
    assert "no service 'nobody' in lib.yaml" in problem.reason
    assert [str(each) for each in problem.related] == ["extended by app at compose.yaml:2:18"]


def test_a_missing_file_is_named_with_who_asked(refuse: Refuse) -> None:
    (problem,) = refuse("services:\n  app: {image: 'a:1', extends: {file: no.yaml, service: x}}\n")
    assert str(problem) == "compose.yaml:2:39: services.app.extends.file: 'no.yaml' does not exist"
    files = {
        "compose.yaml": "services:\n  app: {extends: {file: lib/a.yaml, service: a}}\n",
        "lib/a.yaml": "services:\n  a: {extends: {file: b.yaml, service: b}}\n",
    }
    (problem,) = refuse(files)
    assert "lib/a.yaml:2:23: services.a.extends.file: 'lib/b.yaml' does not exist" in str(problem)
    assert "extended by app at compose.yaml:2:18" in str(problem)


@pytest.mark.parametrize("file", ["https://example.com/c.yaml", "git@example.com:x/y.git", "oci://r.example.com/c"])
def test_nothing_is_fetched_to_be_extended(refuse: Refuse, file: str) -> None:
    (problem,) = refuse(f"services: {{app: {{extends: {{file: '{file}', service: x}}}}}}")
    assert "is not a file of this machine" in problem.reason


def test_a_variable_that_made_the_files_name_empty_is_named(refuse: Refuse) -> None:
    (problem,) = refuse("services: {app: {extends: {file: '${LIB}', service: x}}}")
    assert (problem.reason, problem.hint) == ("the file's name is empty", "LIB is not set")


def test_an_extended_file_that_is_no_compose_file_is_refused_once(refuse: Refuse) -> None:
    files = {
        "compose.yaml": "services: {a: &a {extends: {file: lib.yaml, service: x}}, b: *a}",
        "lib.yaml": "services: [",
    }
    (problem,) = refuse(files)
    assert problem.where.file == "lib.yaml"


@pytest.mark.parametrize("lib", ["services:\n", "networks: {}\n", "services: {x: }\n", "services: []\n"])
def test_an_extended_file_without_that_service_is_refused(refuse: Refuse, lib: str) -> None:
    problems = refuse({"compose.yaml": "services: {a: {extends: {file: lib.yaml, service: x}}}", "lib.yaml": lib})
    assert "there is no service 'x' in lib.yaml" in [problem.reason for problem in problems]


def test_a_circle_is_told_with_every_place_once(refuse: Refuse) -> None:
    text = "services:\n  a: {image: 'x:1', extends: b}\n  b: {extends: c}\n  c: {extends: a}\n  d: {extends: b}\n"
    (problem,) = refuse(text)
    assert str(problem) == (
        "compose.yaml:4:16: services.c.extends: services extend each other: a -> b -> c -> a "
        "(let one of them stand alone; a -> b at compose.yaml:2:30, b -> c at compose.yaml:3:16)"
    )


@pytest.mark.parametrize(
    "extends", ["a", "{service: a, file: compose.yaml}", "{service: a, file: ./link/compose.yaml}"]
)
def test_a_service_that_extends_itself_is_a_circle_whatever_way_it_goes(
    write: Write, refuse: Refuse, extends: str
) -> None:
    directory = write({})
    (directory / "link").symlink_to(directory)
    (problem,) = refuse(f"services: {{a: {{image: 'x:1', extends: {extends}}}}}")
    assert problem.code == "cycle"
    assert "a -> a" in problem.reason


def test_what_is_included_or_stands_in_an_earlier_file_cannot_be_extended_by_its_name(refuse: Refuse) -> None:
    files = {
        "compose.yaml": "include: [lib.yaml]\nservices: {a: {extends: base}}\n",
        "lib.yaml": "services: {base: {image: 'b:1'}}",
        "over.yaml": "services: {a: {extends: base}}",
    }
    (problem,) = refuse(files)
    assert problem.hint == "it is included: write {file: lib.yaml, service: base}"
    (problem,) = refuse(files, f=("lib.yaml", "over.yaml"))
    assert problem.reason == "there is no service 'base' in over.yaml"


def test_the_form_of_extends_is_checked(refuse: Refuse) -> None:
    problems = refuse(
        "services:\n  a: {image: 'a:1', extends: {file: x}}\n  b: {image: 'b:1', extends: {service: a, to: x}}\n"
        "  c: {image: 'c:1', extends: [a]}\n"
    )
    assert [problem.reason for problem in problems] == [
        "the key 'service' is missing",
        "unknown key 'to'",
        "must be text or a mapping, not a list",
    ]


def test_a_chain_of_thousands_is_followed_in_linear_time(tmp_path: Path) -> None:
    def follow(services: int) -> None:
        lines = [f"  s{i}: {{extends: s{i + 1}, hostname: h{i}}}\n" for i in range(services)]
        text = "services:\n" + "".join(lines) + f"  s{services}: {{image: 'x:1', labels: {{a: b}}}}\n"
        (tmp_path / "compose.yaml").write_text(text)
        assert load(LoadOptions(directory=tmp_path)).appliance.services["s0"].image == "x:1"

    follow(2000)
    assert steps_of(lambda: follow(200)) < 4.1 * steps_of(lambda: follow(50))


def test_inheriting_without_bound_is_refused_before_it_fills_the_memory(write: Write) -> None:
    labels = ", ".join(f"l{i}: v" for i in range(8))
    text = f"services:\n  base: {{image: 'b:1', labels: {{{labels}}}}}\n"
    directory = write({"compose.yaml": text + "".join(f"  s{i}: {{extends: base}}\n" for i in range(5))})
    report, setting = Report(), Setting(directory, directory, {})
    documents, path = Documents(directory, report), directory / "compose.yaml"
    (document,) = documents.parse(path) or ()
    prepared = documents.prepare(document, {}, documents.context(setting))
    Extender(documents, setting, report, allowance=40).extend(prepared, path, {})
    assert {(problem.path, problem.reason) for problem in report.errors} == {
        ("services.s3.extends", "more than 40 values are inherited in all"),
        ("services.s4.extends", "more than 40 values are inherited in all"),
    }
