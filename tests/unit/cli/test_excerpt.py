"""A line of a file with a mark under a value: wide, tabbed, long, hostile and secret lines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boxship.cli.render.excerpt import Excerpt, make_excerpt, split_lines
from boxship.cli.render.masks import MASK, MAX_LINE


def shown(line: str, column: int, width: int = 80) -> tuple[str, str]:
    excerpt = make_excerpt((line,), 1, column, width)
    assert excerpt is not None
    return excerpt.text, excerpt.marks


@pytest.mark.parametrize(
    ("line", "column", "marked"),
    [
        ("  portss: [80]", 3, "portss"),
        ("  image: web latest  # why", 10, "web latest"),
        ("  a: 'it''s': x", 6, "'it''s'"),
        ('  a: "x\\"y" z', 6, '"x\\"y"'),
        ("  a: {b: soon, c: d}", 10, "soon"),
        ("  a: [x, [y, z], w]", 10, "[y, z]"),
        ("  a: {b: 1", 6, "{b: 1"),
        ("  - 80800:80", 5, "80800:80"),
        ("  a: b", 40, ""),
        ("  a:", 5, ""),
    ],
)
def test_the_mark_stands_under_the_value_and_is_as_long(line: str, column: int, marked: str) -> None:
    text, marks = shown(line, column)
    assert text == line
    assert marks.count("^") == max(1, len(marked))
    if marked:
        assert text[len(marks) - len(marked) : len(marks)] == marked


def test_characters_of_two_cells_and_of_none_keep_the_mark_in_place() -> None:
    text, marks = shown("日本: e\u0301x", 5)
    assert text == "日本: e\u0301x"
    assert marks == "      ^^"


def test_a_tab_reaches_to_the_next_stop() -> None:
    assert shown("a:\tsoon", 4) == ("a:  soon", "    ^^^^")


def test_what_a_terminal_would_obey_is_not_printed() -> None:
    text, marks = shown("a: \x1b[31mred\u202e\x07", 4)
    assert text == "a: \ufffd[31mred\ufffd\ufffd"
    assert marks.startswith("   ^")


@pytest.mark.parametrize("column", [1, 2, 300, 301, 599, 600])
def test_a_long_line_is_cut_around_the_mark(column: int) -> None:
    line = f"{'a' * 299},{'b' * 300}"
    text, marks = shown(line, column, 40)
    assert len(text) == 40
    assert 0 < len(marks) <= 40
    assert (text[0] == "…") is (column > 20)
    assert text[marks.index("^")] == line[column - 1]


def test_lines_count_as_yaml_counts_them() -> None:
    assert split_lines("a\r\nb\rc\nd\x85e\u2028f\u2029g") == tuple("abcdefg")


@pytest.mark.parametrize(
    ("line", "lines"), [(0, ("a",)), (2, ("a",)), (1, ("  ",)), (1, ()), (1, ("x" * (MAX_LINE + 1),))]
)
def test_a_line_that_is_not_there_or_says_nothing_is_not_shown(line: int, lines: tuple[str, ...]) -> None:
    assert make_excerpt(lines, line, 1, 80) is None


@pytest.mark.parametrize(
    "line",
    [
        "DB_PASSWORD: hunter2",
        "DB_PASSWORD: 'hunter2'  # the old one",
        '"db_password": "hunter2",',
        "- DB_PASSWORD=hunter2",
        '- "DB_PASSWORD=hunter2"',
        "{DB_PASSWORD: hunter2, B: 1}",
        "{A: 1, api-key: 'x, hunter2'}",
        "DB_PASSWORD: ${DB_PASSWORD:-hunter2}",
        "url: postgres://joe:hunter2@db/shop",
        "command: redis-server --requirepass hunter2 --port 1",
        "command: [redis-server, --requirepass, hunter2]",
        "command: serve --token=hunter2",
        "password: it's hunter2",
        "password: 'it''s hunter2'",
        'password: "a \\" hunter2"',
        'password: "begun hunter2',
    ],
)
def test_a_secret_is_not_shown(line: str) -> None:
    text, _ = shown(line, 1)
    assert "hunter2" not in text
    assert MASK in text


@pytest.mark.parametrize(
    "line",
    [
        "secrets: [db_password]",
        "db_password: {file: ./db.txt}",
        "DB_PASSWORD: ${DB_PASSWORD}",
        "DB_PASSWORD:",
        "password: |",
        "image: token/server:1",
        "COMPASS: north",
    ],
)
def test_what_is_no_secret_is_shown(line: str) -> None:
    assert shown(line, 1)[0] == line


@pytest.mark.parametrize("opener", ["  password: |", "  password: >-", '  password: "begun', "  password:"])
def test_the_lines_of_a_longer_secret_are_not_shown(opener: str) -> None:
    lines = ("a:", opener, "    hunter2", "", "    hunter2 again", "  other: text")
    for line in (3, 5):
        excerpt = make_excerpt(lines, line, 5, 80)
        assert excerpt is not None
        assert "hunter2" not in excerpt.text
    assert make_excerpt(lines, 6, 3, 80) == Excerpt("  other: text", "  ^^^^^")


def test_what_a_mapping_of_secrets_says_is_shown() -> None:
    excerpt = make_excerpt(("secrets:", "  db:", "    file: db.txt"), 3, 5, 80)
    assert excerpt == Excerpt("    file: db.txt", "    ^^^^")


@given(st.text(max_size=300), st.integers(0, 400), st.integers(20, 120))
def test_any_line_is_shown_within_the_width_and_harmless(line: str, column: int, width: int) -> None:
    excerpt = make_excerpt((line,), 1, column, width)
    if excerpt is not None:
        assert excerpt.text.isprintable()
        assert set(excerpt.marks) <= {" ", "^"}
        assert 0 < len(excerpt.marks) <= max(width, 1) + 1
