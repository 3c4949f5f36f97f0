"""The verb config prints what docker compose's config prints, and reads its own output."""

import json
from pathlib import Path

import pytest
import yaml

from boxship.cli.main import main

COMPOSE = """\
name: shop
services:
  web: {image: "web:1", depends_on: [db], command: [sh, -c, "echo $$HOME"], networks: [front]}
  db: {build: ., volumes: ["data:/d"]}
  debug: {image: "web:1", profiles: [tools]}
networks: {front: {}, unused: {}}
volumes: {data: {}}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "compose.yaml").write_text(COMPOSE)
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("argv", "lines"),
    [
        (["--services"], ["web", "db"]),
        (["--images"], ["web:1", "shop/db:latest"]),
        (["--volumes"], ["data"]),
        (["--networks"], ["front", "default"]),
        (["--profiles"], ["tools"]),
        (["--services", "db"], ["db"]),
        (["--services", "--profile", "tools"], ["web", "db", "debug"]),
        (["-q"], []),
    ],
    ids=" ".join,
)
def test_a_part_is_a_name_a_line(
    argv: list[str], lines: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["config", *argv]) == 0
    assert sorted(capsys.readouterr().out.splitlines()) == sorted(lines)


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_what_is_printed_reads_back_as_the_same(form: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "--format", form, "-o", f"out.{form}"]) == 0
    assert capsys.readouterr().out == ""
    text = (folder / f"out.{form}").read_text()
    document = json.loads(text) if form == "json" else yaml.safe_load(text)
    assert document["services"]["web"]["command"] == ["sh", "-c", "echo $$HOME"]
    assert "unused" not in document["networks"]
    assert main(["-f", f"out.{form}", "config", "--format", form]) == 0
    assert capsys.readouterr().out == text


def test_a_digest_changes_with_the_service_and_only_with_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "--hash", "*"]) == 0
    before = dict(line.split() for line in capsys.readouterr().out.splitlines())
    (folder / "compose.yaml").write_text(COMPOSE.replace("data:/d", "data:/e"))
    assert main(["config", "--hash", "*"]) == 0
    after = dict(line.split() for line in capsys.readouterr().out.splitlines())
    assert (before["web"] == after["web"], before["db"] == after["db"]) == (True, False)
    assert main(["config", "--hash", "db"]) == 0
    assert capsys.readouterr().out == f"db {after['db']}\n"


def test_a_service_that_is_not_there_and_a_file_that_cannot_be_written_are_told(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["config", "--hash", "nope"]) == 3
    assert main(["config", "nope"]) == 3
    assert main(["config", "-o", "no/such/file"]) == 10
    assert main(["config", "-o", "."]) == 2
    assert capsys.readouterr().out == ""


WRITTEN = """\
x-common: &common {image: "web:${TAG:-1}"}
services:
  web:
    <<: *common
    command: sleep ${SECONDS}
    ports: ["${PORT:-80}:80", "443:443", "127.0.0.1:${FIRST}-${LAST}:90-91"]
    volumes: ["${DIR}:/data", "./here:/here:ro", "./more:/more:${MODE:-rw}", "data:/d"]
    devices: ["${DEVICE}"]
    environment: ["A=${B:-x=y}", "C", "D=$$E", "PRICE=5 $"]
    labels: ["router.${NAME}.rule=1", "plain=${B}"]
    env_file: ["${ENV_FILE:-settings.env}"]
    extra_hosts: ["${HOST:-a:1.2.3.4}"]
    depends_on: ["${OTHER:-db}"]
    mem_limit: ${MEMORY:-1g}
    read_only: ${READ_ONLY:-true}
    scale: ${COUNT:-2}
    healthcheck: {test: "curl ${URL}", interval: "${EVERY:-5s}"}
    build: {context: "${CONTEXT:-.}", args: ["X=${X}"]}
    restart: "${RESTART:-always}"
  db: {image: "${IMAGE?say which}", extends: {file: "${BASE:-base}.yaml", service: base}}
volumes: {data: {name: "${VOLUME:-data}"}}
"""
OVER = """\
services:
  web:
    environment: {A: "over ${B}"}
    ports: ["81:${PORT:-80}"]
    labels: ["router.${NAME}.rule=2"]
    command: [a, "${B}"]
