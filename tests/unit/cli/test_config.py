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
