import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from boxship.errors import SpecError
from boxship.spec.load import load
from boxship.spec.loaded import LoadOptions
from boxship.spec.source import MAX_FILE_BYTES
from tests.unit.spec.conftest import Read, Refuse, Write

ONE = "services: {{one: {{image: '{}:1'}}}}\n"


def image(read: Read, files: dict[str, str], **options: object) -> str | None:
    found: str | None = read(files, **options).appliance.services["one"].image
    return found


def test_known_names_are_tried_in_order(read: Read, write: Write) -> None:
    names = ["docker-compose.yaml", "docker-compose.yml", "compose.yml", "compose.yaml"]
    for name in names:
        assert image(read, {name: ONE.format(name)}) == f"{name}:1"


@pytest.mark.parametrize(
    ("name", "override"),
    [("compose.yaml", "compose.override.yaml"), ("docker-compose.yml", "docker-compose.override.yml")],
)
def test_the_override_file_of_the_same_name_is_merged_and_not_with_f(read: Read, name: str, override: str) -> None:
    files = {name: ONE.format("base"), override: ONE.format("over")}
    assert image(read, files) == "over:1"
    assert image(read, files, f=(name,)) == "base:1"


def test_files_are_found_in_a_directory_above(write: Write) -> None:
    directory = write({"compose.yaml": ONE.format("up"), "deep/er/x": ""})
    loaded = load(LoadOptions(directory=directory / "deep/er"))
    assert loaded.appliance.directory == directory


def test_compose_file_variables_name_files(read: Read) -> None:
    files = {"a.yaml": ONE.format("a"), "b.yaml": ONE.format("b"), "compose.yaml": ONE.format("c")}
    assert image(read, files, env={"COMPOSE_FILE": "a.yaml:b.yaml"}) == "b:1"
    dotenv = {**files, ".env": "COMPOSE_FILE=b.yaml,a.yaml\nCOMPOSE_PATH_SEPARATOR=,\n"}
    assert image(read, dotenv) == "a:1"


def test_an_appliance_file_names_its_compose_files(read: Read) -> None:
    files = {"appliance.yaml": "app: [app/a.yaml, b.yaml]", "app/a.yaml": ONE.format("a"), "b.yaml": ONE.format("b")}
    loaded = read(files)
    assert loaded.appliance.services["one"].image == "b:1"
    assert loaded.appliance.directory.name == "app"
    assert read(files, f=("appliance.yaml", "app/a.yaml")).appliance.services["one"].image == "a:1"


NAMED = {"appliance.yaml": "name: of-file", "compose.yaml": "name: Of Compose!\nservices: {a: {image: 'a:1'}}"}


def test_the_name_comes_from_the_nearest_to_the_command_line(read: Read) -> None:
    env = {"COMPOSE_PROJECT_NAME": "of-shell"}
    plain = {"compose.yaml": NAMED["compose.yaml"]}
    assert read(plain, f=("compose.yaml",)).appliance.name == "ofcompose"
    assert read(NAMED).appliance.name == "of-file"
    assert read(NAMED, env=env).appliance.name == "of-shell"
    assert read(NAMED, env=env, appliance_name="typed").appliance.name == "typed"


def test_the_name_is_a_variable_in_the_file(read: Read) -> None:
    text = "name: ${N:-shop9}\nservices: {a: {image: '${COMPOSE_PROJECT_NAME}:1', environment: [COMPOSE_PROJECT_NAME]}}"
    service = read(text).appliance.services["a"]
    assert (service.image, service.environment) == ("shop9:1", {"COMPOSE_PROJECT_NAME": "shop9"})


@pytest.mark.parametrize("options", [{"appliance_name": "No Good"}, {"env": {"COMPOSE_PROJECT_NAME": "-x"}}])
def test_a_bad_name_from_outside_is_refused(refuse: Refuse, options: dict[str, object]) -> None:
    (problem,) = refuse(ONE.format("a"), **options)
    assert "can't be an appliance's name" in problem.reason


def refused(**options: object) -> str:
    with pytest.raises(SpecError) as caught:
        load(LoadOptions(**options))  # type: ignore[arg-type]
    assert len(caught.value.problems) == 1
    return str(caught.value)


def test_nothing_to_read_is_said_with_what_was_looked_for(tmp_path: Path) -> None:
    said = refused(directory=tmp_path)
    assert str(tmp_path) in said
    assert "docker-compose.yaml" in said


