"""What plain, quiet and JSON displays print while something runs."""

import io
import json
import re
from contextlib import redirect_stdout

import pytest

from boxship.cli.render.color import is_colored, is_live, paint, sanitized
from boxship.cli.render.display import make_display
from boxship.cli.render.lines import LogPrinter
from boxship.events import (
    Event,
    ImageProgress,
    Notice,
    Phase,
    PlanMade,
    ServiceLog,
    StepFailed,
    StepStarted,
    SubjectChanged,
)

STORY: tuple[Event, ...] = (
    Notice("host: this host has 1 processors, the appliance needs 2", is_warning=True),
    SubjectChanged("image:shop/web:latest", Phase.BUILDING),
    ImageProgress("shop/web:latest", "Step 1/2 : FROM base"),
    ImageProgress("shop/web:latest", " ---> 0123456789ab"),
    SubjectChanged("image:shop/web:latest", Phase.READY),
    PlanMade(("a line",), {"cache": "runs"}, {"db": (), "web": ("db",)}),
    StepStarted(1, "network:default", "CreateNetwork", "not there yet"),
    SubjectChanged("network:default", Phase.CREATING),
    SubjectChanged("network:default", Phase.CREATED),
    SubjectChanged("service:db", Phase.CREATING),
    SubjectChanged("service:db", Phase.CREATED),
    SubjectChanged("service:db", Phase.STARTING),
    SubjectChanged("service:db", Phase.PROBING),
    SubjectChanged("service:db", Phase.PROBING, "pg_isready exited 2"),
    SubjectChanged("service:db", Phase.PROBING, "pg_isready exited 2"),
    SubjectChanged("service:db", Phase.READY),
    SubjectChanged("service:web", Phase.STARTING),
    SubjectChanged("service:web", Phase.FAILED, "web ended with status 1"),
    SubjectChanged("service:page", Phase.SKIPPED, "web failed"),
    StepFailed(9, "service:web", "WaitReady", "web ended with status 1"),
    Notice("that was all"),
)
SECONDS = re.compile(r"\d+\.\d s")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(capsys: pytest.CaptureFixture[str], *, is_json: bool = False, is_quiet: bool = False) -> tuple[str, str]:
    with make_display(is_json=is_json, is_quiet=is_quiet) as display:
        for event in STORY:
            display.show(event)
    out, err = capsys.readouterr()
    return out, SECONDS.sub("0.0 s", err)


def test_where_nobody_watches_there_is_a_line_per_change_that_matters(capsys: pytest.CaptureFixture[str]) -> None:
    out, err = shown(capsys)
    assert out == ""
    assert err.splitlines() == [
        "warning: host: this host has 1 processors, the appliance needs 2",
        "image shop/web:latest building",
        "image shop/web:latest Step 1/2 : FROM base",
        "image shop/web:latest ready (0.0 s)",
        "unchanged: cache",
        "network default created",
        "db             starting",
        "db             probing",
        "db             probing: pg_isready exited 2",
        "db             ready (0.0 s)",
        "web            starting",
        "web            failed: web ended with status 1",
        "that was all",
    ]


def test_quietly_only_warnings_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, is_quiet=True) == (
        "",
        "warning: host: this host has 1 processors, the appliance needs 2\n",
    )


def test_as_json_every_event_is_an_object_on_a_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    out, err = shown(capsys, is_json=True)
    objects = [json.loads(line) for line in out.splitlines()]
    assert err == ""
    assert [each["event"] for each in objects] == [type(event).__name__ for event in STORY]
    assert objects[5] == {
        "event": "PlanMade",
        "lines": ["a line"],
        "kept": {"cache": "runs"},
        "waits": {"db": [], "web": ["db"]},
    }
    assert objects[13] == {
        "event": "SubjectChanged",
        "subject": "service:db",
        "phase": "probing",
        "detail": "pg_isready exited 2",
    }


@pytest.mark.parametrize("is_json", [False, True])
def test_what_a_service_says_cannot_take_over_the_terminal(
    capsys: pytest.CaptureFixture[str], *, is_json: bool
) -> None:
    evil = "\x1b[2J\x1b]0;title\x07\x9b31mred\r\n"
    with make_display(is_json=is_json) as display:
        display.show(SubjectChanged("service:web", Phase.PROBING, evil))
        display.show(SubjectChanged("image:a", Phase.BUILDING))
        display.show(ImageProgress("a", f"Step 1 : {evil}"))
        display.show(Notice(evil))
    text = "".join(capsys.readouterr())
    assert not {char for char in text if char != "\n" and not char.isprintable()}


