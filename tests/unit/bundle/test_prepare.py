"""The files of a release: what is taken along, what is refused, and that a box reads the same."""

from pathlib import Path

import pytest

from boxship.bundle.prepare import VARIABLES
from boxship.errors import PreconditionError
from boxship.spec.load import load
from boxship.spec.loaded import LoadOptions
from tests.unit.bundle.places import prepared, write

ROOT = Path(__file__).parents[3]
SERVICE = "services:\n  web:\n    image: share/web\n"


def names(folder: Path, **more: object) -> list[str]:
    made, _ = prepared(folder, **more)  # type: ignore[arg-type]  # the same keywords
    return sorted(made.files)


def reasons(folder: Path, **more: object) -> tuple[str, ...]:
    with pytest.raises(PreconditionError) as caught:
        prepared(folder, **more)  # type: ignore[arg-type]  # the same keywords
    return caught.value.reasons


def test_what_was_read_and_what_is_mounted_is_taken_and_nothing_else(tmp_path: Path) -> None:
    text = """
include: [more/compose.yaml]
services:
  web:
    image: share/web
    extends: {file: common.yaml, service: base}
    env_file: [web.env, {path: missing.env, required: false}]
    label_file: labels
    volumes: [./conf:/conf:ro, /etc/localtime:/etc/localtime:ro, data:/data]
    configs: [motd]
    security_opt: [seccomp=./profile.json]
configs: {motd: {file: ./motd}}
volumes: {data: {}}
"""
    folder = write(
        tmp_path,
        {
            "compose.yaml": text,
            "common.yaml": "services: {base: {init: true}}",
            "more/compose.yaml": "services: {db: {image: share/db}}",
            "web.env": "A=1",
            "labels": "a=b",
            "conf/a/b.conf": "x",
            "conf/.git/HEAD": "x",
            "motd": "hi",
            "profile.json": "{}",
            "Dockerfile": "FROM scratch",
            "README": "x",
        },
    )
    assert names(folder) == [
        "common.yaml",
        "compose.yaml",
        "conf/a/b.conf",
        "labels",
        "more/compose.yaml",
        "motd",
        "profile.json",
        "web.env",
    ]


def test_programs_of_hooks_and_checks_come_along(tmp_path: Path) -> None:
    said = """
app: compose.yaml
hooks: {web: {pre-start: ./warm-up web, pre-build: ./fetch}}
host: {checks: {programs: {raid: [sh, ./check-raid]}}}
"""
    files = {"compose.yaml": SERVICE, "appliance.yaml": said}
    folder = write(tmp_path, files | dict.fromkeys(("warm-up", "fetch", "check-raid"), "#!/bin/sh\n"))
    (folder / "warm-up").chmod(0o755)
    made, _ = prepared(folder)
    assert sorted(made.files) == ["appliance.yaml", "check-raid", "compose.yaml", "warm-up"]
    assert (made.files["warm-up"].mode, made.files["check-raid"].mode) == (0o755, 0o644)


def test_files_above_the_appliance_s_folder_keep_their_places(tmp_path: Path) -> None:
    folder = write(tmp_path, {"deploy/compose.yaml": f"{SERVICE}    env_file: ../common.env\n", "common.env": "A=1"})
    made, _ = prepared(folder / "deploy")
    assert sorted(made.files) == ["common.env", "deploy/compose.yaml"]
    assert made.reading.directory == "deploy"


def test_a_file_that_is_read_from_far_away_is_refused(tmp_path: Path) -> None:
    folder = write(
        tmp_path, {"a/b/c/compose.yaml": f"{SERVICE}    env_file: ../../../common.env\n", "common.env": "A=1"}
    )
    (reason,) = reasons(folder / "a/b/c")
    assert "is read and lies outside of" in reason


def test_variables_of_the_shell_that_the_files_use_are_fixed_and_no_others(tmp_path: Path) -> None:
    text = f"{SERVICE}    environment: {{GREETING: '${{HELLO}}', PATH: /bin, FROM_SHELL: }}\n"
    folder = write(tmp_path, {"compose.yaml": text, ".env": "HELLO=file\nPORT=${FIRST:-1}\n"})
    tricky = 'it\'s "$5" \\n\nand more'
    environ = {"HELLO": tricky, "PATH": "/usr/bin", "FROM_SHELL": "yes", "OTHER": "no", "FIRST": "2"}
    made, _ = prepared(folder, environ=environ)
    assert sorted(made.files) == [".env", VARIABLES, "compose.yaml"]
    assert made.reading.env_files == (VARIABLES, ".env", VARIABLES)


