"""check and show as data, and what other verbs say about warnings."""

import json
from pathlib import Path
from typing import Any

import pytest

from boxship.cli.main import main
from boxship.spec import codes

GOOD = "services:\n  web: {image: 'web:1'}\n  db: {image: db}\n"
BAD = "services:\n  web: {image: web, portss: []}\n"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run a command line beside a compose.yaml: its status, its standard output and its standard error."""
    folder = tmp_path / "shop"
    folder.mkdir()
    monkeypatch.chdir(folder)

    def run_line(compose: str, *argv: str) -> tuple[int, str, str]:
        (folder / "compose.yaml").write_text(compose)
        status = main(list(argv))
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run_line


def test_check_as_data_tells_what_is_good_and_what_is_doubtful(run: Any) -> None:
    status, out, err = run(GOOD, "check", "--json")
    found = json.loads(out)
    (warning,) = found.pop("warnings")
    assert (status, err) == (0, "")
    assert found == {"ok": True, "name": "shop", "version": "dev", "services": 2, "problems": []}
    assert warning == {
        "severity": "warning",
        "code": "untagged-image",
        "file": "compose.yaml",
        "line": 3,
        "column": 15,
        "path": "services.db.image",
        "reason": "'db' has no version",
        "hint": "give a tag other than latest, or a digest",
        "related": [],
    }


def test_check_as_data_tells_every_problem_with_its_code_and_keeps_its_status(run: Any) -> None:
    status, out, err = run(BAD, "--json", "check")
    found = json.loads(out)
    assert (status, err, found["ok"]) == (2, "", False)
    assert [(each["severity"], each["code"]) for each in found["problems"]] == [("error", "unknown-key")]
    assert [each["code"] for each in found["warnings"]] == ["untagged-image"]
    assert {each["code"] for each in found["problems"]} <= {*codes.ERRORS}


def test_other_verbs_put_problems_into_their_error(run: Any) -> None:
    for verb in ("show", "up", "plan"):
        status, out, err = run(BAD, verb, "--json")
        error = json.loads(out)["error"]
        assert (status, err, error["code"]) == (2, "", "spec.invalid")
        assert [each["code"] for each in error["fields"]["problems"]] == ["unknown-key"]
        assert [each["code"] for each in error["fields"]["warnings"]] == ["untagged-image"]


def test_check_shows_warnings_and_problems_together(run: Any) -> None:
    status, out, err = run(BAD, "check")
    assert (status, out) == (2, "")
    assert [line.partition(":")[0] for line in err.splitlines()] == ["warning", "error"]


def test_a_good_check_counts_its_warnings(run: Any) -> None:
    assert run(GOOD, "check")[1] == "shop dev: 2 services: good, with 1 warning\n"
    assert run(GOOD, "check", "-q")[1] == ""


def test_check_makes_annotations(run: Any) -> None:
    status, out, _ = run(BAD, "check", "--format", "github")
    assert status == 2
    assert [line.partition(" ")[0] for line in out.splitlines()] == ["::error", "::warning"]


def test_show_as_data_holds_the_warnings(run: Any) -> None:
    status, out, err = run(GOOD, "show", "--json")
    shown = json.loads(out)
    assert (status, err, shown["name"]) == (0, "", "shop")
    assert [each["code"] for each in shown["warnings"]] == ["untagged-image"]


def test_the_schema_is_printed_where_there_are_no_files(run: Any, tmp_path: Path) -> None:
    status, out, _ = run("not: [good", "show", "--schema")
    assert status == 0
    assert json.loads(out)["properties"]["boot"]["properties"]["attempts"]["description"].startswith("how often")


def test_up_only_counts_the_warnings(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/engine.sock")
    assert run(GOOD, "up", "-d")[2].splitlines()[0] == "1 warning: boxship check shows it"
    assert run(BAD.replace(", portss: []", ""), "up", "-d")[2].startswith("1 warning: boxship check shows it")
    both = "services: {a: {image: a}, b: {image: b}}"
    assert run(both, "up", "-d")[2].startswith("2 warnings: boxship check shows them")
    status, out, _ = run(both, "--json", "up", "-d")
    event, error = map(json.loads, out.splitlines())
    assert (status, event["event"], len(event["warnings"])) == (5, "FileWarnings", 2)
    assert error["error"]["code"] == "engine.unreachable"
