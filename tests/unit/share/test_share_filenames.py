"""Names from elsewhere: safe to save, safe in a header."""

import unicodedata
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from share_web.filenames import MAX_BYTES, attachment, clean, kind


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("Überfahrt, Tag 2.png", "Überfahrt, Tag 2.png"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\x\\a.txt", "a.txt"),
        ("a\r\nSet-Cookie: b.txt", "aSet-Cookie_ b.txt"),
        ("..", "file"),
        ("", "file"),
        ("con.txt", "_con.txt"),
        ("evil\u202egpj.exe", "evilgpj.exe"),
        ("  spaces   inside .txt ", "spaces inside .txt"),
    ],
)
def test_a_name_is_cleaned(sent: str, kept: str) -> None:
    assert clean(sent) == kept


@given(st.text())
def test_every_cleaned_name_can_be_saved_anywhere(sent: str) -> None:
    name = clean(sent)
    assert name
    assert len(name.encode()) <= MAX_BYTES + 1
    assert not set(name) & set('/\\<>:"|?*\0')
    assert not any(unicodedata.category(char) in {"Cc", "Cf", "Cs"} for char in name)
    assert name not in {".", ".."}


@given(st.text())
def test_cleaning_twice_changes_nothing_more(sent: str) -> None:
    assert clean(clean(sent)) == clean(sent)


def test_a_long_name_keeps_its_ending() -> None:
    name = clean("ä" * 300 + ".tar")
    assert name.endswith("ä.tar")
    assert len(name.encode()) <= MAX_BYTES


@given(st.text())
def test_a_header_has_one_line_of_ascii_and_carries_the_whole_name(sent: str) -> None:
    name = clean(sent)
    header = attachment(name)
    assert header.isascii()
    assert header.isprintable()
    assert header.startswith("attachment; ")
    assert unquote(header.split("filename*=UTF-8''")[1]) == name
    assert header.count('"') == 2


@pytest.mark.parametrize(
    ("name", "expected"), [("a.PNG", "image"), ("b.tar.gz", "archive"), ("c", "file"), ("png", "image")]
)
def test_an_ending_chooses_the_icon(name: str, expected: str) -> None:
    assert kind(name) == expected