def test_a_secret_of_the_shell_or_of_a_file_of_variables_is_refused_unless_insisted_upon(tmp_path: Path) -> None:
    text = f"{SERVICE}    env_file: web.env\n    environment: [DB_PASSWORD]\n"
    folder = write(tmp_path, {"compose.yaml": text, "web.env": "API_TOKEN=abcdef123\nTOKEN_LIFETIME=5m\n"})
    environ = {"DB_PASSWORD": "hunter2hunter2"}
    found = reasons(folder, environ=environ)
    assert [each.partition(":")[0] for each in found] == [
        "web.env holds API_TOKEN, which looks like a secret",
        "the files use DB_PASSWORD of this shell, which looks like a secret",
    ]
    assert "hunter2" not in "".join(found)
    assert "--include-secrets" in found[0]
    assert VARIABLES in names(folder, environ=environ, with_secrets=True)


def test_the_file_of_a_secret_is_refused_unless_insisted_upon(tmp_path: Path) -> None:
    text = f"{SERVICE}    secrets: [key]\nsecrets: {{key: {{file: ./key.pem}}}}\n"
    folder = write(tmp_path, {"compose.yaml": text, "key.pem": "..."})
    (folder / "key.pem").chmod(0o600)
    assert reasons(folder)[0].startswith("the secret key is in key.pem: ")
    made, _ = prepared(folder, with_secrets=True)
    assert made.files["key.pem"].mode == 0o600


def test_a_secret_from_a_variable_is_one_whatever_its_name(tmp_path: Path) -> None:
    folder = write(tmp_path, {"compose.yaml": f"{SERVICE}    secrets: [a]\nsecrets: {{a: {{environment: PLAIN}}}}\n"})
    assert "PLAIN of this shell" in reasons(folder, environ={"PLAIN": "1"})[0]
    assert names(folder) == ["compose.yaml"]


def test_a_mounted_whole_folder_is_refused_and_a_writable_one_warned_about(tmp_path: Path) -> None:
    folder = write(tmp_path, {"compose.yaml": f"{SERVICE}    volumes: ['.:/app']\n"})
    assert reasons(folder)[0].startswith("web mounts the whole folder")
    folder = write(tmp_path, {"compose.yaml": f"{SERVICE}    volumes: ['./data:/data']\n", "data/x": ""})
    made, _ = prepared(folder)
    assert made.warnings == ("web may write to data here, and not on a box: a volume keeps data",)


def test_links_are_kept_inside_followed_to_files_and_refused_elsewhere(tmp_path: Path) -> None:
    folder = write(
        tmp_path, {"compose.yaml": f"{SERVICE}    volumes: ['./conf:/conf:ro']\n", "conf/real": "x", "aside": "y"}
    )
    (folder / "conf/link").symlink_to("real")
    (folder / "conf/out").symlink_to("../aside")
    made, _ = prepared(folder)
    assert made.files["conf/link"].link == "real"
    assert (made.files["conf/out"].link, made.files["conf/out"].size_bytes) == ("", 1)
    (folder / "conf/away").symlink_to("/etc")
    assert "conf/away is a link to /etc" in reasons(folder)[0]


def test_what_reads_differently_on_a_box_is_refused_by_its_name(tmp_path: Path) -> None:
    folder = write(tmp_path, {"compose.yaml": f"{SERVICE}    volumes: ['~/pages:/pages']\n"})
    (reason,) = reasons(folder, environ={"HOME": "/home/me"})
    assert reason.startswith("services.web reads differently on a box")


def test_named_files_and_variables_are_read_again_as_they_were_named(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        {
            "deploy/base.yaml": f"{SERVICE}    environment: {{A: '${{A}}'}}\n",
            "deploy/prod.yaml": "services: {web: {init: true}}",
            "deploy/.env": "A=wrong",
            "prod.env": "A=right",
        },
    )
    made, _ = prepared(
        folder, files=(Path("deploy/base.yaml"), Path("deploy/prod.yaml")), env_files=(Path("prod.env"),)
    )
    assert made.reading.files == ("deploy/base.yaml", "deploy/prod.yaml")
    assert made.reading.env_files == ("prod.env",)


def test_the_same_files_give_the_same_archive(tmp_path: Path) -> None:
    for place in ("one", "two"):
        write(
            tmp_path / place,
            {"compose.yaml": f"name: x\n{SERVICE}    volumes: ['./c:/c:ro']\n", "c/a": "1", "c/b": "2"},
        )
    one, two = (prepared(tmp_path / place)[0] for place in ("one", "two"))
    assert one.archive == two.archive


@pytest.mark.parametrize("project", ["examples/share", "docs/tutorial"])
def test_the_project_s_own_appliances_can_be_released(project: str) -> None:
    asked = LoadOptions(directory=ROOT / project)
    loaded = load(asked)
    made, _ = prepared(ROOT / project)
    assert loaded.appliance.services
    assert {"appliance.yaml", "compose.yaml"} <= made.files.keys()