def test_what_is_no_readable_file_is_refused_in_one_sentence_and_never_blocks(tmp_path: Path) -> None:
    (tmp_path / "directory").mkdir()
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "binary").write_bytes(b"services: \xff\n")
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "large").write_bytes(b"#" * (MAX_FILE_BYTES + 1))
    (tmp_path / "loop").symlink_to("loop")
    for name, says in (
        ("gone", "does not exist"),
        ("directory", "is a directory"),
        ("fifo", "is a FIFO"),
        ("binary", "not UTF-8"),
        ("empty", "says nothing"),
        ("large", "larger than 10 MiB"),
        ("loop", "can't be read"),
        ("empty/x", "can't be read"),
    ):
        assert says in refused(directory=tmp_path, files=(Path(name),)), name
        if name not in {"empty", "gone"}:
            assert (
                says in refused(directory=tmp_path, files=(Path("gone"),), env_files=(Path(name),)) or name == "large"
            )


def test_a_byte_order_mark_and_windows_line_ends_are_no_problem(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_bytes(b"\xef\xbb\xbfservices:\r\n  a:\r\n    image: a:1\r\n")
    assert load(LoadOptions(directory=tmp_path)).appliance.services["a"].image == "a:1"


ENV = {
    "sub/compose.yaml": """\
        services:
          one: {image: "${A:-x}:${B:-x}-${C:-x}"}
          p: {image: "p:1", profiles: [p]}
          q: {image: "q:1", profiles: [q]}
        """,
    ".env": "A=start\nC=start\nCOMPOSE_PROFILES=p\n",
    "sub/.env": "B=sub\nC=sub\nCOMPOSE_PROFILES=q\nCOMPOSE_PROJECT_NAME=of-sub\n",
}
SUB = "sub/compose.yaml"


def test_the_env_file_lies_beside_the_first_named_file(read: Read) -> None:
    loaded = read(ENV, f=(SUB,))
    assert (image(read, ENV, f=(SUB,)), loaded.active_profiles) == ("x:sub-sub", ("q",))
    assert loaded.appliance.name == "of-sub"


def test_the_env_file_where_the_search_begins_stands_above_it(read: Read) -> None:
    assert image(read, ENV, env={"COMPOSE_FILE": SUB}) == "start:sub-start"
    found = {**ENV, ".env": f"{ENV['.env']}COMPOSE_FILE={SUB}\n"}
    assert (image(read, found), read(found).active_profiles) == ("start:sub-start", ("p",))


def test_compose_env_files_is_of_the_shell_and_can_be_switched_off(read: Read) -> None:
    assert image(read, ENV, f=(SUB,), env={"COMPOSE_ENV_FILES": ".env, sub/.env"}) == "start:sub-sub"
    assert image(read, {**ENV, "sub/.env": "COMPOSE_ENV_FILES=.env\n"}, f=(SUB,)) == "x:x-x"
    assert image(read, ENV, f=(SUB,), env={"COMPOSE_DISABLE_ENV_FILE": "true"}) == "x:x-x"
    assert image(read, ENV, f=(SUB,), env_files=(Path(os.devnull),)) == "x:x-x"


def test_named_profiles_replace_those_of_the_variables(read: Read) -> None:
    assert read(ENV, f=(SUB,), env={"COMPOSE_PROFILES": "p"}, profiles=("q",)).active_profiles == ("q",)
    assert read(ENV, f=(SUB,), env={"COMPOSE_PROFILES": "p, q"}).active_profiles == ("p", "q")


def from_stdin(directory: Path, data: bytes, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    argv = [sys.executable, "-m", "boxship.cli", "show", "--format", "json", *arguments]
    return subprocess.run(argv, cwd=directory, input=data, capture_output=True, timeout=30, check=False)


def test_a_dash_is_the_standard_input_and_paths_begin_in_the_current_directory(write: Write) -> None:
    directory = write({"over.yaml": "services: {a: {labels: {over: '1'}}}", ".env": "TAG=7\n", "a.env": "K=v\n"})
    text = b"services: {a: {image: 'a:${TAG}', env_file: a.env}}"
    done = from_stdin(directory, text, "-f", "-", "-f", "over.yaml")
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)["services"]["a"]
    assert (shown["image"], shown["environment"], shown["labels"]) == ("a:7", {"K": "v"}, {"over": "1"})


def test_wrong_standard_input_is_named(write: Write) -> None:
    directory = write({})
    for data, says in (
        (b"services: {a: {imag: x}}", b"<stdin>:1:16: services.a.imag: unknown key 'imag'"),  # codespell:ignore imag
        (b"\xff", b"<stdin>:1:1: is not UTF-8 text"),
        (b"", b"<stdin>: the file says nothing"),
    ):
        done = from_stdin(directory, data, "-f", "-")
        assert (done.returncode, says in done.stderr) == (2, True), done.stderr