"""
VARIABLES = {
    "IMAGE": "db:1",
    "DIR": "./there",
    "DEVICE": "/dev/null:/dev/x:r",
    "FIRST": "90",
    "LAST": "91",
    "MODE": "ro",
    "NAME": "shop",
    "URL": "http://127.0.0.1",
    "B": "b $ c",
}


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "a $TAG folder"
    folder.mkdir()
    for name, text in (
        ("compose.yaml", WRITTEN),
        ("over.yaml", OVER),
        ("base.yaml", 'services: {base: {command: "run ${B}"}}\n'),
        ("settings.env", "Z=1\n"),
    ):
        (folder / name).write_text(text)
    monkeypatch.chdir(folder)
    return folder


def test_variables_stay_as_they_are_written(written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["-f", "compose.yaml", "-f", "over.yaml", "-p", "shop", "config", "--no-interpolate"]
    assert main(argv) == 0
    document = yaml.safe_load(capsys.readouterr().out)
    web, db = document["services"]["web"], document["services"]["db"]
    assert document["name"] == "shop"
    assert (web["image"], web["command"], web["scale"]) == ("web:${TAG:-1}", ["a", "${B}"], "${COUNT:-2}")
    assert web["ports"][0] == "${PORT:-80}:80"
    assert web["ports"][1] == {"target": 443, "protocol": "tcp", "published": "443"}
    assert web["ports"][2:] == ["127.0.0.1:${FIRST}-${LAST}:90-91", "81:${PORT:-80}"]
    assert web["environment"] == {"A": "over ${B}", "C": None, "D": "$$E", "PRICE": "5 $"}
    assert web["labels"] == ["router.${NAME}.rule=2", "plain=${B}"]
    assert web["depends_on"] == ["${OTHER:-db}"]
    assert web["volumes"][0] == "${DIR}:/data"
    # What comes from the machine and not from the files is no variable.
    assert web["volumes"][1]["source"] == str(written / "here").replace("$", "$$")
    assert web["volumes"][2] == f"{written}/more:/more:".replace("$", "$$") + "${MODE:-rw}"
    assert (db["image"], db["command"]) == ("${IMAGE?say which}", "run ${B}")


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_what_is_printed_as_written_reads_back_as_what_the_files_say(
    form: str, written: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    files = ["-f", "compose.yaml", "-f", "over.yaml"]
    assert main([*files, "config", "--no-interpolate", "--format", form, "-o", "out.yaml"]) == 0
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    capsys.readouterr()
    assert main([*files, "config"]) == 0
    said = capsys.readouterr().out
    assert main(["-f", "out.yaml", "config"]) == 0
    assert capsys.readouterr().out == said
    assert (written / "out.yaml").read_text().count("over ${B}") == 1


def test_names_that_the_files_have_are_listed_without_variables(
    written: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["config", "--no-interpolate", "--services"]) == 0
    assert main(["config", "--no-interpolate", "--volumes"]) == 0
    assert main(["config", "--no-interpolate", "-q"]) == 0
    assert capsys.readouterr().out.split() == ["web", "db", "data"]


@pytest.mark.parametrize("argv", [["--images"], ["--hash", "*"], ["--profiles"], ["web"]], ids=" ".join)
def test_what_takes_variables_to_know_is_refused_without_them(
    argv: list[str], written: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["config", "--no-interpolate", *argv]) == 2
    assert "depends on variables" in capsys.readouterr().err


def test_wrong_keys_and_forms_are_found_without_variables(written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (written / "compose.yaml").write_text("services: {web: {image: '${A}', prots: [], ports: '${P}', scale: many}}\n")
    assert main(["config", "--no-interpolate"]) == 2
    said = capsys.readouterr().err
    assert "unknown key 'prots'" in said
    assert "ports: must be a list, not '${P}'" in said
    assert "scale: must be a whole number, not 'many'" in said


def test_a_name_that_a_variable_makes_and_no_list_can_hold_is_an_error(
    written: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (written / "compose.yaml").write_text("services: {web: {image: a, depends_on: ['${A}']}}\n")
    (written / "over.yaml").write_text(
        "services: {web: {depends_on: {db: {condition: service_healthy}}}, db: {image: b}}\n"
    )
    assert main(["-f", "compose.yaml", "-f", "over.yaml", "config", "--no-interpolate"]) == 2
    assert "'${A}' is a name that a variable makes" in capsys.readouterr().err


def test_files_that_mean_something_else_elsewhere_are_interpolated(
    written: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inner = written / "inner"
    inner.mkdir()
    (written / "compose.yaml").write_text("include: ['${INNER:-inner}/compose.yaml', same.yaml]\nservices: {}\n")
    (written / "same.yaml").write_text("services: {same: {image: '${S:-s}'}}\n")
    (inner / "compose.yaml").write_text("services: {inner: {image: '${V}:1'}}\n")
    (inner / ".env").write_text("V=from-its-own-folder\n")
    assert main(["config", "--no-interpolate"]) == 0
    services = yaml.safe_load(capsys.readouterr().out)["services"]
    assert services == {"inner": {"image": "from-its-own-folder:1"}, "same": {"image": "${S:-s}"}}


def test_letters_that_marks_are_made_of_are_letters(written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (written / "compose.yaml").write_text("services: {web: {image: 'a', command: '\ue0000\ue001 ${A} \ue000'}}\n")
    assert main(["config", "--no-interpolate"]) == 0
    assert yaml.safe_load(capsys.readouterr().out)["services"]["web"]["command"] == "\ue0000\ue001 ${A} \ue000"