@pytest.mark.parametrize(
    ("text", "harmless"),
    [
        ("plain", "plain"),
        ("tab\there", "tab\there"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b[?25l\x1b[2Jgone", "gone"),
        ("\x1bcreset", "creset"),
        ("bell\x07 back\x08 null\x00 del\x7f", "bell back null del"),
        ("10\u00a0000 \u20ac\u3000\u65e5\u672c", "10\u00a0000 \u20ac\u3000\u65e5\u672c"),
        ("\u202eright to left", "right to left"),
        ("lone \udcff surrogate", "lone  surrogate"),
        ("\x9b31mC1", "31mC1"),
    ],
)
def test_control_characters_are_taken_out_and_nothing_else(text: str, harmless: str) -> None:
    assert sanitized(text) == harmless


def test_colours_are_for_terminals_that_want_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert is_colored(Terminal())
    assert not is_colored(io.StringIO())
    assert is_live(Terminal())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not is_colored(Terminal())
    assert is_live(Terminal())
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert not is_colored(Terminal())
    assert not is_live(Terminal())


def test_nothing_is_painted_where_there_is_nothing() -> None:
    assert (paint("a", "<", on=True), paint("", "<", on=True), paint("a", "<", on=False)) == ("<a\x1b[0m", "", "a")


LINES = (
    ServiceLog("web", "stdout", "GET /", "2026-01-01T00:00:00.000000000Z"),
    ServiceLog("database-of-all", "stderr", "FATAL", "2026-01-01T00:00:01.000000000Z"),
    ServiceLog("web", "stdout", "", "2026-01-01T00:00:02.000000000Z"),
)


def test_log_lines_have_their_services_name_and_errors_are_marked(capsys: pytest.CaptureFixture[str]) -> None:
    printer = LogPrinter(color=False)
    for line in LINES:
        printer.show(line)
    assert [line.rstrip() for line in capsys.readouterr().out.splitlines()] == [
        "web      | GET /",
        "database-of-all ! FATAL",
        "web             |",
    ]


def test_log_lines_can_have_times_and_no_names(capsys: pytest.CaptureFixture[str]) -> None:
    printer = LogPrinter(color=False, timestamps=True, prefix=False)
    printer.show(LINES[0])
    assert capsys.readouterr().out == "2026-01-01T00:00:00.000000000Z GET /\n"


def test_the_longest_name_of_the_plan_makes_room_for_itself(capsys: pytest.CaptureFixture[str]) -> None:
    with make_display(is_json=False) as display:
        display.show(PlanMade((), {}, {"db": (), "a-service-with-a-name": ("db",)}))
        display.show(SubjectChanged("service:db", Phase.STARTING))
        display.show(SubjectChanged("service:a-service-with-a-name", Phase.STARTING))
    assert capsys.readouterr().err.splitlines() == ["db                    starting", "a-service-with-a-name starting"]


def test_log_lines_as_json_hold_everything(capsys: pytest.CaptureFixture[str]) -> None:
    LogPrinter(is_json=True).show(LINES[1])
    assert json.loads(capsys.readouterr().out) == {
        "service": "database-of-all",
        "stream": "stderr",
        "at": "2026-01-01T00:00:01.000000000Z",
        "text": "FATAL",
        "number": 1,
    }


def test_the_lines_of_a_second_container_say_so(capsys: pytest.CaptureFixture[str]) -> None:
    LogPrinter().show(ServiceLog("web", "stdout", "hello", number=2))
    assert capsys.readouterr().out == "web.2    | hello\n"


def test_every_service_keeps_its_own_colour(capsys: pytest.CaptureFixture[str]) -> None:
    printer = LogPrinter(color=True)
    for name in ("a", "b", "a"):
        printer.show(ServiceLog(name, "stderr", "x"))
    first, second, third = capsys.readouterr().out.splitlines()
    assert first == third == "\x1b[36ma       \x1b[0m \x1b[31m!\x1b[0m x"
    assert second.startswith("\x1b[35mb")


def test_a_log_line_is_sanitized_for_a_terminal_and_whole_for_a_file(
    capsys: pytest.CaptureFixture[str],
) -> None:
    line = ServiceLog("web", "stdout", "\x1b[2Jhello")
    LogPrinter(prefix=False).show(line)
    assert capsys.readouterr().out == "\x1b[2Jhello\n"
    terminal = Terminal()
    with redirect_stdout(terminal):
        LogPrinter(prefix=False).show(line)
    assert terminal.getvalue() == "hello\n"


def test_what_was_looked_for_stands_out_in_colour_only(capsys: pytest.CaptureFixture[str]) -> None:
    for color in (True, False):
        LogPrinter(prefix=False, color=color, marks=re.compile("o+")).show(ServiceLog("web", "stdout", "foo bar"))
    assert capsys.readouterr().out == "f\x1b[1m\x1b[31moo\x1b[0m bar\nfoo bar\n"


def test_names_that_are_known_before_give_all_lines_one_width(capsys: pytest.CaptureFixture[str]) -> None:
    printer = LogPrinter(color=False, names=["web", "a-long-service"])
    printer.show(ServiceLog("web", "stdout", "hello"))
    assert capsys.readouterr().out == "web            | hello\n"
