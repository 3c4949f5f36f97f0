"""What is allowed and bites later: each habit is told once, with its place and its code, and can be allowed."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import dedent

import pytest

from boxship.spec import codes
from boxship.spec.secrecy import is_secret_name, is_secret_value
from boxship.where import Problem
from tests.unit.spec.conftest import Read, Refuse

Warned = Callable[..., list[tuple[str, int]]]


@pytest.fixture
def warned(read: Read) -> Warned:
    """The codes and lines of the warnings about some files."""

    def read_warnings(files: str | Mapping[str, str], **options: object) -> list[tuple[str, int]]:
        return [(problem.code, problem.where.line) for problem in read(files, **options).warnings]

    return read_warnings


def only(problems: tuple[Problem, ...], code: str) -> Problem:
    (found,) = (problem for problem in problems if problem.code == code)
    return found


def test_an_image_without_a_version_is_warned_about(read: Read) -> None:
    text = """
        services:
          a: {image: shop/a}
          b: {image: 'shop/b:latest'}
          c: {image: 'shop:5000/c'}
          d: {image: 'shop@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef'}
          e: {build: ., image: shop/e}
          f: {image: 'shop/f:1'}
        """
    assert [problem.reason for problem in read(text).warnings] == [
        "'shop/a' has no version", "'shop/b:latest' has no version", "'shop:5000/c' has no version",
    ]  # fmt: skip


def test_an_image_whose_version_is_an_unset_variable_is_told_once(warned: Warned) -> None:
    assert warned("services:\n  a: {image: 'shop/a:${TAG}'}") == [("unset-variable", 2)]


def test_a_volume_that_several_services_write_is_warned_about_once_with_all_writers(read: Read) -> None:
    text = """
        services:
          a: {image: 'a:1', volumes: ['data:/d']}
          b: {image: 'b:1', volumes: ['data:/d:ro']}
          c: {image: 'c:1', volumes: ['x:/x', 'data:/d']}
          d: {image: 'd:1', volumes: [{type: volume, source: data, target: /e}]}
        volumes: {data: {}, x: {}}
        """
    (problem,) = read(text).warnings
    assert (problem.code, problem.path, problem.where.line) == ("shared-volume", "services.c.volumes[1]", 5)
    assert "'a'" in problem.reason
    assert [(related.text, related.where.line) for related in problem.related] == [("a", 3), ("d", 6)]


@pytest.mark.parametrize(
    ("mount", "code"),
    [
        ("/srv/data:/d", "host-path"),
        ("../conf:/c:ro", "host-path"),
        ("~/x:/x", "host-path"),
        ("/:/rootfs:ro", "engine-socket"),
        ("/var/run:/var/run", "engine-socket"),
        ("/run/:/run:ro", "engine-socket"),
        ("/run/lock:/run/lock", "host-path"),
        ("/var/run/docker.sock:/var/run/docker.sock:ro", "engine-socket"),
        ("/run/user/1000/docker.sock:/s", "engine-socket"),
        ("./conf:/c", None),
        (".:/app", None),
        ("/etc/localtime:/etc/localtime:ro", None),
        ("/dev/dri:/dev/dri", None),
        ("/device:/d", "host-path"),
    ],
)
def test_a_bind_of_what_another_machine_lacks_is_warned_about(warned: Warned, mount: str, code: str | None) -> None:
    found = warned(f"services:\n  a:\n    image: a:1\n    volumes:\n      - '{mount}'\n", env={"HOME": "/home/who"})
    assert found == ([(code, 5)] if code else [])


def test_a_privileged_container_is_warned_about(warned: Warned) -> None:
    assert warned("services:\n  a:\n    image: a:1\n    privileged: true") == [("privileged", 4)]
    assert warned("services:\n  a:\n    image: a:1\n    privileged: false") == []


def test_a_secret_that_stands_in_the_file_is_warned_about_once_per_service(read: Read) -> None:
    text = """
        services:
          a:
            image: a:1
            environment:
              USER: joe
              DB_PASSWORD: hunter2
              API_TOKEN: abcdef
          b: {image: 'b:1', environment: [JWT_SECRET=abcdef]}
        """
    first, second = read(text).warnings
    assert (first.code, first.where.line, first.path) == ("plain-secret", 7, "services.a.environment.DB_PASSWORD")
    assert first.reason == "DB_PASSWORD and 1 more are written in the file for everybody to read"
    assert [related.text for related in first.related] == ["API_TOKEN"]
    assert second.where.line == 9
    assert "hunter2" not in repr((first, second))


@pytest.mark.parametrize(
    "line",
    [
        "DB_PASSWORD: ${DB_PASSWORD:-changeme}",
        "DB_PASSWORD: ${SET}",
        "DB_PASSWORD:",
        "DB_PASSWORD: ''",
        "DB_PASSWORD_FILE: /run/secrets/db",
        "PASSWORD_MIN_LENGTH: '12345678'",
        "SECRET: /run/secrets/db",
        "USE_TOKEN: 'true'",
        "TOKEN_URL: https://login.example.com/token",
        "COMPASS: north",
    ],
)
def test_a_secret_from_elsewhere_and_what_only_sounds_like_one_are_left_alone(warned: Warned, line: str) -> None:
    text = f"services:\n  a:\n    image: a:1\n    environment:\n      {line}\n"
    assert warned(text, env={"SET": "hunter2", "DB_PASSWORD": "x"}) == []


def test_a_value_from_an_env_file_is_not_in_the_file(warned: Warned) -> None:
    files = {"compose.yaml": "services: {a: {image: 'a:1', env_file: a.env}}", "a.env": "DB_PASSWORD=hunter2\n"}
    assert warned(files) == []


def test_a_secret_whose_variable_is_not_set_is_warned_about(warned: Warned) -> None:
    text = "services: {a: {image: 'a:1', secrets: [s]}}\nsecrets: {s: {environment: DB_PASSWORD}}\n"
    assert warned(text) == [("unset-secret", 2)]
    assert warned(text, env={"DB_PASSWORD": "hunter2"}) == []


def test_waiting_for_the_health_of_what_nobody_asks_is_warned_about_once(read: Read) -> None:
    text = """
        services:
          a: {image: 'a:1', depends_on: {db: {condition: service_healthy}}}
          b: {image: 'b:1', depends_on: {db: {condition: service_healthy}, c: {condition: service_healthy}}}
          c: {image: 'c:1', healthcheck: {test: 'true'}, depends_on: {d: {condition: service_healthy}}}
          d: {image: 'd:1', healthcheck: {disable: true}, depends_on: [e]}
          e: {image: 'e:1'}
          db: {image: 'db:1'}
        """
    found = read(text).warnings
    assert [(problem.code, problem.where.line, problem.path) for problem in found] == [
        ("no-healthcheck", 3, "services.a.depends_on"), ("no-healthcheck", 5, "services.c.depends_on"),
    ]  # fmt: skip
    assert [(related.text, related.where.line) for related in found[0].related] == [("b", 4)]


def test_a_check_of_the_appliance_says_what_healthy_is(warned: Warned) -> None:
    compose = "services: {a: {image: 'a:1', depends_on: {db: {condition: service_healthy}}}, db: {image: 'db:1'}}"
    assert warned({"compose.yaml": compose, "appliance.yaml": "checks: {db: {tcp: 5432}}"}) == []


def test_an_unset_variable_is_told_once_with_every_place_and_a_guess(read: Read) -> None:
    text = """
        services:
          a: {image: 'a:1', hostname: "${GREETNG}", labels: {x: "$GREETNG", y: "$GREETNG$GREETNG"}}
          b: {image: 'b:1', hostname: "x${GREETNG}", domainname: "$OTHER"}
        """
    first, other = read(text, env={"GREETING": "hello"}).warnings
    assert (first.code, first.path, first.where.line) == ("unset-variable", "services.a.hostname", 3)
    assert first.reason == "the variable GREETNG is not set, so it is empty here and in 3 other places"
    assert first.hint == "did you mean 'GREETING'?"
    assert [related.text for related in first.related] == [
        "services.a.labels.x", "services.a.labels.y", "services.b.hostname",
    ]  # fmt: skip
    assert other.hint == "set it, or give it a default: ${OTHER:-...}"


def test_a_sentence_names_three_further_places_and_counts_the_rest(read: Read) -> None:
    labels = "\n".join(f"      l{number}: $WHO" for number in range(7))
    (problem,) = read(f"services:\n  a:\n    image: a:1\n    labels:\n{labels}\n").warnings
    assert len(problem.related) == 6
    assert str(problem).endswith(
        "; services.a.labels.l1 at compose.yaml:6:11, services.a.labels.l2 at compose.yaml:7:11, "
        "services.a.labels.l3 at compose.yaml:8:11, and 3 more)"
    )


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ("image: $X", "services.a.image"),
        ("image: a:1\n    ports: ['$X:80:90:1']", "services.a.ports[0]"),
        ("image: a:1\n    volumes: ['$X:/data']", "services.a.volumes[0]"),
        ("image: a:1\n    volumes: [{type: bind, source: $X, target: /t}]", "services.a.volumes[0]"),
        ("image: a:1\n    stop_grace_period: $X", "services.a.stop_grace_period"),
        ("image: a:1\n    restart: ${X}ly", "services.a.restart"),
        ("image: a:1\n    env_file: ${X}/.env.web", "services.a.env_file[0]"),
    ],
)
def test_an_error_that_an_unset_variable_caused_names_the_variable(refuse: Refuse, line: str, path: str) -> None:
    (problem,) = refuse(f"services:\n  a:\n    {line}\n")
    assert (problem.path, problem.hint) == (path, "X is not set")


def test_a_service_may_allow_what_it_wants_and_others_are_still_warned(warned: Warned) -> None:
    text = """
        services:
          a: {image: a, privileged: true, x-boxship: {allow: [untagged-image]}}
          ab: {image: ab}
        """
    assert warned(text) == [("privileged", 3), ("untagged-image", 4)]


def test_the_top_level_may_allow_for_all_services_and_later_files_add_to_it(warned: Warned) -> None:
    files = {
        "compose.yaml": "x-boxship: {allow: [untagged-image]}\nservices: {a: {image: a, privileged: true}}",
        "compose.override.yaml": "x-boxship: {allow: [privileged]}",
    }
    assert warned(files) == []


def test_an_allowed_use_of_an_unset_variable_is_not_counted(read: Read) -> None:
    text = """
        services:
          a: {image: 'a:1', hostname: $WHO, x-boxship: {allow: [unset-variable]}}
          b: {image: 'b:1', hostname: $WHO}
        """
    (problem,) = read(text).warnings
    assert (problem.where.line, problem.related) == (4, ())


def test_allowing_what_no_warning_is_called_is_warned_about(read: Read) -> None:
    text = "services:\n  a: {image: a, x-boxship: {allow: [untagged-imag]}}\n"
    problem = only(read(text).warnings, "unknown-code")
    assert (problem.path, problem.hint) == ("services.a.x-boxship.allow", "did you mean 'untagged-image'?")
    assert only(read(text).warnings, "untagged-image").where.line == 2


def test_an_error_can_not_be_allowed(refuse: Refuse) -> None:
    (problem,) = refuse("services: {a: {image: 'a:1', portss: [], x-boxship: {allow: [unknown-key]}}}")
    assert problem.code == "unknown-key"


@pytest.mark.parametrize(
    ("other", "is_clash"),
    [
        ("'80:81'", True),
        ("'0.0.0.0:80:81'", True),
        ("'127.0.0.1:80:81'", True),
        ("'[::1]:80:81'", True),
        ("'80:81/udp'", False),
        ("'81:81'", False),
        ("'79-81:81-83'", True),
        ("'79-81:81'", False),
        ("'80-81:81'", False),
        ("'80-80:81'", True),
        ("{target: 81, published: 80}", True),
        ("{target: 81, published: '80', protocol: udp}", False),
    ],
)
def test_two_services_on_one_port_of_the_host_clash(warned: Warned, other: str, *, is_clash: bool) -> None:
    text = f"services:\n  a: {{image: 'a:1', ports: ['80:80']}}\n  b: {{image: 'b:1', ports: [{other}]}}\n"
    assert warned(text) == ([("port-clash", 3)] if is_clash else [])


@pytest.mark.parametrize(
    ("one", "other", "is_clash"),
    [
        ("10.0.0.1:80:80", "10.0.0.2:80:80", False),
        ("10.0.0.1:80:80", "10.0.0.1:80:80", True),
        ("10.0.0.1:80:80", "0.0.0.0:80:80", True),
        ("[::]:80:80", "0.0.0.0:80:80", False),
        ("[::]:80:80", "[::1]:80:80", True),
        ("[::1]:80:80", "127.0.0.1:80:80", False),
    ],
)
def test_ports_clash_where_their_addresses_meet(warned: Warned, one: str, other: str, *, is_clash: bool) -> None:
    text = f"services:\n  a: {{image: 'a:1', ports: ['{one}']}}\n  b: {{image: 'b:1', ports: ['{other}']}}\n"
    assert warned(text) == ([("port-clash", 3)] if is_clash else [])


def test_a_range_whose_every_port_is_taken_clashes(warned: Warned) -> None:
    text = "services:\n  a: {image: 'a:1', ports: ['80:80', '81:81']}\n  b: {image: 'b:1', ports: ['80-81:90']}\n"
    assert warned(text) == [("port-clash", 3)]


def test_one_service_can_not_give_a_port_twice(read: Read) -> None:
    (problem,) = read("services: {a: {image: 'a:1', ports: ['80:80', '80:81']}}").warnings
    assert "this service, too" in problem.reason


def test_services_that_never_run_together_do_not_clash(warned: Warned) -> None:
    text = "services: {a: {image: 'a:1', ports: ['80:80']}, b: {image: 'b:1', ports: ['80:80'], profiles: [p]}}"
    assert warned(text) == []
    assert [code for code, _ in warned(text, profiles=("p",))] == ["port-clash"]


def test_every_code_is_explained_and_every_explained_code_is_in_use() -> None:
    sources = "".join(path.read_text() for path in Path(codes.__file__).parent.rglob("*.py") if path.name != "codes.py")
    used = set(re.findall(r'code="([a-z-]+)"', sources)) | set(re.findall(r'Code = "([a-z-]+)"', sources))
    assert used == {*codes.ERRORS, *codes.WARNINGS}
    assert {*codes.WARNINGS} == codes.ALLOWABLE


@pytest.mark.parametrize(
    "name", ["DB_PASSWORD", "jwt-secret", "MYSQL_PASS", "AWS_SECRET_ACCESS_KEY", "apiKey", "TOKEN"]
)
def test_names_of_secrets_are_known(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize("name", ["COMPASS", "DB_USER", "PASSWORD_FILE", "SECRETS_DIR", "TOKEN_TTL", "BYPASS", "KEY"])
def test_names_of_other_things_are_not_taken_for_secrets(name: str) -> None:
    assert not is_secret_name(name)


def test_switches_numbers_and_paths_are_no_secrets() -> None:
    assert [text for text in ("true", "5", "/run/x", "", "https://x.example.com/") if is_secret_value(text)] == []
    assert is_secret_value(dedent("hunter2"))
