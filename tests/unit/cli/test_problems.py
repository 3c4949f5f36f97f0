"""Problems for people: excerpts on a terminal, one line each elsewhere, and annotations."""

import io
import re
from pathlib import Path

import pytest

from boxship.cli.render.problems import MAX_EXCERPTS, annotations, show_problems
from boxship.where import Problem, Related, Where


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)


def problem(line: int = 2, column: int = 3, **more: object) -> Problem:
    return Problem(Where("compose.yaml", line, column), "services.web", "it is wrong", **more)  # type: ignore[arg-type]


def terminal(folder: Path, *problems: Problem, color: bool = False) -> list[str]:
    stream = Terminal()
    show_problems(problems, folder, stream)
    text = stream.getvalue()
    return (text if color else re.sub(r"\x1b\[[0-9;]*m", "", text)).splitlines()


def test_elsewhere_each_problem_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text("a\n  web: x\n")
    stream = io.StringIO()
    show_problems((problem(hint="mend it"), problem(is_warning=True)), tmp_path, stream)
    assert stream.getvalue().splitlines() == [
        "error: compose.yaml:2:3: services.web: it is wrong (mend it)",
        "warning: compose.yaml:2:3: services.web: it is wrong",
    ]


def test_a_terminal_shows_the_line_a_mark_and_the_hint(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text("services:\n  web: 5\n")
    assert terminal(tmp_path, problem(column=8, hint="mend it")) == [
        "error: compose.yaml:2:8: services.web: it is wrong",
        " 2 |   web: 5",
        "   |        ^",
        "   = mend it",
    ]


def test_the_lines_of_other_places_are_shown_with_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text("services:\n" + "".join(f"  s{n}: {{}}\n" for n in range(9)))
    related = tuple(Related(Where("compose.yaml", 2 + n, 3), f"edge {n}") for n in range(5))
    assert terminal(tmp_path, problem(10, 3, related=related)) == [
        "error: compose.yaml:10:3: services.web: it is wrong",
        " 10 |   s8: {}",
        "    |   ^^",
        "  2 |   s0: {}",
        "    |   ^^ edge 0",
        "  3 |   s1: {}",
        "    |   ^^ edge 1",
        "  4 |   s2: {}",
        "    |   ^^ edge 2",
        "    = and 2 more places",
    ]


def test_a_place_in_another_file_is_named_with_its_file(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text("services:\n  web: 5\n")
    (tmp_path / "other.yaml").write_text("x: y\n")
    lines = terminal(tmp_path, problem(related=(Related(Where("other.yaml", 1, 4), "first"),)))
    assert lines[3:] == ["   > first at other.yaml:1:4", " 1 | x: y", "   |    ^"]


def test_a_file_that_can_not_be_read_again_is_shown_without_lines(tmp_path: Path) -> None:
    assert terminal(tmp_path, problem(hint="mend it")) == [
        "error: compose.yaml:2:3: services.web: it is wrong",
        "   = mend it",
    ]


def test_lines_of_files_of_variables_are_never_shown(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("hunter 2=3\n")
    lines = terminal(tmp_path, Problem(Where(".env", 1, 1), "", "'hunter 2' holds a blank"))
    assert lines == ["error: .env:1:1: 'hunter 2' holds a blank"]


def test_after_some_excerpts_the_rest_is_a_list(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text("a: b\n" * 40)
    lines = terminal(tmp_path, *(problem(n + 1, 1, hint="mend it") for n in range(MAX_EXCERPTS + 5)))
    assert len(lines) == 4 * MAX_EXCERPTS + 5
    assert lines[-1] == f"error: compose.yaml:{MAX_EXCERPTS + 5}:1: services.web: it is wrong (mend it)"


def test_no_color_keeps_the_excerpt_and_drops_the_colors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "compose.yaml").write_text("services:\n  web: 5\n")
    assert any("\x1b[31m" in line for line in terminal(tmp_path, problem(), color=True))
    assert any("\x1b[33m" in line for line in terminal(tmp_path, problem(is_warning=True), color=True))
    monkeypatch.setenv("NO_COLOR", "1")
    plain = terminal(tmp_path, problem(), color=True)
    assert len(plain) == 3
    assert not any("\x1b" in line for line in plain)


def test_a_terminal_gets_no_control_characters_from_the_files(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text("a\n  \x1b]0;owned\x07: x\n")
    evil = Problem(Where("compose.yaml", 2, 3), "services.\x1b[2J", "bad \x1b[31m", hint="\x07")
    assert [line for line in terminal(tmp_path, evil) if not line.isprintable()] == []


def test_annotations_are_commands_of_a_workflow() -> None:
    found = problem(code="wrong-form", hint="50% of it,\nor all")
    file = Problem(Where("a,b:c.yaml"), "", "does not exist", is_warning=True, code="x")
    assert list(annotations((found, file))) == [
        (
            "::error file=compose.yaml,line=2,col=3,title=boxship%3A wrong-form::"
            "services.web: it is wrong (50%25 of it,%0Aor all)"
        ),
        "::warning file=a%2Cb%3Ac.yaml,title=boxship%3A x::does not exist",
    ]
