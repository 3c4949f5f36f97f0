"""What a person, and a program, sees of a report."""

import json

import pytest

from boxship.checks.report import Issue, Level, Report, Result, Severity
from boxship.cli.render.status import print_report, report_as_json

GOOD = Result("running", "db", "running", Level.OK, "Up 2 minutes", labels={"service": "db"})
RESULTS = (
    GOOD,
    Result("running", "web", "running", Level.OK, "Up 2 minutes", labels={"service": "web"}),
    Result("db", "db", "exec", Level.OK, "", 0.061, labels={"service": "db"}),
    Result("rows", "db", "sql", Level.OK, "7", 0.1, labels={"service": "db"}, values={"sql_value": 7.0}),
    Result(
        "page", "web", "http", Level.FAIL, "GET / answered 500", 0.012, is_soft=True, labels={"service": "web"},
        issue=Issue("check.http", Severity.WARNING, "GET / answered 500", {"service": "web"}, "look at its log"),
    ),
    Result(
        "disk", "host", "disk", Level.FAIL, "96 % of 10 GiB: engine", labels={"path": "/"},
        issue=Issue("host.disk", Severity.ERROR, "96 % of 10 GiB: engine", {}, "make room"),
    ),
    Result("raid", "host", "program", Level.SKIPPED, "x"),
)  # fmt: skip


NOW_S = 1_700_000_000.0


def report_of(*results: Result, ago_s: float = 0.0) -> Report:
    return Report("shop", "1.0", NOW_S - ago_s, 0.0, results)


def test_the_verdict_comes_first_then_what_is_wrong_then_everything(capsys: pytest.CaptureFixture[str]) -> None:
    print_report(report_of(*RESULTS), NOW_S)
    expected = """\
shop 1.0 is failed: 2 failed, 4 good, 1 not asked

error: host, disk /: 96 % of 10 GiB: engine [host.disk]
  make room

warning: web, page (http): GET / answered 500 [check.http]
  look at its log

SUBJECT  CHECK        STATE        TOOK
db       running      ok                   Up 2 minutes
db       exec         ok           61 ms
db       rows (sql)   ok           100 ms  7
web      running      ok                   Up 2 minutes
web      page (http)  fail (soft)  12 ms   GET / answered 500
host     disk /       fail                 96 % of 10 GiB: engine
host     raid         skipped              x
"""
    assert capsys.readouterr().out == expected


def test_answers_from_before_tell_their_age(capsys: pytest.CaptureFixture[str]) -> None:
    print_report(report_of(GOOD, ago_s=4.0), NOW_S)
    assert capsys.readouterr().out.startswith("shop 1.0 is ok: 1 good (asked 4 s ago)\n")


def test_quiet_says_nothing_when_all_is_well_and_else_what_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    print_report(report_of(GOOD), NOW_S, is_quiet=True)
    assert capsys.readouterr().out == ""
    print_report(report_of(*RESULTS), NOW_S, is_quiet=True)
    out = capsys.readouterr().out
    assert "make room" in out
    assert "SUBJECT" not in out


def test_a_report_as_data() -> None:
    said = json.loads(report_as_json(Report("shop", "1.0", 1_700_000_000.25, 0.5, RESULTS)))
    assert {key: said[key] for key in ("appliance", "version", "verdict", "at", "took_s")} == {
        "appliance": "shop", "version": "1.0", "verdict": "failed", "at": "2023-11-14T22:13:20.250Z", "took_s": 0.5,
    }  # fmt: skip
    assert said["results"][3] == {
        "service": "db", "subject": "db", "check": "rows", "kind": "sql", "healthy": True, "level": "ok",
        "soft": False, "message": "7", "latency_s": 0.1, "values": {"sql_value": 7.0}, "labels": {"service": "db"},
    }  # fmt: skip
    assert [(each["code"], each["severity"]) for each in said["issues"]] == [
        ("host.disk", "error"),
        ("check.http", "warning"),
    ]
